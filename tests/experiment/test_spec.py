import json
import re
from dataclasses import fields

import pytest

from askwell.acquisition import ACQUISITIONS
from askwell.errors import SpecError
from askwell.experiment.spec import Arm, Spec, TrainingSpec
from askwell.experiment.spec_files import builtin, load, override, parse
from askwell.train import Recipe

SMALL = Spec("small")


def text(**table: object) -> str:
    """The message of the refusal of a table."""
    with pytest.raises(SpecError) as caught:
        parse(table, "mine")
    return str(caught.value)


def test_an_empty_table_is_the_defaults_under_the_files_name():
    assert parse({}, "mine") == Spec("mine")
    assert parse({"name": "other"}, "mine").name == "other"


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("querysize", "Did you mean 'query_size'?"),
        ("acquisition", "Did you mean 'acquisitions'?"),
        ("learning_rate", "It belongs to the table [training]: 'training.learning_rate'."),
        ("steps", "It belongs to the table [training]: 'training.steps'."),
        ("trainig", "Did you mean '[training]'?"),
        ("Training", "Did you mean '[training]'?"),
        ("Query-Size", "Did you mean 'query_size'?"),
    ],
)
def test_an_unknown_key_is_answered_with_the_nearest(key, hint):
    assert text(**{key: 5}).startswith(f"Unknown key {key!r} in the spec. {hint} Known keys: ")


def test_a_key_near_to_nothing_gets_the_list_alone():
    assert text(zzz=1).startswith("Unknown key 'zzz' in the spec. Known keys: acquisitions, ")


def test_an_unknown_key_of_the_training_table_is_answered_with_the_nearest():
    message = text(training={"weightdecay": 0.1})
    assert "Unknown key 'training.weightdecay'" in message
    assert "Did you mean 'training.weight_decay'?" in message
    assert "Known keys: training.batch_size, " in message


def test_a_key_below_the_training_heading_that_belongs_above_it_is_pointed_out():
    message = text(training={"draws": 5})
    assert "'draws' stands above the table [training], not in it." in message


def test_one_value_stands_for_a_list_of_one_and_a_whole_number_for_a_number():
    spec = parse({"acquisitions": "bald", "seeds": 7, "training": {"weight_decay": 1}}, "mine")
    assert (spec.acquisitions, spec.seeds) == (("bald",), (7,))
    assert spec.training.weight_decay == (1.0,)
    assert type(spec.training.weight_decay[0]) is float


def test_override_changes_keys_and_those_of_the_training_table():
    changes = {"draws": 7, "seeds": [3, 4], "training.steps": 9, "training.weight_decay": [0.1]}
    spec = override(SMALL, changes)
    assert (spec.draws, spec.seeds) == (7, (3, 4))
    assert spec.training == TrainingSpec(steps=9, weight_decay=(0.1,))
    assert override(spec, {}) == spec


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"trainig.steps": 1},
            "Unknown key 'trainig.steps' in the spec. Did you mean 'training.st",
        ),
        ({"training.stepps": 1}, "Unknown key 'training.stepps' in the spec. Did you mean 'trai"),
        ({"steps": 1}, "Unknown key 'steps' in the spec. It belongs to the table [training]"),
        ({"training.draws": 1}, "Unknown key 'training.draws' in the spec. 'draws' stands above"),
        ({"training": {"steps": 1}}, "training is a table: change its keys one by one"),
        ({"budget": 10}, "budget (10) counts the initial images (20)"),
        ({"training.steps": 1.5}, "training.steps must be a whole number"),
    ],
)
def test_override_refuses_what_parse_refuses(changes, message):
    with pytest.raises(SpecError, match=re.escape(message)):
        override(SMALL, changes)


def test_figure_1_is_the_papers():
    spec = load("figure1")
    assert {arm.name for arm in spec.all_arms} == {
        "bald", "variation_ratios", "max_entropy", "mean_std", "random"
    }  # fmt: skip
    assert (spec.initial, spec.query_size, spec.budget, len(spec.seeds)) == (20, 10, 1020, 3)
    assert spec.steps == 101


@pytest.mark.parametrize(
    ("initial", "query", "budget", "steps"),
    [(20, 10, 20, 1), (20, 10, 21, 2), (20, 10, 30, 2), (20, 10, 31, 3), (10, 5, 27, 5)],
)
def test_steps_count_the_first_model_and_a_smaller_last_query(initial, query, budget, steps):
    assert Spec("small", initial=initial, query_size=query, budget=budget).steps == steps


def test_arms_are_every_acquisition_with_every_posterior():
    spec = Spec("s", acquisitions=("bald", "random"), posteriors=("mc_dropout", "deterministic"))
    names = ["bald", "bald/deterministic", "random", "random/deterministic"]
    assert [arm.name for arm in spec.all_arms] == names
    assert spec.all_arms[1] == Arm("bald", "deterministic")


@pytest.mark.parametrize("spec", [*builtin().values(), SMALL], ids=lambda spec: spec.name)
def test_a_spec_survives_being_written_as_json(spec):
    table = json.loads(json.dumps(spec.as_dict(), allow_nan=False))
    assert set(table) == {f.name for f in fields(Spec)}
    assert set(table["training"]) == {f.name for f in fields(TrainingSpec)}
    assert parse(table, "another name") == spec


def test_every_classification_acquisition_makes_a_spec():
    usable = [n for n in ACQUISITIONS if "regression" not in ACQUISITIONS[n].summary]
    assert len(usable) >= 5
    assert len(Spec("all", acquisitions=("random", *usable)).all_arms) == len(usable) + 1


def test_the_training_table_is_a_recipe_with_its_defaults():
    own = {f.name for f in fields(TrainingSpec)} - {f.name for f in fields(Recipe)}
    assert own == {"reselect", "flips"}
    assert all(getattr(TrainingSpec(), f.name) == f.default for f in fields(Recipe))
