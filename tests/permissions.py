"""Files that are closed to everybody, even where root runs the tests."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_VERSION = 0x20080522  # _LINUX_CAPABILITY_VERSION_3 of linux/capability.h
_PASSING = 1 << 1 | 1 << 2  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


@contextmanager
def closed(path: Path, mode: int = 0) -> Iterator[None]:
    """Within, `path` has this mode, and this thread is refused what the mode refuses.

    Permission bits do not hold root back. On Linux that is by two capabilities, which are laid
    down for the while; where that cannot be done the test is skipped.
    """
    before = path.stat().st_mode
    path.chmod(mode)
    try:
        with _no_better_than_others():
            yield
    finally:
        path.chmod(before)


@contextmanager
def _no_better_than_others() -> Iterator[None]:
    if not hasattr(os, "geteuid"):
        pytest.skip("permission bits mean little on this system")
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header, data = _Header(_VERSION, 0), (_Data * 2)()
    if not hasattr(libc, "capget") or libc.capget(ctypes.byref(header), data) != 0:
        pytest.skip("root is refused nothing here")
    before = data[0].effective
    data[0].effective = before & ~_PASSING
    if libc.capset(ctypes.byref(header), data) != 0:
        pytest.skip("root is refused nothing here")
    try:
        yield
    finally:
        data[0].effective = before
        libc.capset(ctypes.byref(header), data)
