"""How fast labels come in: over the last minutes of work, not of the clock."""

import time
from collections import deque
from threading import Lock

_WINDOW = 300.0  # seconds looked back on
_PAUSE = 60.0  # a longer gap is a pause, not slow work
_FEWEST = 3


class Pace:
    """Labels a minute of each annotator since the page was started."""

    def __init__(self) -> None:
        self._times: dict[int, deque[float]] = {}
        self._lock = Lock()

    def note(self, annotator: int, labels: int, now: float | None = None) -> None:
        """So many labels have just come in."""
        moment = time.monotonic() if now is None else now
        with self._lock:
            times = self._times.setdefault(annotator, deque(maxlen=1000))
            times.extend([moment] * labels)

    def a_minute(self, annotator: int, now: float | None = None) -> float | None:
        """Labels a minute; None after a pause, or before there are a few."""
        moment = time.monotonic() if now is None else now
        with self._lock:
            times = list(self._times.get(annotator, ()))
        recent: list[float] = []
        last = moment
        for each in reversed(times):
            if last - each > _PAUSE or moment - each > _WINDOW:
                break
            recent.append(each)
            last = each
        if len(recent) < _FEWEST or moment - recent[-1] <= 0:
            return None
        return 60 * (len(recent) - 1) / (moment - recent[-1])
