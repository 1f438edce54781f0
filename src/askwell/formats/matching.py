"""Which image a row of a file of labels means: by path, however much of it was written down."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from askwell.formats.label_studio import UPLOADED
from askwell.formats.rows import Named
from askwell.paths import shown

_PREFIX = re.compile(r"[0-9a-f]{8}-")
_UNSAFE = re.compile(r"[^-\w.]")


@dataclass(frozen=True, slots=True)
class Matched:
    """Rows with their images.

    Attributes:
        items: image → its row; the first of several that agree.
        unknown: rows whose image was not found, or is one of several, each with its line.
        conflicting: images that rows give different labels, with the lines; none of these counts.
    """

    items: dict[int, Named]
    unknown: list[str]
    conflicting: list[str]


def match(
    rows: Sequence[Named], by_path: Mapping[str, int], root: Path, beside: Path | None = None
) -> Matched:
    """Find the images of rows.

    A row's path is relative to the file of labels, where its format says so; or to the folder; or
    the end of the full path of exactly one image (`/me/photos/a/1.jpg`, `photos/a/1.jpg`, `1.jpg`);
    or an address that ends with an image's path; or a name that Label Studio gave an uploaded file
    (`1f0e3d2c-1.jpg`). The first of these that is one counts.

    Args:
        rows: of a file of labels.
        by_path: path relative to the folder → image. Files that are one image have one number.
        root: the folder.
        beside: the folder that the rows' paths are relative to, where the format says so.
    """
    files = _Files(by_path, root)
    found: defaultdict[int, list[Named]] = defaultdict(list)
    unknown: list[str] = []
    for row in rows:
        items = files.find(row.path, beside)
        if len(items) == 1:
            found[items.pop()].append(row)
        elif items:
            unknown.append(
                f"{row.where}: {shown(row.path)} is the end of the paths of {len(items)} images; "
                "write more of it"
            )
        else:
            unknown.append(f"{row.where}: there is no image {shown(row.path)}")
    clear: dict[int, Named] = {}
    conflicting: list[str] = []
    for item, same in found.items():
        if len({row.label for row in same}) == 1:
            clear[item] = same[0]
        else:
            said = ", ".join(f"{row.label!r:.100} ({row.where})" for row in same[:5])
            conflicting.append(f"{shown(same[0].path)} has several labels: {said}")
    return Matched(clear, unknown, conflicting)


class _Files:
    """The paths of all images, found by their ends."""

    def __init__(self, by_path: Mapping[str, int], root: Path) -> None:
        self._root = PurePosixPath(root.resolve().as_posix())
        self._given = PurePosixPath(root.absolute().as_posix())
        self._by_path = {_plain(path): item for path, item in by_path.items()}
        self._exact = by_path
        self._by_name: defaultdict[str, list[str]] = defaultdict(list)
        self._by_upload: defaultdict[str, set[int]] = defaultdict(set)
        for path, item in self._by_path.items():
            name = PurePosixPath(path).name
            self._by_name[name].append(path)
            self._by_upload[_uploaded(name)].add(item)

    def find(self, path: str, beside: Path | None) -> set[int]:
        """The images that a path may mean: none, one, or several if it is ambiguous."""
        if beside is not None:
            place = PurePosixPath(beside.resolve().as_posix()) / path
            if place.is_relative_to(self._root) and (found := self._inside(place)):
                return found
        for written in dict.fromkeys((path, path.replace("\\", "/"))):
            if found := self._written(written):
                return found
        return set()

    def _written(self, path: str) -> set[int]:
        if path in self._exact:
            return {self._exact[path]}
        if "://" in path:
            return self._address(path)
        if path.startswith(UPLOADED):
            return self._upload(PurePosixPath(path).name)
        if path.startswith("/"):
            return self._inside(PurePosixPath(path))
        plain = _plain(path)
        if plain in self._by_path:
            return {self._by_path[plain]}
        found = self._ending(plain)
        return found if found or "/" in plain else self._upload(plain)

    def _inside(self, place: PurePosixPath) -> set[int]:
        for root in (self._root, self._given):
            if place.is_relative_to(root):
                item = self._by_path.get(_plain(place.relative_to(root).as_posix()))
                return set() if item is None else {item}
        return set()

    def _ending(self, plain: str) -> set[int]:
        """Images whose full path ends so."""
        wanted = PurePosixPath(plain).parts
        if not wanted:
            return set()
        return {
            self._by_path[path]
            for path in self._by_name.get(wanted[-1], ())
            if (self._root / path).parts[-len(wanted) :] == wanted
        }

    def _address(self, path: str) -> set[int]:
        """The image whose path, the longest such, an address ends with."""
        try:
            whole = PurePosixPath(_plain(unquote(urlsplit(path).path).lstrip("/")))
        except ValueError:
            return set()
        for tail in _tails(whole):
            if tail in self._by_path:
                return {self._by_path[tail]}
        return set()

    def _upload(self, name: str) -> set[int]:
        if not _PREFIX.match(name):
            return set()
        return self._ending(_plain(name[9:])) or self._by_upload.get(_uploaded(name[9:]), set())


def _tails(path: PurePosixPath) -> Iterator[str]:
    for start in range(len(path.parts)):
        yield "/".join(path.parts[start:])


def _plain(path: str) -> str:
    """A relative path without `./`, its accents composed: file systems differ in that."""
    return unicodedata.normalize("NFC", PurePosixPath(path).as_posix())


def _uploaded(name: str) -> str:
    """What Label Studio makes of a file's name, save the prefix."""
    return _UNSAFE.sub("", unicodedata.normalize("NFC", name).strip().replace(" ", "_"))
