"""`askwell …` as in a terminal, but in this process; and two commands that run small things."""

import sys
import warnings
from dataclasses import dataclass

import pytest

from askwell.cli import main

RUN = ("run", "tiny.toml", "--jobs", "1")

FOLDER = (
    *("run", "tiny.toml", "--jobs", "1", "--dataset", "photos", "--out", "out"),
    *("--set", "initial=4", "--set", "validation=4", "--budget", "9"),
    *("--set", "pool_size=0", "--set", "test_size=0", "--acquisitions", "bald"),
)


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str


class Shell:
    """`askwell …` in this process, in a directory of its own."""

    def __init__(self, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]) -> None:
        self.patch = patch
        self.capture = capture

    def __call__(self, *arguments: str) -> Answer:
        self.capture.readouterr()
        with self.patch.context() as patch, warnings.catch_warnings():
            patch.setattr(sys, "argv", ["askwell", *arguments])
            warnings.simplefilter("default")  # as Python does; `main` says how they are shown
            with pytest.raises(SystemExit) as ended:
                main()
        code = ended.value.code
        return Answer(
            code if isinstance(code, int) else int(bool(code)), *self.capture.readouterr()
        )
