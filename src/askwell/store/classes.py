"""Classes and annotators: added and renamed in the middle; every change of a class is kept."""

import sqlite3
from collections.abc import Iterable
from typing import Any, TypeVar

from askwell.errors import InputError, LabelError
from askwell.store import parsing
from askwell.store.records import Annotator, ClassName

Named = TypeVar("Named", Annotator, ClassName)

_SELECT = "SELECT id, name, shortcut, position, merged_into, removed, part_of FROM class"
_ACTIVE = "merged_into IS NULL AND NOT removed"


def listing(db: sqlite3.Connection, *, active_only: bool) -> list[ClassName]:
    """The classes in their order; those that were merged away or removed too, unless asked."""
    only = f"WHERE {_ACTIVE}" if active_only else ""
    return [_class(row) for row in db.execute(f"{_SELECT} {only} ORDER BY position, id")]


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
    db.execute("UPDATE class SET part_of = ? WHERE id = ?", (target.id, source.id))
    _log(db, source.id, "merge", source.name, target.name)
    return target


def separate(db: sqlite3.Connection, number: int) -> ClassName:
    """Take a merge back: the labels that were given of the class are its own again.

    So are those of classes that had been merged into it. Its key is gone if another class has it
    now.

    Raises:
        InputError: no such class, it was not merged, or another has its name now.
    """
    before = _one(db, parsing.integer(number, "A class number"))
    if before.part_of is None:
        raise InputError(f"The class {before.name!r} is not part of another.")
    if _others(db, "name", before.name, number):
        raise InputError(
            f"There is another class {before.name!r} by now. Rename that one first, then separate "
            "this one."
        )
    taken = before.shortcut is not None and _others(db, "shortcut", before.shortcut, number)
    db.execute(
        "UPDATE class SET merged_into = NULL, part_of = NULL, shortcut = ? WHERE id = ?",
        (None if taken else before.shortcut, number),
    )
    db.execute(
        "WITH RECURSIVE below (id) AS (SELECT id FROM class WHERE part_of = ?1 "
        "UNION SELECT class.id FROM class JOIN below ON class.part_of = below.id) "
        "UPDATE class SET merged_into = ?1 WHERE id IN below",
        (number,),
    )
    _log(db, number, "separate", _one(db, before.part_of).name, before.name)
    return _one(db, number)


def remove(db: sqlite3.Connection, number: int) -> ClassName:
    """Take away a class that no label is of; its name and key are free again.

    Raises:
        InputError: no such class, or it is `used`.
    """
    before = active(db, number)
    if before.id in used(db):
        raise InputError(
            f"The class {before.name!r} has been used. Make it part of another, or rename it."
        )
    db.execute("UPDATE class SET removed = 1 WHERE id = ?", (number,))
    _log(db, number, "remove", before.name, None)
    return _one(db, number)


def used(db: sqlite3.Connection) -> set[int]:
    """Classes that a label is of or may be again, when another one is undone; and their wholes.

    A label that was itself undone never comes back.
    """
    rows = db.execute(
        "SELECT DISTINCT label FROM event AS e WHERE label NOTNULL AND NOT EXISTS "
        "(SELECT 1 FROM event AS u WHERE u.kind = 'undo' AND u.supersedes = e.seq) "
        "UNION SELECT merged_into FROM class WHERE merged_into NOTNULL"
    )
    return {number for (number,) in rows}


def move_up(db: sqlite3.Connection, number: int) -> ClassName:
    """Have a class change places with the one before it; the first one stays.

    Raises:
        InputError: no such class.
    """
    own = active(db, number)
    every = listing(db, active_only=True)
    place = every.index(own)
    if place > 0:
        other = every[place - 1]
        swapped = ((other.position, own.id), (own.position, other.id))
        db.executemany("UPDATE class SET position = ? WHERE id = ?", swapped)
        _log(db, number, "move", str(place + 1), str(place))
    return _one(db, number)


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
    if found.removed:
        raise InputError(f"The class {found.name!r} was removed. Add it again.")
    return found


def annotator(db: sqlite3.Connection, name: str) -> Annotator:
    """The annotator of this name, made if there is none; capitals make nobody another person.

    Raises:
        InputError: the name is empty, too long or has control characters.
    """
    name = parsing.name(name, "An annotator's name")
    if (known := named(annotators(db), name)) is not None:
        return known
    (number,) = db.execute(
        "INSERT INTO annotator (name) VALUES (?) RETURNING id", (name,)
    ).fetchone()
    return Annotator(number, name)


def named(known: Iterable[Named], name: str) -> Named | None:
    """The annotator or class of this name, or else the first that differs in capitals alone."""
    alike = [each for each in known if each.name.casefold() == name.casefold()]
    return next((each for each in alike if each.name == name), alike[0] if alike else None)


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
    return _class(row)


def _class(row: tuple[Any, ...]) -> ClassName:
    number, name, shortcut, position, merged_into, removed, part_of = row
    return ClassName(number, name, shortcut, position, merged_into, bool(removed), part_of)


def _check_name(db: sqlite3.Connection, name: str, own: int | None) -> None:
    if _others(db, "name", name, own):
        raise InputError(f"There is a class {name!r} already. Choose another name.")


def _check_shortcut(db: sqlite3.Connection, shortcut: str, own: int | None) -> None:
    parsing.token(shortcut, "A shortcut", longest=20)
    if other := _others(db, "shortcut", shortcut, own):
        raise InputError(f"The key {shortcut!r} already stands for the class {other!r}.")


def _others(db: sqlite3.Connection, column: str, value: str, own: int | None) -> str | None:
    row = db.execute(
        f"SELECT name FROM class WHERE {column} = ? AND {_ACTIVE} AND id IS NOT ?",
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
