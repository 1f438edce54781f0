"""Test splits: seeds with different test sets are averaged apart, never into one spread.

With `test_splits` = S in the spec, seed s was tested on split s mod S; people read 1 … S. Each
split has the mean ± standard error of its own seeds, as in figure 5 of the paper: the spread over
several splits would mostly be that of the test sets.
"""

from dataclasses import dataclass, replace

from askwell.experiment.facts import integer, started
from askwell.experiment.statistics import Spread
from askwell.records import Chain, Run

ALL = "all"


@dataclass(frozen=True, slots=True)
class Group:
    """Chains of one arm that are averaged.

    Attributes:
        arm: their arm.
        split: `1`, `2`, …; `all` for the splits together, with the seeds that every arm has begun;
            empty where there is one test set.
        chains: those with a step.
        spread: what may stand beside their mean.
    """

    arm: str
    split: str
    chains: tuple[Chain, ...]
    spread: Spread

    @property
    def cells(self) -> tuple[str, ...]:
        """The first cells of the group's row (see `head`)."""
        return (self.arm, self.split) if self.split else (self.arm,)


def split_count(run: Run) -> int:
    """How many test sets there are; 1 where all chains share one."""
    return max(1, integer(run, "test_splits") or 1)


def split_of(run: Run, seed: int) -> int:
    """The test split of a seed, from 1; always 1 where there is one test set."""
    return seed % split_count(run) + 1


def by_split(run: Run) -> dict[int, Run]:
    """The run cut into its test splits, by number; empty where all chains share a test set."""
    if split_count(run) == 1:
        return {}
    numbers = sorted({split_of(run, chain.seed) for chain in run.chains})
    return {
        number: replace(run, chains=tuple(c for c in run.chains if split_of(run, c.seed) == number))
        for number in numbers
    }


def of_shared_seeds(run: Run) -> Run:
    """The run without seeds that not every arm has begun: what is left compares like with like.

    Where arms of an unfinished run have other seeds, their means would differ by the seeds, and
    with several test splits mostly by the test sets.
    """
    begun = started(run).values()
    shared = set.intersection(*({c.seed for c in chains} for chains in begun)) if begun else set()
    return replace(run, chains=tuple(c for c in run.chains if c.seed in shared))


def groups(run: Run) -> list[Group]:
    """What the rows of a table are: every arm, or every arm on each split and on all of them."""
    splits = by_split(run)
    if not splits:
        return [Group(arm, "", chains, "std") for arm, chains in started(run).items()]
    found, shared = [], started(of_shared_seeds(run))
    for arm in started(run):
        for number, part in splits.items():
            if own := started(part).get(arm):
                found.append(Group(arm, str(number), own, "error"))
        if len(splits) > 1 and arm in shared:
            found.append(Group(arm, ALL, shared[arm], "none"))
    return found


def head(run: Run) -> tuple[str, ...]:
    """The heads over `Group.cells`."""
    return ("arm", "test split") if by_split(run) else ("arm",)


def spread_sentence(run: Run) -> str:
    """What stands before and after ± in a table over seeds."""
    if by_split(run):
        return (
            "For each test split the mean ± standard error of its seeds; for all splits together "
            "the mean alone, over the seeds that every arm has: a spread would be that of the test "
            "sets."
        )
    seeds = max((len(chains) for chains in started(run).values()), default=0)
    return "One seed." if seeds == 1 else f"Mean ± standard deviation of {seeds} seeds."
