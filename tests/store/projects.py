"""Small projects: files that a scan might have found, and a store with two annotators."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from askwell.store import Decision, Found, Store


def sha(content: object) -> str:
    return hashlib.sha256(str(content).encode()).hexdigest()


def found(path: str, content: object, *, size: int = 1, mtime_ns: int = 1) -> Found:
    return Found(path, sha(content), size, mtime_ns)


def files(numbers: Iterable[int]) -> list[Found]:
    """A file of its own content for each number; the numbers from 0 on become items from 1 on."""
    return [found(f"{i}.png", i) for i in numbers]


@contextmanager
def project(folder: Path, n: int = 10, **settings: object) -> Iterator[Store]:
    """n different images, the annotators 1 and 2, the classes 1 and 2."""
    with Store.open(folder / "project.db") as store:
        store.change_settings(**settings)
        store.sync(files(range(n)))
        store.annotator("Ada")
        store.annotator("Bob")
        store.add_class("cat", "1")
        store.add_class("dog", "2")
        yield store


def label(key: str, item: int, label: int = 1, annotator: int = 1) -> Decision:
    return Decision(key, item, annotator, "label", label)
