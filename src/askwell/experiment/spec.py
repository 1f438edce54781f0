"""What to run: a specification. `spec_files` reads it from TOML, `spec_checks` refuses bad ones."""

from dataclasses import asdict, dataclass, field
from typing import Any

from askwell.errors import InputError, SpecError
from askwell.experiment.arms import POSTERIORS, Arm
from askwell.experiment.spec_checks import check
from askwell.train import Recipe

__all__ = ["POSTERIORS", "Arm", "Spec", "TrainingSpec"]


@dataclass(frozen=True, slots=True)
class TrainingSpec(Recipe):
    """The table `[training]`: an `askwell.train.Recipe`, and when to choose anew.

    Attributes:
        reselect: choose from the grid of weight decays again once the labelled set has grown by
            this factor.
        flips: classes, by number, whose images are trained on as they are and flipped left to
            right, top to bottom, and both.
    """

    reselect: float = 2.0
    flips: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Refuse impossible values, and say in which table they stand."""
        try:
            Recipe.__post_init__(self)  # `super()` does not know a class with slots
        except InputError as error:
            raise SpecError(f"[training] {error}") from error
        if not self.reselect > 1:
            raise SpecError(f"training.reselect must be above 1; got {self.reselect}.")
        if len(set(self.flips)) < len(self.flips) or min(self.flips, default=0) < 0:
            raise SpecError(
                f"training.flips must be different class numbers, from 0; got {list(self.flips)}."
            )


@dataclass(frozen=True, slots=True)
class Spec:
    """An experiment: arms × seeds, each running the loop from the same start.

    Attributes:
        name: of the run and its default directory, so it holds no slash.
        summary: one line for lists and reports.
        cost: how long it takes on what machine, for lists.
        dataset: a name from `askwell data list`, or a folder of class folders. A relative folder
            in a TOML file is looked for beside that file first.
        data_dir: where the files of a named data set lie, if not in the usual place.
        classes: use only the images of these classes, by name; empty uses all.
        image_size: side to which a folder's images are stretched; 0 keeps them.
        features: a pretrained network from `askwell.models.BACKBONES`, whose features stand in the
            images' place; its weights stay as they are, and `model` is a head on them.
        model: a name from `askwell.models.MODELS`.
        acquisitions: names from `askwell acquisitions`.
        posteriors: `mc_dropout`, `deterministic`; every acquisition runs with every posterior.
        arms: further arms, as "acquisition/posterior" or "acquisition/baseline" with a baseline
            of `askwell.baselines`, for example "mbr/gaussian_field".
        seeds: one repetition each; all arms of a seed share split, initial set and weights.
        initial: labelled images at the start, balanced over the classes.
        initial_per_class: how many of them each class has, where they are not balanced.
        validation: further labelled images, which choose the weight decay.
        query_size: images asked for at a time.
        budget: labelled images at the end, the initial ones included, the validation ones not;
            0 goes on until no image is left.
        draws: T for scoring the pool.
        exact: score every image with all T draws, instead of a race that gives all T only to those
            that may be among the best.
        test_draws: T for evaluating on the test set.
        temperature: 0 asks for the highest scores; above, batches are drawn with probability
            ∝ score^(1/temperature), which spreads them (`PowerSampling`).
        pool_subset: score only so many random pool images at each step; 0 scores all.
        pool_size: use only so many images of the training set, random ones; 0 uses all.
        test_size: evaluate on so many images of the test set, random ones; 0 uses all.
        test_per_class: set so many random training images of each class aside as the test set,
            instead of the data set's own.
        test_splits: how many such test sets there are; seed s has the (s mod test_splits)-th.
        label_noise: probability that the oracle answers with a wrong class.
        primary_metric: what the report compares arms by: accuracy, auc (two classes) or rmse
            (regression); empty takes accuracy, or rmse in a regression.
        positive_class: of two classes the one whose acquired images are counted; −1 for none.
        training: the table `[training]`.
    """

    name: str
    summary: str = ""
    cost: str = ""
    dataset: str = "mnist"
    data_dir: str = ""
    classes: tuple[str, ...] = ()
    image_size: int = 0
    features: str = ""
    model: str = "bayesian_cnn"
    acquisitions: tuple[str, ...] = ("variation_ratios", "bald", "random")
    posteriors: tuple[str, ...] = POSTERIORS[:1]
    arms: tuple[str, ...] = ()
    seeds: tuple[int, ...] = (0,)
    initial: int = 20
    initial_per_class: tuple[int, ...] = ()
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
    test_per_class: tuple[int, ...] = ()
    test_splits: int = 1
    label_noise: float = 0.0
    primary_metric: str = ""
    positive_class: int = -1
    training: TrainingSpec = field(default_factory=TrainingSpec)

    def __post_init__(self) -> None:
        """Refuse impossible values, whatever the data set."""
        check(self)

    @property
    def all_arms(self) -> tuple[Arm, ...]:
        """Every acquisition with every posterior, and the further ones."""
        product = tuple(Arm(a, p) for a in self.acquisitions for p in self.posteriors)
        return product + tuple(map(Arm.parse, self.arms))

    @property
    def steps(self) -> int:
        """Turns of the loop of each chain, the first (initial set) included.

        Needs a budget above 0: `Workbench` puts the size of the pool where it was 0.
        """
        return 1 + -(-(self.budget - self.initial) // self.query_size)

    def as_dict(self) -> dict[str, Any]:
        """Every key with its value, as JSON has it (tuples are lists)."""
        table: dict[str, Any] = _plain(asdict(self))
        return table


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, tuple) else value
