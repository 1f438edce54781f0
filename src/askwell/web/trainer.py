"""The trainer as a child process: commands in, events out, and why it ended."""

import json
import shutil
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

_KEPT_LINES = 20


class Trainer:
    """A trainer that was just started.

    Args:
        command: the program and its arguments.
        heard: called, from a thread of its own, with the trainer and each event; with None when
            there will be no more.
    """

    def __init__(
        self,
        command: Sequence[str],
        heard: Callable[["Trainer", Mapping[str, Any] | None], None],
    ) -> None:
        nice = [] if (found := shutil.which("nice")) is None else [found, "-n", "10"]
        # A session of its own: Ctrl-C in the terminal is for the page, which then ends it.
        self._process = subprocess.Popen(
            [*nice, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self._heard = heard
        self._last_words: deque[str] = deque(maxlen=_KEPT_LINES)
        # Each thread closes the stream that it reads, at its end.
        for target in (self._hear, self._hear_errors):
            threading.Thread(target=target, daemon=True).start()

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._process.pid

    def say(self, command: Mapping[str, Any]) -> None:
        """Send a command; nothing happens if the trainer has ended."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # whoever reads its output will say so
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()

    def farewell(self) -> str:
        """Why a trainer ended, as a sentence."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)
        code = self._process.returncode
        if code is not None and code < 0:
            name = signal.Signals(-code).name
            return f"The trainer was ended by the system ({name}); perhaps memory was short."
        words = next((line for line in reversed(self._last_words) if line.strip()), "")
        return f"The trainer ended with code {code}." + (
            f" Its last words: {words}" if words else ""
        )

    def end(self) -> None:
        """End it: kindly, and after three seconds by force."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=3)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _hear(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                with suppress(ValueError):
                    self._heard(self, json.loads(line))
        self._heard(self, None)

    def _hear_errors(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as lines:
            for line in lines:
                self._last_words.append(line.rstrip())
