"""Classes and annotators: added and renamed in the middle; every change of a class is kept."""

import sqlite3

from askwell.errors import InputError, LabelError
from askwell.store import parsing
from askwell.store.records import Annotator, ClassName

_SELECT = "SELECT id, name, shortcut, position, merged_into FROM class"


def listing(db: sqlite3.Connection, *, active_only: bool) -> list[ClassName]:
    """The classes in their order; those that were merged away too, unless `active_only`."""
    only = "WHERE merged_into IS NULL" if active_only else ""
    return [ClassName(*row) for row in db.execute(f"{_SELECT} {only} ORDER BY position")]


def add(db: sqlite3.Connection, name: str, shortcut: str | None) -> ClassName:
    """A new class, behind the others.

    Raises:
        InputError: the name is empty, too long, has control characters or is taken; or the
            shortcut is.
    """
    name = parsing.name(name, "A class name")
    _check_name(db, name, None)
    if shortcut is not None:
        _check_shortcut(db, shortcut, None)
    (number,) = db.execute(
        "INSERT INTO class (name, shortcut, position) VALUES (?, ?, "
        "(SELECT coalesce(max(position), 0) + 1 FROM class)) RETURNING id",
        (name, shortcut),
    ).fetchone()
    _log(db, number, "add", None, name)
    if shortcut is not None:
        _log(db, number, "shortcut", None, shortcut)
    return _one(db, number)


def rename(db: sqlite3.Connection, number: int, name: str) -> ClassName:
    """Give a class another name.

    Raises:
        InputError: as for `add`, or no such class.
    """
    before = active(db, number)
    name = parsing.name(name, "A class name")
    if name == before.name:
        return before
    _check_name(db, name, number)
    db.execute("UPDATE class SET name = ? WHERE id = ?", (name, number))
    _log(db, number, "rename", before.name, name)
    return _one(db, number)


def merge(db: sqlite3.Connection, number: int, into: int) -> ClassName:
    """Make one class part of another: its labels count as the other's from now on.

    Raises:
        InputError: no such class, or the same one.
    """
    source, target = active(db, number), active(db, into)
    if source.id == target.id:
        raise InputError(f"The class {source.name!r} cannot be merged into itself.")
    db.execute(
        "UPDATE class SET merged_into = ?1 WHERE id = ?2 OR merged_into = ?2",
        (target.id, source.id),
    )
    _log(db, source.id, "merge", source.name, target.name)
    return target


def set_shortcut(db: sqlite3.Connection, number: int, shortcut: str | None) -> ClassName:
    """Give a class a key on the keyboard, or take it away.

    Raises:
        InputError: no such class, or another one has that key.
    """
    before = active(db, number)
    if shortcut == before.shortcut:
        return before
    if shortcut is not None:
        _check_shortcut(db, shortcut, number)
    db.execute("UPDATE class SET shortcut = ? WHERE id = ?", (shortcut, number))
    _log(db, number, "shortcut", before.shortcut, shortcut)
    return _one(db, number)


def active(db: sqlite3.Connection, number: int) -> ClassName:
    """A class that labels can be given of.

    Raises:
        InputError: no such class, or it was merged into another.
    """
    found = _one(db, parsing.integer(number, "A class number"))
    if found.merged_into is not None:
        target = _one(db, found.merged_into)
        raise InputError(f"The class {found.name!r} was merged into {target.name!r}. Use that.")
    return found


def annotator(db: sqlite3.Connection, name: str) -> Annotator:
    """The annotator of this name, made if there is none.

    Raises:
        InputError: the name is empty, too long or has control characters.
    """
    name = parsing.name(name, "An annotator's name")
    db.execute("INSERT INTO annotator (name) VALUES (?) ON CONFLICT DO NOTHING", (name,))
    (number,) = db.execute("SELECT id FROM annotator WHERE name = ?", (name,)).fetchone()
    return Annotator(number, name)


def annotators(db: sqlite3.Connection) -> list[Annotator]:
    """All annotators, in the order in which they came."""
    return [Annotator(*row) for row in db.execute("SELECT id, name FROM annotator ORDER BY id")]


def check_annotator(db: sqlite3.Connection, number: int) -> None:
    """Refuse a number that is no annotator's.

    Raises:
        LabelError: it is none.
    """
    try:
        parsing.integer(number, "An annotator's number")
    except InputError as error:
        raise LabelError(str(error)) from None
    if db.execute("SELECT 1 FROM annotator WHERE id = ?", (number,)).fetchone() is None:
        raise LabelError(f"There is no annotator number {number}. Give your name first.")


def merged(db: sqlite3.Connection) -> dict[int, int]:
    """Each class → the one that its labels count as: itself, or what it was merged into."""
    return dict(db.execute("SELECT id, coalesce(merged_into, id) FROM class"))


def _one(db: sqlite3.Connection, number: int) -> ClassName:
    row = db.execute(f"{_SELECT} WHERE id = ?", (number,)).fetchone()
    if row is None:
        raise InputError(f"There is no class number {number}. Load the page anew.")
    return ClassName(*row)


def _check_name(db: sqlite3.Connection, name: str, own: int | None) -> None:
    if _others(db, "name", name, own):
        raise InputError(f"There is a class {name!r} already. Choose another name.")


def _check_shortcut(db: sqlite3.Connection, shortcut: str, own: int | None) -> None:
    parsing.token(shortcut, "A shortcut", longest=20)
    if other := _others(db, "shortcut", shortcut, own):
        raise InputError(f"The key {shortcut!r} already stands for the class {other!r}.")


def _others(db: sqlite3.Connection, column: str, value: str, own: int | None) -> str | None:
    row = db.execute(
        f"SELECT name FROM class WHERE {column} = ? AND merged_into IS NULL AND id IS NOT ?",
        (value, own),
    ).fetchone()
    return None if row is None else str(row[0])


def _log(
    db: sqlite3.Connection, number: int, change: str, before: str | None, after: str | None
) -> None:
    db.execute(
        "INSERT INTO class_change (class, change, before, after, created_at) "
        "VALUES (?, ?, ?, ?, ?)",
        (number, change, before, after, parsing.now()),
    )
