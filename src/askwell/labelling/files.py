"""What the server and the trainer tell each other: files, and lines of JSON that name them.

Every file is written aside, synchronised and renamed: who reads it sees all of it or an older one.
Nothing here needs torch. What the trainer gives back is in `archives`.

The trainer is started as

    python -m askwell.labelling.worker --root FOLDER --work DIR --features DIR
        --backbone NAME --threads N

and reads one command a line from its standard input (`{"do": …}`):

    {"do": "items", "file": F}                 all images of the project: `read_items`
    {"do": "rank", "version": V, "file": F}    train and rank: `read_snapshot`
    {"do": "stop"}                             end; so does the end of its input

On its standard output it writes one event a line (`{"event": …}`):

    {"event": "ready"}                                     it takes commands
    {"event": "features", "done": n, "total": m, "rate": r}    images with features, images a second
    {"event": "unreadable", "reasons": {item: reason}}     images without features, and why
    {"event": "ranking", "version": V, "file": F}          the answer to "rank": `read_ranking`
    {"event": "checked", "file": F}                        the labels, checked: `read_check`
    {"event": "error", "message": M, "version": V or null} a sentence; V where "rank" failed

A file's name is relative to `--work`, or absolute.
"""

import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from askwell.durable import replacing
from askwell.errors import RunError
from askwell.store import Item

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Listed:
    """An image whose features are wanted.

    Attributes:
        item: its id.
        path: relative to the project's folder.
        sha256: of the file, in hex: what its features are filed under.
    """

    item: int
    path: str
    sha256: str

    @classmethod
    def of(cls, item: Item) -> "Listed":
        """An item of a project."""
        return cls(item.id, item.path, item.sha256)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a ranking is made from: all that the trainer needs to know of a project.

    Attributes:
        labels: item → class id, to train on.
        holdout: item → class id, to measure on; never trained on.
        classes: the ids of all classes, labelled or not, in the order of the probabilities.
        excluded: items that are not to be ranked (besides those of `labels` and `holdout`): the
            reserve, bad images, duplicates.
        acquisition: a name in `askwell.acquisition.ACQUISITIONS`, or "random".
        seed: of the project.
    """

    labels: Mapping[int, int]
    holdout: Mapping[int, int]
    classes: tuple[int, ...]
    excluded: frozenset[int] = frozenset()
    acquisition: str = "bald"
    seed: int = 0


def write_items(path: Path, items: Iterable[Listed]) -> None:
    """Write the images of a project: a JSON list of [item, path, sha256]."""
    _write_json(path, [[each.item, each.path, each.sha256] for each in items])


def read_items(path: Path) -> list[Listed]:
    """Read what `write_items` wrote.

    Raises:
        RunError: there is no such file, or it holds something else.
    """
    with naming(path, "a list of [item, path, sha256]"):
        return [Listed(int(item), str(name), str(key)) for item, name, key in _read_json(path)]


def write_snapshot(path: Path, snapshot: Snapshot) -> None:
    """Write a snapshot as JSON."""
    value = {
        "format": FORMAT,
        "labels": {str(item): label for item, label in snapshot.labels.items()},
        "holdout": {str(item): label for item, label in snapshot.holdout.items()},
        "classes": list(snapshot.classes),
        "excluded": sorted(snapshot.excluded),
        "acquisition": snapshot.acquisition,
        "seed": snapshot.seed,
    }
    _write_json(path, value)


def read_snapshot(path: Path) -> Snapshot:
    """Read what `write_snapshot` wrote.

    Raises:
        RunError: there is no such file, or it holds something else.
    """
    with naming(path, "a snapshot"):
        value = _read_json(path)
        check_format(value["format"])
        return Snapshot(
            labels={int(item): int(label) for item, label in value["labels"].items()},
            holdout={int(item): int(label) for item, label in value["holdout"].items()},
            classes=tuple(map(int, value["classes"])),
            excluded=frozenset(map(int, value["excluded"])),
            acquisition=str(value["acquisition"]),
            seed=int(value["seed"]),
        )


def write_aside(path: Path, data: bytes | memoryview) -> None:
    """Replace a file as a whole; it is on disk when this returns.

    Raises:
        RunError: the system refuses.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, private=True) as file:
            file.write(data)
    except OSError as error:
        raise RunError(
            f"{path} cannot be written: {error.strerror or error}. Make room, or check the "
            "permissions of its folder."
        ) from error


class naming:  # noqa: N801
    """Turn whatever a foreign or broken file causes into a `RunError` that names it."""

    def __init__(self, path: Path, what: str) -> None:
        self.path, self.what = path, what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        if isinstance(error, OSError) and error.errno is not None:
            raise RunError(f"{self.path} cannot be read: {error.strerror}.") from error
        broken = (
            ValueError, TypeError, KeyError, AttributeError, OSError, EOFError, zipfile.BadZipFile,
        )  # fmt: skip
        if isinstance(error, broken):
            raise RunError(
                f"{self.path} should hold {self.what} of format {FORMAT}, and does not: {error}. "
                "Delete it; it is made again."
            ) from error


def check_format(found: object) -> None:
    """Raise `ValueError` for a file of another format."""
    if found != FORMAT:
        raise ValueError(f"its format is {found!r}")


def _write_json(path: Path, value: object) -> None:
    write_aside(path, json.dumps(value, ensure_ascii=False).encode())


def _read_json(path: Path) -> Any:
    return json.loads(path.read_bytes())
