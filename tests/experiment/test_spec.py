import json
import re
from dataclasses import fields
from pathlib import Path

import pytest

from askwell.acquisition import ACQUISITIONS
from askwell.errors import SpecError
from askwell.experiment.spec import Arm, Spec, TrainingSpec
from askwell.experiment.spec_files import builtin, load, located, named_apart, override, parse
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


def test_every_builtin_spec_parses_and_adds_up():
    specs = builtin()
    assert {"figure1", "quickstart"} <= set(specs)
    for name, spec in specs.items():
        assert spec == load(name)
        assert (spec.name, bool(spec.summary)) == (name, True)
        product = len(spec.acquisitions) * len(spec.posteriors)
        assert len(spec.all_arms) == product + len(spec.arms)
        full = spec.initial + (spec.steps - 2) * spec.query_size  # negative for a budget of 0
        if spec.budget:
            assert full < spec.budget <= full + spec.query_size, "the last step just gets there"


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


def test_a_file_is_read_and_named_after_itself(tmp_path: Path):
    path = tmp_path / "mine.toml"
    path.write_text('dataset = "digits"\n[training]\nsteps = 3\n')
    spec = load(str(path))
    assert (spec.name, spec.dataset, spec.training.steps) == ("mine", "digits", 3)


@pytest.mark.parametrize("content", [b"draws = ", b"draws = 1\ndraws = 2", b"\xff\xfe"])
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, content: bytes):
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    with pytest.raises(SpecError, match=re.escape(f"{path} is not valid TOML: ")):
        load(str(path))


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path):
    with pytest.raises(SpecError, match=r"Cannot read the spec .*none\.toml: No such file"):
        load(str(tmp_path / "none.toml"))
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(SpecError, match=r"Cannot read the spec .*folder\.toml: Is a directory"):
        load(str(tmp_path / "folder.toml"))


def test_an_unknown_spec_is_answered_with_the_nearest():
    with pytest.raises(SpecError) as caught:
        load("figure_1")
    assert "No spec is called 'figure_1'. Did you mean 'figure1'?" in str(caught.value)
    assert "quickstart" in str(caught.value)


def test_a_relative_data_folder_is_found_beside_the_spec_file(tmp_path: Path, monkeypatch):
    (tmp_path / "specs" / "photos").mkdir(parents=True)
    (tmp_path / "specs" / "mine.toml").write_text('dataset = "photos"')
    monkeypatch.chdir(tmp_path)
    spec = load("specs/mine.toml")
    assert spec.dataset == str((tmp_path / "specs" / "photos").resolve())
    monkeypatch.chdir("/")
    assert located(spec, Path()) == spec


def test_a_relative_data_folder_that_is_not_there_is_left_as_it_is(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spec = Spec("s", dataset="photos")
    assert located(spec, Path()) == spec
    (tmp_path / "photos").mkdir()
    assert located(spec, Path()).dataset == str((tmp_path / "photos").resolve())


def test_the_name_of_a_data_set_is_never_a_folder_by_chance(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()
    assert located(Spec("s", dataset="digits"), Path()).dataset == "digits"
    spec = located(Spec("s", dataset="./digits"), Path())
    assert spec.dataset == str((tmp_path / "digits").resolve())


def test_the_size_of_a_folders_images_may_come_with_the_folder():
    assert override(SMALL, {"dataset": "photos", "image_size": 28}).image_size == 28


@pytest.mark.parametrize(
    ("dataset", "name"),
    [
        ("mnist", "small"),
        ("digits", "small-digits"),
        ("/data/My Photos", "small-My Photos"),
        ("/data/a\\b\n", "small-a_b_"),
        ("/", "small-"),
    ],
)
def test_a_spec_on_other_data_than_its_own_is_named_apart(dataset: str, name: str):
    changed = override(SMALL, {"dataset": dataset})
    assert named_apart(changed, SMALL).name == name
    assert named_apart(override(changed, {"name": "mine"}), SMALL).name == "mine"


def test_the_training_table_is_a_recipe_with_its_defaults():
    own = {f.name for f in fields(TrainingSpec)} - {f.name for f in fields(Recipe)}
    assert own == {"reselect", "flips"}
    assert all(getattr(TrainingSpec(), f.name) == f.default for f in fields(Recipe))
