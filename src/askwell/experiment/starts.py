"""Where the chains of a seed start: initial and validation images, from the seed alone."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from askwell.errors import SpecError
from askwell.experiment.data import Data, Labels
from askwell.experiment.spec import Arm, Spec
from askwell.pool import Positions
from askwell.randomness import derive, item_keys
from askwell.records import Chain


def start(spec: Spec, data: Data, arm: Arm, seed: int) -> Chain:
    """A chain before its first step.

    The initial images are random and balanced over the classes, or as many of each as the spec
    says; the validation images are random among the rest. Neither is in the seed's test set.

    Raises:
        SpecError: a class has too few images.
    """
    pool = data.pool
    order = np.argsort(item_keys(pool.ids, derive(seed, "split")), kind="stable")
    order = order[~np.isin(order, data.positions(data.test_for(seed).aside))]
    labels = data.labels[order]
    if data.classes:
        initial = _of_each(labels, data.classes, _wanted(spec, data.classes))
    else:
        initial = np.arange(spec.initial)
    rest = np.delete(order, initial)
    return Chain(
        arm.name,
        seed,
        initial=tuple(pool.ids[p] for p in order[initial].tolist()),
        initial_labels=tuple(labels[initial].tolist()),
        validation=tuple(pool.ids[p] for p in rest[: spec.validation].tolist()),
    )


def fitted(spec: Spec, data: Data) -> Spec:
    """The spec, if it fits the data; a budget of 0 becomes all that there is.

    Raises:
        SpecError: the budget is too large, or a class number too high; says what there is.
    """
    size = len(data.labels) - max(len(test.aside) for test in data.tests)
    if spec.budget == 0:
        spec = replace(spec, budget=max(spec.initial, size - spec.validation))
    _check_size(spec, size, data.available)
    for number in (*spec.training.flips, spec.positive_class):
        if number >= len(data.classes):
            raise SpecError(
                f"{spec.dataset} has no class number {number}; its classes are 0 … "
                f"{len(data.classes) - 1}: {', '.join(data.classes)}."
            )
    return spec


def _check_size(spec: Spec, size: int, available: int) -> None:
    needed = spec.budget + spec.validation
    if needed <= size:
        return
    ways = []
    if size - spec.validation >= spec.initial:
        ways.append(f"lower budget to {size - spec.validation}")
    least = int(len(spec.training.weight_decay) > 1)
    if size - spec.budget >= least:
        ways.append(f"lower validation to {size - spec.budget}")
    if needed <= available and not spec.test_per_class:
        ways.append(f"raise pool_size to {needed}")
    way = ", or ".join(ways) or "lower initial, budget and validation"
    of = f" of its {available} images (pool_size)" if spec.pool_size and size < available else ""
    raise SpecError(
        f"The budget of {spec.budget} labels and {spec.validation} validation images need "
        f"{needed} images; the training set has {size}{of}. {way[0].upper()}{way[1:]}."
    )


def _wanted(spec: Spec, classes: Sequence[str]) -> NDArray[np.int64]:
    """Initial images of each class."""
    if not spec.initial_per_class:
        wanted = np.full(len(classes), spec.initial // len(classes))
        wanted[: spec.initial % len(classes)] += 1
        return wanted
    if len(spec.initial_per_class) != len(classes):
        raise SpecError(
            f"initial_per_class must have a count for each of the {len(classes)} classes "
            f"{', '.join(classes)}; got {list(spec.initial_per_class)}."
        )
    return np.array(spec.initial_per_class)


def _of_each(labels: Labels, classes: Sequence[str], wanted: NDArray[np.int64]) -> Positions:
    """Positions of the first images of each class, so many of each."""
    found = np.concatenate([np.flatnonzero(labels == c)[:n] for c, n in enumerate(wanted)])
    if len(found) < wanted.sum():
        have = np.bincount(labels, minlength=len(classes))
        scarce = int(np.argmin(have - wanted))
        raise SpecError(
            f"An initial set of {wanted.sum()} needs {wanted[scarce]} images of the class "
            f"{classes[scarce]!r}; the training set has {have[scarce]}. Lower initial, or add such "
            "images."
        )
    result: Positions = np.sort(found)
    return result
