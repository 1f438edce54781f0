"""What is in a folder of images, by path, and what has become of it since."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from askwell.store import Item


@dataclass(frozen=True, slots=True)
class Look:
    """What another look at a folder found: each path is counted once at most.

    Attributes:
        new: files that were never seen there.
        returned: files that are back, with content that was seen there before.
        changed: files with other content.
        renamed: files whose content is at a path where there was none.
        gone: other files that are not there any more.
        mended: files that could not be read before, and can be now.
        still: files that cannot be read now as before.
        worse: further files that cannot be read.
    """

    new: int
    returned: int
    changed: int
    renamed: int
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

    def __iter__(self) -> Iterator[str]:
        return iter(self.sha256.keys() | self.unreadable)

    def compared_with(self, now: "Folder") -> Look:
        """What has become of it."""
        came = {path: sha256 for path, sha256 in now.sha256.items() if path not in self}
        left = {path: self.sha256.get(path, "") for path in self if path not in now}
        # Of several files of one content as many were renamed as came and left.
        renamed = (Counter(came.values()) & Counter(left.values())).total()
        returned = sum((path, came[path]) in self.past for path in came)
        new = len(came) - returned
        return Look(
            new=max(0, new - renamed),
            returned=returned - max(0, renamed - new),
            changed=sum(now.sha256.get(path, old) != old for path, old in self.sha256.items()),
            renamed=renamed,
            gone=len(left) - renamed,
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
