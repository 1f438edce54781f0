"""What makes a spec impossible is said in words, with its key."""

from dataclasses import replace

import pytest

from askwell.errors import SpecError
from askwell.experiment.spec import Spec, TrainingSpec
from askwell.experiment.spec_files import parse
from tests.experiment.test_spec import text


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"draws": "many"}, "draws must be a whole number; got 'many' (text)."),
        ({"draws": 5.0}, "draws must be a whole number; got 5.0 (a number)."),
        ({"draws": True}, "draws must be a whole number; got True (true or false)."),
        ({"draws": [5]}, "draws must be a whole number; got [5] (a list)."),
        ({"draws": {"n": 5}}, "draws must be a whole number; got {'n': 5} (a table)."),
        ({"dataset": 5}, "dataset must be text; got 5 (a whole number)."),
        ({"label_noise": "0.1"}, "label_noise must be a number; got '0.1' (text)."),
        ({"label_noise": True}, "label_noise must be a number; got True (true or false)."),
        ({"label_noise": float("nan")}, "label_noise must be a finite number; got nan."),
        ({"seeds": [0, "1"]}, "seeds must be a whole number; got '1' (text)."),
        ({"acquisitions": [1]}, "acquisitions must be text; got 1 (a whole number)."),
        ({"training": 5}, "training must be a table, [training]; got 5."),
        ({"training": {"steps": "5"}}, "training.steps must be a whole number; got '5' (text)."),
        (
            {"training": {"reselect": float("inf")}},
            "training.reselect must be a finite number; got inf.",
        ),
    ],
)
def test_a_value_of_another_type_is_refused_in_words(table, message):
    assert text(**table) == message


@pytest.mark.parametrize(
    ("table", "message"),
    [
        *(({key: 0}, f"{key} must be at least 1; got 0.") for key in ("initial", "query_size")),
        *(({key: 0}, f"{key} must be at least 1; got 0.") for key in ("draws", "test_draws")),
        *(
            ({key: -1}, f"{key} must be at least 0; got -1.")
            for key in ("validation", "pool_subset", "pool_size", "test_size", "image_size")
        ),
        ({"seeds": []}, "seeds must be one or more different numbers; got []."),
        ({"seeds": [1, 1]}, "seeds must be one or more different numbers; got [1, 1]."),
        (
            {"initial": 20, "budget": 19},
            "budget (19) counts the initial images (20) and cannot be smaller.",
        ),
        (
            {"pool_subset": 9, "query_size": 10},
            "pool_subset (9) is smaller than query_size (10).",
        ),
        (
            {"dataset": "digits", "image_size": 28},
            "image_size stretches the images of a folder; those of digits stay 8×8. Leave "
            "image_size out, or set it to 0; got 28.",
        ),
        ({"temperature": -1}, "temperature must be finite and at least 0; got -1."),
        ({"label_noise": 1.5}, "label_noise is a probability; got 1.5."),
        ({"label_noise": -0.1}, "label_noise is a probability; got -0.1."),
        ({"training": {"reselect": 1}}, "training.reselect must be above 1; got 1.0."),
        (
            {"validation": 0, "training": {"weight_decay": [0.1, 1]}},
            "Choosing among weight decays needs validation images; got 0 of them.",
        ),
        ({"training": {"steps": 0}}, "[training] steps must be at least 1; got 0."),
        ({"training": {"batch_size": 0}}, "[training] batch_size must be at least 1; got 0."),
        ({"training": {"epochs": -1}}, "[training] epochs must be at least 0; got -1."),
        (
            {"training": {"learning_rate": 0}},
            "[training] learning_rate must be above 0; got 0.0.",
        ),
        (
            {"training": {"schedule": "cosine"}},
            "[training] schedule must be one of linear, constant; got 'cosine'.",
        ),
        (
            {"training": {"weight_decay": []}},
            "[training] weight_decay must be one or more numbers ≥ 0; got ().",
        ),
        (
            {"training": {"weight_decay": -1}},
            "[training] weight_decay must be one or more numbers ≥ 0; got (-1.0,).",
        ),
        (
            {"acquisitions": []},
            "A spec needs an acquisition function, or an arm, at least.",
        ),
        (
            {"posteriors": ["mc_dropout", "mc_dropout"]},
            "posteriors must name different ones; got ['mc_dropout', 'mc_dropout'].",
        ),
        (
            {"acquisitions": ["random", "predictive_variance"]},
            "predictive_variance is not for a classification, which this data set is.",
        ),
        *(
            ({"name": name}, "name must be a plain name for a folder, without slashes; got ")
            for name in ("", "..", "a/b", "a\\b")
        ),
    ],
)
def test_an_impossible_value_is_refused_in_words(table, message):
    assert text(**table).startswith(message)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"acquisitions": "bold"}, "No acquisition is called 'bold'. Did you mean 'bald'?"),
        ({"posteriors": "dropout"}, "No posterior is called 'dropout'. Did you mean 'mc_dropout'?"),
        ({"model": "bayes_cnn"}, "No model is called 'bayes_cnn'. Did you mean 'bayesian_cnn'?"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(table, message):
    assert text(**table).startswith(message + " There are: ")


MANY = 10**400

BEYOND = [
    ({"draws": 100_001}, "draws must be at most 100000; got 100001."),
    ({"test_draws": 10**22}, "test_draws must be at most 100000; got 1" + 22 * "0" + "."),
    ({"image_size": 4097}, "image_size must be at most 4096; got 4097."),
    ({"image_size": MANY}, "image_size must be at most 4096; got a number of 401 digits."),
    ({"budget": 2**31}, "budget must be at most 2147483647; got 2147483648."),
    ({"seeds": [0, -(2**31)]}, "seeds must be at least -2147483647; got -2147483648."),
    ({"pool_size": 16**5000}, "pool_size must be at most 2147483647; got a value of thousands of "),
    ({"training": {"steps": MANY}}, "training.steps must be at most 2147483647; got a number of "),
    ({"training": {"flips": [0, MANY]}}, "training.flips must be at most 2147483647; got a num"),
]


@pytest.mark.parametrize(("table", "message"), BEYOND)
def test_a_whole_number_that_no_computer_counts_to_is_refused(table, message):
    assert text(**table).startswith(message)


def test_the_largest_that_are_allowed():
    spec = parse({"seeds": [2**31 - 1], "draws": 100_000, "image_size": 4096, "dataset": "x"}, "s")
    assert (spec.seeds, spec.draws, spec.image_size) == ((2**31 - 1,), 100_000, 4096)


def test_a_spec_made_in_python_has_the_same_bounds():
    with pytest.raises(SpecError, match="draws must be at most 100000; got a number of 401 digits"):
        Spec("s", draws=MANY)
    with pytest.raises(SpecError, match="batch_size must be at most 2147483647; got a va"):
        replace(Spec("s"), training=TrainingSpec(batch_size=16**5000))


@pytest.mark.parametrize("number", [MANY, -MANY], ids=["above", "below"])
@pytest.mark.parametrize(
    "key",
    ["temperature", "label_noise", "training.learning_rate", "training.reselect"],
)
def test_a_whole_number_too_large_for_a_fraction_is_refused(key, number):
    table, _, name = key.rpartition(".")
    message = text(**({table: {name: number}} if table else {name: number}))
    assert message.startswith(f"{key} must lie between -1e308 and 1e308; got a number of 40")


def test_a_whole_number_too_large_in_a_list_of_fractions_is_refused():
    message = text(training={"weight_decay": [1, MANY]})
    assert message.startswith("training.weight_decay must lie between -1e308 and 1e308; got a num")


@pytest.mark.parametrize("value", [16**5000, {"a": [16**5000]}], ids=["number", "table"])
def test_what_python_cannot_write_out_is_refused_in_words(value):
    assert text(dataset=value).startswith("dataset must be text; got a value of thousands of digit")


@pytest.mark.parametrize("dataset", ["", "  "])
def test_no_data_set_is_not_the_current_folder(dataset):
    assert text(dataset=dataset).startswith("dataset must name a data set (mnist, ")
