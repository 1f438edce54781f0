"""What an argument must be, and how the refusal reads."""

import numpy as np
import pytest
import torch

from askwell.checks import plain_id, several_ids, whole_number
from askwell.errors import InputError
from askwell.records import Query


@pytest.mark.parametrize(
    ("item", "plain"), [(3, 3), (np.int16(3), 3), ("a", "a"), (np.str_("a"), "a"), (-1, -1)]
)
def test_numpy_s_ids_become_python_s(item, plain):
    assert plain_id(item) == plain
    assert type(plain_id(item)) is type(plain)


@pytest.mark.parametrize("item", [None, 0.5, True, np.True_, b"a", (1,), torch.tensor(3)])
def test_what_is_no_id(item):
    with pytest.raises(InputError, match=rf"int or a str; got .*\({type(item).__name__}\)"):
        plain_id(item)


@pytest.mark.parametrize(
    "ids", [["a", 1], ("a", 1), iter(["a", 1]), {"a": 0, 1: 0}, np.array(["a", 1], dtype=object)]
)
def test_several_ids_are_anything_that_gives_them(ids):
    assert several_ids(ids) == ["a", 1]


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ("ab", r"Expected several ids, e\.g\. \['ab'\]; got the string 'ab'\."),
        ("", r"e\.g\. \[''\]; got the string ''\."),
        (7, r"e\.g\. \[7\]; got the int 7\."),
        (None, "got the NoneType None"),
        (Query((1, 2), (0.0, 0.0)), r"e\.g\. query\.ids; got the Query"),
    ],
)
def test_one_id_is_not_several(ids, message):
    with pytest.raises(InputError, match=message):
        several_ids(ids)


@pytest.mark.parametrize("value", [2, np.int64(2), np.uint8(2)])
def test_whole_numbers_become_plain(value):
    assert type(whole_number("k", value)) is int
    assert whole_number("k", value, least=2) == 2


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (2.0, r"k must be a whole number, or None; got 2\.0 \(float\)\.$"),
        (np.float32(2.5), r"\(float32\)\.$"),
        ("2", r"got '2' \(str\)\.$"),
        (None, r"got None \(NoneType\)\.$"),
        (["cat", "dog"], r"got \['cat', 'dog'\] \(list\)\. Pass its length, 2\.$"),
        (0, r"k must be at least 1, or None; got 0\.$"),
    ],
)
def test_what_is_no_count(value, message):
    with pytest.raises(InputError, match=message):
        whole_number("k", value, also=", or None")
