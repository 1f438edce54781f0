"""What is in a folder of images, by path, and what has become of it since."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from askwell.store import Item


@dataclass(frozen=True, slots=True)
class Look:
    """What another look at a folder found: each path is counted once at most.

    Attributes:
        new: files that were never seen there.
        returned: files that are back, with content that was seen there before.
        changed: files with other content.
        gone: files that are not there any more.
        mended: files that could not be read before, and can be now.
        still: files that cannot be read now as before.
        worse: further files that cannot be read.
    """

    new: int
    returned: int
    changed: int
    gone: int
    mended: int
    still: int
    worse: int


@dataclass(frozen=True, slots=True)
class Folder:
    """The files of a folder at one time.

    Attributes:
        sha256: path → hash, of the files that can be read.
        unreadable: paths of files that cannot.
        past: paths with the hashes that were seen there and are there no more.
    """

    sha256: Mapping[str, str]
    unreadable: frozenset[str]
    past: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, items: Sequence[Item], refused: Collection[str]) -> "Folder":
        """From the items of a project, and the paths that its last scan did not take up."""
        broken = {each.path for each in items if each.status == "unreadable"} | {*refused}
        return cls(
            {each.path: each.sha256 for each in items if each.status == "ok"},
            frozenset(broken),
            frozenset((each.path, each.sha256) for each in items if each.status == "vanished"),
        )

    def __contains__(self, path: str) -> bool:
        return path in self.sha256 or path in self.unreadable

    def compared_with(self, now: "Folder") -> Look:
        """What has become of it."""
        came = [path for path in now.sha256 if path not in self]
        returned = sum((path, now.sha256[path]) in self.past for path in came)
        return Look(
            new=len(came) - returned,
            returned=returned,
            changed=sum(now.sha256.get(path, old) != old for path, old in self.sha256.items()),
            gone=sum(path not in now for path in self.sha256.keys() | self.unreadable),
            mended=sum(path in self.unreadable for path in now.sha256),
            still=len(now.unreadable & self.unreadable),
            worse=len(now.unreadable - self.unreadable),
        )


def refused_and_vanished(items: Sequence[Item], refused: Collection[str]) -> int:
    """Of the paths that the last scan did not take up, those that count as vanished as well."""
    if not refused:
        return 0
    here = {each.sha256 for each in items if each.status != "vanished"}
    gone = {each.path for each in items if each.status == "vanished" and each.sha256 not in here}
    return len(gone.intersection(refused))
