"""Items: the files that scans saw, which of them have the same content, which can be shown."""

import json
import re
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from askwell.errors import InputError, LabelError
from askwell.store import parsing
from askwell.store.chance import uniform
from askwell.store.records import Found, Item, Settings, SyncReport

_SHA256 = re.compile(r"[0-9a-f]{64}")
_SELECT = (
    "SELECT item.id, path, sha256, size, mtime_ns, status, reason, duplicate_of, key "
    "FROM item JOIN content ON content.id = item.content"
)


def listing(db: sqlite3.Connection) -> list[Item]:
    """All items, in the order in which they came."""
    return [Item(*row) for row in db.execute(f"{_SELECT} ORDER BY item.id")]


def one(db: sqlite3.Connection, item: int) -> Item:
    """One item.

    Raises:
        LabelError: there is none of this number.
    """
    return Item(*_row(db, f"{_SELECT} WHERE item.id = ?", item))


def some(db: sqlite3.Connection, chosen: Iterable[int]) -> dict[int, Item]:
    """Those of these items that there are, by number."""
    rows = db.execute(
        f"{_SELECT} WHERE item.id IN (SELECT value FROM json_each(?))", (json.dumps([*chosen]),)
    )
    return {row[0]: Item(*row) for row in rows}


def showing(db: sqlite3.Connection, item: int) -> Item:
    """The item that stands for the content of this one; the item itself where none can be shown.

    Raises:
        LabelError: there is none of this number.
    """
    found = one(db, item)
    query = f"{_SELECT} WHERE item.id = content.item AND sha256 = ?"
    row = db.execute(query, (found.sha256,)).fetchone()
    return found if row is None else Item(*row)


def content_of(db: sqlite3.Connection, item: int) -> int:
    """The number of an item's content.

    Raises:
        LabelError: there is no such item.
    """
    found: int = _row(db, "SELECT content FROM item WHERE id = ?", item)[0]
    return found


def by_path(db: sqlite3.Connection) -> dict[str, int]:
    """Path → item, for readable files that the last scan saw; duplicates too."""
    return dict(db.execute("SELECT path, id FROM item WHERE status = 'ok' ORDER BY id"))


def unrankable(db: sqlite3.Connection, reserve: float) -> set[int]:
    """Items that no model may choose: of the reserve, duplicates, bad or not to be shown."""
    rows = db.execute(
        "SELECT id FROM item WHERE status != 'ok' OR duplicate_of NOTNULL "
        "UNION ALL SELECT item.id FROM content JOIN item ON item.content = content.id "
        "WHERE content.key < ? "
        "UNION ALL SELECT item.id FROM content JOIN item ON item.content = content.id "
        "WHERE content.bad",
        (reserve,),
    )
    return {item for (item,) in rows}


def sync(db: sqlite3.Connection, files: Sequence[Found], settings: Settings) -> SyncReport:
    """Take over what a scan saw: all image files of the folder.

    Raises:
        InputError: a path came twice, is no text, or a hash is none.
    """
    _check(files)
    stamps: dict[int, tuple[int, int]] = {}
    known: dict[tuple[str, str], tuple[int, str]] = {}
    for item, path, sha256, status, size, mtime in db.execute(
        "SELECT item.id, path, sha256, status, size, mtime_ns FROM item "
        "JOIN content ON content.id = item.content"
    ):
        known[path, sha256] = (item, status)
        stamps[item] = (size, mtime)
    present = {path for (path, _), (_, status) in known.items() if status != "vanished"}
    seen = {(file.path, file.sha256) for file in files}
    paths = {file.path for file in files}
    gone = [
        (item, path)
        for (path, sha256), (item, status) in known.items()
        if status != "vanished" and (path, sha256) not in seen
    ]
    back = [
        (item, path)
        for (path, sha256), (item, status) in known.items()
        if status == "vanished" and (path, sha256) in seen
    ]
    fresh = [file for file in files if (file.path, file.sha256) not in known]
    db.executemany(
        "UPDATE item SET status = 'vanished', reason = '' WHERE id = ?", [(i,) for i, _ in gone]
    )
    db.executemany(
        "UPDATE item SET status = 'ok', reason = '' WHERE id = ?", [(i,) for i, _ in back]
    )
    _insert(db, fresh, settings)
    db.executemany(
        "UPDATE item SET size = ?, mtime_ns = ? WHERE id = ?",
        [
            (file.size, file.mtime_ns, found[0])
            for file in files
            if (found := known.get((file.path, file.sha256))) is not None
            and stamps[found[0]] != (file.size, file.mtime_ns)
        ],
    )
    refresh_duplicates(db)
    changed = {path for _, path in gone} & paths
    (duplicates,) = db.execute("SELECT count(*) FROM item WHERE duplicate_of NOTNULL").fetchone()
    return SyncReport(
        new=sum(file.path not in present for file in fresh),
        returned=sum(path not in present for _, path in back),
        vanished=sum(path not in changed for _, path in gone),
        changed=len(changed),
        duplicates=duplicates,
    )


def unreadable(db: sqlite3.Connection, reasons: Mapping[int, str]) -> None:
    """Mark items as unreadable, for these reasons; vanished ones stay vanished.

    Raises:
        LabelError: no such item.
    """
    for item, reason in reasons.items():
        content_of(db, item)
        text = str(reason).encode("utf-8", "backslashreplace").decode()
        db.execute(
            "UPDATE item SET status = 'unreadable', reason = ? "
            "WHERE id = ? AND status != 'vanished'",
            (text, item),
        )
    refresh_duplicates(db)


def clear(db: sqlite3.Connection, items: Iterable[int]) -> None:
    """Mark unreadable items as readable again.

    Raises:
        LabelError: no such item.
    """
    for item in items:
        content_of(db, item)
        db.execute(
            "UPDATE item SET status = 'ok', reason = '' WHERE id = ? AND status = 'unreadable'",
            (item,),
        )
    refresh_duplicates(db)


def refresh_duplicates(db: sqlite3.Connection) -> None:
    """Have the smallest readable item of each content stand for it, and the others point to it."""
    first = "(SELECT min(id) FROM item WHERE item.content = content.id AND status = 'ok')"
    db.execute(f"UPDATE content SET item = {first} WHERE item IS NOT {first}")
    other = (
        "(SELECT CASE WHEN item.status = 'ok' AND content.item != item.id THEN content.item END "
        "FROM content WHERE content.id = item.content)"
    )
    db.execute(f"UPDATE item SET duplicate_of = {other} WHERE duplicate_of IS NOT {other}")


def _insert(db: sqlite3.Connection, fresh: Sequence[Found], settings: Settings) -> None:
    db.executemany(
        "INSERT INTO content (sha256, key, overlap, wanted) VALUES (?1, ?2, ?3, 1 + (?3 < ?4)) "
        "ON CONFLICT DO NOTHING",
        [
            (
                sha256,
                uniform(settings.seed, "reserve", sha256),
                uniform(settings.seed, "overlap", sha256),
                settings.overlap_share,
            )
            for sha256 in dict.fromkeys(file.sha256 for file in fresh)
        ],
    )
    db.executemany(
        "INSERT INTO item (path, content, size, mtime_ns, status) "
        "SELECT ?, id, ?, ?, 'ok' FROM content WHERE sha256 = ?",
        [(file.path, file.size, file.mtime_ns, file.sha256) for file in fresh],
    )


def _check(files: Sequence[Found]) -> None:
    paths: set[str] = set()
    for file in files:
        if not isinstance(file.path, str) or not file.path or "\0" in file.path:
            raise InputError(f"A path is text; got {file.path!r:.300}.")
        try:
            file.path.encode()
        except UnicodeEncodeError:
            raise InputError(f"A path is valid Unicode; got {file.path!r:.300}.") from None
        if file.path in paths:
            raise InputError(f"A scan names each file once; {file.path!r:.300} came twice.")
        paths.add(file.path)
        if not isinstance(file.sha256, str) or not _SHA256.fullmatch(file.sha256):
            raise InputError(
                f"A SHA-256 is 64 hex digits in small letters; got {file.sha256!r:.100} for "
                f"{file.path!r:.300}."
            )
        parsing.integer(file.size, f"The size of {file.path!r:.300}", least=0)
        parsing.integer(file.mtime_ns, f"The time of {file.path!r:.300}")


def _row(db: sqlite3.Connection, query: str, item: int) -> tuple[Any, ...]:
    try:
        number = parsing.integer(item, "An item's number")
    except InputError as error:
        raise LabelError(str(error)) from None
    row: tuple[Any, ...] | None = db.execute(query, (number,)).fetchone()
    if row is None:
        raise LabelError(f"The project has no image number {item}. Load the page anew.")
    return row
