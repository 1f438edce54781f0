import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from askwell.experiment.progress import LiveProgress
from askwell.experiment.spec import Spec
from askwell.records import Chain, StepRecord, Training

SPEC = Spec("tiny", initial=10, query_size=5, budget=20)  # three steps
BALD = Chain("bald", 0, (), (), ())
RANDOM = Chain("random/deterministic", 1, (), (), ())


def grown(chain: Chain, steps: int, seconds: float = 1.0, **metrics: float) -> Chain:
    """The chain after so many steps, each of which took so long."""
    measured = metrics or {"accuracy": 0.875}
    times = {"train": seconds / 2, "evaluate": seconds / 4, "score": seconds / 4}
    records = [
        StepRecord(i, 10 + 5 * i, measured, (), (), (), Training(10 + 5 * i, 5, 1.0, 0.05), times)
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


STARTING = "The first steps take longest: everything is started up."


def test_a_log_file_gets_a_line_a_step():
    output = shown(grown(BALD, 1), grown(RANDOM, 1), grown(BALD, 2), grown(RANDOM, 2))
    first, starting, *rest = output.splitlines()
    assert first == "tiny: 2 chains of 3 steps; 2 processes."
    assert starting == STARTING
    assert rest == [
        "bald seed 0: 10/20 labels, accuracy 87.5%; step 1/6",
        "random/deterministic seed 1: 10/20 labels, accuracy 87.5%; step 2/6",
        "bald seed 0: 15/20 labels, accuracy 87.5%; step 3/6",
        "random/deterministic seed 1: 15/20 labels, accuracy 87.5%; step 4/6, 1 s left",
    ]
    assert "\x1b" not in output


def test_the_last_line_says_that_it_is_done():
    before = (grown(BALD, 2), grown(RANDOM, 3))
    output = shown(grown(BALD, 3), before=before, jobs=1)
    assert output.splitlines() == [
        "tiny: 2 chains of 3 steps, 5 done before; 1 process.",
        STARTING,
        "bald seed 0: 20/20 labels, accuracy 87.5%; step 6/6, done",
    ]


def test_one_is_not_written_as_many():
    spec = replace(SPEC, budget=10)
    header = shown(before=(BALD,), spec=spec, jobs=1).splitlines()[0]
    assert header == "tiny: 1 chain of 1 step; 1 process."


def test_nothing_starts_where_all_is_done():
    output = shown(before=(grown(BALD, 3), grown(RANDOM, 3)))
    assert output == "tiny: 2 chains of 3 steps, 6 done before; 2 processes.\n"


def test_another_metric_stands_where_there_is_no_accuracy():
    assert "bald seed 0: 10/20 labels, rmse 0.123; " in shown(grown(BALD, 1, rmse=0.1234))


LONG = replace(SPEC, budget=510)  # 101 steps a chain


def last_remark(*chains: Chain, **options: object) -> str:
    return shown(*chains, spec=LONG, **options).splitlines()[-1].rpartition("; step ")[2]


def course(chain: Chain, *seconds: float, begin: int = 0) -> list[Chain]:
    return [grown(chain, begin + i + 1, s) for i, s in enumerate(seconds)]


def test_a_first_step_in_which_everything_starts_is_no_measure():
    assert last_remark(*course(BALD, 60.0), before=(BALD,), jobs=1) == "1/101"
    assert last_remark(*course(BALD, 60.0, 0.5), before=(BALD,), jobs=1) == "2/101, 50 s left"


def test_so_it_is_in_a_run_that_goes_on():
    before = (grown(BALD, 51, 1000.0),)
    assert last_remark(*course(BALD, 60.0, begin=51), before=before, jobs=1) == "52/101"
    steps = course(BALD, 60.0, 0.5, begin=51)
    assert last_remark(*steps, before=before, jobs=1) == "53/101, 24 s left"


def test_the_time_left_is_from_the_median_of_the_last_five():
    slow_once = course(BALD, 60.0, 9.0, 9.0, 9.0, 1.0, 1.0, 300.0, 2.0, 2.0)  # median of 5: 2 s
    assert last_remark(*slow_once, before=(BALD,), jobs=1) == "9/101, 3 min left"


def test_each_arm_that_goes_on_must_have_had_a_second_step():
    bald, more = course(BALD, 9.0, 1.0), course(RANDOM, 9.0, 0.25)
    assert last_remark(*bald, *more[:1]) == "3/202"
    # 99 steps of 1 s and 99 of ¼ s: the first chain alone takes as long with any number of jobs.
    assert last_remark(*bald, *more, jobs=2) == "4/202, 2 min left"  # 99 s
    assert last_remark(*bald, *more, jobs=1) == "4/202, 2 min left"  # 124 s
    done = grown(RANDOM, 101, 50.0)
    assert last_remark(*bald, before=(BALD, done), jobs=2) == "103/202, 2 min left"


def test_chains_of_an_arm_share_the_processes_and_their_times():
    chains = [replace(BALD, seed=seed) for seed in range(4)]
    steps = [grown(c, 1, 9.0) for c in chains] + [grown(chains[0], 2, 0.5)]
    left = {1: "3 min left", 2: "2 min left", 4: "50 s left", 8: "50 s left"}  # 199.5, 99.75, 50 s
    for jobs, remark in left.items():
        assert last_remark(*steps, before=tuple(chains), jobs=jobs) == f"5/404, {remark}"


def test_a_terminal_shows_at_once_that_the_data_are_loaded_and_leaves_no_bar_of_that():
    text = io.StringIO()
    with LiveProgress(Console(file=text, width=100, force_terminal=True)) as progress:
        progress._progress.refresh()
        assert "loading the data" in text.getvalue()
        text.truncate(0)
        progress.begin(SPEC, (BALD, RANDOM), 1)
        progress._progress.refresh()
        last = text.getvalue().rpartition("2 chains")[2]
        assert "loading" not in last
        assert "first steps" in last
    failed = LiveProgress(Console(file=text, width=100, force_terminal=True))
    with failed:
        pass
    assert failed._progress.tasks == []
    failed.__exit__(None, None, None)


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
    assert shown(spec=spec).splitlines()[1:] == [STARTING]


def test_features_that_are_being_computed_have_a_bar_on_a_terminal():
    text = io.StringIO()
    with LiveProgress(Console(file=text, width=100, force_terminal=True)) as progress:
        progress.features(128, 900)
        progress._progress.refresh()
        assert "features 128/900" in text.getvalue()
        progress.features(8, 379)  # of the test set
        progress._progress.refresh()
        assert "features 8/379" in text.getvalue()
        text.truncate(0)
        progress.begin(SPEC, (BALD, RANDOM), 1)
        progress._progress.refresh()
        assert "features" not in text.getvalue().rpartition("2 chains")[2]


def test_a_log_file_is_told_of_features_at_once_and_ten_times_more():
    text = io.StringIO()
    with LiveProgress(Console(file=text, width=100)) as progress:
        for done in range(8, 808, 8):
            progress.features(done, 800)
        progress.features(5, 5)
    lines = text.getvalue().splitlines()
    tenths = [f"features {80 * i}/800" for i in range(1, 11)]
    assert lines == ["features 8/800", *tenths, "features 5/5"]
