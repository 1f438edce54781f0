"""What a person sees while a run goes on: one bar a chain, or one line a step in a log file."""

from collections import deque
from collections.abc import Sequence
from statistics import median
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text

from askwell.experiment.spec import Spec
from askwell.records import Chain

_RECENT = 5
"""Steps of an arm whose median time stands for the next ones: later steps may take longer."""


class LiveProgress:
    """Live bars on a terminal: arm, seed, labels, accuracy, time left; plain lines elsewhere."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._bars_drawn = console.is_terminal and not console.is_dumb_terminal
        self._bars: dict[tuple[str, int], TaskID] = {}
        self._left: dict[tuple[str, int], int] = {}  # steps of each chain
        self._begun: set[tuple[str, int]] = set()  # chains that had a step in this start
        self._times: dict[str, deque[float]] = {}  # seconds of the last further steps of each arm
        self._budget, self._jobs = 0, 1
        self._each, self._total = 0, 0  # steps of a chain, and of all
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[labels]:>18}"),
            TextColumn("{task.fields[quality]:>15}"),
            console=console,
            disable=not self._bars_drawn,
        )
        self._all: TaskID | None = None
        self._tenth = -1  # of the features, that a log file was told of

    def __enter__(self) -> "LiveProgress":
        """Say at once, on a terminal, what is going on: the data may take a while."""
        self._progress.start()
        self._all = self._progress.add_task("loading the data", total=None, labels="", quality="")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end_loading()
        self._progress.stop()

    def features(self, done: int, total: int) -> None:
        """Show how far the features are that are computed before the first step."""
        if self._all is not None and self._bars_drawn:
            self._progress.update(
                self._all, description=f"features {done}/{total}", completed=done, total=total
            )
            return
        tenth = 10 * done // total
        if tenth != self._tenth or done == total:
            self.console.print(f"features {done}/{total}", highlight=False)
        self._tenth = tenth

    def begin(self, spec: Spec, chains: Sequence[Chain], jobs: int) -> None:
        """Draw the bars, filled as far as earlier records reach."""
        self._budget, self._jobs = spec.budget, jobs
        self._each, self._total = spec.steps, spec.steps * len(chains)
        self._left = {(c.arm, c.seed): self._each - len(c.steps) for c in chains}
        self._times = {c.arm: deque(maxlen=_RECENT) for c in chains}
        self._end_loading()
        done = self._done
        state = f", {done} done before" if done else ""
        self.console.print(
            Text.assemble(
                (spec.name, "bold"),
                f": {_counted(len(chains), 'chain')} of {_counted(spec.steps, 'step')}{state}; "
                f"{_counted(jobs, 'process', 'es')}.",
            ),
            soft_wrap=True,
        )
        if not self._bars_drawn:
            if done < self._total:
                self.console.print("The first steps take longest: everything is started up.")
            return
        width = max(len(c.arm) for c in chains)
        for chain in chains:
            self._bars[chain.arm, chain.seed] = self._progress.add_task(
                f"{chain.arm:<{width}} seed {chain.seed}",
                total=spec.steps,
                completed=len(chain.steps),
                labels=_labels(chain, spec.budget),
                quality=_quality(chain),
            )
        state = self._state() or "first steps"
        self._all = self._progress.add_task(
            "all", total=self._total, completed=done, labels="", quality=state
        )

    def step(self, chain: Chain) -> None:
        """Advance a chain's bar, or print its line."""
        key = (chain.arm, chain.seed)
        self._left[key] = self._each - len(chain.steps)
        if key in self._begun:  # a first step is no measure: starting up is in it
            self._times[chain.arm].append(sum(chain.steps[-1].seconds.values()))
        self._begun.add(key)
        if self._bars_drawn and self._all is not None:
            self._progress.update(
                self._bars[key],
                completed=len(chain.steps),
                labels=_labels(chain, self._budget),
                quality=_quality(chain),
            )
            state = self._state() or "first steps"
            self._progress.update(self._all, completed=self._done, quality=state)
        else:
            state = self._state()
            self.console.print(
                f"{chain.arm} seed {chain.seed}: {_labels(chain, self._budget)}, "
                f"{_quality(chain)}; step {self._done}/{self._total}{state and ', ' + state}",
                highlight=False,
                soft_wrap=True,
            )

    def _end_loading(self) -> None:
        """No bar of it is left behind, also where nothing begins."""
        if not self._bars and self._all is not None:
            self._progress.remove_task(self._all)
            self._progress.refresh()
            self._all = None

    @property
    def _done(self) -> int:
        return self._total - sum(self._left.values())

    def _state(self) -> str:
        """That all is done, or how long it will take; nothing while that is not known."""
        if self._done >= self._total:
            return "done"
        seconds = self._time_left()
        if seconds is None:
            return ""
        return f"{seconds / 60:.0f} min left" if seconds >= 90 else f"{seconds:.0f} s left"

    def _time_left(self) -> float | None:
        """From recent steps; None until each arm that goes on had a second one in this start.

        The steps of one chain follow each other, those of several share the processes.
        """
        running = {key: left for key, left in self._left.items() if left}
        if not all(self._times[arm] for arm, _ in running):
            return None
        each = {arm: median(times) for arm, times in self._times.items() if times}
        chains = [left * each[arm] for (arm, _), left in running.items()]
        return max([*chains, sum(chains) / self._jobs])


def _counted(number: int, what: str, plural: str = "s") -> str:
    return f"{number} {what}{'' if number == 1 else plural}"


def _labels(chain: Chain, budget: int) -> str:
    return f"{chain.steps[-1].labels if chain.steps else 0}/{budget} labels"


def _quality(chain: Chain) -> str:
    if not chain.steps:
        return "starting"
    metrics = chain.steps[-1].metrics
    name = "accuracy" if "accuracy" in metrics else next(iter(metrics), "")
    value = metrics.get(name, float("nan"))
    return f"accuracy {value:.1%}" if name == "accuracy" else f"{name} {value:.3g}"
