"""Rotated digits: the angles are true, the noise is where and as large as it should be."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage, stats
from typer.testing import CliRunner

from askwell.cli.data import app
from askwell.datasets import DATASETS, ImageTask, LabelledImages
from askwell.datasets.idx import read_mnist_like
from askwell.datasets.regression import read_rotated_digits, rotate, which_are_blurred
from askwell.errors import DatasetError, InputError, LabelError, NonFiniteError
from tests.datasets.conftest import idx

N_TRAIN, N_TEST = 2_500, 300
BOTH = ("rotated_digits", "rotated_digits_noisy")


@pytest.fixture(scope="module")
def mnist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files in MNIST's format with smooth blobs, each of its own, inside the frame."""
    folder = tmp_path_factory.mktemp("mnist")
    rng = np.random.default_rng(0)
    for prefix, n in (("train", N_TRAIN), ("t10k", N_TEST)):
        images = np.zeros((n, 28, 28))
        images[:, 6:22, 6:22] = ndimage.gaussian_filter(rng.normal(size=(n, 16, 16)), (0, 2, 2))
        images = np.clip(images / images.max(axis=(1, 2), keepdims=True), 0, 1) * 255
        arrays = {"images-idx3": np.rint(images), "labels-idx1": rng.integers(0, 10, n)}
        for kind, array in arrays.items():
            (folder / f"{prefix}-{kind}-ubyte").write_bytes(idx(array.astype(np.uint8)))
    return folder


def by_scipy(image: NDArray[np.uint8], degrees: float) -> NDArray[np.float64]:
    """One image turned by another library, with black all around."""
    wide = np.pad(image.astype(float), 14)
    turned = ndimage.rotate(wide, degrees, reshape=False, order=1)
    return np.asarray(turned[14:-14, 14:-14])


def likeness(images: NDArray[Any], others: NDArray[Any]) -> NDArray[np.float64]:
    """Correlation of every image with every other one, shape (N, M)."""
    rows = []
    for array in (images, others):
        flat = array.reshape(len(array), -1).astype(float)
        flat -= flat.mean(axis=1, keepdims=True)
        rows.append(flat / np.linalg.norm(flat, axis=1, keepdims=True))
    return np.asarray(rows[0] @ rows[1].T)


# Rotation


def test_rotation_agrees_with_scipy() -> None:
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (20, 28, 28), dtype=np.uint8)  # ink up to the corners
    angles = np.array([0.0, 90.0, -90.0, 45.0, -45.0, *rng.uniform(-45, 45, 15)])
    turned = rotate(images, angles)
    for image, angle, found in zip(images, angles, turned, strict=True):
        assert np.abs(found - by_scipy(image, angle)).max() < 0.51  # rounded to whole levels
    np.testing.assert_array_equal(turned[0], images[0])
    np.testing.assert_array_equal(turned[1], np.rot90(images[1]))  # counter-clockwise


def test_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    images = rng.integers(0, 256, (7, 28, 28), dtype=np.uint8)
    angles = rng.uniform(-45, 45, 7)
    whole = rotate(images, angles)
    monkeypatch.setattr("askwell.datasets.regression._BLOCK", 3)
    np.testing.assert_array_equal(rotate(images, angles), whole)
    assert rotate(images[:0], angles[:0]).shape == (0, 28, 28)


# Images and targets


@pytest.mark.parametrize("part", [0, 1])
def test_turned_back_by_its_target_each_is_an_image_of_the_file(mnist: Path, part: int) -> None:
    found = read_rotated_digits(mnist, train=60, test=60)[part]
    file = read_mnist_like(mnist)[part]

    def alike(error: float) -> NDArray[np.float64]:
        """How like each image of the file, turned back by the target and so many degrees more."""
        back = [
            by_scipy(x, -45 * y + error) for x, y in zip(found.images, found.labels, strict=True)
        ]
        return likeness(np.stack(back), file.images)

    exact = alike(0)
    assert (exact.max(axis=1) > 0.95).all()  # interpolated twice, so a little smoother
    assert (exact.max(axis=1) > np.maximum(alike(-5), alike(5)).max(axis=1)).all()
    where = exact.argmax(axis=1)
    assert (np.diff(where) > 0).all()  # in the file's order, none twice
    assert 0 not in file.labels[where]


def test_targets_are_uniform(mnist: Path) -> None:
    train, test = read_rotated_digits(mnist, train=2_000, test=200)
    assert train.images.dtype == np.uint8
    assert train.labels.dtype == test.labels.dtype == np.float64
    assert stats.kstest(train.labels, "uniform", (-1, 2)).pvalue > 0.01
    assert stats.kstest(test.labels, "uniform", (-1, 2)).pvalue > 0.01
    assert not train.labels.flags.writeable
    assert not train.images.flags.writeable


@pytest.mark.parametrize("blurred", [0.0, 0.75])
def test_a_smaller_set_is_a_part_of_a_larger_one(mnist: Path, blurred: float) -> None:
    few, _ = read_rotated_digits(mnist, train=50, test=5, blurred=blurred)
    many, _ = read_rotated_digits(mnist, train=500, test=10, blurred=blurred)
    again, _ = read_rotated_digits(mnist, train=500, test=10, blurred=blurred)
    np.testing.assert_array_equal(many.images, again.images)
    np.testing.assert_array_equal(many.labels, again.labels)
    where = np.searchsorted(np.sort(many.labels), few.labels)
    rows = np.argsort(many.labels)[where]  # every target is a number of its own
    np.testing.assert_array_equal(many.labels[rows], few.labels)
    np.testing.assert_array_equal(many.images[rows], few.images)
    assert (np.diff(rows) > 0).all()


# Noise


def test_clear_images_are_the_same_with_and_without_noise(mnist: Path) -> None:
    sizes = {"train": 2_000, "test": 250}
    exact = read_rotated_digits(mnist, **sizes)
    noisy = read_rotated_digits(mnist, **sizes, blurred=0.75)
    masks = which_are_blurred(mnist, **sizes)
    for clear, mixed, blurred in zip(exact, noisy, masks, strict=True):
        share = stats.binomtest(int(blurred.sum()), len(blurred), 0.75)
        assert share.pvalue > 0.01
        np.testing.assert_array_equal(mixed.images[~blurred], clear.images[~blurred])
        np.testing.assert_array_equal(mixed.labels[~blurred], clear.labels[~blurred])
        for soft, sharp in zip(mixed.images[blurred][:20], clear.images[blurred], strict=False):
            expected = ndimage.gaussian_filter(np.pad(sharp.astype(float), 20), 4)[20:-20, 20:-20]
            assert np.abs(soft - expected).max() < 0.51  # rounded to whole levels


def test_guesses_are_normal_and_know_nothing_of_the_angle(mnist: Path) -> None:
    sizes = {"train": 2_000, "test": 250}
    angles = read_rotated_digits(mnist, **sizes)[0].labels
    train, test = read_rotated_digits(mnist, **sizes, blurred=0.75)
    blurred, blurred_test = which_are_blurred(mnist, **sizes)
    assert stats.kstest(train.labels[blurred], "norm").pvalue > 0.01
    assert stats.spearmanr(train.labels[blurred], angles[blurred]).pvalue > 0.01
    assert not test.labels[blurred_test].any()  # their mean
    assert test.labels[~blurred_test].all()


def test_everything_may_be_blurred(mnist: Path) -> None:
    train, test = read_rotated_digits(mnist, train=100, test=20, blurred=1)
    assert np.abs(train.labels).max() > 1.5  # angles end at 1
    assert not test.labels.any()


# Bad input


@pytest.mark.parametrize("blurred", [-0.1, 1.1, float("nan")])
def test_a_share_out_of_range(mnist: Path, blurred: float) -> None:
    with pytest.raises(InputError, match=r"blurred must lie between 0 and 1; got"):
        read_rotated_digits(mnist, train=1, test=1, blurred=blurred)


@pytest.mark.parametrize("sizes", [{"train": N_TRAIN}, {"train": 0}, {"train": 1, "test": -1}])
def test_more_digits_than_there_are(mnist: Path, sizes: dict[str, int]) -> None:
    with pytest.raises(InputError, match=r"MNIST has \d+ digits other than 0; got t"):
        read_rotated_digits(mnist, **sizes)


def test_without_mnist(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="Cannot read"):
        read_rotated_digits(tmp_path)


# The entries of the table


def test_they_live_in_the_folder_of_mnist_and_are_regressions(tmp_path: Path) -> None:
    for name in BOTH:
        assert DATASETS[name].folder(tmp_path) == DATASETS["mnist"].folder(tmp_path)
        assert DATASETS[name].kind == "regression"
        assert DATASETS[name].state(tmp_path) == "not fetched"
    runner = CliRunner(env={"COLUMNS": "200", "TERM": "dumb"})
    lines = runner.invoke(app, ["list", "--dir", str(tmp_path)]).output.splitlines()
    rows = {line.split()[0]: line for line in lines if line.strip()}
    for name in BOTH:
        assert "regression" in rows[name]
        assert "10 000" in rows[name]
        assert str(tmp_path / "mnist") in rows[name]
    assert "10 classes" in rows["mnist"]


@pytest.mark.parametrize("name", BOTH)
def test_the_real_digits_where_they_can_be_had(name: str) -> None:
    dataset = DATASETS[name]
    if dataset.state() != "ready":
        pytest.skip("mnist is not here; `askwell data fetch mnist` brings it")
    task = dataset.load()
    assert task.classes == ()
    assert (len(task.train), len(task.test)) == dataset.sizes
    assert task.train.images.shape[1:] == dataset.image_shape
    if name == "rotated_digits":
        assert task.train.labels.std() == pytest.approx(1 / np.sqrt(3), abs=0.01)
    else:  # ¼ · ⅓ + ¾ · 1
        assert task.train.labels.std() == pytest.approx(np.sqrt(5 / 6), abs=0.02)
        assert task.test.labels.std() == pytest.approx(np.sqrt(1 / 12), abs=0.02)


# Tasks without classes


def images(labels: object) -> LabelledImages:
    y = np.array(labels)
    return LabelledImages(np.zeros((len(y), 2, 2), np.uint8), y)


@pytest.mark.parametrize("labels", [[1, 0], [0.5, -3.0]])
def test_labels_are_classes_or_targets(labels: list[float]) -> None:
    assert len(images(labels)) == 2


@pytest.mark.parametrize(
    "labels", [np.zeros(2, np.float32), np.zeros(2, np.uint8), np.zeros((2, 1)), np.array(["a"])]
)
def test_other_labels_are_refused(labels: NDArray[np.generic]) -> None:
    with pytest.raises(InputError, match="class indices as int64, or targets as float64; got"):
        images(labels)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_targets_must_be_finite(bad: float) -> None:
    with pytest.raises(NonFiniteError, match=r"2 targets .* the first belongs to image 1"):
        images([0.0, bad, 1.0, bad])


def test_a_task_has_classes_or_targets() -> None:
    ImageTask("c", ("no", "yes"), images([0, 1]), images([1]))
    ImageTask("r", (), images([0.5, 7.0]), images([1.0]))
    with pytest.raises(InputError, match=r"c has 2 classes, so its test labels must be int64"):
        ImageTask("c", ("no", "yes"), images([0, 1]), images([1.0]))
    with pytest.raises(InputError, match=r"r has 0 classes, so its training labels must be float"):
        ImageTask("r", (), images([0]), images([1.0]))
    for wrong in (2, -1):
        with pytest.raises(LabelError, match=rf"classes 0 … 1; got the test labels \[{wrong}\]"):
            ImageTask("c", ("no", "yes"), images([0, 1]), images([0, wrong]))
