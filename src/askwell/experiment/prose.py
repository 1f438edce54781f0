"""A run in one or two sentences: what was found, from the numbers alone."""

from collections.abc import Mapping

import numpy as np

from askwell.experiment.comparisons import (
    Comparison,
    comparisons,
    posterior_comparisons,
    seeds_needed,
)
from askwell.experiment.crossings import crossings
from askwell.experiment.facts import is_finished, labelled_alike, started, started_chains
from askwell.experiment.metrics import primary_metric
from askwell.experiment.savings import Saving, baseline_arm, label_saving
from askwell.experiment.splits import by_split, of_shared_seeds
from askwell.experiment.statistics import Spread, final, last_common_labels
from askwell.experiment.writing import (
    counted,
    difference_written,
    labels_written,
    listed,
    written,
)
from askwell.records import Chain, Run

_Grouped = Mapping[str, tuple[Chain, ...]]

_NONE_ASKED = "no arm has asked for an image yet: all have trained on the same ones."
_MODEST = (
    _NONE_ASKED,
    "No labels were saved.",
    "Nothing was gained over random acquisition.",
    "is not established.",
    "no label count in common yet.",
)
"""Ends of sentences that claim nothing."""

_FEW_POINTS = 5


def headline(run: Run) -> str:
    """What was found: a saving of labels where the metric is accuracy, else a difference."""
    unfinished = not all(is_finished(run, chain) for chain in run.chains)
    grouped = started(run)
    if not grouped:
        return "Nothing has been measured yet."
    found = (
        _saving_sentence(run, grouped)
        or _area_sentence(run)
        or _posterior_sentence(run)
        or _final_sentence(run)
    )
    found += _caution(run, found)
    return f"So far, with the run unfinished: {found}" if unfinished else found


def _caution(run: Run, said: str) -> str:
    """What keeps a reader from believing more than so few seeds and steps can show."""
    shared = of_shared_seeds(run)
    if len(started(shared)) < 2 or said.endswith(_MODEST):
        return ""
    points = min(len(chain.steps) for chain in started_chains(shared))
    seeds = min(len(chains) for chains in started(shared).values())
    text = (
        f" The shortest curve has only {counted(points, 'point')}." if points < _FEW_POINTS else ""
    )
    if seeds == 1:
        return f"{text} One seed: the difference may be chance."
    if seeds < seeds_needed(1):
        return f"{text} No test can establish a difference with {seeds} seeds."
    return text


def _saving_sentence(run: Run, grouped: _Grouped) -> str | None:
    """The best saving at 5 %, else 10 %, else 2 % error; `None` where none is known."""
    baseline = baseline_arm(run)
    if baseline is None or baseline not in grouped or primary_metric(run).name != "accuracy":
        return None
    for threshold in (0.05, 0.10, 0.02):
        known = {
            arm: saving
            for arm, chains in grouped.items()
            if arm != baseline
            and (saving := label_saving(chains, grouped[baseline], threshold)).mean is not None
            and saving.bound != "at most"
        }
        if known:
            best = max(known, key=lambda arm: known[arm].mean or 0)
            spread: Spread = "none" if by_split(run) else "std"
            ours, theirs = (
                labels_written(crossings(grouped[arm], threshold), grouped[arm], spread)
                for arm in (best, baseline)
            )
            needed = (
                f"{best} needed {ours} labels to reach {100 * threshold:g} % test error and stay "
                f"there; {baseline} needed {theirs}"
            )
            return f"{needed}, {_times_as_many(known[best])}"
    return None


def _times_as_many(saving: Saving) -> str:
    mean = saving.mean or 0
    least = "at least " if saving.bound == "at least" else ""
    span = "" if saving.bound != "exact" else "no interval, "
    if saving.interval is not None:
        low, high = saving.interval
        span = f"95 % interval {low:.2f} to {high:.2f}, "
    text = f"{least}{mean:.2f} times as many ({span}{counted(len(saving.by_seed), 'seed')})."
    if mean <= 1 and saving.bound == "exact":
        text += " No labels were saved."
    elif saving.interval is not None and saving.interval[0] <= 1:
        text += " The interval includes 1, so the saving is not established."
    return text


def _area_sentence(run: Run) -> str | None:
    """The best difference over the whole curve; `None` where the final values say enough.

    They do for accuracy, unless all arms have the same images in the end.
    """
    metric, chains = primary_metric(run), started_chains(run)
    until = last_common_labels(chains)
    known = [c for c in comparisons(run) if c.mean is not None]
    if until is None or not known:
        return None
    if metric.name == "accuracy" and not labelled_alike(chains, until):
        return None
    best = max(known, key=lambda c: metric.gain(c.mean or 0))
    means = [
        float(np.mean([areas[seed] for seed in best.differences]))
        for areas in (best.areas, best.baseline_areas)
    ]
    ours, other = (f"{metric.factor * m:.{metric.digits}f}{metric.unit}" for m in means)
    first = min(chain.steps[0].labels for chain in chains)
    others = "" if len(known) == 1 else f", the best of {len(known)} arms,"
    return (
        f"Over the curve from {first} to {until} labels, {best.arm}{others} has a mean test "
        f"{metric.title} of {ours}, {best.baseline} of {other}: {_difference(best)}"
    )


def _posterior_sentence(run: Run) -> str | None:
    """Dropout against the deterministic network, function by function; `None` without both."""
    known = [c for c in posterior_comparisons(run) if c.mean is not None]
    if not known:
        return None
    metric, chains = primary_metric(run), started_chains(run)
    first = min(chain.steps[0].labels for chain in chains)
    each = listed([f"{c.arm} {difference_written(c.mean, c.interval, metric)}" for c in known])
    points = " in per cent points" if metric.factor == 100 else ""
    seeds = counted(max(len(c.differences) for c in known), "seed")
    return (
        f"Over the curve from {first} to {last_common_labels(chains)} labels, the mean test "
        f"{metric.title} with dropout minus that of the deterministic network is{points}: {each} "
        f"({seeds})."
    )


def _difference(found: Comparison) -> str:
    """`2.20 points higher (95 % interval 0.50 to 3.10, 6 seeds).`, and what that proves."""
    metric, mean = found.metric, found.mean or 0
    size, sign = metric.factor * abs(mean), np.sign(mean) * metric.factor
    points = " points" if metric.factor == 100 else ""
    span = "no interval"
    if found.interval is not None:
        low, high = sorted(float(sign * end) for end in found.interval)
        span = f"95 % interval {low:.{metric.digits}f} to {high:.{metric.digits}f}"
    way = "higher" if mean > 0 else "lower" if mean < 0 else "apart"
    text = f"{size:.{metric.digits}f}{points} {way} ({span}, "
    text = f"{text}{counted(len(found.differences), 'seed')}).".replace("-", "−")
    if metric.gain(mean) <= 0:
        return f"{text} Nothing was gained over random acquisition."
    if found.interval is not None and found.interval[0] <= 0 <= found.interval[1]:
        return f"{text} The interval includes 0, so the difference is not established."
    return text


def _final_sentence(run: Run) -> str:
    """Which arm ends best, where labels cannot be compared."""
    metric, shared = primary_metric(run), of_shared_seeds(run)
    at, grouped = last_common_labels(started_chains(shared)), started(shared)
    ends = {arm: final(chains, metric.name, at=at) for arm, chains in grouped.items()}
    known = {arm: end for arm, end in ends.items() if end is not None and np.isfinite(end.mean)}
    if at is None or not known:
        return "the arms have no label count in common yet."
    if len(known) > 1 and not any(
        s.acquired for c in shared.chains for s in c.steps if s.labels < at
    ):
        return f"With {at} labels {_NONE_ASKED}"
    best = (min if metric.lower else max)(end.mean for end in known.values())
    names = [arm for arm, end in known.items() if end.mean == best]
    end = known[names[0]]
    spread: Spread = "none" if by_split(run) else "std"
    value = written(end, metric.factor, metric.digits, spread) + metric.unit
    if len(names) > 1:
        return f"With {at} labels, {listed(names)} have the best test {metric.title}, {value}."
    seeds = counted(end.seeds, "seed")
    rest = "" if len(known) == 1 else f", the best of {len(known)} arms"
    return f"With {at} labels, {names[0]} has a test {metric.title} of {value} ({seeds}){rest}."
