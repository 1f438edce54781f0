"""A project of real images (scikit-learn's digits), and a server of it in its own process.

python -m tests.web.serving FOLDER PORT [ANNOTATOR]     prints the one-time address
"""

import random
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from askwell.web.project import Project, open_project
from askwell.web.server import serve

ROOT = Path(__file__).parents[2]
TOY = (sys.executable, "-m", "tests.web.toy_trainer")
CLASSES = [str(digit) for digit in range(10)]
HOST = "127.0.0.1"


def write_digits(folder: Path, n: int) -> dict[str, int]:
    """The first n digits as PNG files, 8×8; path → digit."""
    digits = load_digits()
    folder.mkdir(parents=True, exist_ok=True)
    truth = {}
    for i, (image, label) in enumerate(zip(digits.images[:n], digits.target[:n], strict=True)):
        name = f"scan{i:03}.png"
        Image.fromarray(np.rint(image * 255 / 16).astype(np.uint8)).save(folder / name)
        truth[name] = int(label)
    return truth


def opened(folder: Path, **options: object) -> Project:
    """The project of a folder, with the toy trainer, not started."""
    given: dict[str, object] = {"classes": CLASSES, "annotator": "ada", "trainer": TOY}
    return open_project(folder, **(given | options))  # type: ignore[arg-type]


def free_port() -> int:
    """A port that stays free between a server's death and its return.

    Outgoing connections take theirs from a range above these.
    """
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind((HOST, port))
            return port


class Server:
    """A server in a process of its own, which may be killed and started again."""

    def __init__(self, folder: Path, extra: Sequence[str] = ("ada",)) -> None:
        self.folder, self.port, self.extra = folder, free_port(), extra
        self.process: subprocess.Popen[str] | None = None
        self.url = ""

    def start(self) -> str:
        """Start; the one-time address."""
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.web.serving",
                str(self.folder),
                str(self.port),
                *self.extra,
            ],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        assert self.url.startswith("http"), "the server did not start"
        return self.url

    def kill(self) -> None:
        """As a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


if __name__ == "__main__":
    who = sys.argv[3] if len(sys.argv) > 3 else None
    serve(
        opened(Path(sys.argv[1]), annotator=who),
        host=HOST,
        port=int(sys.argv[2]),
        started=lambda url: print(url, flush=True),
    )
