"""Paths that people give: what is there, or in words why the system does not say.

`Path.is_dir` is False where there is nothing, but raises where the system refuses to look: a
folder above that may not be entered, a name that is too long. Here that is an error of the
caller's kind, with a sentence.
"""

import stat
from pathlib import Path

from askwell.errors import AskwellError

_LONGEST = 200


def is_folder(path: Path, error: type[AskwellError]) -> bool:
    """Whether a folder is there, links followed.

    Raises:
        error: the system does not say.
    """
    return stat.S_ISDIR(_mode(path, error))


def is_file(path: Path, error: type[AskwellError]) -> bool:
    """Whether an ordinary file is there, links followed; a pipe or a device is none.

    Raises:
        error: the system does not say.
    """
    return stat.S_ISREG(_mode(path, error))


def entries(folder: Path, error: type[AskwellError]) -> list[Path]:
    """What is in a folder, sorted.

    Raises:
        error: it cannot be read.
    """
    try:
        return sorted(folder.iterdir())
    except OSError as reason:
        raise error(
            f"The folder {shown(folder)} cannot be read: {reason.strerror or reason}."
        ) from reason


def expanded(text: str, error: type[AskwellError]) -> Path:
    """The path of a text, with the home directory in the place of `~` or `~user`.

    Raises:
        error: there is no such user, or no home directory.
    """
    try:
        return Path(text).expanduser()
    except RuntimeError as reason:
        raise error(
            f"{shown(text)}: no home directory is known for {Path(text).parts[0]}. Give the path "
            "in full, from / on."
        ) from reason


def shown(path: Path | str) -> str:
    """A path as a message quotes it: on one line, and not for a whole page."""
    escaped = (c if c.isprintable() else ascii(c)[1:-1] for c in str(path))
    text = "".join(escaped)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]}…{text[-_LONGEST // 2 :]}"


def _mode(path: Path, error: type[AskwellError]) -> int:
    """Type and permissions as `stat` has them; 0 where there is nothing."""
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return 0
    except (OSError, ValueError) as reason:  # a ValueError for NUL in a name
        why = getattr(reason, "strerror", None) or reason
        raise error(
            f"{shown(path)} cannot be looked at: {why}. Check how it is spelt, and whether you "
            "may enter the folders above it."
        ) from reason


def is_unicode(text: str) -> bool:
    """Whether it can be written: a file's name may be any bytes, an escape of JSON half a pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
