"""Parse at the border: text, numbers and times that the store takes."""

import math
import unicodedata
from datetime import UTC, datetime

from askwell.errors import InputError

_LARGEST = 2**63 - 1
_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
_JOINERS = "\u200c\u200d"  # which Persian, Hindi and some emoji are written with


def name(text: object, what: str, *, longest: int = 200) -> str:
    """A name as it is kept: one line, without blanks around it, accents composed (NFC).

    Raises:
        InputError: empty, too long, or with control characters.
    """
    if not isinstance(text, str):
        raise InputError(f"{what} is text; got {text!r}.")
    found = unicodedata.normalize("NFC", text).strip()
    if not found:
        raise InputError(f"{what} is empty. Give it at least one letter.")
    if len(found) > longest:
        raise InputError(f"{what} has {len(found)} characters; at most {longest} are kept.")
    if any(unicodedata.category(c) in _UNSEEN and c not in _JOINERS for c in found):
        raise InputError(f"{what} has control characters: {found!r}. Use letters and digits.")
    return found


def token(text: object, what: str, *, longest: int = 200, empty: bool = False) -> str:
    """A text that is kept as it is: printable, on one line.

    Raises:
        InputError: it is not, or empty, or too long.
    """
    if not isinstance(text, str) or not text.isprintable() or len(text) > longest:
        raise InputError(f"{what} is at most {longest} printable characters; got {text!r:.300}.")
    if not text and not empty:
        raise InputError(f"{what} is empty.")
    return text


def integer(value: object, what: str, *, least: int = -_LARGEST, most: int = _LARGEST) -> int:
    """An integer that SQLite can hold.

    Raises:
        InputError: it is none, or out of range.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        end = f" of at least {least}" if least > -_LARGEST else ""
        end += f" and at most {most}" if most < _LARGEST else ""
        raise InputError(f"{what} is an integer{end}; got {value!r:.100}.")
    return value


def number(value: object, what: str, *, least: float = -math.inf, most: float = math.inf) -> float:
    """A finite number.

    Raises:
        InputError: it is none, or out of range.
    """
    fits = isinstance(value, int | float) and not isinstance(value, bool)
    if not fits or not math.isfinite(value) or not least <= value <= most:  # type: ignore[arg-type, operator]
        end = f" between {least:g} and {most:g}" if math.isfinite(most - least) else ""
        raise InputError(f"{what} is a finite number{end}; got {value!r:.100}.")
    return float(value)  # type: ignore[arg-type]


def now() -> str:
    """This moment, as the store writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
