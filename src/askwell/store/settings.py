"""The settings of a project: read, checked, changed."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from askwell.errors import InputError
from askwell.store import parsing
from askwell.store.records import Settings

_WEEK = 7 * 86_400


def create(db: sqlite3.Connection, settings: Settings) -> None:
    """Write the settings of a new project."""
    _write(db, checked(settings))


def read(db: sqlite3.Connection) -> Settings:
    """The settings as they are; a key that an older file lacks has its default."""
    rows = db.execute("SELECT key, value FROM setting").fetchall()
    return Settings(**{key: json.loads(value) for key, value in rows})


def change(db: sqlite3.Connection, changes: Mapping[str, Any]) -> Settings:
    """Change some of them.

    Raises:
        InputError: an unknown name, a value out of range, another seed, or a larger reserve when
            images that would join it were already chosen by the model.
    """
    before = read(db)
    try:
        after = checked(replace(before, **changes))
    except TypeError:
        unknown = sorted(changes.keys() - asdict(before).keys())
        raise InputError(
            f"There is no setting {', '.join(unknown)}; there are {', '.join(asdict(before))}."
        ) from None
    if after.seed != before.seed:
        raise InputError("The seed of a project never changes: the random stream depends on it.")
    _check_reserve(db, before.holdout_share, after.holdout_share)
    _write(db, after)
    if after.overlap_share != before.overlap_share:
        db.execute("UPDATE content SET wanted = 1 + (overlap < ?)", (after.overlap_share,))
    return after


def checked(settings: Settings) -> Settings:
    """The settings, whole numbers as floats where these are kept.

    Raises:
        InputError: a value has the wrong type or is out of range.
    """
    return Settings(
        name=parsing.token(settings.name, "The project's name", empty=True),
        seed=parsing.integer(settings.seed, "seed"),
        holdout_share=parsing.number(settings.holdout_share, "holdout_share", least=0, most=0.9),
        overlap_share=parsing.number(settings.overlap_share, "overlap_share", least=0, most=1),
        acquisition=parsing.token(settings.acquisition, "acquisition"),
        backbone=parsing.token(settings.backbone, "backbone"),
        lease_seconds=parsing.integer(settings.lease_seconds, "lease_seconds", least=1, most=_WEEK),
        later_after=parsing.integer(settings.later_after, "later_after", least=1),
        backup_every=parsing.integer(settings.backup_every, "backup_every", least=1),
    )


def _check_reserve(db: sqlite3.Connection, before: float, after: float) -> None:
    """A reserve that took in what the model chose would no longer be a random sample."""
    (spoilt,) = db.execute(
        "SELECT count(*) FROM content WHERE key >= ? AND key < ? AND EXISTS (SELECT 1 FROM item "
        "JOIN event ON event.item = item.id WHERE item.content = content.id)",
        (before, after),
    ).fetchone()
    if spoilt:
        raise InputError(
            f"The share shown at random (holdout_share) cannot be raised from {100 * before:g} to "
            f"{100 * after:g} % any more: {spoilt} {'image' if spoilt == 1 else 'images'} that "
            "would belong to it got an answer already, chosen otherwise. It can be lowered at any "
            "time."
        )


def _write(db: sqlite3.Connection, settings: Settings) -> None:
    db.executemany(
        "INSERT INTO setting VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
        [(key, json.dumps(value)) for key, value in asdict(settings).items()],
    )
