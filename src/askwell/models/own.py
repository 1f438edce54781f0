"""A network of the user's own, named by where its factory lies: `networks.py:small`."""

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from torch import nn

from askwell.errors import InputError

ModelFactory = Callable[[tuple[int, ...], int], nn.Module]
"""(image shape without N, number of network outputs) → a freshly initialised network."""


def own_model(name: str) -> ModelFactory:
    """The factory that `file.py:factory` or `package.module:factory` names.

    A class will do, if it is made with (image_shape, outputs).

    Raises:
        InputError: no such file or module, or none of that name in it; it fails when it is
            imported; or it does not take two arguments.
    """
    where, _, attribute = name.rpartition(":")
    module = _module(name, where)
    factory = getattr(module, attribute, None)
    if not callable(factory):
        there = [n for n, v in vars(module).items() if callable(v) and not n.startswith("_")]
        raise InputError(
            f"{where} has no function or class {attribute!r} that could make a network. It has: "
            f"{', '.join(there) or 'none'}."
        )
    try:
        inspect.signature(factory).bind((1, 28, 28), 10)
    except TypeError as error:
        raise InputError(
            f"{name} is called with the shape of an image and the number of outputs, as in "
            f"{attribute}((1, 28, 28), 10); it does not take these: {error}."
        ) from error
    except ValueError:
        pass  # no signature to be had, of a builtin for example
    made: ModelFactory = factory
    return made


def _module(name: str, where: str) -> ModuleType:
    try:
        if where.endswith(".py"):
            return _of_file(Path(where).expanduser().resolve())
        return importlib.import_module(where)
    except (Exception, SystemExit) as error:  # whatever their code raises
        raise InputError(
            f"The model {name} cannot be loaded: {type(error).__name__}: {error}. Name it as "
            "file.py:function or package.module:function."
        ) from error


def _of_file(path: Path) -> ModuleType:
    """A file as a module of its own name, which pickling needs."""
    key = f"askwell_own_{path.stem}"
    loaded = sys.modules.get(key)
    if loaded is not None and loaded.__file__ == str(path):
        return loaded
    spec = importlib.util.spec_from_file_location(key, path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(str(path))
    module = importlib.util.module_from_spec(spec)
    sys.modules[key] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[key]
        raise
    return module
