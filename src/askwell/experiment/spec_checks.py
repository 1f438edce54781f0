"""What makes a spec impossible, whatever the data: single values, and values beside each other."""

import math
from dataclasses import fields
from typing import TYPE_CHECKING

from askwell.datasets import DATASETS
from askwell.datasets.images import LARGEST
from askwell.errors import InputError, ModelError, SpecError
from askwell.experiment.arms import POSTERIORS, check_arms, check_known
from askwell.models import model_factory
from askwell.models.pretrained import find_backbone
from askwell.paths import shown
from askwell.select import STRATEGIES

if TYPE_CHECKING:
    from askwell.experiment.spec import Spec

HEAD = "bayesian_head"
"""The model of a spec with `features`."""

METRICS = ("accuracy", "auc", "rmse")
"""What a report can compare arms by."""

MOST = {"image_size": LARGEST, "draws": 100_000, "test_draws": 100_000}
"""How large a whole number may be; any other 2³¹ − 1, which NumPy and torch take everywhere."""


def check(spec: "Spec") -> None:
    """Raise `SpecError`, saying what may stand there, unless the spec can run on some data."""
    _check_bounds(spec)
    _check_names(spec)
    _check_numbers(spec)
    _check_per_class(spec)
    _check_together(spec)
    _check_data(spec)


def is_regression(spec: "Spec") -> bool:
    """Whether the data set has targets in the place of classes; a folder's are classes."""
    return spec.dataset in DATASETS and not DATASETS[spec.dataset].classes


def check_bound(key: str, number: int) -> None:
    """Raise `SpecError`, naming the key, where a whole number is too large, up or down."""
    most = MOST.get(key, 2**31 - 1)
    if abs(number) > most:
        bound = f"at most {most}" if number > 0 else f"at least -{most}"
        raise SpecError(f"{key} must be {bound}; got {written(number)}.")


def written(value: object) -> str:
    """A value as a message shows it; Python writes no number of more than 4 300 digits."""
    try:
        text = repr(value)
    except ValueError:
        return "a value of thousands of digits"
    many = isinstance(value, int) and len(text) > 40
    return f"a number of {len(text)} digits" if many else shown(text)


def _check_bounds(spec: "Spec") -> None:
    for table, prefix in ((spec, ""), (spec.training, "training.")):
        for field in fields(table):
            value = getattr(table, field.name)
            for number in value if isinstance(value, tuple) else (value,):
                if isinstance(number, int):
                    check_bound(prefix + field.name, number)


def _check_names(spec: "Spec") -> None:
    if spec.name in ("", ".", "..") or any(c in spec.name for c in "/\\\0\n"):
        raise SpecError(
            f"name must be a plain name for a folder, without slashes; got {spec.name!r}."
        )
    check_known(spec.acquisitions, STRATEGIES, "acquisitions", "acquisition")
    check_known(spec.posteriors, POSTERIORS, "posteriors", "posterior")
    check_arms(spec.all_arms, regression=is_regression(spec))
    _check_model(spec)
    if spec.primary_metric:
        check_known((spec.primary_metric,), METRICS, "primary_metric", "metric")


def _check_model(spec: "Spec") -> None:
    """Any network, or on features the head that suits them."""
    try:
        if not spec.features:
            model_factory(spec.model)
            return
        find_backbone(spec.features)
    except (InputError, ModelError) as error:
        raise SpecError(str(error)) from error
    if spec.model != HEAD:
        raise SpecError(f'On features the model must be their head, "{HEAD}"; got {spec.model!r}.')


def _check_numbers(spec: "Spec") -> None:
    for name in ("initial", "query_size", "draws", "test_draws", "test_splits"):
        if getattr(spec, name) < 1:
            raise SpecError(f"{name} must be at least 1; got {getattr(spec, name)}.")
    for name in ("validation", "pool_subset", "pool_size", "test_size", "image_size", "budget"):
        if getattr(spec, name) < 0:
            raise SpecError(f"{name} must be at least 0; got {getattr(spec, name)}.")
    if len(set(spec.seeds)) < max(1, len(spec.seeds)):
        raise SpecError(f"seeds must be one or more different numbers; got {list(spec.seeds)}.")
    if not 0 <= spec.temperature < math.inf:
        raise SpecError(f"temperature must be finite and at least 0; got {spec.temperature}.")
    if not 0 <= spec.label_noise <= 1:
        raise SpecError(f"label_noise is a probability; got {spec.label_noise}.")


def _check_per_class(spec: "Spec") -> None:
    for key in ("initial_per_class", "test_per_class"):
        counts = getattr(spec, key)
        if counts and (min(counts) < 0 or sum(counts) < 1):
            raise SpecError(f"{key} must be counts, one for each class; got {list(counts)}.")
        if spec.classes and counts and len(counts) != len(spec.classes):
            raise SpecError(
                f"{key} must have a count for each of the classes {', '.join(spec.classes)}; got "
                f"{list(counts)}."
            )
    if spec.initial_per_class and sum(spec.initial_per_class) != spec.initial:
        raise SpecError(
            f"initial_per_class {list(spec.initial_per_class)} adds up to "
            f"{sum(spec.initial_per_class)}, but initial is {spec.initial}: make them agree."
        )
    if spec.test_splits > 1 and not spec.test_per_class:
        raise SpecError(
            "test_splits sets several test sets aside, whose size test_per_class must say."
        )
    if spec.test_size and spec.test_per_class:
        raise SpecError("test_per_class says the size of the test set; leave test_size out.")


def _check_together(spec: "Spec") -> None:
    """What is possible alone, but not beside another key."""
    if spec.pool_subset and spec.pool_subset < spec.query_size:
        raise SpecError(
            f"pool_subset ({spec.pool_subset}) is smaller than query_size ({spec.query_size})."
        )
    if 0 < spec.budget < spec.initial:
        raise SpecError(
            f"budget ({spec.budget}) counts the initial images ({spec.initial}) and cannot be "
            "smaller."
        )
    if len(spec.training.weight_decay) > 1 and spec.validation == 0:
        raise SpecError("Choosing among weight decays needs validation images; got 0 of them.")


def _check_data(spec: "Spec") -> None:
    """What does not fit a data set that is known by name; and a data set must have one."""
    if not spec.dataset.strip():
        raise SpecError(
            f"dataset must name a data set ({', '.join(DATASETS)}) or a folder; got "
            f"{spec.dataset!r}. For the current folder say '.'."
        )
    if spec.data_dir and not _is_archive(spec):
        raise SpecError(
            "data_dir is for a data set that comes as archives, isic2016. Give a folder of your "
            "own as dataset; other data sets lie where ASKWELL_DATA says."
        )
    if is_regression(spec):
        for key in ("classes", "initial_per_class", "test_per_class", "label_noise"):
            if getattr(spec, key):
                raise SpecError(f"{key} is for classes; {spec.dataset} is a regression.")
        if spec.training.flips:
            raise SpecError(f"training.flips is for classes; {spec.dataset} is a regression.")
    if spec.primary_metric and (spec.primary_metric == "rmse") != is_regression(spec):
        raise SpecError(f"primary_metric {spec.primary_metric} does not fit {spec.dataset}.")
    if spec.image_size and spec.dataset in DATASETS and not _is_archive(spec):
        size = "×".join(map(str, DATASETS[spec.dataset].image_shape))
        raise SpecError(
            f"image_size stretches the images of a folder; those of {spec.dataset} stay {size}. "
            f"Leave image_size out, or set it to 0; got {spec.image_size}."
        )


def _is_archive(spec: "Spec") -> bool:
    """Whether the data set's files are images of any size, in a folder that may lie anywhere."""
    return spec.dataset in DATASETS and DATASETS[spec.dataset].archive is not None
