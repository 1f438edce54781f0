"""Where a run ran, and the settings of this machine that make it fast."""

import ctypes
import math
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from askwell.experiment.quota import cpu_quota
from askwell.precision import compute_dtype
from askwell.version import __version__

_PACKAGES = ("torch", "torchvision", "numpy", "scipy", "scikit-learn", "matplotlib", "pillow")
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # glibc's malloc.h


def available_cores() -> int:
    """Processor cores that this process may use, by its affinity and its control groups."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    quota = cpu_quota()
    return cores if quota is None else max(1, min(cores, math.ceil(quota)))


def threads_for(jobs: int) -> int:
    """Threads of each of so many processes: its share of the cores, within OMP_NUM_THREADS."""
    return within_limit(max(1, available_cores() // jobs))


def within_limit(threads: int) -> int:
    """So many threads, but no more than OMP_NUM_THREADS allows a process, where it is set.

    It may be a list, for nested regions, of which the first counts. What is no number ≥ 1 is
    ignored, as OpenMP does.
    """
    first = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    limit = int(first) if first.isdecimal() else 0
    return min(threads, limit) if limit else threads


def default_device() -> torch.device:
    """The CUDA device if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def keep_freed_memory() -> None:
    """Tell glibc's allocator to keep large freed blocks instead of returning them to the system.

    Feature maps of a chunk are some 10 MB each. By default every one is a fresh mapping whose
    pages fault one by one: measured on one core, the trunk of the paper's network took 1.5 × as
    long (256 images a chunk, float32). Where there is no glibc, nothing happens.
    """
    if sys.platform != "linux":
        return
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return
    mallopt(_M_MMAP_THRESHOLD, 1 << 30)
    mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1)


def describe(*, device: torch.device, jobs: int, threads: int) -> dict[str, Any]:
    """What may influence a run's numbers: versions, commit, processor, threads, number format."""
    return {
        "askwell": __version__,
        "commit": _commit(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": available_cores(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU",
        "training_dtype": str(compute_dtype(device)).removeprefix("torch."),
        "jobs": jobs,
        "threads": threads,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _commit() -> str:
    """The commit of the source tree that this code runs from, `+` where it has been changed."""
    source = Path(__file__).resolve()
    try:
        # Fails where askwell is installed inside somebody else's repository.
        _git(source.parent, "ls-files", "--error-unmatch", source.name)
        return _git(source.parent, "describe", "--always", "--dirty=+", "--abbrev=12") or "unknown"
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def _git(folder: Path, *command: str) -> str:
    asked = ["git", "-C", str(folder), *command]
    return subprocess.run(
        asked, capture_output=True, text=True, timeout=10, check=True
    ).stdout.strip()


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def changed(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What of an environment is another, of that on which sums depend."""
    keys = ("askwell", "packages", "processor", "device", "training_dtype", "threads")
    return [key for key in keys if key in then and then[key] != now.get(key)]
