"""What worker processes warn of is warned of in the main process, each sentence once."""

import warnings
from dataclasses import replace
from pathlib import Path

import pytest

from askwell.experiment.runner import run
from askwell.experiment.workers import Heard, Said
from tests.experiment.test_runner import SMALL, cores

WARNING = """
import itertools
import warnings
from torch import nn

class Odd(RuntimeWarning):
    pass

made = itertools.count()

def small(shape, outputs):
    warnings.warn(f"network number {next(made)} is odd", Odd)
    warnings.warn("it is old", DeprecationWarning)
    return nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(64, outputs))
"""

FAILING = """
import warnings
from multiprocessing import parent_process
from torch import nn

class Odd(nn.Sequential):
    def train(self, mode=True):
        if mode and parent_process():
            warnings.warn("the weights are odd")
            raise ValueError("too odd")
        return super().train(mode)

def small(shape, outputs):
    return Odd(nn.Flatten(), nn.Dropout(), nn.Linear(64, outputs))
"""


def caught(*said: Said) -> list[tuple[str, type[Warning]]]:
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        heard = Heard()
        for one in said:
            heard.repeat([one, one])
    return [(str(w.message), w.category) for w in found]


def test_a_sentence_is_repeated_once_whatever_its_numbers():
    said = [
        Said("The loss is 1.25 after 30 steps.", UserWarning, "a.py", 1),
        Said("The loss is 0.5 after 30 steps.", UserWarning, "a.py", 1),
        Said("The loss is 0.5 after 30 steps.", RuntimeWarning, "a.py", 1),
        Said("Another.", UserWarning, "a.py", 1),
    ]
    kept = [said[0], said[2], said[3]]
    assert caught(*said) == [(one.text, one.kind) for one in kept]


def test_what_is_caught_crosses_as_a_kind_that_every_process_knows():
    class Mine(DeprecationWarning):
        pass

    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        warnings.warn("old", Mine, stacklevel=1)
    (said,) = map(Said.of, found)
    assert (said.text, said.kind, said.file) == ("old", DeprecationWarning, __file__)


def test_two_workers_warn_once_in_the_main_process(tmp_path: Path):
    (tmp_path / "odd.py").write_text(WARNING)
    spec = replace(SMALL, model=f"{tmp_path / 'odd.py'}:small", seeds=(0,), budget=15)
    with cores(2), warnings.catch_warnings(record=True) as found:
        warnings.resetwarnings()
        warnings.simplefilter("ignore", DeprecationWarning)  # as Python does
        run(spec, tmp_path / "out", jobs=2)
    (warning,) = [w for w in found if "number" in str(w.message)]
    assert warning.category is RuntimeWarning
    assert warning.filename == str(tmp_path / "odd.py")
    assert not [w for w in found if "old" in str(w.message)]


def test_what_a_step_warned_of_before_it_failed_is_told(tmp_path: Path):
    (tmp_path / "odd.py").write_text(FAILING)
    spec = replace(SMALL, model=f"{tmp_path / 'odd.py'}:small", seeds=(0, 1), budget=15)
    with cores(2), warnings.catch_warnings(record=True) as found:
        warnings.resetwarnings()
        with pytest.raises(ValueError, match="too odd"):
            run(spec, tmp_path / "out", jobs=2)
    assert "the weights are odd" in [str(w.message) for w in found]
