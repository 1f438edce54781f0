"""Where the commands print their tables."""

from rich.console import Console

_NO_LIMIT = 10_000


def table_console() -> Console:
    """Standard output: as wide as the terminal, or as any table where it is a pipe or a file."""
    console = Console()
    return console if console.is_terminal else Console(width=_NO_LIMIT)
