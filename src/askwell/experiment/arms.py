"""The lines of a figure: an acquisition function with what it reads its scores from."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from askwell.acquisition import ACQUISITIONS
from askwell.baselines import BASELINES
from askwell.datasets.names import nearest
from askwell.errors import SpecError
from askwell.likelihoods import gaussian
from askwell.select import STRATEGIES

POSTERIORS = ("mc_dropout", "deterministic")
"""Of the spec's network. The first is the default and goes unnamed in an arm's name."""

MBR = "mbr"
"""The acquisition function of the Gaussian random field, which no other posterior can serve."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One line of the figure: an acquisition function with a posterior, or with a baseline."""

    acquisition: str
    posterior: str

    @classmethod
    def parse(cls, name: str) -> "Arm":
        """The arm of this name: `bald`, `bald/deterministic`, `mbr/gaussian_field`."""
        acquisition, _, posterior = name.partition("/")
        return cls(acquisition, posterior or POSTERIORS[0])

    @property
    def name(self) -> str:
        """`bald`, or `bald/deterministic` with another posterior than the default."""
        return (
            self.acquisition
            if self.posterior == POSTERIORS[0]
            else f"{self.acquisition}/{self.posterior}"
        )


def check_arms(arms: Sequence[Arm], *, regression: bool) -> None:
    """Refuse arms that do not exist, come twice, or do not fit the task.

    Raises:
        SpecError: says which, with the nearest name.
    """
    if not arms:
        raise SpecError("A spec needs an acquisition function, or an arm, at least.")
    for arm in arms:
        _check_arm(arm, regression)
    if len(set(arms)) < len(arms):
        twice = next(arm.name for arm in arms if arms.count(arm) > 1)
        raise SpecError(f"{twice} is there twice, counting acquisitions and arms.")


def check_known(names: Sequence[str], known: Collection[str], key: str, kind: str) -> None:
    """Refuse names that come twice or that nothing has; with the nearest one."""
    if len(set(names)) < len(names):
        raise SpecError(f"{key} must name different ones; got {list(names)}.")
    for name in names:
        if name not in known:
            raise SpecError(
                f"No {kind} is called {name!r}.{nearest(name, known)} There are: "
                f"{', '.join(known)}."
            )


def _check_arm(arm: Arm, regression: bool) -> None:
    known = (*POSTERIORS, *BASELINES)
    check_known((arm.posterior,), known, "arms", "posterior or baseline")
    check_known((arm.acquisition,), (*STRATEGIES, MBR), "arms", "acquisition")
    if (arm.acquisition == MBR) != arm.posterior.startswith("gaussian_field") and (
        arm.acquisition == MBR
    ):
        raise SpecError(
            f"{MBR} needs a Gaussian random field: mbr/gaussian_field or mbr/gaussian_field_cnn; "
            f"got {arm.name}."
        )
    entry = ACQUISITIONS.get(arm.acquisition)
    if entry is None:
        return
    if (entry.likelihood is gaussian) != regression:
        task = "a regression" if regression else "a classification"
        fitting = [n for n, e in ACQUISITIONS.items() if (e.likelihood is gaussian) == regression]
        raise SpecError(
            f"{arm.acquisition} is not for {task}, which this data set is. There are: "
            f"{', '.join(['random', *fitting])}."
        )
    if regression and arm.posterior in BASELINES:
        raise SpecError(f"{arm.posterior} is a classifier; {arm.name} is for a regression.")
