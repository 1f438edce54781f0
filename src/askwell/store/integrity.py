"""Is the project whole? SQLite's own checks, then the laws of the record."""

import sqlite3
from collections.abc import Iterator

from askwell.store.decisions import COMES_TO
from askwell.store.records import ANSWERS, Integrity

_SHOWN = 5

_LAWS = {
    "undo events undo no decision of the same annotator and image": """
SELECT u.seq FROM event AS u LEFT JOIN event AS e ON e.seq = u.supersedes
WHERE u.kind = 'undo' AND (e.seq IS NULL OR e.kind = 'undo' OR e.seq >= u.seq
  OR e.item != u.item OR e.annotator != u.annotator)""",
    "images stand for a content that is not theirs, or not the first readable one does": """
SELECT content.id FROM content WHERE item IS NOT
  (SELECT min(id) FROM item WHERE item.content = content.id AND status = 'ok')""",
    "duplicates do not point to the image that stands for them": """
SELECT item.id FROM item JOIN content ON content.id = item.content WHERE duplicate_of IS NOT
  (CASE WHEN status = 'ok' AND content.item != item.id THEN content.item END)""",
    "contents have wrong numbers of labels, or are bad or settled without being so": f"""
SELECT id FROM content WHERE (votes, bad, settled) IS NOT ({COMES_TO})""",
    "classes are merged into none, or into one that was merged itself": """
SELECT a.id FROM class AS a JOIN class AS b ON b.id = a.merged_into
WHERE b.merged_into IS NOT NULL""",
    "classes are part of one that counts for another class than they do": """
SELECT a.id FROM class AS a LEFT JOIN class AS b ON b.id = a.part_of
WHERE a.merged_into IS NOT coalesce(b.merged_into, b.id)""",
}


def check(db: sqlite3.Connection) -> Integrity:
    """All that is wrong, a sentence each; empty if nothing is."""
    return tuple(_problems(db))


def _problems(db: sqlite3.Connection) -> Iterator[str]:
    try:
        for (line,) in db.execute("PRAGMA integrity_check(20)").fetchall():
            if line != "ok":
                yield f"The file is damaged: {line}."
        for table, row, parent, _ in db.execute("PRAGMA foreign_key_check").fetchmany(_SHOWN):
            yield f"Row {row} of {table} points to a row of {parent} that is not there."
        for law, query in _LAWS.items():
            if rows := db.execute(query).fetchall():
                yield f"{len(rows)} {law} (first number: {rows[0][0]})."
        yield from _replay(db)
    except sqlite3.DatabaseError as error:
        yield f"The file is damaged: {error}."


def _replay(db: sqlite3.Connection) -> Iterator[str]:
    """Go through all events in order, and compare what stands at the end with what is kept."""
    standing: dict[tuple[int, int, bool], int | None] = {}
    before: dict[int, int | None] = {}
    slots: dict[int, tuple[int, int, bool]] = {}
    wrong = 0
    for seq, item, annotator, kind, supersedes in db.execute(
        "SELECT seq, item, annotator, kind, supersedes FROM event ORDER BY seq"
    ):
        if kind == "undo":
            slot = slots.get(supersedes)
            if slot is None or standing.get(slot) != supersedes:
                wrong += 1
            else:
                standing[slot] = before[supersedes]
            continue
        slot = slots[seq] = (item, annotator, kind in ANSWERS)
        wrong += standing.get(slot) != supersedes
        before[seq], standing[slot] = supersedes, seq
    if wrong:
        yield f"{wrong} events do not follow on the events that they name."
    kept = {}
    for item, annotator, answer, flag in db.execute(
        "SELECT item, annotator, answer, flag FROM current"
    ):
        kept[item, annotator, True], kept[item, annotator, False] = answer, flag
    if _set(standing) != _set(kept):
        yield "The current decisions are not what the events come to."


def _set(standing: dict[tuple[int, int, bool], int | None]) -> dict[tuple[int, int, bool], int]:
    return {slot: seq for slot, seq in standing.items() if seq is not None}
