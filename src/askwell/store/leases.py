"""Leases: an image that was offered to one annotator is kept from the others for a while."""

import sqlite3
from collections.abc import Iterable

from askwell.store import items
from askwell.store.records import Decision, Offer


def held(db: sqlite3.Connection, annotator: int) -> list[Offer]:
    """What is kept for an annotator, in the order in which it was offered."""
    rows = db.execute(
        "SELECT l.item, stream, ranking, acquisition, score, expires, votes > 0 FROM lease AS l "
        "JOIN content AS c ON c.id = l.content WHERE annotator = ? ORDER BY position",
        (annotator,),
    )
    return [
        Offer(item, stream, ranking, acquisition, score, expires, bool(second))
        for item, stream, ranking, acquisition, score, expires, second in rows
    ]


def of_others(db: sqlite3.Connection, annotator: int, now: float) -> int:
    """How many images are kept for others that this annotator has not answered."""
    found: int = db.execute(
        # CROSS: by the few leases, not by all open contents, as SQLite would have it.
        "SELECT count(*) FROM lease AS l CROSS JOIN content AS c ON c.id = l.content "
        "WHERE l.annotator != ?1 AND expires > ?2 AND open AND NOT EXISTS (SELECT 1 FROM current "
        "WHERE content = c.id AND annotator = ?1 AND kind IN ('label', 'unsure', 'bad'))",
        (annotator, now),
    ).fetchone()[0]
    return found


def give(db: sqlite3.Connection, annotator: int, content: int, offer: Offer) -> None:
    """Keep an image for an annotator, behind those that it has; an expired lease gives way."""
    _write(db, annotator, content, offer, "coalesce(max(position), 0) + 1")


def give_back(
    db: sqlite3.Connection, decision: Decision, content: int, now: float, expires: float
) -> None:
    """Keep an image whose decision was undone for its annotator, before the others.

    Not if another annotator has it by now, nor one that others closed or that cannot be shown,
    nor one that the annotator answered before, nor what was said with others' answers in sight.
    """
    seen = decision.stream in ("review", "adjudication")
    row = db.execute(
        "SELECT item FROM content WHERE id = ?1 AND open AND NOT EXISTS "
        "(SELECT 1 FROM lease WHERE content = ?1 AND annotator != ?2 AND expires > ?3) "
        "AND NOT EXISTS (SELECT 1 FROM current WHERE content = ?1 AND annotator = ?2 "
        "AND kind IN ('label', 'unsure'))",
        (content, decision.annotator, now),
    ).fetchone()
    if row is None or seen:
        end(db, decision.annotator, content)  # an answer stands again that ended the lease
        return
    offer = Offer(
        row[0], decision.stream, decision.ranking, decision.acquisition, decision.score, expires
    )
    _write(db, decision.annotator, content, offer, "coalesce(min(position), 0) - 1")


def renew(db: sqlite3.Connection, annotator: int, expires: float) -> None:
    """Extend an annotator's leases; those on images that need no decision any more end."""
    db.execute(
        "DELETE FROM lease WHERE annotator = ? AND NOT EXISTS (SELECT 1 FROM content "
        "WHERE content.id = lease.content AND open AND content.item = lease.item)",
        (annotator,),
    )
    db.execute(
        "UPDATE lease SET expires = max(expires, ?) WHERE annotator = ?", (expires, annotator)
    )


def end(db: sqlite3.Connection, annotator: int, content: int) -> None:
    """End a lease, if there is one."""
    db.execute("DELETE FROM lease WHERE annotator = ? AND content = ?", (annotator, content))


def release(db: sqlite3.Connection, annotator: int, chosen: Iterable[int]) -> None:
    """End the leases on some items.

    Raises:
        LabelError: no such item.
    """
    for item in chosen:
        end(db, annotator, items.content_of(db, item))


def release_all(db: sqlite3.Connection, annotator: int) -> None:
    """End all leases of an annotator."""
    db.execute("DELETE FROM lease WHERE annotator = ?", (annotator,))


def _write(
    db: sqlite3.Connection, annotator: int, content: int, offer: Offer, position: str
) -> None:
    db.execute(
        "INSERT OR REPLACE INTO lease (content, item, annotator, position, expires, stream, "
        f"ranking, acquisition, score) SELECT ?, ?, ?, {position}, ?, ?, ?, ?, ? FROM lease "
        "WHERE annotator = ?",
        (
            content,
            offer.item,
            annotator,
            offer.expires_at,
            offer.stream,
            offer.ranking,
            offer.acquisition,
            offer.score,
            annotator,
        ),
    )
