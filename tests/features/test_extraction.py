"""Features are the trunk's, whatever way images come in and however often it is interrupted."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from askwell.errors import InputError, NonFiniteError
from askwell.features import FeatureStore, extract, pixel_keys, view_key
from askwell.features.keys import VIEWS, pixel_key
from askwell.models.backbone import Trunk
from askwell.models.pretrained import load_trunk
from askwell.pool import ArrayPool
from tests.models.small_backbones import TINY, needs_timm, small


def photos(n: int = 11, height: int = 20, width: int = 30) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, height, width, 3), dtype=np.uint8)


def keys(n: int) -> list[str]:
    return [f"{i:016x}" for i in range(n)]


@pytest.fixture
def trunk() -> Trunk:
    return load_trunk(TINY)


@torch.no_grad()
def expected(trunk: Trunk, images: np.ndarray) -> np.ndarray:
    """One image at a time."""
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2) / 255
    return torch.cat([trunk(image) for image in pixels.split(1)]).numpy()


def assert_close(rows: np.ndarray, features: np.ndarray) -> None:
    """float16 has 11 bits; float32 sums in another order may tip one value to its neighbour."""
    np.testing.assert_allclose(rows.astype(np.float32), features, rtol=2**-10, atol=2e-6)


@pytest.mark.parametrize("batch", [1, 4, 32])
@pytest.mark.parametrize("part", [1, 3, 11])
def test_features_are_those_of_the_trunk_one_by_one(tmp_path, trunk, batch, part):
    images = photos()
    parts = [(keys(11)[i : i + part], images[i : i + part]) for i in range(0, 11, part)]
    with FeatureStore.open(tmp_path, trunk) as store:
        extract(trunk, parts, store, batch=batch)
        assert_close(store.rows(keys(11)), expected(trunk, images))


@needs_timm
def test_features_of_a_real_network_in_batches(tmp_path):
    trunk, images = load_trunk(small("efficientnet_lite0"), weights="random"), photos(5)
    with FeatureStore.open(tmp_path, trunk) as store:
        extract(trunk, [(keys(5), images)], store, batch=4)
        rows, one_by_one = store.rows(keys(5)), expected(trunk, images)
    np.testing.assert_allclose(rows, one_by_one, rtol=2e-3, atol=1e-3 * np.abs(one_by_one).max())
    assert len(np.unique(rows, axis=0)) == 5


def test_images_may_differ_in_size_kind_and_channels(tmp_path, trunk):
    wide, tall, grey = photos(2), photos(1, 40, 9), photos(2)[..., 0]
    parts = [
        (keys(2), wide),
        (["aa" * 8], torch.from_numpy(tall).permute(0, 3, 1, 2) / 255),
        (["bb" * 8, "cc" * 8], grey),
    ]
    with FeatureStore.open(tmp_path, trunk) as store:
        extract(trunk, parts, store, batch=4)
        assert_close(store.rows(keys(2)), expected(trunk, wide))
        assert_close(store.rows(["aa" * 8]), expected(trunk, tall))
        assert_close(store.rows(["cc" * 8]), expected(trunk, np.stack([grey] * 3, axis=-1))[1:])


def test_progress_counts_and_what_it_raises_stops_without_loss(tmp_path, trunk):
    images, counts = photos(), []

    class StoppedError(Exception):
        pass

    def stop_at_8(done: int) -> None:
        counts.append(done)
        if done >= 8:
            raise StoppedError

    every = [(keys(11), images)]
    with FeatureStore.open(tmp_path, trunk) as store, pytest.raises(StoppedError):
        extract(trunk, every, store, batch=4, progress=stop_at_8)
    assert counts == [4, 8]
    counts.clear()
    with FeatureStore.open(tmp_path, trunk) as store:
        assert store.missing(keys(11)) == keys(11)[8:]
        extract(trunk, every, store, batch=4, progress=counts.append)
        assert counts == [3]
        extract(trunk, every, store, batch=4, progress=counts.append)
        assert counts == [3]
        assert_close(store.rows(keys(11)), expected(trunk, images))


def test_images_are_taken_as_they_are_needed(tmp_path, trunk):
    """Never more than a batch of them, and one part, is held."""
    handed, at_commit = 0, []

    def parts():
        nonlocal handed
        for key, image in zip(keys(11), photos(), strict=True):
            handed += 1
            yield [key], image[None]

    with FeatureStore.open(tmp_path, trunk) as store:
        extract(trunk, parts(), store, batch=4, progress=lambda done: at_commit.append(handed))
    assert at_commit == [4, 8, 11]


def test_one_image_under_a_key_that_comes_twice(tmp_path, trunk):
    images, counts = photos(3), []
    with FeatureStore.open(tmp_path, trunk) as store:
        twice = [(["aa" * 8, "bb" * 8, "aa" * 8], images)]
        extract(trunk, twice, store, progress=counts.append)
        assert counts == [2]
        assert_close(store.rows(["aa" * 8]), expected(trunk, images[:1]))


def test_the_trunk_is_left_as_it_is(tmp_path, trunk):
    before = trunk.body[0].weight.stride()
    with FeatureStore.open(tmp_path, trunk) as store:
        extract(trunk, [(keys(2), photos(2))], store)
    assert trunk.body[0].weight.stride() == before
    assert trunk.body[0].weight.requires_grad
    assert not trunk.body[0].weight.is_inference()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((keys(2), photos(3)), "3 images, 2 keys"),
        ((keys(1), torch.full((1, 3, 8, 8), 255.0)), r"between 0 and 1; got 255 … 255"),
        ((keys(1), -torch.rand(1, 3, 8, 8)), "do not normalise"),
        ((keys(1), np.zeros((8, 8))), "NumPy array"),
    ],
)
def test_what_is_no_image_from_0_to_1_is_refused(tmp_path, trunk, given, message):
    with (
        FeatureStore.open(tmp_path, trunk) as store,
        pytest.raises(InputError, match=message),
    ):
        extract(trunk, [given], store)


def test_the_store_of_another_trunk_is_refused(tmp_path, trunk):
    with (
        FeatureStore.open(tmp_path, load_trunk(replace(TINY, image_size=17))) as store,
        pytest.raises(InputError, match="another image size than this trunk"),
    ):
        extract(trunk, [(keys(2), photos(2))], store)


def test_features_that_are_nan_are_an_error(tmp_path, trunk):
    with torch.no_grad():
        trunk.body[7].bias[2] = torch.inf
    with (
        FeatureStore.open(tmp_path, trunk) as store,
        pytest.raises(NonFiniteError, match=keys(1)[0]),
    ):
        extract(trunk, [(keys(2), photos(2))], store)


def test_pixel_keys_follow_the_content():
    images = photos(5)
    images[3] = images[1]
    found = pixel_keys(ArrayPool(images))
    assert found[3] == found[1]
    assert len(set(found)) == 4
    assert found == pixel_keys(ArrayPool(torch.from_numpy(images).permute(0, 3, 1, 2) / 255))
    assert all(len(key) == 32 and int(key, 16) >= 0 for key in found)
    turned = torch.rand(3, 4, 6)
    assert pixel_key(turned) != pixel_key(turned.reshape(3, 6, 4))  # the shape counts


def test_views_are_flips():
    image = torch.arange(6.0).view(1, 1, 2, 3)
    assert {view: flip(image).flatten().tolist() for view, flip in VIEWS.items()} == {
        "": [0, 1, 2, 3, 4, 5],
        "h": [2, 1, 0, 5, 4, 3],
        "v": [3, 4, 5, 0, 1, 2],
        "hv": [5, 4, 3, 2, 1, 0],
    }
    assert [view_key("ab", view) for view in VIEWS] == ["ab", "ab:h", "ab:v", "ab:hv"]
