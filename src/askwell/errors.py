"""Every error that askwell raises on purpose.

A message says what was expected, what came, and what to do. Catch `AskwellError` to catch them
all; the children that replace a built-in error are also that error (`InputError` is a
`ValueError`), so ordinary Python code keeps working.
"""


class AskwellError(Exception):
    """The common parent."""


class InputError(AskwellError, ValueError):
    """An argument has the wrong shape, type or range."""


class LabelError(InputError):
    """A label does not fit: unknown item, class out of range, or a conflict with an earlier one."""


class SpecError(InputError):
    """An experiment's specification has an unknown key or an impossible value."""


class ModelError(AskwellError):
    """A network cannot do what is asked of it: no dropout, or images of the wrong shape."""


class NonFiniteError(AskwellError):
    """NaN or infinity where a number was expected: in images, outputs or the training loss."""


class DatasetError(AskwellError):
    """A data set cannot be found, fetched or verified."""


class RunError(AskwellError):
    """A run or a feature directory cannot be used: other contents, another process, no space."""
