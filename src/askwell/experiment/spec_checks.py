"""What makes a spec impossible, whatever the data: single values, and values beside each other."""

import math
from typing import TYPE_CHECKING

from askwell.datasets import DATASETS
from askwell.errors import SpecError
from askwell.experiment.arms import POSTERIORS, check_arms, check_known
from askwell.models import MODELS
from askwell.select import STRATEGIES

if TYPE_CHECKING:
    from askwell.experiment.spec import Spec

BACKBONES = ("efficientnet_lite0", "vgg16")

METRICS = ("accuracy", "auc", "rmse")
"""What a report can compare arms by."""


def check(spec: "Spec") -> None:
    """Raise `SpecError`, saying what may stand there, unless the spec can run on some data."""
    _check_names(spec)
    _check_numbers(spec)
    _check_per_class(spec)
    _check_together(spec)
    _check_data(spec)


def is_regression(spec: "Spec") -> bool:
    """Whether the data set has targets in the place of classes; a folder's are classes."""
    return spec.dataset in DATASETS and not DATASETS[spec.dataset].classes


def _check_names(spec: "Spec") -> None:
    if spec.name in ("", ".", "..") or any(c in spec.name for c in "/\\\0\n"):
        raise SpecError(
            f"name must be a plain name for a folder, without slashes; got {spec.name!r}."
        )
    check_known(spec.acquisitions, STRATEGIES, "acquisitions", "acquisition")
    check_known(spec.posteriors, POSTERIORS, "posteriors", "posterior")
    check_arms(spec.all_arms, regression=is_regression(spec))
    check_known((spec.model,), MODELS, "model", "model")
    if spec.features:
        check_known((spec.features,), BACKBONES, "features", "pretrained network")
    if spec.primary_metric:
        check_known((spec.primary_metric,), METRICS, "primary_metric", "metric")


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
    if spec.features and spec.model != "bayesian_head":
        raise SpecError(
            f'On features the model must be a head: model = "bayesian_head"; got {spec.model!r}.'
        )
    if spec.model == "bayesian_head" and not spec.features:
        raise SpecError(
            "bayesian_head is a head on features: say of which network, for example "
            'features = "efficientnet_lite0".'
        )


def _check_data(spec: "Spec") -> None:
    """What does not fit a data set that is known by name."""
    if spec.data_dir and spec.dataset not in DATASETS:
        raise SpecError("data_dir is for data sets by name; give a folder of your own as dataset.")
    if is_regression(spec):
        for key in ("classes", "initial_per_class", "test_per_class", "label_noise"):
            if getattr(spec, key):
                raise SpecError(f"{key} is for classes; {spec.dataset} is a regression.")
        if spec.training.flips:
            raise SpecError(f"training.flips is for classes; {spec.dataset} is a regression.")
    if spec.primary_metric and (spec.primary_metric == "rmse") != is_regression(spec):
        raise SpecError(f"primary_metric {spec.primary_metric} does not fit {spec.dataset}.")
    stays = spec.dataset in DATASETS and None not in DATASETS[spec.dataset].image_shape
    if spec.image_size and stays:
        size = "×".join(map(str, DATASETS[spec.dataset].image_shape))
        raise SpecError(
            f"image_size stretches the images of a folder; those of {spec.dataset} stay {size}. "
            f"Leave image_size out, or set it to 0; got {spec.image_size}."
        )
