"""What a person sees while a run goes on: one bar a chain, or one line a step in a log file."""

import time
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text

from askwell.experiment.spec import Spec
from askwell.records import Chain


class LiveProgress:
    """Live bars on a terminal: arm, seed, labels, accuracy, time left; plain lines elsewhere."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._bars_drawn = console.is_terminal and not console.is_dumb_terminal
        self.started = time.monotonic()
        self.done_before = 0
        self._bars: dict[tuple[str, int], TaskID] = {}
        self._steps: dict[tuple[str, int], int] = {}
        self._budget = 0
        self._total = 0
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[labels]:>11} labels"),
            TextColumn("{task.fields[quality]:>15}"),
            console=console,
            disable=not self._bars_drawn,
        )
        self._all: TaskID | None = None

    def __enter__(self) -> "LiveProgress":
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def begin(self, spec: Spec, chains: Sequence[Chain], jobs: int) -> None:
        """Draw the bars, filled as far as earlier records reach."""
        self._budget = spec.budget
        self._total = spec.steps * len(chains)
        self._steps = {(c.arm, c.seed): len(c.steps) for c in chains}
        self.done_before = sum(self._steps.values())
        self.started = time.monotonic()
        state = f", {self.done_before} done before" if self.done_before else ""
        self.console.print(
            Text.assemble(
                (spec.name, "bold"),
                f": {_counted(len(chains), 'chain')} of {_counted(spec.steps, 'step')}{state}; "
                f"{_counted(jobs, 'process', 'es')}.",
            ),
            soft_wrap=True,
        )
        width = max(len(c.arm) for c in chains)
        for chain in chains:
            self._bars[chain.arm, chain.seed] = self._progress.add_task(
                f"{chain.arm:<{width}} seed {chain.seed}",
                total=spec.steps,
                completed=len(chain.steps),
                labels=_labels(chain, spec.budget),
                quality=_quality(chain),
            )
        self._all = self._progress.add_task(
            "all", total=self._total, completed=self.done_before, labels="", quality=""
        )

    def step(self, chain: Chain) -> None:
        """Advance a chain's bar, or print its line."""
        key = (chain.arm, chain.seed)
        self._steps[key] = len(chain.steps)
        done = sum(self._steps.values())
        left = self._time_left(done)
        if self._bars_drawn and self._all is not None:
            self._progress.update(
                self._bars[key],
                completed=len(chain.steps),
                labels=_labels(chain, self._budget),
                quality=_quality(chain),
            )
            self._progress.update(self._all, completed=done, quality=left)
        else:
            self.console.print(
                f"{chain.arm} seed {chain.seed}: {_labels(chain, self._budget)} labels, "
                f"{_quality(chain)}; step {done}/{self._total}, {left}",
                highlight=False,
                soft_wrap=True,
            )

    def _time_left(self, done: int) -> str:
        """From the mean time of the steps of this start; later steps may take longer."""
        new = done - self.done_before
        if done >= self._total:
            return "done"
        seconds = (time.monotonic() - self.started) / max(1, new) * (self._total - done)
        return f"{seconds / 60:.0f} min left" if seconds >= 90 else f"{seconds:.0f} s left"


def _counted(number: int, what: str, plural: str = "s") -> str:
    return f"{number} {what}{'' if number == 1 else plural}"


def _labels(chain: Chain, budget: int) -> str:
    return f"{chain.steps[-1].labels if chain.steps else 0}/{budget}"


def _quality(chain: Chain) -> str:
    if not chain.steps:
        return "starting"
    metrics = chain.steps[-1].metrics
    name = "accuracy" if "accuracy" in metrics else next(iter(metrics), "")
    value = metrics.get(name, float("nan"))
    return f"accuracy {value:.1%}" if name == "accuracy" else f"{name} {value:.3g}"
