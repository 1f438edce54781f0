import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from askwell.experiment import progress as module
from askwell.experiment.progress import LiveProgress
from askwell.experiment.spec import Spec
from askwell.records import Chain, StepRecord, Training

SPEC = Spec("tiny", initial=10, query_size=5, budget=20)  # three steps
BALD = Chain("bald", 0, (), (), ())
RANDOM = Chain("random/deterministic", 1, (), (), ())


def grown(chain: Chain, steps: int, **metrics: float) -> Chain:
    measured = metrics or {"accuracy": 0.875}
    records = [
        StepRecord(i, 10 + 5 * i, measured, (), (), (), Training(10 + 5 * i, 5, 1.0, 0.05), {})
        for i in range(steps)
    ]
    return replace(chain, steps=tuple(records))


def shown(
    *chains: Chain, before: tuple[Chain, ...] = (BALD, RANDOM), spec: Spec = SPEC, jobs: int = 2,
    **options: object,
) -> str:  # fmt: skip
    """What is printed while these chains are reported, one after the other."""
    text = io.StringIO()
    console = Console(file=text, width=100, **options)  # type: ignore[arg-type]
    with LiveProgress(console) as progress:
        progress.begin(spec, before, jobs)
        for chain in chains:
            progress.step(chain)
    return text.getvalue()


def test_a_log_file_gets_a_line_a_step():
    output = shown(grown(BALD, 1), grown(RANDOM, 1), grown(BALD, 2))
    first, *rest = output.splitlines()
    assert first == "tiny: 2 chains of 3 steps; 2 processes."
    assert [line.rpartition(", ")[0] for line in rest] == [
        "bald seed 0: 10/20 labels, accuracy 87.5%; step 1/6",
        "random/deterministic seed 1: 10/20 labels, accuracy 87.5%; step 2/6",
        "bald seed 0: 15/20 labels, accuracy 87.5%; step 3/6",
    ]
    assert all(re.search(r", \d+ (s|min) left$", line) for line in rest)
    assert "\x1b" not in output


def test_the_last_line_says_that_it_is_done():
    before = (grown(BALD, 2), grown(RANDOM, 3))
    output = shown(grown(BALD, 3), before=before, jobs=1)
    assert output.splitlines() == [
        "tiny: 2 chains of 3 steps, 5 done before; 1 process.",
        "bald seed 0: 20/20 labels, accuracy 87.5%; step 6/6, done",
    ]


def test_one_is_not_written_as_many():
    spec = replace(SPEC, budget=10)
    assert shown(before=(BALD,), spec=spec, jobs=1) == "tiny: 1 chain of 1 step; 1 process.\n"


def test_another_metric_stands_where_there_is_no_accuracy():
    assert "bald seed 0: 10/20 labels, rmse 0.123; " in shown(grown(BALD, 1, rmse=0.1234))


def test_the_time_left_is_from_the_steps_of_this_start_alone(monkeypatch):
    now = 1000.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    text = io.StringIO()
    progress = LiveProgress(Console(file=text, width=100))
    progress.begin(SPEC, [grown(BALD, 1), RANDOM], 1)
    now += 30
    progress.step(grown(BALD, 2))  # four steps left
    now += 30
    progress.step(grown(BALD, 3))  # three steps left
    lines = text.getvalue().splitlines()
    assert lines[1].endswith("step 2/6, 2 min left")
    assert lines[2].endswith("step 3/6, 2 min left")
    now += 0
    assert progress._time_left(5) == "15 s left"


def test_a_terminal_gets_bars():
    output = shown(grown(BALD, 2), force_terminal=True)
    assert "\x1b[" in output
    last = output.rpartition("bald ")[2]
    assert "15/20 labels" in last
    assert "accuracy 87.5%" in last
    assert "0/20 labels" in last
    assert "starting" in last
    assert "all" in last
    assert "step 2/6" not in output


def test_the_bars_of_a_run_that_goes_on_begin_where_it_was():
    output = shown(before=(grown(BALD, 2), RANDOM), force_terminal=True)
    assert "2 done before" in output
    assert "15/20 labels" in output.rpartition("bald ")[2]


def test_a_terminal_that_cannot_move_its_cursor_gets_lines(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    output = shown(grown(BALD, 1), force_terminal=True)
    assert "bald seed 0: 10/20 labels, accuracy 87.5%; step 1/6" in output
    assert "━" not in output


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("name", ["[red]", "[bold", "[link=x]y", ":bug:"])
def test_a_name_with_brackets_is_printed_as_it_is(name, terminal):
    output = shown(grown(BALD, 1), spec=replace(SPEC, name=name), force_terminal=terminal)
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", output)
    assert f"{name}: 2 chains" in plain


def test_a_name_longer_than_the_terminal_stays_on_its_line():
    spec = replace(SPEC, name="long " * 30)
    assert len(shown(spec=spec).splitlines()) == 1
