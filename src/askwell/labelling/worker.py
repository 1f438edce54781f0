"""The process behind the labelling page: features in the background, a ranking when asked for one.

It is a child of the server, which starts it again where it dies: all that it needs comes in files
(see `files`), and all that it computes and takes long is in the feature store. It does one thing at
a time: a command waits for one small batch of features at most, and of several rankings asked for
meanwhile only the last is made. When nobody has asked for a while, it checks the labels.
"""

import argparse
import json
import os
import queue
import threading
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import torch

from askwell.errors import AskwellError
from askwell.features import FeatureStore
from askwell.labelling.archives import CHECK, write_check, write_ranking
from askwell.labelling.background import FeatureQueue
from askwell.labelling.crosscheck import CrossCheck
from askwell.labelling.files import Snapshot, read_items, read_snapshot
from askwell.labelling.head import FeatureRows
from askwell.labelling.ranking import make_ranking
from askwell.models.pretrained import load_trunk

Command = Mapping[str, Any]

_STOP: Command = {"do": "stop"}

_QUIET = 2.0  # seconds without a command after which labels are checked, and …
_OVERDUE = 60.0  # … seconds after which they are checked between commands


class Worker:
    """Carries out commands; `say` sends an event to the server."""

    def __init__(self, arguments: argparse.Namespace, events: BinaryIO) -> None:
        self.root, self.work = Path(arguments.root), Path(arguments.work)
        self.events = events
        self.commands: queue.SimpleQueue[Command] = queue.SimpleQueue()
        self.features: FeatureQueue | None = None
        self._unchecked: tuple[FeatureRows, Snapshot] | None = None
        self._check: CrossCheck | None = None
        self._quiet, self._checked_at = False, time.monotonic()
        with self._telling():
            trunk = load_trunk(arguments.backbone, weights=arguments.weights)
            # The last worker may still be ending: wait until it has let go of the store.
            store = FeatureStore.open(arguments.features, trunk, wait=True)
            self.features = FeatureQueue(self.root, trunk, store)

    def run(self, source: Iterable[bytes]) -> None:
        """Work until told to stop, or until nobody is there to tell."""
        threading.Thread(target=self._listen, args=(source,), daemon=True).start()
        self.say("ready")
        while True:
            for command in self._next():
                if command.get("do") == "stop":
                    return
                self._do(command)
            overdue = time.monotonic() - self._checked_at > _OVERDUE
            with self._telling():
                if self._to_check and (self._quiet or overdue):
                    self._check_fold()
                elif self.features is not None and self.features.waiting:
                    self._compute(self.features)

    def say(self, event: str, **what: object) -> None:
        """Write an event in one piece."""
        line = json.dumps({"event": event, **what}).encode() + b"\n"
        self.events.write(line)
        self.events.flush()

    def _listen(self, source: Iterable[bytes]) -> None:
        for line in source:
            try:
                command = json.loads(line)
                if not isinstance(command, dict):
                    raise ValueError(f"it is a {type(command).__name__}")
            except ValueError as error:
                self.commands.put({"do": "complain", "why": f"No command in JSON: {error}."})
                continue
            self.commands.put(command)
        self.commands.put(_STOP)

    def _next(self) -> list[Command]:
        """All commands that wait, without rankings that a later one replaces.

        Waits for one where there is nothing else to do.
        """
        busy = self.features is not None and self.features.waiting > 0
        found: list[Command] = []
        if not busy:
            with suppress(queue.Empty):
                pause = 0 if self._quiet else _QUIET
                found.append(self.commands.get(timeout=pause if self._to_check else None))
            self._quiet = not found
        while True:
            try:
                found.append(self.commands.get_nowait())
            except queue.Empty:
                break
        self._quiet = self._quiet and not found
        if _STOP in found:
            return [_STOP]
        last = max((i for i, each in enumerate(found) if each.get("do") == "rank"), default=-1)
        return [each for i, each in enumerate(found) if each.get("do") != "rank" or i == last]

    def _do(self, command: Command) -> None:
        kind = command.get("do")
        version = command.get("version") if kind == "rank" else None
        with self._telling(version):
            if kind == "items":
                self._take_items(self.work / str(command["file"]))
            elif kind == "rank":
                self._rank(int(command["version"]), self.work / str(command["file"]))
            else:
                raise AskwellError(str(command.get("why", f"There is no command {kind!r}.")))

    def _take_items(self, file: Path) -> None:
        items = read_items(file)
        if self.features is not None:
            self.features.want(items)
            self.say("features", **self.features.progress)

    def _rank(self, version: int, file: Path) -> None:
        snapshot = read_snapshot(file)
        pool = FeatureRows(_NO_FEATURES, ())
        if self.features is not None:
            self.features.hurry(snapshot.labels.keys() | snapshot.holdout.keys())
            pool = self.features.pool
        ranking = make_ranking(pool, snapshot, version=version)
        name = f"ranking-{version}.npz"
        write_ranking(self.work / name, ranking)
        self.say("ranking", version=version, file=name)
        self._unchecked = pool, snapshot

    @property
    def _to_check(self) -> bool:
        return self._check is not None or self._unchecked is not None

    def _check_fold(self) -> None:
        """Check some labels; what was begun comes to its end, whatever was labelled meanwhile."""
        check, self._check = self._check, None  # nor again where it fails
        if check is None and self._unchecked is not None:
            check, self._unchecked = CrossCheck(*self._unchecked), None
        if check is None:
            return
        if not check.done:
            check.step()
        if not check.done:
            self._check = check
            return
        self._checked_at = time.monotonic()
        write_check(self.work / CHECK, check.result())
        self.say("checked", file=CHECK)

    def _compute(self, features: FeatureQueue) -> None:
        try:
            reasons = features.step()
        except AskwellError:  # the disk is full, say: what is there will do until the next list
            features.give_up()
            raise
        if reasons:
            self.say("unreadable", reasons={str(item): why for item, why in reasons.items()})
        self.say("features", **features.progress)

    @contextmanager
    def _telling(self, version: object = None) -> Iterator[None]:
        """Say what went wrong, and go on with the next command."""
        try:
            yield
        except BrokenPipeError:
            raise
        except AskwellError as error:
            self.say("error", message=str(error), version=version)
        except (KeyError, ValueError, TypeError, OSError, RuntimeError, MemoryError) as error:
            message = f"{type(error).__name__}: {error}"
            self.say("error", message=f"The trainer failed: {message}.", version=version)


_NO_FEATURES = torch.empty(0, 1, dtype=torch.float16).numpy()


def main() -> None:
    """Parse the arguments, keep standard output for events, and work."""
    parser = argparse.ArgumentParser(prog="python -m askwell.labelling.worker")
    for name in ("root", "work", "features", "backbone"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--weights", help="a state dict's path, or 'random', for tests")
    arguments = parser.parse_args()
    torch.set_num_threads(max(1, arguments.threads))
    # What libraries print must not stand among the events.
    with os.fdopen(os.dup(1), "wb") as events:
        # Unbuffered: Python cannot end while a thread waits in a buffered read of standard input.
        source = os.fdopen(os.dup(0), "rb", buffering=0)
        os.dup2(2, 1)
        warnings.simplefilter("once")
        try:
            Worker(arguments, events).run(source)
        except BrokenPipeError:  # the server is gone
            os._exit(0)


if __name__ == "__main__":
    main()
