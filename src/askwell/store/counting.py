"""How far the project is, in numbers."""

import sqlite3
from collections import Counter

from askwell.store import classes
from askwell.store.records import ANSWERS, Counts, Settings
from askwell.store.standing import verdicts

_IMAGES = """
SELECT count(DISTINCT CASE WHEN kind = 'unsure' AND NOT votes THEN x.content END),
  count(DISTINCT CASE WHEN kind = 'later' THEN x.content END),
  count(DISTINCT CASE WHEN flagged THEN x.content END)
FROM current AS x JOIN content AS c ON c.id = x.content
WHERE c.item NOTNULL AND (kind IN ('unsure', 'later') OR flagged)
"""

_ANSWERS = f"""
SELECT (SELECT count(*) FROM event WHERE kind IN {ANSWERS}) - (SELECT count(*) FROM event AS u
  JOIN event ON event.seq = u.supersedes WHERE u.kind = 'undo' AND event.kind IN {ANSWERS})
"""


_ASIDE = """
SELECT status, duplicate_of NOTNULL, count(*) FROM item
WHERE status != 'ok' OR duplicate_of NOTNULL GROUP BY 1, 2
"""
"""By an index: few of many items are set aside."""

_VANISHED = """
SELECT count(DISTINCT path) FROM item AS old WHERE status = 'vanished'
AND NOT EXISTS (SELECT 1 FROM item WHERE path = old.path AND status != 'vanished')
AND NOT EXISTS (SELECT 1 FROM item WHERE content = old.content AND status != 'vanished')
"""
"""A path with other content now, or a content that is at another path, is not missing."""

_RESERVED = "SELECT count(*) FROM content WHERE key < ? AND item NOTNULL"


def counts(db: sqlite3.Connection, settings: Settings) -> Counts:
    """All counts of a project."""
    (items,) = db.execute("SELECT count(*) FROM item").fetchone()
    aside: Counter[str] = Counter()
    for status, duplicate, number in db.execute(_ASIDE):
        aside["duplicate" if duplicate else status] += number
    unsure, later, flagged = db.execute(_IMAGES).fetchone()
    (decisions,) = db.execute(_ANSWERS).fetchone()
    found = verdicts(db)
    agreed = [(verdict.key, verdict.label()) for verdict in found]
    per_class = Counter(label for _, label in agreed if label is not None)
    return Counts(
        items=items - aside.total(),
        duplicates=aside["duplicate"],
        unreadable=aside["unreadable"],
        vanished=db.execute(_VANISHED).fetchone()[0],
        labelled=sum(bool(v.votes) and not v.bad for v in found),
        decisions=decisions,
        disputed=sum(bool(v.votes) and not v.bad and v.label() is None for v in found),
        unsure=unsure,
        bad=sum(verdict.bad for verdict in found),
        later=later,
        flagged=flagged,
        per_class={
            known.id: per_class[known.id] for known in classes.listing(db, active_only=True)
        },
        holdout=db.execute(_RESERVED, (settings.holdout_share,)).fetchone()[0],
        holdout_labelled=sum(
            label is not None and key < settings.holdout_share for key, label in agreed
        ),
    )
