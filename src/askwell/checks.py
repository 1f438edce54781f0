"""Arguments at the border: refused in words, before Python refuses them in its own."""

import operator
from collections.abc import Iterable
from typing import Any

import numpy as np

from askwell.errors import InputError
from askwell.records import ItemId


def plain_id(item: object) -> ItemId:
    """A plain int or str, which JSON can write; NumPy's integers and strings become such.

    Raises:
        InputError: neither an integer nor a string.
    """
    if isinstance(item, str):
        return str(item)
    if isinstance(item, int | np.integer) and not isinstance(item, bool):
        return int(item)
    raise InputError(f"An id is an int or a str; got {item!r} ({type(item).__name__}).")


def several_ids(ids: Iterable[ItemId]) -> list[ItemId]:
    """The ids of an iterable, as they are; a string would be an id for each of its letters.

    Raises:
        InputError: one id where several are expected.
    """
    if isinstance(ids, Iterable) and not isinstance(ids, str):
        return list(ids)
    kind = "string" if isinstance(ids, str) else type(ids).__name__
    example = [ids] if isinstance(ids, str | int) else "query.ids"
    raise InputError(f"Expected several ids, e.g. {example}; got the {kind} {ids!r}.")


def whole_number(name: str, value: Any, *, least: int = 1, also: str = "") -> int:
    """A count as a plain int.

    Args:
        name: of the argument, which begins the message.
        value: what came.
        least: the smallest that is allowed.
        also: what else the message should say is allowed, e.g. ", or None for all".

    Raises:
        InputError: not a whole number, or too small.
    """
    try:
        number = operator.index(value)
    except TypeError:
        length = f" Pass its length, {len(value)}." if isinstance(value, list | tuple) else ""
        raise InputError(
            f"{name} must be a whole number{also}; got {value!r} ({type(value).__name__}).{length}"
        ) from None
    if number < least:
        raise InputError(f"{name} must be at least {least}{also}; got {number}.")
    return number
