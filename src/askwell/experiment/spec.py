"""What to run: a specification, and what makes one impossible. `spec_files` reads it from TOML."""

import math
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from askwell.acquisition import ACQUISITIONS
from askwell.datasets import DATASETS
from askwell.datasets.names import nearest
from askwell.errors import InputError, SpecError
from askwell.likelihoods import gaussian
from askwell.models import MODELS
from askwell.select import STRATEGIES
from askwell.train import Recipe

POSTERIORS = ("mc_dropout", "deterministic")
"""The first is the default and goes unnamed in an arm's name."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One line of the figure: an acquisition function with a posterior."""

    acquisition: str
    posterior: str

    @property
    def name(self) -> str:
        """`bald`, or `bald/deterministic` with another posterior than the default."""
        return (
            self.acquisition
            if self.posterior == POSTERIORS[0]
            else f"{self.acquisition}/{self.posterior}"
        )


@dataclass(frozen=True, slots=True)
class TrainingSpec(Recipe):
    """The table `[training]`: an `askwell.train.Recipe`, and when to choose anew.

    Attributes:
        reselect: choose from the grid of weight decays again once the labelled set has grown by
            this factor.
    """

    reselect: float = 2.0

    def __post_init__(self) -> None:
        """Refuse impossible values, and say in which table they stand."""
        try:
            Recipe.__post_init__(self)  # `super()` does not know a class with slots
        except InputError as error:
            raise SpecError(f"[training] {error}") from error
        if not self.reselect > 1:
            raise SpecError(f"training.reselect must be above 1; got {self.reselect}.")


@dataclass(frozen=True, slots=True)
class Spec:
    """An experiment: arms × seeds, each running the loop from the same start.

    Attributes:
        name: of the run and its default directory, so it holds no slash.
        summary: one line for lists and reports.
        dataset: a name from `askwell data list`, or a folder of class folders. A relative folder
            in a TOML file is looked for beside that file first.
        image_size: side to which a folder's images are stretched; 0 keeps them.
        model: a name from `askwell.models.MODELS`.
        acquisitions: names from `askwell acquisitions`.
        posteriors: `mc_dropout`, `deterministic`; every acquisition runs with every posterior.
        seeds: one repetition each; all arms of a seed share split, initial set and weights.
        initial: labelled images at the start, balanced over the classes.
        validation: further labelled images, which choose the weight decay.
        query_size: images asked for at a time.
        budget: labelled images at the end, the initial ones included, the validation ones not.
        draws: T for scoring the pool.
        exact: score every image with all T draws, instead of a race that gives all T only to those
            that may be among the best.
        test_draws: T for evaluating on the test set.
        temperature: 0 asks for the highest scores; above, batches are drawn with probability
            ∝ score^(1/temperature), which spreads them (`PowerSampling`).
        pool_subset: score only so many random pool images at each step; 0 scores all.
        pool_size: use only so many images of the training set, random ones; 0 uses all.
        test_size: evaluate on so many images of the test set, random ones; 0 uses all.
        label_noise: probability that the oracle answers with a wrong class.
        training: the table `[training]`.
    """

    name: str
    summary: str = ""
    dataset: str = "mnist"
    image_size: int = 0
    model: str = "bayesian_cnn"
    acquisitions: tuple[str, ...] = ("variation_ratios", "bald", "random")
    posteriors: tuple[str, ...] = POSTERIORS[:1]
    seeds: tuple[int, ...] = (0,)
    initial: int = 20
    validation: int = 100
    query_size: int = 10
    budget: int = 1000
    draws: int = 100
    exact: bool = False
    test_draws: int = 100
    temperature: float = 0.0
    pool_subset: int = 0
    pool_size: int = 0
    test_size: int = 0
    label_noise: float = 0.0
    training: TrainingSpec = field(default_factory=TrainingSpec)

    def __post_init__(self) -> None:
        """Refuse impossible values, whatever the data set."""
        _check_names(self)
        _check_numbers(self)
        _check_together(self)

    @property
    def arms(self) -> tuple[Arm, ...]:
        """Every acquisition with every posterior."""
        return tuple(Arm(a, p) for a in self.acquisitions for p in self.posteriors)

    @property
    def steps(self) -> int:
        """Turns of the loop of each chain, the first (initial set) included."""
        return 1 + -(-(self.budget - self.initial) // self.query_size)

    def as_dict(self) -> dict[str, Any]:
        """Every key with its value, as JSON has it (tuples are lists)."""
        table: dict[str, Any] = _plain(asdict(self))
        return table


def _check_names(spec: Spec) -> None:
    if spec.name in ("", ".", "..") or any(c in spec.name for c in "/\\\0\n"):
        raise SpecError(
            f"name must be a plain name for a folder, without slashes; got {spec.name!r}."
        )
    _check_known(spec.acquisitions, STRATEGIES, "acquisitions", "acquisition")
    for name in spec.acquisitions:
        if name in ACQUISITIONS and ACQUISITIONS[name].likelihood is gaussian:
            raise SpecError(f"{name} is for regression; an experiment is a classification.")
    _check_known(spec.posteriors, POSTERIORS, "posteriors", "posterior")
    _check_known((spec.model,), MODELS, "model", "model")


def _check_known(names: Sequence[str], known: Collection[str], key: str, kind: str) -> None:
    if len(set(names)) < max(1, len(names)):
        raise SpecError(f"{key} must name one or more different ones; got {list(names)}.")
    for name in names:
        if name not in known:
            raise SpecError(
                f"No {kind} is called {name!r}.{nearest(name, known)} There are: "
                f"{', '.join(known)}."
            )


def _check_numbers(spec: Spec) -> None:
    for name in ("initial", "query_size", "draws", "test_draws"):
        if getattr(spec, name) < 1:
            raise SpecError(f"{name} must be at least 1; got {getattr(spec, name)}.")
    for name in ("validation", "pool_subset", "pool_size", "test_size", "image_size"):
        if getattr(spec, name) < 0:
            raise SpecError(f"{name} must be at least 0; got {getattr(spec, name)}.")
    if len(set(spec.seeds)) < max(1, len(spec.seeds)):
        raise SpecError(f"seeds must be one or more different numbers; got {list(spec.seeds)}.")
    if not 0 <= spec.temperature < math.inf:
        raise SpecError(f"temperature must be finite and at least 0; got {spec.temperature}.")
    if not 0 <= spec.label_noise <= 1:
        raise SpecError(f"label_noise is a probability; got {spec.label_noise}.")


def _check_together(spec: Spec) -> None:
    """What is possible alone, but not beside another key."""
    if spec.pool_subset and spec.pool_subset < spec.query_size:
        raise SpecError(
            f"pool_subset ({spec.pool_subset}) is smaller than query_size ({spec.query_size})."
        )
    if spec.budget < spec.initial:
        raise SpecError(
            f"budget ({spec.budget}) counts the initial images ({spec.initial}) and cannot be "
            "smaller."
        )
    if len(spec.training.weight_decay) > 1 and spec.validation == 0:
        raise SpecError("Choosing among weight decays needs validation images; got 0 of them.")
    if spec.image_size and spec.dataset in DATASETS:
        size = "×".join(map(str, DATASETS[spec.dataset].image_shape))
        raise SpecError(
            f"image_size stretches the images of a folder; those of {spec.dataset} stay {size}. "
            f"Leave image_size out, or set it to 0; got {spec.image_size}."
        )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, tuple) else value
