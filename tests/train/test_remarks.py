"""A remark is made once a process, and each time where warnings are errors."""

import warnings

import pytest

from askwell.train import remarks
from askwell.train.remarks import remark


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch):
    monkeypatch.setattr(remarks, "_made", set())


def test_of_each_kind_one_is_made_whatever_happens_to_the_filters():
    made = []
    for number in range(3):
        with warnings.catch_warnings(record=True) as caught:  # Python's filter forgets here
            warnings.simplefilter("default")
            remark("steps", f"number {number}")
            remark("draws", "another")
        made += [str(w.message) for w in caught]
    assert made == ["number 0", "another"]


def test_it_names_the_line_of_its_caller_s_caller():
    def library() -> None:
        remark("steps", "few", stacklevel=2)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        library()
    assert caught[0].filename == __file__


def test_as_an_error_it_comes_every_time():
    for _ in range(2):
        with pytest.raises(UserWarning, match="few"):
            remark("steps", "few")
