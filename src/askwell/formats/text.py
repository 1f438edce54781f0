"""Text files in and out: any Unicode encoding in; out aside, synchronised and renamed."""

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from askwell.datasets.images import SUFFIXES
from askwell.durable import replacing
from askwell.errors import InputError, RunError
from askwell.paths import is_file, is_folder, shown

_MARKS = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def read_text(path: Path) -> str:
    """The text of a file in UTF-8 (with a mark or without) or, with a mark, UTF-16.

    Raises:
        InputError: there is no such file, it cannot be read, or is in another encoding.
    """
    if not is_file(path, InputError):
        raise InputError(f"There is no file {shown(path)}. Give a file of labels.")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{shown(path)} cannot be read: {error.strerror or error}.") from error
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), "utf-8-sig")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(
            f"{shown(path)}, line {line}, is not in UTF-8. Save it as UTF-8 (in spreadsheets: "
            "'CSV UTF-8')."
        ) from error


def write_text(path: Path, text: str) -> None:
    """Replace a file as a whole: it is the old one or the new one, whatever happens.

    Raises:
        RunError: the system refuses.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            file.write(text.encode())


def check_free(path: Path, *, overwrite: bool) -> None:
    """Refuse to replace a file, unless told to.

    Raises:
        InputError: something is there, or it has the name of an image.
    """
    if path.suffix.lower() in SUFFIXES:
        raise InputError(f"{shown(path)} is the name of an image. Give another one for the labels.")
    if is_folder(path, InputError):
        raise InputError(f"{shown(path)} is a folder; this format is one file. Give its name.")
    if not overwrite and (is_file(path, InputError) or path.is_symlink()):
        raise InputError(
            f"{shown(path)} is there already. Give another name, or --overwrite to replace it."
        )


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an `OSError` into a sentence that names the place.

    Raises:
        RunError: in the place of an `OSError`.
    """
    try:
        yield
    except OSError as error:
        raise RunError(
            f"{shown(path)} cannot be written: {error.strerror or error}. Make room, check the "
            "permissions, or give another place with --out."
        ) from error
