"""Counts are exact in a small project, however slow the machine; in a large one nobody waits."""

import threading
import time

from askwell.store import Counts
from askwell.web.tally import Tally


def counts(items: int, labelled: int = 0) -> Counts:
    """Of a project with so many images."""
    return Counts(
        items=items, duplicates=0, unreadable=0, vanished=0, labelled=labelled, disputed=0,
        decisions=labelled, unsure=0, bad=0, later=0, flagged=0, per_class={}, holdout=0,
        holdout_labelled=0,
    )  # fmt: skip


def test_a_small_project_is_counted_at_once_even_where_counting_is_slow():
    now = [0]

    def slow() -> Counts:
        time.sleep(0.05)
        return counts(60, now[0])

    tally = Tally(slow)
    assert tally.recent().labelled == 0
    for now[0] in (1, 2):
        tally.touch()
        assert tally.recent().labelled == now[0]


def test_it_is_not_counted_again_when_nothing_was_decided():
    calls: list[int] = []
    tally = Tally(lambda: calls.append(1) or counts(60))  # type: ignore[func-returns-value]
    for _ in range(3):
        tally.recent()
    assert len(calls) == 1


def test_a_large_project_is_answered_with_the_last_counts_and_counted_beside():
    now, may = [0], threading.Event()
    may.set()

    def count() -> Counts:
        assert may.wait(10)
        return counts(100_000, now[0])

    tally = Tally(count)
    assert tally.recent().labelled == 0
    may.clear()
    now[0] = 1
    tally.touch()
    deadline = time.monotonic() + 10
    assert tally.recent().labelled == 0, "somebody waited for the count"
    may.set()
    while tally.recent().labelled != 1 and time.monotonic() < deadline:
        time.sleep(0.001)
    assert tally.exact().labelled == 1
