"""What to say about a name that is not known. It stands this low so that every layer can use it."""

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str:
    """` Did you mean …?`, or nothing where no known name is near; case and dashes do not count."""
    plain = name.lower().replace("-", "_")
    near = difflib.get_close_matches(plain, list(known), n=1, cutoff=0.5)
    return f" Did you mean {near[0]!r}?" if near else ""
