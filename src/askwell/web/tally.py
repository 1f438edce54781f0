"""Counts of a project, as fresh as they can be had without making anybody wait.

Counting goes through all that was decided: with 20 000 labels it takes longer than an image may.
So it is done again only when something was decided; and in a large project beside the answer and
not before it, once twenty times its own cost has passed. Which way a project goes depends on its
size alone, not on how busy the machine is.
"""

import threading
import time
from collections.abc import Callable

from askwell.store import Counts

_SHARE = 20  # at most a twentieth of the time is spent on counting
_SMALL = 2_000  # images and answers that are counted before anybody notices: some 10 ms


class Tally:
    """Keeps the last counts; `touch` says that they are out of date."""

    def __init__(self, count: Callable[[], Counts]) -> None:
        self._count = count
        self._lock = threading.Lock()
        self._cost = 0.0
        self._made_at = 0.0
        self._counts: Counts | None = None
        self._stale = True

    def touch(self) -> None:
        """Something was decided, or an image became unreadable."""
        self._stale = True

    def exact(self) -> Counts:
        """The counts at this moment."""
        with self._lock:
            return self._make()

    def recent(self) -> Counts:
        """The counts of this moment in a small project, else of a moment ago."""
        counts = self._counts
        if counts is None:
            return self.exact()
        if not self._stale:
            return counts
        if counts.items + counts.decisions <= _SMALL:
            return self.exact()
        rested = time.monotonic() - self._made_at >= _SHARE * self._cost
        if rested and self._lock.acquire(blocking=False):
            threading.Thread(target=self._refresh, daemon=True).start()
        return counts

    def _refresh(self) -> None:
        try:
            self._make()
        finally:
            self._lock.release()

    def _make(self) -> Counts:
        self._stale = False  # what is decided from here on may not be in it
        begun = time.monotonic()
        self._counts = self._count()
        self._made_at = time.monotonic()
        self._cost = self._made_at - begun
        return self._counts
