"""Remarks on what is allowed and probably a mistake: one warning a process, whatever the rounds."""

import warnings

_made: set[str] = set()


def remark(kind: str, message: str, *, stacklevel: int = 2) -> None:
    """Warn with this message, unless a remark of this kind was made in this process before.

    A loop trains and asks in every round, and the same sentence each time would be noise. Python's
    own filter does not do it: it forgets what it has shown whenever a library changes the filters.

    Args:
        kind: of the remark.
        message: what was found and what to do.
        stacklevel: the frame to name, counted from the caller as `warnings.warn` counts.
    """
    if kind in _made:
        return
    warnings.warn(message, stacklevel=stacklevel + 1)
    _made.add(kind)  # not where warnings are errors: an error comes every time
