"""The honest notes below a run's numbers: what to know before believing them."""

from collections.abc import Sequence

from askwell.experiment.comparisons import (
    LEVEL,
    comparisons,
    posterior_comparisons,
    seeds_needed,
)
from askwell.experiment.facts import (
    budget_of,
    chose_weight_decay,
    integer,
    is_finished,
    is_paper_melanoma,
    labelled_alike,
    started,
    started_chains,
)
from askwell.experiment.metrics import primary_metric
from askwell.experiment.savings import baseline_arm
from askwell.experiment.splits import by_split
from askwell.experiment.statistics import arms, last_common_labels
from askwell.experiment.writing import DASH, counted
from askwell.records import Chain, Run


def notes(run: Run) -> list[str]:
    """What a reader should know before believing the numbers."""
    behind = [chain for chain in run.chains if not is_finished(run, chain)]
    found = _seed_notes(run)
    if behind:
        found.append(f"The run is unfinished. {_progress(run, behind)}")
    found += _split_notes(run) + _score_notes(run) + _end_notes(run)
    if len(arms(run)) > 1:
        if baseline_arm(run) is None:
            found.append(
                "There is no random arm, so nothing can be said of a gain over asking at random."
            )
        found.append(
            "An arm that the headline names was picked after seeing the results, which favours it."
        )
    if primary_metric(run).name == "accuracy":
        found.append(
            "Crossings are measured on the test set after every acquisition. A first crossing "
            "comes early on a noisy curve; the sustained one stays for three acquisitions in a row."
        )
    return found + _settings_notes(run)


def labels_sentence(run: Run) -> str:
    """Which labels are counted, and how many each seed used in all."""
    initial, validation = integer(run, "initial"), integer(run, "validation") or 0
    ends = [chain.steps[-1].labels for chain in run.chains if chain.steps]
    if not ends:
        return ""
    start = DASH if initial is None else str(initial)
    text = f"Label counts are training images: {start} initial + acquired."
    if not validation:
        return text
    whole = f"(up to {max(ends)} + {validation} = {max(ends) + validation} here)"
    if chose_weight_decay(run):
        return (
            f"{text} Every label used is counted: add the {validation} validation labels of each "
            f"seed for all {whole}."
        )
    return (
        f"{text} Each seed has {validation} validation labels besides, which were set aside and "
        "used for nothing: with one weight decay there was none to choose. Add them if every label "
        f"that was there is to be counted {whole}."
    )


def _seed_notes(run: Run) -> list[str]:
    """What so few seeds can and cannot show."""
    seeds = max((len(chains) for chains in arms(run).values()), default=0)
    if seeds == 1:
        return [
            "One seed: there are no standard deviations and no intervals, and a difference "
            "between arms may be chance. Three seeds are the paper's number; five or more are "
            "better."
        ]
    found = []
    if 1 < seeds < 10 and (baseline_arm(run) or posterior_comparisons(run)):
        found.append(
            f"With {seeds} seeds a bootstrap interval is narrower than it should be: it shows the "
            "spread of these seeds and is not proof."
        )
    tested = [c for c in comparisons(run) if c.smallest is not None]
    least = min((c.smallest for c in tested if c.smallest is not None), default=0.0)
    if least > LEVEL:
        found.append(
            f"Too few seeds for a test: with {counted(seeds, 'seed')} and "
            f"{counted(len(tested), 'arm')} against {baseline_arm(run)}, the corrected p cannot "
            f"fall below {least:.2g}, however large the differences. From "
            f"{seeds_needed(len(tested))} seeds on it can come below {LEVEL:g}."
        )
    return found


def _split_notes(run: Run) -> list[str]:
    splits = by_split(run)
    if not splits:
        return []
    each = ", ".join(
        f"{counted(len({c.seed for c in started_chains(part)}), 'seed')} on split {number}"
        for number, part in splits.items()
    )
    return [
        f"The seeds were tested on different test sets: {each}. A curve is averaged within a "
        "split; only differences within seeds are taken over all of them. They say how sure the "
        "result is for these test sets, not for a third one."
    ]


def _score_notes(run: Run) -> list[str]:
    """Arms whose scores said nothing: BALD and Mean STD of a deterministic network are 0."""
    found = []
    for arm, chains in started(run).items():
        queries = [step.scores for chain in chains for step in chain.steps if step.scores]
        zero = sum(all(score == 0 for score in scores) for scores in queries)
        if zero and zero == len(queries):
            found.append(f"{arm}: every score was exactly 0, so it asked at random.")
        elif zero:
            found.append(
                f"{arm}: in {zero} of {len(queries)} queries every score was exactly 0, so these "
                "were at random."
            )
    return found


def _end_notes(run: Run) -> list[str]:
    """Where the pool is empty, and what is not the paper's."""
    found = []
    chains = started_chains(run)
    at = last_common_labels(chains)
    if at is not None and labelled_alike(chains, at):
        found.append(
            f"With {at} labels all arms of a seed have the same images: no difference there comes "
            "from what was asked for. The curves before it tell the arms apart."
        )
    if is_paper_melanoma(run) and primary_metric(run).name == "auc":
        found.append(
            "The paper's AUC values are of its own test splits, with its network and all labels: "
            "they are no goal for these splits, which are other ones."
        )
    return found


def _settings_notes(run: Run) -> list[str]:
    """Settings that make a run easier, harder or noisier than the whole data set would be."""
    found = [
        text.format(size)
        for key, text in (
            ("pool_subset", "Each step scored {} random images of the pool, not all."),
            ("pool_size", "Only {} images of the training set were used."),
            ("test_size", "Metrics are on {} images of the test set, not all: they are noisier."),
        )
        if (size := integer(run, key))
    ]
    temperature = run.spec.get("temperature")
    if isinstance(temperature, int | float) and temperature:
        found.append(
            "Batches were not the highest scores: each image was drawn with probability "
            f"∝ score^{1 / temperature:g}, which spreads a batch (temperature {temperature:g})."
        )
    noise = run.spec.get("label_noise")
    if isinstance(noise, float) and noise:
        found.append(f"The labels were made wrong with a probability of {100 * noise:g} %.")
    return found


def _progress(run: Run, behind: Sequence[Chain]) -> str:
    budget = budget_of(run)
    goal = "" if budget is None else f" of {budget}"
    parts = [
        f"{chain.arm}, seed {chain.seed}: "
        + (f"{chain.steps[-1].labels}{goal} labels" if chain.steps else "not begun")
        for chain in behind
    ]
    shown = "; ".join(parts[:12])
    more = f"; and {len(parts) - 12} more" if len(parts) > 12 else ""
    return f"{len(behind)} of {counted(len(run.chains), 'chain')} to go: {shown}{more}."
