"""What the trainer gives back, as uncompressed .npz archives: rankings, and checked labels.

Nothing here needs torch.
"""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from askwell.labelling.files import FORMAT, check_format, naming, write_aside

CHECK = "check.npz"
"""The name of the newest checked labels."""

Stream = Literal["active", "cold"]
"""Chosen by the acquisition function, or for variety while there are too few labels for it."""


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
            {"train", "rank"}, "holdout_items", "holdout_predicted" (class ids), "with_features"
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
        return _row(self.all_items, item)


@dataclass(frozen=True, slots=True, eq=False)
class CheckFile:
    """What models say of labelled images whose labels they were not taught. Items M, classes C.

    Attributes:
        trained_on: labels that there were.
        items: int64 (M,), ascending; those whose class has another label as well.
        classes: int64 (C,), class ids.
        probs: float16 (M, C), the posterior predictive.
    """

    trained_on: int
    items: NDArray[np.int64]
    classes: NDArray[np.int64]
    probs: NDArray[np.float16]

    def row(self, item: int) -> int | None:
        """Where an item stands in `items`, or None."""
        return _row(self.items, item)


_RANKING: Mapping[str, tuple[str, int]] = {
    "items": ("int64", 1),
    "scores": ("float32", 1),
    "classes": ("int64", 1),
    "all_items": ("int64", 1),
    "probs": ("float16", 2),
    "entropy": ("float32", 1),
    "bald": ("float32", 1),
}
_CHECK: Mapping[str, tuple[str, int]] = {
    "items": ("int64", 1),
    "classes": ("int64", 1),
    "probs": ("float16", 2),
}


def write_ranking(path: Path, ranking: RankingFile) -> None:
    """Write a ranking."""
    about = {
        "version": ranking.version,
        "trained_on": ranking.trained_on,
        "acquisition": ranking.acquisition,
        "stream": ranking.stream,
        "metrics": dict(ranking.metrics),
    }
    _write(path, ranking, _RANKING, about)


def read_ranking(path: Path) -> RankingFile:
    """Read what `write_ranking` wrote.

    Raises:
        RunError: there is no such file, it holds something else, or is not whole.
    """
    with naming(path, "a ranking"):
        about, arrays = _read(path, _RANKING)
        n, k = len(arrays["all_items"]), len(arrays["items"])
        _check_shape(arrays, "scores", k)
        _check_shape(arrays, "probs", n, len(arrays["classes"]))
        _check_shape(arrays, "entropy", n)
        _check_shape(arrays, "bald", n)
        return RankingFile(
            version=int(about["version"]),
            trained_on=int(about["trained_on"]),
            acquisition=str(about["acquisition"]),
            stream="cold" if about["stream"] == "cold" else "active",
            metrics=about["metrics"],
            **arrays,
        )


def write_check(path: Path, check: CheckFile) -> None:
    """Write checked labels."""
    _write(path, check, _CHECK, {"trained_on": check.trained_on})


def read_check(path: Path) -> CheckFile:
    """Read what `write_check` wrote.

    Raises:
        RunError: there is no such file, it holds something else, or is not whole.
    """
    with naming(path, "checked labels"):
        about, arrays = _read(path, _CHECK)
        _check_shape(arrays, "probs", len(arrays["items"]), len(arrays["classes"]))
        return CheckFile(int(about["trained_on"]), **arrays)


def _write(
    path: Path, record: object, kinds: Mapping[str, tuple[str, int]], about: Mapping[str, Any]
) -> None:
    arrays = {
        name: np.asarray(getattr(record, name), dtype=dtype) for name, (dtype, _) in kinds.items()
    }
    said = np.array(json.dumps({"format": FORMAT, **about}))
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, about=said, **arrays)
    write_aside(path, buffer.getbuffer())


def _read(
    path: Path, kinds: Mapping[str, tuple[str, int]]
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    # NumPy leaves a file that it opened itself open where it is broken.
    with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        about = json.loads(str(archive["about"]))
        check_format(about["format"])
        arrays = {name: archive[name] for name in kinds}
    for name, (dtype, axes) in kinds.items():
        if arrays[name].dtype != dtype or arrays[name].ndim != axes:
            raise ValueError(f"{name} is {arrays[name].dtype} of shape {arrays[name].shape}")
    return about, arrays


def _check_shape(arrays: Mapping[str, NDArray[Any]], name: str, *shape: int) -> None:
    if arrays[name].shape != shape:
        raise ValueError(f"{name} has shape {arrays[name].shape} in the place of {shape}")


def _row(items: NDArray[np.int64], item: int) -> int | None:
    row = int(np.searchsorted(items, item))
    return row if row < len(items) and items[row] == item else None
