"""Rankings: the newest replaces the one before in one transaction; only its items are kept."""

import json
import sqlite3

from askwell.errors import InputError
from askwell.store import parsing
from askwell.store.records import Ranking

LONGEST = 2000
_SELECT = (
    "SELECT version, trained_on, acquisition, made_at, stream, metrics, predictions FROM ranking"
)


def switch(db: sqlite3.Connection, ranking: Ranking) -> None:
    """Make this the ranking that images are offered from.

    Raises:
        InputError: not newer than the last one, unknown or repeated items, numbers that are none.
    """
    (last,) = db.execute("SELECT coalesce(max(version), 0) FROM ranking").fetchone()
    parsing.integer(ranking.version, "A ranking's version", least=last + 1)
    parsing.integer(ranking.trained_on, "trained_on", least=0)
    if len(ranking.items) != len(ranking.scores) or len(set(ranking.items)) < len(ranking.items):
        raise InputError("A ranking has one score for each item, and each item once.")
    if ranking.stream not in ("active", "cold"):
        raise InputError(f"A ranking's stream is active or cold; got {ranking.stream!r:.100}.")
    chosen = ranking.items[:LONGEST]
    _check_items(db, chosen)
    scores = [parsing.number(score, "A score") for score in ranking.scores[:LONGEST]]
    db.execute(
        "INSERT INTO ranking VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            ranking.version,
            ranking.trained_on,
            parsing.token(ranking.acquisition, "acquisition", empty=True),
            parsing.token(ranking.made_at, "made_at", empty=True),
            ranking.stream,
            _json(ranking),
            parsing.token(ranking.predictions, "predictions", empty=True),
        ),
    )
    db.execute("DELETE FROM ranked")
    db.executemany(
        "INSERT INTO ranked VALUES (?, ?, ?)",
        [(i, item, score) for i, (item, score) in enumerate(zip(chosen, scores, strict=True))],
    )


def newest(db: sqlite3.Connection) -> Ranking | None:
    """The ranking in use with its items; None before the first."""
    row = db.execute(f"{_SELECT} ORDER BY version DESC LIMIT 1").fetchone()
    if row is None:
        return None
    ranked = db.execute("SELECT item, score FROM ranked ORDER BY position").fetchall()
    return _ranking(row, tuple(i for i, _ in ranked), tuple(s for _, s in ranked))


def history(db: sqlite3.Connection) -> list[Ranking]:
    """All rankings without their items, oldest first."""
    return [_ranking(row, (), ()) for row in db.execute(f"{_SELECT} ORDER BY version")]


def _ranking(row: tuple[object, ...], items: tuple[int, ...], scores: tuple[float, ...]) -> Ranking:
    version, trained_on, acquisition, made_at, stream, metrics, predictions = row
    return Ranking(
        version,  # type: ignore[arg-type]
        trained_on,  # type: ignore[arg-type]
        acquisition,  # type: ignore[arg-type]
        made_at,  # type: ignore[arg-type]
        items,
        scores,
        stream,  # type: ignore[arg-type]
        json.loads(metrics),  # type: ignore[arg-type]
        predictions,  # type: ignore[arg-type]
    )


def _check_items(db: sqlite3.Connection, items: tuple[int, ...]) -> None:
    for item in items:
        parsing.integer(item, "An item's number")
    found = db.execute(
        "SELECT value FROM json_each(?) JOIN item ON item.id = value", (json.dumps(items),)
    )
    known = {item for (item,) in found}
    if unknown := [item for item in items if item not in known]:
        raise InputError(
            f"The ranking names {len(unknown)} images that the project does not have, for "
            f"instance {unknown[0]}."
        )


def _json(ranking: Ranking) -> str:
    try:
        return json.dumps(dict(ranking.metrics), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(f"The metrics of a ranking must be plain JSON: {error}.") from None
