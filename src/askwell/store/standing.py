"""What stands: the current decisions, and the labels that follow from them."""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from askwell.store import classes, items
from askwell.store.decisions import SELECT, event_of
from askwell.store.records import Current, Event, Settings, Settlement


@dataclass(slots=True)
class Verdict:
    """What all annotators together say about one content.

    Attributes:
        item: that stands for it.
        key: of the content.
        votes: annotator → class, merges resolved: the newest where duplicates were labelled too.
        called_bad: whether anybody calls it bad.
        settler: who settled what it is; None if nobody did.
        adjudicated: the class that settles it; None if that it is bad does.
    """

    item: int
    key: float
    votes: dict[int, int] = field(default_factory=dict)
    called_bad: bool = False
    settler: int | None = None
    adjudicated: int | None = None

    @property
    def settled(self) -> bool:
        """Whether somebody settled what it is."""
        return self.settler is not None

    @property
    def bad(self) -> bool:
        """Whether it is bad: as settled, else as soon as anybody says so."""
        return self.adjudicated is None if self.settled else self.called_bad

    def label(self) -> int | None:
        """The class: as settled, else of the majority; None if bad, disputed or unlabelled."""
        if self.settled:
            return self.adjudicated
        if self.bad or not self.votes:
            return None
        return majority(self.votes.values())


def majority(votes: Iterable[int]) -> int | None:
    """The class that most votes are for; None where two have as many."""
    counted = Counter(votes).most_common(2)
    return None if len(counted) == 2 and counted[0][1] == counted[1][1] else counted[0][0]


_CURRENT = """
SELECT x.item, x.annotator, coalesce(x.kind, e.kind), coalesce(class.merged_into, x.label),
  x.flagged, e.seq, e.stream, e.created_at, coalesce(c.item, x.item)
FROM current AS x CROSS JOIN event AS e ON e.seq = coalesce(x.answer, x.flag)
CROSS JOIN content AS c ON c.id = x.content
LEFT JOIN class ON class.id = x.label
WHERE (x.answer NOTNULL OR x.flagged)
"""
# CROSS: by what was answered, not by all open contents, as SQLite would have it.

_ASKED = """
NOT c.bad AND NOT c.settled AND c.votes < c.wanted
AND NOT EXISTS (SELECT 1 FROM current AS own WHERE own.content = c.id
  AND own.annotator = ? AND own.kind IN ('label', 'unsure', 'bad'))
"""
"""Contents about which an annotator may still be asked; files that are away may come back."""


def current(db: sqlite3.Connection) -> list[Current]:
    """The last decision of each annotator on each image, by item and annotator."""
    return _standing(db, f"{_CURRENT} ORDER BY x.item, x.annotator")


def answers(db: sqlite3.Connection, item: int) -> list[Current]:
    """What stands of one image and its copies, the last decision last.

    Raises:
        LabelError: no such item.
    """
    content = items.content_of(db, item)
    return _standing(db, f"{_CURRENT} AND x.content = ? ORDER BY e.seq", content)


def answered(db: sqlite3.Connection, annotator: int, limit: int) -> list[Current]:
    """The answers of an annotator that stand, the newest `limit` of them, the last one last."""
    newest = f"{_CURRENT} AND x.annotator = ? AND x.answer NOTNULL ORDER BY x.answer DESC LIMIT ?"
    return _standing(db, newest, annotator, limit)[::-1]


def visible_to(db: sqlite3.Connection, annotator: int) -> list[Current]:
    """What stands, but for what others said of images that this annotator may still be asked."""
    seen = f"{_CURRENT} AND (x.annotator = ? OR NOT ({_ASKED})) ORDER BY x.item, x.annotator"
    return _standing(db, seen, annotator, annotator)


def is_asked(db: sqlite3.Connection, annotator: int, item: int) -> bool:
    """Whether an annotator may still be asked what an image is.

    Raises:
        LabelError: no such item.
    """
    query = f"SELECT EXISTS (SELECT 1 FROM content AS c WHERE c.id = ? AND {_ASKED})"
    return bool(db.execute(query, (items.content_of(db, item), annotator)).fetchone()[0])


def _standing(db: sqlite3.Connection, query: str, *values: int) -> list[Current]:
    return [
        Current(item, annotator, kind, label, bool(flagged), seq, stream, created_at, shown)
        for item, annotator, kind, label, flagged, seq, stream, created_at, shown in db.execute(
            query, values
        )
    ]


def events(db: sqlite3.Connection, after: int, limit: int | None) -> list[Event]:
    """The events behind number `after`, oldest first."""
    rows = db.execute(
        f"{SELECT} WHERE seq > ? ORDER BY seq LIMIT ?", (after, -1 if limit is None else limit)
    )
    return [event_of(row) for row in rows]


def verdicts(db: sqlite3.Connection, *, gone: bool = False) -> list[Verdict]:
    """All contents that can be shown (or were once) and that somebody labelled or called bad."""
    rows = db.execute(
        "SELECT x.content, coalesce(c.item, x.item), c.key, "
        "x.annotator, x.kind, x.label, x.adjudicated "
        "FROM current AS x JOIN content AS c ON c.id = x.content "
        "WHERE (c.item NOTNULL OR ?) AND x.kind IN ('label', 'bad') ORDER BY x.answer",
        (gone,),
    )
    merged = classes.merged(db)
    found: dict[int, Verdict] = {}
    for content, item, key, annotator, kind, label, adjudicated in rows:
        verdict = found.setdefault(content, Verdict(item, key))
        said = None if kind == "bad" else merged[label]
        if said is None:
            verdict.called_bad = True
        else:
            verdict.votes[annotator] = said
        if adjudicated:
            verdict.settler, verdict.adjudicated = annotator, said
    return list(found.values())


def labels(db: sqlite3.Connection, settings: Settings, *, reserved: bool) -> dict[int, int]:
    """Item → class, of the reserve or of all others, for training or measuring."""
    found = {}
    for verdict in verdicts(db):
        label = verdict.label()
        if label is not None and (verdict.key < settings.holdout_share) == reserved:
            found[verdict.item] = label
    return found


def agreement_pairs(db: sqlite3.Connection) -> list[tuple[int, Mapping[int, int]]]:
    """Images that at least two annotators labelled on their own, with what each said.

    Also those whose files are gone: agreement is of the people. What settled a disagreement is left
    out: it was decided with the others' labels in sight. The label that the same annotator gave
    before counts in its place.
    """
    found: list[tuple[int, Mapping[int, int]]] = []
    for item, said in said_alone(db, gone=True).items():
        votes = {who: label for who, label in said.items() if label is not None}
        if len(votes) > 1:
            found.append((item, votes))
    return found


def said_alone(db: sqlite3.Connection, *, gone: bool = False) -> dict[int, dict[int, int | None]]:
    """What each annotator said on their own of images that several said something of.

    These are images that several labelled, that somebody labelled and another one calls bad, and
    those that were settled. Item → annotator → class, None for a bad image. With those whose files
    are gone, if wanted, by the first item that had their content.
    """
    first = "SELECT min(i.id) FROM item AS i WHERE i.content = c.id"
    rows = db.execute(
        f"SELECT coalesce(c.item, ({first})), e.annotator, e.label, e.kind FROM event AS e "
        "JOIN item ON item.id = e.item JOIN content AS c ON c.id = item.content "
        "WHERE (c.item NOTNULL OR ?) AND (c.votes > 1 OR c.settled OR (c.bad AND c.votes)) "
        "AND e.kind IN ('label', 'unsure', 'bad', 'later') "
        "AND e.stream != 'adjudication' AND NOT EXISTS "
        "(SELECT 1 FROM event AS u WHERE u.kind = 'undo' AND u.supersedes = e.seq) ORDER BY e.seq",
        (gone,),
    )
    merged = classes.merged(db)
    said: defaultdict[int, dict[int, int | None]] = defaultdict(dict)
    for item, annotator, label, kind in rows:
        said[item].pop(annotator, None)
        if kind in ("label", "bad"):
            said[item][annotator] = None if label is None else merged[label]
    return dict(sorted(said.items()))


def settlements(db: sqlite3.Connection, *, gone: bool = False) -> dict[int, Settlement]:
    """Item → what somebody settled that it is, the last word of several.

    With those whose files are gone, if wanted, by the item that was answered first.
    """
    return {
        v.item: Settlement(v.adjudicated, v.settler)
        for v in verdicts(db, gone=gone)
        if v.settler is not None
    }
