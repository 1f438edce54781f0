"""How many steps of how many images."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from askwell.errors import InputError
from askwell.train import Recipe


@given(
    labels=st.integers(1, 5000),
    steps=st.integers(1, 1000),
    epochs=st.integers(0, 50),
    batch_size=st.integers(1, 300),
)
def test_steps_and_epochs_are_both_reached_and_the_longer_counts(labels, steps, epochs, batch_size):
    recipe = Recipe(steps=steps, epochs=epochs, batch_size=batch_size)
    assert recipe.batches(labels) == math.ceil(labels / batch_size)
    assert recipe.steps_for(labels) == max(steps, epochs * math.ceil(labels / batch_size))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 0}, "steps must be at least 1; got 0"),
        ({"batch_size": 0}, "batch_size must be at least 1; got 0"),
        ({"epochs": -1}, "epochs must be at least 0; got -1"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0"),
        ({"learning_rate": math.nan}, "learning_rate must be above 0; got nan"),
        ({"weight_decay": ()}, r"one or more numbers ≥ 0; got \(\)"),
        ({"weight_decay": (0.1, -0.1)}, "one or more numbers ≥ 0"),
        ({"weight_decay": (math.nan,)}, "one or more numbers ≥ 0"),
        ({"weight_decay": 0.1}, r"tuple of candidates; got the number 0\.1\. Pass \(0\.1,\)"),
        ({"weight_decay": 0}, r"got the number 0\. Pass \(0,\)"),
        ({"weight_decay": "0.1"}, r"one or more numbers ≥ 0; got '0\.1'"),
        ({"weight_decay": ("0.1",)}, r"one or more numbers ≥ 0; got \('0\.1',\)"),
        ({"learning_rate": "fast"}, "learning_rate must be above 0; got 'fast'"),
        ({"steps": 150.5}, r"steps must be a whole number; got 150\.5 \(float\)"),
        ({"epochs": 0.5}, r"epochs must be a whole number; got 0\.5"),
        ({"batch_size": 32.0}, r"batch_size must be a whole number; got 32\.0"),
        ({"steps": None}, "steps must be a whole number; got None"),
    ],
)
def test_impossible_values_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        Recipe(**change)


def test_the_linear_schedule_rises_for_a_twentieth_then_falls_to_nothing():
    rates = [Recipe().rate(step, 100) for step in range(100)]
    assert rates[:5] == pytest.approx([(s + 1) / 5 * (1 - s / 100) for s in range(5)])
    assert rates[5:] == pytest.approx([1 - s / 100 for s in range(5, 100)])
    assert [Recipe(schedule="constant").rate(step, 100) for step in range(100)] == [1.0] * 100
    assert Recipe().rate(0, 1) == 1.0  # a single step is a whole one


def test_an_unknown_schedule_is_refused():
    with pytest.raises(InputError, match=r"schedule must be one of linear, constant; got 'cosine'"):
        Recipe(schedule="cosine")
