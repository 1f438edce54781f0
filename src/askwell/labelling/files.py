"""What the server and the trainer tell each other: files, and lines of JSON that name them.

Every file is written aside, synchronised and renamed: who reads it sees all of it or an older one.
Nothing here needs torch.

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
    {"event": "error", "message": M, "version": V or null} a sentence; V where "rank" failed

A file's name is relative to `--work`, or absolute.
"""

import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from askwell.durable import replacing
from askwell.errors import RunError
from askwell.store import Item

Stream = Literal["active", "cold"]
"""Chosen by the acquisition function, or for variety while there are too few labels for it."""

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


@dataclass(frozen=True, slots=True, eq=False)
class RankingFile:
    """What the trainer gives back. Items N, ranked items K, classes C.

    Attributes:
        version: of the snapshot.
        trained_on: labels.
        acquisition: what the items are ranked by.
        stream: "active", or "cold" while there are too few labels for a model to choose.
        items: int64 (K,), best first, at most 2 000, no near-duplicates within a run of 20.
        scores: float32 (K,), in nats for the information-based ones; NaN in the cold stream.
        classes: int64 (C,), class ids.
        all_items: int64 (N,), every item with features, ascending; empty where there is no model.
        probs: float16 (N, C), the posterior predictive.
        entropy: float32 (N,), of the predictive, in nats: all uncertainty.
        bald: float32 (N,), of it what more labels could remove (epistemic), in nats.
        metrics: of the hold-out and of the clock; JSON. Keys: "holdout" (images), "accuracy",
            "balanced_accuracy", "nll" (nats), "auc" (two classes, both present), "seconds"
            {"train", "rank"}, "holdout_items", "holdout_correct" (0 or 1 each), "with_features"
            (images that could be ranked). The measures are missing where the hold-out is empty or
            there is no model.
    """

    version: int
    trained_on: int
    acquisition: str
    stream: Stream
    items: NDArray[np.int64]
    scores: NDArray[np.float32]
    classes: NDArray[np.int64]
    all_items: NDArray[np.int64]
    probs: NDArray[np.float16]
    entropy: NDArray[np.float32]
    bald: NDArray[np.float32]
    metrics: Mapping[str, Any] = field(default_factory=dict)

    def row(self, item: int) -> int | None:
        """Where an item stands in `all_items`, or None."""
        row = int(np.searchsorted(self.all_items, item))
        return row if row < len(self.all_items) and self.all_items[row] == item else None


_ARRAYS: Mapping[str, tuple[str, int]] = {
    "items": ("int64", 1),
    "scores": ("float32", 1),
    "classes": ("int64", 1),
    "all_items": ("int64", 1),
    "probs": ("float16", 2),
    "entropy": ("float32", 1),
    "bald": ("float32", 1),
}


def write_items(path: Path, items: Iterable[Listed]) -> None:
    """Write the images of a project: a JSON list of [item, path, sha256]."""
    _write_json(path, [[each.item, each.path, each.sha256] for each in items])


def read_items(path: Path) -> list[Listed]:
    """Read what `write_items` wrote.

    Raises:
        RunError: there is no such file, or it holds something else.
    """
    with _naming(path, "a list of [item, path, sha256]"):
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
    with _naming(path, "a snapshot"):
        value = _read_json(path)
        _check_format(value["format"])
        return Snapshot(
            labels={int(item): int(label) for item, label in value["labels"].items()},
            holdout={int(item): int(label) for item, label in value["holdout"].items()},
            classes=tuple(map(int, value["classes"])),
            excluded=frozenset(map(int, value["excluded"])),
            acquisition=str(value["acquisition"]),
            seed=int(value["seed"]),
        )


def write_ranking(path: Path, ranking: RankingFile) -> None:
    """Write a ranking as an uncompressed .npz archive."""
    about = {
        "format": FORMAT,
        "version": ranking.version,
        "trained_on": ranking.trained_on,
        "acquisition": ranking.acquisition,
        "stream": ranking.stream,
        "metrics": dict(ranking.metrics),
    }
    arrays = {
        name: np.asarray(getattr(ranking, name), dtype=dtype)
        for name, (dtype, _) in _ARRAYS.items()
    }
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, about=np.array(json.dumps(about)), **arrays)
    write_aside(path, buffer.getbuffer())


def read_ranking(path: Path) -> RankingFile:
    """Read what `write_ranking` wrote.

    Raises:
        RunError: there is no such file, it holds something else, or is not whole.
    """
    # NumPy leaves a file that it opened itself open where it is broken.
    with (
        _naming(path, "a ranking"),
        path.open("rb") as file,
        np.load(file, allow_pickle=False) as archive,
    ):
        about = json.loads(str(archive["about"]))
        _check_format(about["format"])
        arrays = {name: archive[name] for name in _ARRAYS}
        for name, (dtype, axes) in _ARRAYS.items():
            if arrays[name].dtype != dtype or arrays[name].ndim != axes:
                raise ValueError(f"{name} is {arrays[name].dtype} of shape {arrays[name].shape}")
        _check_lengths(arrays)
        return RankingFile(
            version=int(about["version"]),
            trained_on=int(about["trained_on"]),
            acquisition=str(about["acquisition"]),
            stream="cold" if about["stream"] == "cold" else "active",
            metrics=about["metrics"],
            **arrays,
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


class _naming:  # noqa: N801
    """Turn whatever a foreign or broken file causes into a sentence that names it."""

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


def _check_format(found: object) -> None:
    if found != FORMAT:
        raise ValueError(f"its format is {found!r}")


def _check_lengths(arrays: Mapping[str, NDArray[Any]]) -> None:
    n, k = len(arrays["all_items"]), len(arrays["items"])
    shapes = {
        "scores": (k,),
        "probs": (n, len(arrays["classes"])),
        "entropy": (n,),
        "bald": (n,),
    }
    for name, shape in shapes.items():
        if arrays[name].shape != shape:
            raise ValueError(f"{name} has shape {arrays[name].shape} in the place of {shape}")


def _write_json(path: Path, value: object) -> None:
    write_aside(path, json.dumps(value, ensure_ascii=False).encode())


def _read_json(path: Path) -> Any:
    return json.loads(path.read_bytes())
