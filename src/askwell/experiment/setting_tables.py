"""The tables of how a run went and how it was set: time, weight decay, spec, environment."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from askwell.experiment.facts import chose_weight_decay, integer, started
from askwell.experiment.statistics import PHASES, step_seconds
from askwell.experiment.tables import Table
from askwell.experiment.writing import DASH
from askwell.records import Run


def time_table(run: Run) -> Table | None:
    """Seconds a step in each phase, and their sum."""
    rows = []
    for arm, chains in started(run).items():
        seconds = step_seconds(chains)
        parts = [f"{seconds[p]:.2f}" if p in seconds else DASH for p in PHASES]
        rows.append((arm, *parts, f"{sum(seconds.values()):.2f}"))
    caption = "Seconds, mean over all steps of all seeds; scoring over the steps that asked."
    header = ("arm", *PHASES, "together")
    return Table("Time a step", caption, header, tuple(rows)) if rows else None


def weight_decay_table(run: Run) -> Table | None:
    """The weight decay of each step of each chain, as runs of equal choices."""
    rows = []
    for arm, chains in started(run).items():
        for chain in chains:
            by_choice = itertools.groupby(chain.steps, key=lambda s: s.training.weight_decay)
            spans = [(decay, [step.labels for step in steps]) for decay, steps in by_choice]
            text = ", ".join(f"{d:g} ({_span(labels)})" for d, labels in spans)
            rows.append((arm, str(chain.seed), text))
    origin = "as the specification has it: there was one, so none was chosen"
    if chose_weight_decay(run):
        origin = f"chosen on the {integer(run, 'validation')} validation images"
    caption = (
        f"The constant c of the penalty c / N · ‖W‖², {origin}, with the label counts at which it "
        "was in use."
    )
    return Table("Weight decay", caption, ("arm", "seed", "c (labels)"), tuple(rows))


def settings_table(title: str, caption: str, settings: Mapping[str, object]) -> Table | None:
    """A mapping as two columns; nested mappings become dotted names."""
    rows = tuple(_flattened(settings))
    return Table(title, caption, ("key", "value"), rows) if rows else None


def _flattened(settings: Mapping[str, object], prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for key, value in settings.items():
        if isinstance(value, Mapping):
            rows += _flattened(value, f"{prefix}{key}.")
        elif isinstance(value, Sequence) and not isinstance(value, str):
            rows.append((f"{prefix}{key}", ", ".join(map(str, value))))
        else:
            rows.append((f"{prefix}{key}", DASH if value is None else str(value)))
    return rows


def _span(labels: Sequence[int]) -> str:
    return str(labels[0]) if len(labels) == 1 else f"{np.min(labels)}–{np.max(labels)}"
