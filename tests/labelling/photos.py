"""Folders of real small images, and a trainer as a process that is driven over its pipes."""

import hashlib
import json
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from askwell.labelling.files import Listed, write_items


def write_digits(folder: Path, count: int) -> tuple[list[Listed], dict[int, int]]:
    """So many of scikit-learn's digits as PNG files: the images, and item → digit."""
    digits = load_digits()
    items, labels = [], {}
    (folder / "scans").mkdir(parents=True)
    for i in range(count):
        name = f"scans/{i:04}.png"
        Image.fromarray((digits.images[i] * 15.9).astype(np.uint8)).save(folder / name)
        sha256 = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        items.append(Listed(i + 1, name, sha256))
        labels[i + 1] = int(digits.target[i])
    return items, labels


class Trainer:
    """`python -m askwell.labelling.worker`, as the server starts it."""

    def __init__(self, root: Path, backbone: str = "torchvision:shufflenet_v2_x0_5") -> None:
        self.work = root / ".askwell" / "work"
        self.work.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "askwell.labelling.worker", "--root", str(root)]
        command += ["--work", str(self.work), "--features", str(root / ".askwell" / "features")]
        command += ["--backbone", backbone, "--threads", "1", "--weights", "random"]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.seen: list[dict[str, Any]] = []
        self._events: queue.Queue[dict[str, Any] | None] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self) -> "Trainer":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()

    def send(self, do: str, **what: object) -> None:
        self.write(json.dumps({"do": do, **what}))

    def write(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def send_items(self, items: list[Listed]) -> None:
        write_items(self.work / "items.json", items)
        self.send("items", file="items.json")

    def wait_for(self, event: str, **fields: object) -> dict[str, Any]:
        """The next event of this kind with these values; the test fails where none comes."""
        while True:
            found = self._events.get(timeout=250)
            assert found is not None, f"the trainer ended before {event}: {self.errors()}"
            self.seen.append(found)
            if found["event"] == event and fields.items() <= found.items():
                return found

    def errors(self) -> str:
        assert self.process.stderr is not None
        return self.process.stderr.read().decode()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        try:
            for line in self.process.stdout:
                self._events.put(json.loads(line))
        except ValueError:  # closed by the test
            pass
        self._events.put(None)


def first(labels: Mapping[int, int], start: int, stop: int) -> dict[int, int]:
    """Some of the labels, by their place."""
    return dict(list(labels.items())[start:stop])
