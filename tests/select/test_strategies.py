"""Strategies by name."""

import pytest

from askwell.acquisition import ACQUISITIONS
from askwell.errors import InputError
from askwell.select import STRATEGIES, Race, Random, TopK, strategy


def test_every_acquisition_is_a_strategy():
    for name, acquisition in ACQUISITIONS.items():
        assert strategy(name) == Race(TopK(acquisition)) == STRATEGIES[name]
        assert strategy(name, exact=True) == TopK(acquisition)
    assert strategy("random") == strategy("random", exact=True) == Random()


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("BALD", "bald"), ("variation_ratio", "variation_ratios"), ("max-entropy", "max_entropy")],
)
def test_an_unknown_name_is_answered_with_the_nearest(name, nearest):
    with pytest.raises(InputError, match=f"Did you mean '{nearest}'") as error:
        strategy(name)
    assert all(known in str(error.value) for known in STRATEGIES)


def test_a_name_like_none():
    with pytest.raises(InputError) as error:
        strategy("qqqq")
    assert "mean" not in str(error.value).split("There are")[0]
