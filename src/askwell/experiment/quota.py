"""How much processor time Linux control groups leave to this process, as containers limit it.

A group's limit holds for all groups below it, so the tightest on the way up counts. The groups are
looked for where they are mounted by convention, `/sys/fs/cgroup`; a container sees its own as root.
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath


def cpu_quota(root: Path = Path("/")) -> float | None:
    """The processor time that this process may use, in cores; None where nothing limits it.

    Args:
        root: of the file system.
    """
    return min(_quotas(root), default=None)


def _quotas(root: Path) -> Iterator[float]:
    mounts = root / "sys/fs/cgroup"
    for line in _words(root / "proc/self/cgroup", separator="\n"):
        _, _, controllers_and_path = line.partition(":")
        controllers, _, path = controllers_and_path.partition(":")
        for group in _and_above(path):
            if not controllers:
                yield from _share(_words(mounts / group / "cpu.max"))
            elif "cpu" in controllers.split(","):
                for folder in (mounts / controllers / group, mounts / "cpu" / group):
                    files = (folder / "cpu.cfs_quota_us", folder / "cpu.cfs_period_us")
                    yield from _share([word for file in files for word in _words(file)])


def _and_above(path: str) -> Iterator[PurePosixPath]:
    """A group, as a path below the mount, and every group that it is in."""
    group = PurePosixPath(path.lstrip("/"))
    yield group
    yield from group.parents


def _share(words: list[str]) -> Iterator[float]:
    """`50000 100000` is half a core; a quota of `max` (version 2) or −1 (version 1) is none."""
    if len(words) == 2 and all(word.isdecimal() for word in words) and int(words[1]):
        yield int(words[0]) / int(words[1])


def _words(path: Path, separator: str | None = None) -> list[str]:
    try:
        return path.read_text("utf-8").strip().split(separator)
    except (OSError, UnicodeDecodeError):
        return []
