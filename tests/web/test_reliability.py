"""How often a model is right when it is as sure: counted on the reserve by hand."""

import numpy as np
import pytest

from askwell.store import ClassName
from askwell.web.reliability import FEWEST, NEAREST, when_as_sure
from tests.web.test_judging import label, ranking

EVERY = [ClassName(1, "naevus", None, 0, None), ClassName(2, "melanoma", None, 1, None)]


def sure(*confidences: float) -> np.ndarray:
    """Probabilities of two classes, the first one the likelier."""
    return np.array([[each, 1 - each] for each in confidences])


def test_the_nearest_in_confidence_are_counted_and_all_that_are_as_near():
    # 25 images at 0.75, of which 10 are right, and 30 at 1.0, which are all right.
    confidences = [0.75] * 25 + [1.0] * 30
    truth = {2 + i: 1 if i < 10 or i >= 25 else 2 for i in range(55)}
    model = ranking(list(range(1, 57)), sure(0.78125, *confidences), [1, 2])
    assert when_as_sure(model, truth, EVERY, 1) == (
        "Of the 25 random images of which it is about as sure (75 %), it gets 10 right."
    )
    model = ranking(list(range(1, 57)), sure(0.9375, *confidences), [1, 2])
    assert "30 random images of which it is about as sure (100 %), it gets 30 right." in (
        when_as_sure(model, truth, EVERY, 1)
    )


def test_both_ends_are_told_and_the_image_itself_does_not_count():
    confidences = np.linspace(0.875, 1, 40)
    truth = dict.fromkeys(range(1, 41), 1)
    model = ranking(list(range(1, 41)), sure(*confidences), [1, 2])
    said = when_as_sure(model, truth, EVERY, 40)
    assert said.startswith(f"Of the {NEAREST} random images of which it is about as sure (94 to 10")
    few = dict.fromkeys(range(1, FEWEST + 1), 1)
    assert when_as_sure(model, few, EVERY, 1) == ""  # it is one of the ten
    assert when_as_sure(model, few, EVERY, 11) != ""
    assert when_as_sure(model, truth, EVERY, 99) == ""  # of which it says nothing


def test_images_of_which_it_is_less_sure_do_not_count():
    truth = dict.fromkeys(range(2, 42), 1)
    model = ranking(list(range(1, 42)), sure(1.0, *[0.75] * 31, *[0.9375] * 9), [1, 2])
    assert when_as_sure(model, truth, EVERY, 1) == ""  # nine
    model = ranking(list(range(1, 42)), sure(1.0, *[0.75] * 30, *[0.9375] * 10), [1, 2])
    assert when_as_sure(model, truth, EVERY, 1).startswith("Of the 10 random images")


def test_what_was_merged_is_right_as_one_class():
    merged = [ClassName(1, "naevus", None, 0, 2), EVERY[1]]
    truth = dict.fromkeys(range(2, 32), 2)
    model = ranking(list(range(1, 32)), sure(*[0.75] * 31), [1, 2])
    assert "(75 %), it gets 0 right." in when_as_sure(model, truth, EVERY, 1)
    assert "(100 %), it gets 30 right." in when_as_sure(model, truth, merged, 1)


@pytest.mark.parametrize("measured", [True, False])
def test_the_opinion_says_it_and_whether_the_image_measures(project, client, measured):
    project.store.change_settings(holdout_share=0.5)
    items = {each.id: project.store.is_reserved(each) for each in project.store.items()}
    reserve = [item for item, reserved in items.items() if reserved]
    asked = next(i for i in reversed(items) if items[i] == measured)
    for item in reserve[: NEAREST + 1]:
        label(project, item, 3)
    probs = np.tile(np.eye(10)[2], (len(items), 1))
    project.supervisor.predictions = ranking(list(items), probs, list(range(1, 11)))
    opinion = client.get(f"/api/opinion/{asked}").json()
    assert opinion["measures"] == measured
    n = NEAREST + (asked not in reserve[: NEAREST + 1])
    assert opinion["reliability"].endswith(f"(100 %), it gets {n} right.")
