"""Features that need no network, and a process that appends them until it is killed.

    python -m tests.features.made

reads directories from its standard input, one a line. For each, a child appends for ever to the
store there and prints its process id, then the number of rows after each append; when it was
killed, "dead" is printed.
"""

import os
import sys
from dataclasses import dataclass

import numpy as np

from askwell.features import FeatureStore


@dataclass(frozen=True)
class Made:
    """A source of features that needs no network."""

    name: str = "timm:made up"
    features: int = 3
    digits: str = "ab" * 32

    def fingerprint(self) -> str:
        return self.digits


def key(i: int) -> str:
    return f"{i:032x}"


def row(name: str, width: int = 3) -> np.ndarray:
    """The features that belong to a key: any function of it."""
    return np.arange(width) + int(name.partition(":")[0], 16) % 1000


def fill(store: FeatureStore, start: int, stop: int) -> None:
    keys = [key(i) for i in range(start, stop)]
    store.append(keys, np.stack([row(k, store.files.features) for k in keys]).astype(np.float32))


def say(word: object) -> None:
    """Print a line in one system call: a kill cannot cut it, however Python buffers."""
    os.write(1, f"{word}\n".encode())


def append_for_ever(directory: str) -> None:
    store = FeatureStore.open(directory, Made(features=700))
    say(os.getpid())
    while True:
        fill(store, len(store), len(store) + 5)
        say(len(store))


if __name__ == "__main__":
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            append_for_ever(line.strip())
        os.waitpid(child, 0)
        say("dead")
