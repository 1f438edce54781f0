"""Folders of exported images: made aside as a whole, then put in their place in one step.

A folder that an earlier export made is replaced, if nothing else has got into it: what it holds is
listed in it, in `.askwell-export.json`. Any other folder must be empty. The images themselves are
only ever read.
"""

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from askwell.errors import InputError
from askwell.formats.text import writing
from askwell.paths import entries, is_file, is_folder, shown

How = Literal["link", "copy"]

MANIFEST = ".askwell-export.json"

_NO_LINK = (errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.EACCES)


def write_tree(
    out: Path,
    root: Path,
    images: Mapping[str, str],
    *,
    how: How,
    texts: Mapping[str, str] | None = None,
    about: Mapping[str, Any] | None = None,
) -> None:
    """Make a folder of images, all of it or nothing.

    Args:
        out: the folder.
        root: the folder of the images.
        images: path in `out` → path in `root`.
        how: "link" makes hard links (symbolic ones where `out` is on another disk), so takes no
            room; "copy" copies.
        texts: further files, path in `out` → text.
        about: what else is to be kept in the list of files.

    Raises:
        InputError: `out` holds other things, or lies in `root`.
        RunError: the system refuses.
    """
    check_place(out, root)
    out = out.resolve()
    with writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(dir=out.parent, prefix=".askwell-", suffix=".part"))
        try:
            for target, source in images.items():
                (aside / target).parent.mkdir(parents=True, exist_ok=True)
                _place(root.resolve() / source, aside / target, how)
            for target, text in (texts or {}).items():
                (aside / target).write_bytes(text.encode())
            _list_files(aside, about or {})
            aside.chmod(0o755)
            _swap(aside, out)
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def check_place(out: Path, root: Path) -> None:
    """Refuse a place where an export would overwrite something, or be taken for new images.

    Raises:
        InputError: it would.
    """
    if out.resolve().is_relative_to(root.resolve()):
        raise InputError(
            f"{shown(out)} lies in {shown(root)}, where its images would be taken for new ones. "
            "Give a folder elsewhere."
        )
    if is_file(out, InputError):
        raise InputError(f"{shown(out)} is a file; this format is a folder. Give another name.")
    if is_folder(out, InputError) and (foreign := _foreign(out)) is not None:
        raise InputError(
            f"{shown(out)} holds {shown(foreign)}, which no export put there, or which was "
            "changed since. Nothing is overwritten: give a new or an empty folder, or one that an "
            "export made."
        )


def read_manifest(folder: Path) -> dict[str, Any]:
    """What an export noted about its folder; empty if none did."""
    try:
        found = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _foreign(folder: Path) -> str | None:
    """Something in a folder that no export put there, or that was changed since."""
    if not entries(folder, InputError):
        return None
    listed = read_manifest(folder).get("files")
    for place, _, names in os.walk(folder):
        for name in names:
            path = (Path(place) / name).relative_to(folder).as_posix()
            if path == MANIFEST and isinstance(listed, dict):
                continue
            if not isinstance(listed, dict) or listed.get(path) != _mark(folder / path):
                return path
    return None if isinstance(listed, dict) else entries(folder, InputError)[0].name


def _list_files(folder: Path, about: Mapping[str, Any]) -> None:
    files = {
        (Path(place) / name).relative_to(folder).as_posix(): _mark(Path(place) / name)
        for place, _, names in os.walk(folder)
        for name in names
    }
    text = json.dumps({**about, "files": files}, ensure_ascii=False, indent=1)
    (folder / MANIFEST).write_bytes(text.encode())


def _mark(path: Path) -> list[int] | str:
    """What tells whether a file was changed: where it leads, or size and time of change."""
    try:
        if path.is_symlink():
            return str(path.readlink())
        status = path.stat()
    except OSError:
        return ""
    return [status.st_size, status.st_mtime_ns]


def _place(source: Path, target: Path, how: How) -> None:
    if how == "copy":
        shutil.copy2(source, target)
        return
    try:
        target.hardlink_to(source.resolve(strict=True))
    except OSError as error:
        if error.errno not in _NO_LINK:
            raise
        target.symlink_to(source)


def _swap(aside: Path, out: Path) -> None:
    """Put a finished folder in its place; the one that was there goes last."""
    if not out.exists():
        aside.rename(out)
        return
    old = Path(tempfile.mkdtemp(dir=out.parent, prefix=".askwell-", suffix=".old"))
    out.rename(old / out.name)
    try:
        aside.rename(out)
    except OSError:
        (old / out.name).rename(out)
        old.rmdir()
        raise
    shutil.rmtree(old, ignore_errors=True)
