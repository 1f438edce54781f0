"""Which image is next for an annotator: found by indices, never by a walk through all images.

Contents are ordered by `key`, which is uniform and known to nobody beforehand. Those below
`holdout_share` are the reserve: shown in that order, they are a uniform random sample of the
project at every moment. The others are the model's to choose from.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from askwell.store import classes, leases, parsing
from askwell.store.chance import uniform
from askwell.store.records import ANSWERS, Offer, Settings

_MOST = 100

_FREE = """
  c.open
  AND NOT EXISTS (SELECT 1 FROM lease AS l
    WHERE l.content = c.id AND (l.annotator = :annotator OR l.expires > :now))
"""
"""Contents `c` that somebody has to label, and that nobody is labelling."""

_NEW = f"""
  {_FREE}
  AND NOT EXISTS (SELECT 1 FROM current AS x
    WHERE x.content = c.id AND x.annotator = :annotator AND x.kind IN ('label', 'unsure', 'later'))
"""
"""Of these, contents that the annotator has not answered."""

_DRAWN = "c.id, c.item, 'random', NULL, '', NULL"

_RESERVED = f"""
SELECT {_DRAWN} FROM content AS c
WHERE c.open AND c.key < :reserve AND {_NEW} ORDER BY c.key LIMIT 1
"""

_RANKED = f"""
SELECT c.id, c.item, r.stream, r.version, r.acquisition, ranked.score
FROM ranked
CROSS JOIN item ON item.id = ranked.item
CROSS JOIN content AS c ON c.id = item.content
JOIN ranking AS r ON r.version = (SELECT max(version) FROM ranking)
WHERE c.key >= :reserve AND {_NEW} ORDER BY ranked.position LIMIT 1
"""

_UNRANKED = f"""
SELECT c.id, c.item, 'cold', NULL, '', NULL FROM content AS c
WHERE c.open AND c.key >= :reserve AND {_NEW} ORDER BY c.key LIMIT 1
"""

_SECOND = f"""
SELECT c.id, c.item, CASE WHEN c.key < :reserve THEN 'random' ELSE 'cold' END, NULL, '', NULL
FROM content AS c WHERE c.open AND c.votes > 0 AND {_NEW} ORDER BY c.key LIMIT 1
"""

_LATER = f"""
SELECT c.id, c.item, e.stream, e.ranking, e.acquisition, e.score
FROM current AS x
CROSS JOIN content AS c ON c.id = x.content
CROSS JOIN event AS e ON e.seq = x.answer
WHERE x.annotator = :annotator AND x.kind = 'later' AND x.answer < :before AND {_FREE}
AND NOT EXISTS (SELECT 1 FROM current AS y WHERE y.content = c.id AND y.annotator = :annotator
  AND y.kind IN ('label', 'unsure'))
ORDER BY x.answer LIMIT 1
"""

_TURN = f"""
SELECT seq FROM event WHERE annotator = ? AND kind IN {ANSWERS}
ORDER BY seq DESC LIMIT 1 OFFSET ?
"""

_ALL = 2**62


@dataclass(frozen=True, slots=True)
class _Choice:
    """An image before it is leased."""

    content: int
    offer: Offer


def offer(
    db: sqlite3.Connection, annotator: int, n: int, settings: Settings, now: float
) -> list[Offer]:
    """The next images of an annotator, kept for them from now on; those that they have first.

    Raises:
        InputError: n is out of range.
        LabelError: no such annotator.
    """
    parsing.integer(n, "The number of images", least=1, most=_MOST)
    classes.check_annotator(db, annotator)
    expires = now + settings.lease_seconds
    leases.renew(db, annotator, expires)
    missing = n - len(leases.held(db, annotator))
    for _ in range(missing):
        choice = _next(db, annotator, settings, now, expires)
        if choice is None:
            break
        leases.give(db, annotator, choice.content, choice.offer)
    return leases.held(db, annotator)[:n]


def stream_at(settings: Settings, number: int) -> str:
    """What offer number `number` is to be: "random", "second" (opinion) or "active".

    A seeded function of the number alone, so that neither the labels nor the model decide it.
    """
    u = uniform(settings.seed, "stream", number)
    if u < settings.holdout_share:
        return "random"
    rest = (u - settings.holdout_share) / (1 - settings.holdout_share)
    return "second" if rest < settings.overlap_share else "active"


def _next(
    db: sqlite3.Connection, annotator: int, settings: Settings, now: float, expires: float
) -> _Choice | None:
    def first(query: str, before: int = _ALL) -> _Choice | None:
        values = {
            "annotator": annotator,
            "now": now,
            "reserve": settings.holdout_share,
            "before": before,
        }
        row = db.execute(query, values).fetchone()
        if row is None:
            return None
        content, item, stream, version, acquisition, score = row
        return _Choice(content, Offer(item, stream, version, acquisition, score, expires))

    due = db.execute(_TURN, (annotator, settings.later_after - 1)).fetchone()
    if due is not None and (choice := first(_LATER, due[0])) is not None:
        return choice
    choice = _first_of(first, _ORDERS[stream_at(settings, _count(db))])
    if choice is None:
        return first(_LATER)
    db.execute("UPDATE counter SET value = value + 1 WHERE name = 'offers'")
    return choice


_ORDERS = {
    "random": (_RESERVED, _RANKED, _UNRANKED),
    "second": (_SECOND, _RANKED, _UNRANKED, _RESERVED),
    "active": (_RANKED, _UNRANKED, _RESERVED),
}
"""Where to look, one after the other, until there is an image."""


def _first_of(first: Callable[[str], _Choice | None], queries: tuple[str, ...]) -> _Choice | None:
    return next((choice for query in queries if (choice := first(query)) is not None), None)


def _count(db: sqlite3.Connection) -> int:
    """How many offers were made."""
    db.execute("INSERT INTO counter VALUES ('offers', 0) ON CONFLICT DO NOTHING")
    value: int = db.execute("SELECT value FROM counter WHERE name = 'offers'").fetchone()[0]
    return value
