"""Decisions: appended, never changed; sent twice, they count once; undone by a further event."""

import sqlite3
from dataclasses import astuple, fields, replace

from askwell.errors import InputError, LabelError
from askwell.store import classes, items, leases, parsing
from askwell.store.records import ANSWERS, FLAGS, STREAMS, Decision, Event

DECISION = ", ".join(field.name for field in fields(Decision))
SELECT = f"SELECT seq, {DECISION}, created_at, supersedes FROM event"
_MARKS = ", ".join("?" for _ in fields(Decision))
_UNDONE = "EXISTS (SELECT 1 FROM event AS u WHERE u.kind = 'undo' AND u.supersedes = event.seq)"
_MS_MOST = 2**53

COMES_TO = """
SELECT count(DISTINCT CASE WHEN kind = 'label' THEN annotator END),
  coalesce((SELECT s.kind = 'bad' FROM current AS s WHERE s.content = content.id
      AND s.adjudicated AND s.kind IN ('label', 'bad') ORDER BY s.answer DESC LIMIT 1),
    max(kind = 'bad'), 0),
  coalesce(max(adjudicated AND kind IN ('label', 'bad')), 0)
FROM current WHERE current.content = content.id
"""
"""Votes, whether it is bad, whether it is settled: what a content's answers come to."""


def event_of(row: tuple[object, ...]) -> Event:
    """A row of `SELECT` as a record."""
    seq, *decision, created_at, supersedes = row
    return Event(seq, Decision(*decision), created_at, supersedes)  # type: ignore[arg-type]


def decide(db: sqlite3.Connection, decision: Decision) -> Event:
    """Append a decision, within the open transaction.

    One on a copy of what the annotator has answered (the file was renamed, say) takes the place of
    that answer: it is stored as one on the file of then.

    Raises:
        LabelError: it does not fit the project, or its key was used for another decision.
    """
    try:
        decision = _parsed(decision)
    except InputError as error:
        raise LabelError(str(error)) from None
    content = items.content_of(db, decision.item)
    if (known := _by_key(db, decision.key)) is not None:
        same_image = items.content_of(db, known.decision.item) == content
        if not same_image or replace(decision, item=known.decision.item) != known.decision:
            raise LabelError(
                f"The key {decision.key!r} was used for another decision (event {known.seq}). "
                "Make a new key for each decision."
            )
        return known
    _check_known(db, decision)
    decision = replace(decision, item=_home(db, decision, content))
    is_answer = decision.kind in ANSWERS
    answer, flag, adjudicated = _standing(db, decision.item, decision.annotator)
    event = _append(db, decision, answer if is_answer else flag)
    if is_answer:
        answer, adjudicated = event.seq, adjudicated or decision.stream == "adjudication"
        leases.end(db, decision.annotator, content)
    else:
        flag = event.seq
    _stand(db, decision.item, decision.annotator, content, answer, flag, adjudicated)
    return event


def undo(
    db: sqlite3.Connection, annotator: int, key: str, now: float, expires: float
) -> Event | None:
    """Undo the annotator's last decision that was not; that image is theirs again.

    What was imported in their name stays: they did not say it here, and see no trace of it.

    Raises:
        LabelError: no such annotator, or the key was used for something else.
    """
    if (known := _undone_before(db, annotator, key)) is not None:
        return known
    row = db.execute(
        f"{SELECT} WHERE annotator = ? AND kind != 'undo' AND stream != 'import' AND NOT {_UNDONE} "
        "ORDER BY seq DESC LIMIT 1",
        (annotator,),
    ).fetchone()
    if row is None:
        return None
    last = event_of(row)
    event = _take_back(db, last, key)
    if last.decision.kind in ANSWERS:
        content = items.content_of(db, last.decision.item)
        leases.give_back(db, last.decision, content, now, expires)
    return event


def unsettle(db: sqlite3.Connection, annotator: int, item: int, key: str) -> Event | None:
    """Undo the annotator's answers on an image, newest first, until they have not settled it.

    Returns:
        The first undo; None if this annotator has not settled what the image is.

    Raises:
        LabelError: no such annotator or item, or the key was used for something else.
    """
    content = items.content_of(db, item)
    if (known := _undone_before(db, annotator, key)) is not None:
        return known
    first = None
    settling = (
        f"{SELECT} WHERE seq = (SELECT max(answer) FROM current "
        "WHERE content = ? AND annotator = ? AND adjudicated)"
    )
    while (row := db.execute(settling, (content, annotator)).fetchone()) is not None:
        event = _take_back(db, event_of(row), key if first is None else f"{key}-{row[0]}")
        first = first or event
    return first


def _undone_before(db: sqlite3.Connection, annotator: int, key: str) -> Event | None:
    """The undo that was stored under this key, if it came before.

    Raises:
        LabelError: no such annotator, or the key is none or was used for something else.
    """
    try:
        key = parsing.token(key, "A key")
    except InputError as error:
        raise LabelError(str(error)) from None
    classes.check_annotator(db, annotator)
    known = _by_key(db, key)
    if known and (known.decision.kind != "undo" or known.decision.annotator != annotator):
        raise LabelError(f"The key {key!r} was used for another decision. Make a new key.")
    return known


def _take_back(db: sqlite3.Connection, last: Event, key: str) -> Event:
    """Undo an event: what it took the place of stands again."""
    item, annotator, stream = last.decision.item, last.decision.annotator, last.decision.stream
    event = _append(db, Decision(key, item, annotator, "undo", stream=stream), last.seq)
    answer, flag, _ = _standing(db, item, annotator)
    if last.decision.kind in ANSWERS:
        answer = last.supersedes
    else:
        flag = last.supersedes
    settled = _adjudicated(db, item, annotator)
    _stand(db, item, annotator, items.content_of(db, item), answer, flag, settled)
    return event


def _home(db: sqlite3.Connection, decision: Decision, content: int) -> int:
    """The item with the annotator's answer on this content; the decision's own if there is none."""
    row = db.execute(
        "SELECT item FROM current WHERE content = ? AND annotator = ? "
        "ORDER BY item != ?, coalesce(answer, 0) DESC, item LIMIT 1",
        (content, decision.annotator, decision.item),
    ).fetchone()
    return decision.item if row is None else int(row[0])


def _append(db: sqlite3.Connection, decision: Decision, supersedes: int | None) -> Event:
    created_at = parsing.now()
    (seq,) = db.execute(
        f"INSERT INTO event ({DECISION}, created_at, supersedes) VALUES ({_MARKS}, ?, ?) "
        "RETURNING seq",
        (*astuple(decision), created_at, supersedes),
    ).fetchone()
    return Event(seq, decision, created_at, supersedes)


def _standing(
    db: sqlite3.Connection, item: int, annotator: int
) -> tuple[int | None, int | None, bool]:
    """The events by which an answer and a flag stand, and whether the annotator settled it."""
    row = db.execute(
        "SELECT answer, flag, adjudicated FROM current WHERE item = ? AND annotator = ?",
        (item, annotator),
    ).fetchone()
    return (None, None, False) if row is None else (row[0], row[1], bool(row[2]))


def _adjudicated(db: sqlite3.Connection, item: int, annotator: int) -> bool:
    query = (
        "SELECT EXISTS (SELECT 1 FROM event WHERE item = ? AND annotator = ? "
        f"AND stream = 'adjudication' AND kind IN {ANSWERS} AND NOT {_UNDONE})"
    )
    return bool(db.execute(query, (item, annotator)).fetchone()[0])


def _stand(
    db: sqlite3.Connection,
    item: int,
    annotator: int,
    content: int,
    answer: int | None,
    flag: int | None,
    adjudicated: bool,
) -> None:
    """Write down what stands now, and what that means for the content."""
    if answer is None and flag is None:
        db.execute("DELETE FROM current WHERE item = ? AND annotator = ?", (item, annotator))
    else:
        db.execute(
            "INSERT OR REPLACE INTO current SELECT ?1, ?2, ?3, ?4, "
            "(SELECT kind FROM event WHERE seq = ?4), (SELECT label FROM event WHERE seq = ?4), "
            "?5, coalesce((SELECT kind = 'flag' FROM event WHERE seq = ?5), 0), ?6",
            (item, annotator, content, answer, flag, adjudicated),
        )
    db.execute(f"UPDATE content SET (votes, bad, settled) = ({COMES_TO}) WHERE id = ?", (content,))


def _by_key(db: sqlite3.Connection, key: str) -> Event | None:
    row = db.execute(f"{SELECT} WHERE key = ?", (key,)).fetchone()
    return None if row is None else event_of(row)


def _parsed(decision: Decision) -> Decision:
    if not isinstance(decision, Decision):
        raise InputError(f"decide takes records of askwell.store.Decision; got {decision!r:.200}.")
    kinds = (*ANSWERS, *FLAGS)
    if decision.kind not in kinds:
        raise InputError(f"A decision is one of {', '.join(kinds)}; got {decision.kind!r:.100}.")
    if decision.stream not in STREAMS:
        raise InputError(f"A stream is one of {', '.join(STREAMS)}; got {decision.stream!r:.100}.")
    if (decision.label is None) == (decision.kind == "label"):
        raise InputError(
            f"A class goes with kind 'label', and with no other; got kind {decision.kind!r} and "
            f"class {decision.label!r:.100}."
        )
    optional = {
        "lead_time_ms": (decision.lead_time_ms, 0, _MS_MOST),
        "label": (decision.label, 0, _MS_MOST),
        "ranking": (decision.ranking, 0, _MS_MOST),
        "predicted": (decision.predicted, 0, _MS_MOST),
    }
    for what, (value, least, most) in optional.items():
        if value is not None:
            parsing.integer(value, what, least=least, most=most)
    confidence, score = decision.confidence, decision.score
    return Decision(
        parsing.token(decision.key, "A key"),
        parsing.integer(decision.item, "An item's number"),
        parsing.integer(decision.annotator, "An annotator's number"),
        decision.kind,
        decision.label,
        decision.lead_time_ms,
        decision.stream,
        decision.ranking,
        decision.predicted,
        None if confidence is None else parsing.number(confidence, "confidence", least=0, most=1),
        parsing.token(decision.acquisition, "acquisition", empty=True),
        None if score is None else parsing.number(score, "score"),
    )


def _check_known(db: sqlite3.Connection, decision: Decision) -> None:
    """Refuse annotators, classes and rankings that the project does not have."""
    classes.check_annotator(db, decision.annotator)
    if decision.label is not None:
        try:
            classes.active(db, decision.label)
        except InputError as error:
            raise LabelError(str(error)) from None
    for what, table, column, value in (
        ("class", "class", "id", decision.predicted),
        ("ranking", "ranking", "version", decision.ranking),
    ):
        if value is not None:
            query = f"SELECT 1 FROM {table} WHERE {column} = ?"
            if db.execute(query, (value,)).fetchone() is None:
                raise LabelError(f"There is no {what} number {value}. Load the page anew.")
