"""What a run is, by its spec and records: numbers, how far it is, what it may stand beside."""

from collections.abc import Sequence

from askwell.experiment.statistics import arms
from askwell.records import Chain, ItemId, Run


def integer(run: Run, key: str) -> int | None:
    """A whole number of the spec, `None` where it has none."""
    value = run.spec.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def budget_of(run: Run) -> int | None:
    """Labelled images at the end; `None` where the run goes on until no image is left."""
    return integer(run, "budget") or None


def started(run: Run) -> dict[str, tuple[Chain, ...]]:
    """The arms that have a step, with the chains that have."""
    return {arm: chains for arm, chains in arms(run).items() if chains}


def started_chains(run: Run) -> tuple[Chain, ...]:
    """The chains that have a step, of all arms."""
    return tuple(chain for chain in run.chains if chain.steps)


def is_finished(run: Run, chain: Chain) -> bool:
    """Whether a chain has come to the run's budget or asked for nothing more."""
    if not chain.steps:
        return False
    budget, last = budget_of(run), chain.steps[-1]
    return not last.acquired or (budget is not None and last.labels >= budget)


def chose_weight_decay(run: Run) -> bool:
    """Whether candidates for the weight decay were tried on validation images in any step."""
    return any(step.training.validation for chain in run.chains for step in chain.steps)


def is_paper_mnist(run: Run) -> bool:
    """Whether the paper's MNIST numbers may stand beside the run's: all ten digits."""
    return run.spec.get("dataset") == "mnist" and len(run.classes) == 10


def is_paper_table_2(run: Run) -> bool:
    """Whether the run is the paper's table 2: MNIST, 5 000 validation labels, 1 000 or more."""
    if not is_paper_mnist(run):
        return False
    alike = integer(run, "validation") == 5000 and (budget_of(run) or 0) >= 1000
    return alike or str(run.spec.get("name", "")).startswith("table2")


def is_paper_melanoma(run: Run) -> bool:
    """Whether the run is on the images of the paper's figure 5."""
    return run.spec.get("dataset") == "isic2016"


def positive_class(run: Run) -> int | None:
    """The class whose acquired images are counted; `None` for none."""
    value = integer(run, "positive_class")
    return value if value is not None and 0 <= value < len(run.classes) else None


def labelled_alike(chains: Sequence[Chain], at: int) -> bool:
    """Whether the arms of every seed have acquired the same images by a label count.

    So they have once the pool is empty: a difference between them is then chance in training.
    False where no seed has two arms, or where nothing was acquired yet.
    """
    by_seed: dict[int, list[frozenset[ItemId]]] = {}
    for chain in chains:
        asked = (item for step in chain.steps if step.labels < at for item in step.acquired)
        by_seed.setdefault(chain.seed, []).append(frozenset(asked))
    several = [acquired for acquired in by_seed.values() if len(acquired) > 1]
    return bool(several) and all(len(set(acquired)) == 1 and acquired[0] for acquired in several)
