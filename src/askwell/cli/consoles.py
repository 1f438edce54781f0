"""Where the commands print: tables on standard output, bars and remarks beside it."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

_NO_LIMIT = 10_000
_LISTED = 20


def table_console() -> Console:
    """Standard output: as wide as the terminal, or as any table where it is a pipe or a file."""
    console = Console()
    return console if console.is_terminal else Console(width=_NO_LIMIT)


@contextmanager
def bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error; what it gives is called with what is done, and of how many."""
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(what, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def remark(text: str) -> None:
    """A sentence on standard error, as it is."""
    Console(stderr=True).print(Text(text), soft_wrap=True)


def listed(head: str, lines: Iterable[str]) -> None:
    """A head and the first lines on standard error, then how many more there are."""
    every = list(lines)
    more = [f"and {len(every) - _LISTED} more"] if len(every) > _LISTED else []
    remark("\n  ".join([head, *every[:_LISTED], *more]))


def counted(n: int, what: str) -> str:
    """`1 image`, `2 images`."""
    return f"{n} {what}{'' if n == 1 else 's'}"
