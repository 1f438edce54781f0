"""Single turns of the loop, on scikit-learn's digits and on a folder of small pictures."""

import json
import re
import tomllib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from askwell.datasets import DATASETS
from askwell.errors import SpecError
from askwell.experiment.data import load_data
from askwell.experiment.spec import Arm, TrainingSpec
from askwell.experiment.spec_files import parse
from askwell.experiment.workbench import Workbench, kept_weight_decay
from askwell.records import Chain, StepRecord, Training
from tests.conftest import tiny_toml

BALD, RANDOM = Arm("bald", "mc_dropout"), Arm("random", "mc_dropout")

TINY = parse(tomllib.loads(tiny_toml(budget=27)), "tiny")
"""A run of seconds: five steps, of which the last asks for nothing and the one before for 2."""


@pytest.fixture(scope="module")
def bench() -> Workbench:
    return Workbench(TINY)


def advance(bench: Workbench, arm: Arm, chain: Chain, steps: int) -> Chain:
    for _ in range(steps):
        chain = replace(chain, steps=(*chain.steps, bench.step(arm, chain)))
    return chain


def write_photos(folder: Path, counts: dict[str, int], *, size: int = 8) -> Path:
    """Class folders of grey pictures, brighter from class to class, all different."""
    rng = np.random.default_rng(0)
    for level, (name, count) in enumerate(counts.items()):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            pixels = rng.integers(80 * level, 80 * level + 90, (size, size), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i}.png")
    return folder


def test_the_split_depends_on_the_seed_alone(bench):
    one, other = bench.start(BALD, 3), bench.start(RANDOM, 3)
    assert replace(one, arm="") == replace(other, arm="")
    again = Workbench(replace(TINY, query_size=7, draws=9, training=TrainingSpec(steps=9)))
    assert again.start(BALD, 3) == one
    assert set(one.initial) != set(bench.start(BALD, 4).initial)


def test_the_initial_set_is_balanced(bench):
    chain = bench.start(BALD, 0)
    assert sorted(chain.initial_labels) == list(range(10))
    assert [int(bench.labels[bench.data.pool.position(i)]) for i in chain.initial] == list(
        chain.initial_labels
    )
    uneven = Workbench(replace(TINY, initial=23)).start(BALD, 0)
    assert sorted(Counter(uneven.initial_labels).values()) == [2] * 7 + [3] * 3


def test_the_split_is_of_plain_numbers_that_json_can_write(bench):
    chain = bench.start(BALD, 0)
    assert {type(i) for i in (*chain.initial, *chain.initial_labels, *chain.validation)} == {int}


def test_all_arms_of_a_seed_share_the_first_model_exactly(bench):
    first = bench.step(BALD, bench.start(BALD, 1))
    other = bench.step(RANDOM, bench.start(RANDOM, 1))
    assert first.metrics == other.metrics
    assert first.training.loss == other.training.loss
    assert first.acquired != other.acquired


def test_a_step_is_a_function_of_the_records_before_it(bench):
    chain = advance(bench, BALD, bench.start(BALD, 0), 1)
    one, other = bench.step(BALD, chain), Workbench(TINY).step(BALD, chain)
    for record in (one, other):
        assert record.step == 1
        assert record.labels == 15
    assert (one.acquired, one.scores, one.metrics) == (other.acquired, other.scores, other.metrics)


@pytest.mark.parametrize("arm", [BALD, RANDOM], ids=lambda arm: arm.name)
def test_the_budget_is_hit_exactly_and_nothing_is_labelled_twice(bench, arm):
    chain = advance(bench, arm, bench.start(arm, 0), TINY.steps)
    assert [step.labels for step in chain.steps] == [10, 15, 20, 25, 27]
    assert [len(step.acquired) for step in chain.steps] == [5, 5, 5, 2, 0]
    labelled = [*chain.initial, *(i for step in chain.steps for i in step.acquired)]
    assert len(set(labelled)) == len(labelled) == TINY.budget
    assert not set(labelled) & set(chain.validation)
    for step in chain.steps:
        truth = [int(bench.labels[bench.data.pool.position(i)]) for i in step.acquired]
        assert list(step.acquired_labels) == truth


def test_a_budget_of_the_initial_images_is_one_step_that_asks_for_nothing():
    bench = Workbench(replace(TINY, budget=10))
    record = bench.step(BALD, bench.start(BALD, 0))
    assert bench.spec.steps == 1
    assert (record.acquired, record.acquired_labels, record.scores) == ((), (), ())


def test_the_whole_pool_can_be_labelled():
    spec = replace(TINY, pool_size=60, budget=50, query_size=40)
    bench = Workbench(spec)
    chain = advance(bench, BALD, bench.start(BALD, 0), spec.steps)
    labelled = {*chain.initial, *chain.steps[0].acquired, *chain.validation}
    assert labelled == set(bench.data.pool.ids)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"budget": 291},
            "The budget of 291 labels and 10 validation images need 301 images; the training set "
            "has 300 of its 1297 images (pool_size). Lower budget to 290, or lower validation to "
            "9, or raise pool_size to 301.",
        ),
        (
            {"budget": 291, "pool_size": 0, "validation": 1290},
            "The budget of 291 labels and 1290 validation images need 1581 images; the training "
            "set has 1297. Lower validation to 1006.",
        ),
        (
            {"budget": 1297, "pool_size": 0},
            "The budget of 1297 labels and 10 validation images need 1307 images; the training "
            "set has 1297. Lower budget to 1287, or lower validation to 0.",
        ),
        (
            {"initial": 2000, "budget": 2000, "pool_size": 0},
            "The budget of 2000 labels and 10 validation images need 2010 images; the training "
            "set has 1297. Lower initial, budget and validation.",
        ),
    ],
)
def test_too_few_images_are_refused_with_every_way_out(changes, message):
    with pytest.raises(SpecError) as caught:
        Workbench(replace(TINY, **changes))
    assert str(caught.value) == message


def test_a_validation_set_that_chooses_cannot_be_lowered_to_nothing():
    training = replace(TINY.training, weight_decay=(0.1, 1.0))
    with pytest.raises(SpecError) as caught:
        Workbench(replace(TINY, budget=1297, pool_size=0, training=training))
    assert str(caught.value).endswith("the training set has 1297. Lower budget to 1287.")


def test_the_whole_of_a_pool_may_be_labelled_or_validated_on():
    Workbench(replace(TINY, budget=290))


def test_a_pool_subset_still_gives_whole_queries(bench):
    spec = replace(TINY, pool_subset=6)
    small = Workbench(spec)
    chain = advance(small, BALD, small.start(BALD, 0), 2)
    assert [len(step.acquired) for step in chain.steps] == [5, 5]
    assert chain.steps[0].acquired != bench.step(BALD, bench.start(BALD, 0)).acquired


def test_a_temperature_draws_batches_of_its_own_and_leaves_random_alone(bench):
    warm = Workbench(replace(TINY, temperature=1.0))
    for arm, same in ((BALD, False), (RANDOM, True)):
        asked = [b.step(arm, b.start(arm, 0)).acquired for b in (warm, bench)]
        assert (asked[0] == asked[1]) is same


def test_pool_size_and_test_size_take_random_images_under_their_own_ids(bench):
    task = DATASETS["digits"].load()
    for pool, labels, whole, size in (
        (bench.data.pool, bench.labels, task.train, 300),
        (bench.data.tests[0].pool, bench.data.tests[0].labels, task.test, 50),
    ):
        ids = list(pool.ids)
        assert len(ids) == len(labels) == size
        assert ids == sorted(ids)
        assert ids != list(range(size))
        assert (labels == whole.labels[ids]).all()
        shown = pool.images(np.array([7]))[0, 0].numpy()
        np.testing.assert_array_equal((shown * 255).round(), whole.images[ids[7]])


def test_sizes_beyond_the_data_set_are_all_of_it():
    bench = Workbench(replace(TINY, pool_size=10**6, test_size=10**6))
    assert (len(bench.data.pool.ids), len(bench.data.tests[0].labels)) == (1297, 500)


def test_label_noise_changes_answers_through_the_oracle_only(bench):
    spec = replace(TINY, label_noise=1.0, query_size=8)
    noisy = Workbench(spec)
    chain = noisy.start(RANDOM, 0)
    assert chain == bench.start(RANDOM, 0), "split, initial and validation labels are exact"
    record, exact = noisy.step(RANDOM, chain), Workbench(replace(spec, label_noise=0.0))
    clean = exact.step(RANDOM, chain)
    assert (record.metrics, record.acquired) == (clean.metrics, clean.acquired)
    pairs = list(zip(record.acquired_labels, clean.acquired_labels, strict=True))
    assert all(wrong != right and 0 <= wrong < 10 for wrong, right in pairs)
    assert record.acquired_labels == noisy.step(RANDOM, chain).acquired_labels


def test_bald_of_a_deterministic_network_asks_what_random_order_would(bench):
    bald, chance = Arm("bald", "deterministic"), Arm("random", "deterministic")
    chain = bench.start(bald, 0)
    record, at_random = bench.step(bald, chain), bench.step(chance, bench.start(chance, 0))
    assert record.scores == (0.0,) * 5
    assert record.acquired == at_random.acquired
    assert all(np.isnan(at_random.scores))
    assert record.metrics == at_random.metrics


def records(*labels_tried: tuple[int, bool], ask: int = 5) -> tuple[StepRecord, ...]:
    """Steps with these labels; where tried, weight decay 0.5 won over 0.05."""
    return tuple(
        StepRecord(
            step=i,
            labels=labels,
            metrics={},
            acquired=tuple(range(100 * i, 100 * i + ask)),
            acquired_labels=(0,) * ask,
            scores=(0.0,) * ask,
            training=Training(labels, 5, 1.0, 0.5, {0.05: 0.2, 0.5: 0.3} if tried else {}),
            seconds={},
        )
        for i, (labels, tried) in enumerate(labels_tried)
    )


@pytest.mark.parametrize(
    ("steps", "kept"),
    [
        ((), None),
        (records((10, False)), None),
        (records((10, True)), 0.5),  # 15 labels now
        (records((10, True), (15, False)), None),  # 20 labels: twice as many
        (records((10, True), (14, False)), 0.5),  # 19 labels: not yet
        (records((10, True), (15, False), (20, True)), 0.5),  # 25 labels; chosen at 20
    ],
)
def test_a_weight_decay_is_kept_until_the_labels_have_grown_by_the_factor(steps, kept):
    assert kept_weight_decay(steps, 2.0) == kept


def test_the_weight_decay_is_chosen_anew_at_twice_the_labels_and_that_is_recorded():
    training = replace(TINY.training, weight_decay=(0.05, 0.5), reselect=2.0)
    bench = Workbench(replace(TINY, training=training))
    chain = advance(bench, BALD, bench.start(BALD, 0), TINY.steps)
    tried = [sorted(step.training.validation) for step in chain.steps]
    assert tried == [[0.05, 0.5], [], [0.05, 0.5], [], []]  # 10, 15, 20, 25, 27 labels
    for step in chain.steps:
        if step.training.validation:
            chosen = step.training.weight_decay
            assert step.training.validation[chosen] == max(step.training.validation.values())
    assert chain.steps[1].training.weight_decay == chain.steps[0].training.weight_decay


def test_no_validation_images_are_no_obstacle_for_one_weight_decay():
    bench = Workbench(replace(TINY, validation=0))
    chain = bench.start(BALD, 0)
    assert chain.validation == ()
    assert bench.step(BALD, chain).training.validation == {}


def test_thumbnails_are_the_pixels_of_the_data_set(bench):
    item = bench.data.pool.ids[3]
    shown = bench.data.thumbnails([item])
    np.testing.assert_array_equal(shown[item], DATASETS["digits"].load().train.images[item])
    assert shown[item].dtype == np.uint8
    assert bench.data.thumbnails([]) == {}


def test_an_unknown_data_set_is_answered_with_the_nearest():
    with pytest.raises(SpecError) as caught:
        Workbench(replace(TINY, dataset="digit"))
    assert "'digit' is neither a data set (" in str(caught.value)
    assert "Did you mean 'digits'?" in str(caught.value)


FOLDER = replace(TINY, initial=4, validation=4, query_size=4, budget=14, pool_size=0, test_size=0)


def test_a_folder_of_class_folders_runs_from_split_to_last_step(tmp_path):
    folder = write_photos(tmp_path / "photos", {"[red] cat": 24, "dog": 20})
    bench = Workbench(replace(FOLDER, dataset=str(folder)))
    assert bench.classes == ("[red] cat", "dog")
    chain = advance(bench, BALD, bench.start(BALD, 0), FOLDER.steps)
    assert [step.labels for step in chain.steps] == [4, 8, 12, 14]
    asked = [item for step in chain.steps for item in step.acquired]
    assert all(re.fullmatch(r"(\[red\] cat|dog)/\d+\.png@[0-9a-f]{16}", item) for item in asked)
    labels = [label for step in chain.steps for label in step.acquired_labels]
    assert labels == [int(item.startswith("dog")) for item in asked]
    assert "auc" in chain.steps[-1].metrics
    assert bench.data.thumbnails(asked[:1])[asked[0]].shape == (8, 8, 3)


def test_a_subset_of_a_folder_has_every_class(tmp_path):
    folder = write_photos(tmp_path / "photos", {"cat": 30, "dog": 30})
    bench = Workbench(replace(FOLDER, dataset=str(folder), pool_size=24, test_size=8))
    assert set(bench.labels.tolist()) == set(bench.data.tests[0].labels.tolist()) == {0, 1}
    assert (len(bench.labels), len(bench.data.tests[0].labels)) == (24, 8)


def test_a_class_with_too_few_images_is_named(tmp_path):
    folder = write_photos(tmp_path / "photos", {"cat": 40, "dog": 3})
    bench = Workbench(replace(FOLDER, dataset=str(folder), initial=10))
    message = "An initial set of 10 needs 5 images of the class 'dog'; the training set has 2."
    with pytest.raises(SpecError, match=re.escape(message)):
        bench.start(BALD, 0)


def test_a_folder_with_one_class_is_refused(tmp_path):
    folder = write_photos(tmp_path / "photos", {"cat": 40})
    with pytest.raises(SpecError, match=r"There must be two classes at least; .*photos has one\."):
        Workbench(replace(FOLDER, dataset=str(folder)))


def test_the_digest_of_the_data_tells_every_change_but_not_the_place(tmp_path):
    folder = write_photos(tmp_path / "photos", {"cat": 20, "dog": 20})

    def digest(path: Path) -> str:
        return load_data(replace(FOLDER, dataset=str(path))).digest()

    before = digest(folder)
    assert re.fullmatch("[0-9a-f]{16}", before)
    moved = folder.rename(tmp_path / "elsewhere")
    assert digest(moved) == before
    picture = moved / "cat" / "0.png"
    content = picture.read_bytes()
    Image.new("L", (8, 8), 5).save(picture)
    edited = digest(moved)
    picture.unlink()
    removed = digest(moved)
    (moved / "dog" / "99.png").write_bytes(content)
    relabelled = digest(moved)
    assert len({before, edited, removed, relabelled}) == 4


def test_records_of_a_step_are_plain_values_that_json_can_write(bench):
    record = bench.step(BALD, bench.start(BALD, 0))
    assert json.loads(json.dumps([record.acquired, record.acquired_labels, record.scores]))
    assert {type(i) for i in (*record.acquired, *record.acquired_labels)} == {int}
    assert {type(v) for v in (*record.metrics.values(), *record.scores)} == {float}
    assert set(record.seconds) == {"train", "evaluate", "score"}
    assert all(seconds >= 0 for seconds in record.seconds.values())
