"""A pool of features: the same ids, computed once, and all that a learner asks of a pool."""

import threading

import numpy as np
import pytest
import torch
from torch import nn

from askwell.errors import InputError, LabelError
from askwell.features import FeaturePool, FeatureStore, feature_pool, pixel_keys
from askwell.learner import Learner
from askwell.models.backbone import Trunk
from askwell.models.pretrained import load_trunk, pretrained_head
from askwell.pool import ArrayPool
from askwell.select import strategy
from askwell.train import Fit, Recipe
from tests.models.small_backbones import TINY

IDS = [f"photo {i}.jpg" for i in range(21)]


class CountedPool(ArrayPool):
    """Counts the images that are read."""

    read = 0

    def images(self, positions):
        self.read += len(positions)
        assert len(positions) <= 32  # a few at a time
        return super().images(positions)


@pytest.fixture
def pool() -> CountedPool:
    pixels = np.random.default_rng(0).integers(0, 256, (21, 20, 30, 3), dtype=np.uint8)
    return CountedPool(pixels, ids=IDS)


@pytest.fixture
def trunk() -> Trunk:
    return load_trunk(TINY)


@torch.no_grad()
def expected(trunk: Trunk, pool: ArrayPool, *axes: int) -> torch.Tensor:
    return trunk(ArrayPool.images(pool, np.arange(21)).flip(axes))


def close(rows: torch.Tensor, features: torch.Tensor) -> None:
    assert rows.dtype == torch.float32
    torch.testing.assert_close(rows, features, rtol=2**-10, atol=2e-6)


def test_the_pool_has_the_same_ids_and_the_features_of_their_images(tmp_path, pool, trunk):
    found = feature_pool(pool, TINY, tmp_path)
    assert list(found.ids) == IDS
    assert found.position("photo 4.jpg") == 4
    some = np.array([20, 3, 3, 0])
    close(found.images(some), expected(trunk, pool)[some])
    assert found.images(np.array([], dtype=np.int64)).shape == (0, 5)
    with pytest.raises(LabelError, match="no item"):
        found.position("photo 21.jpg")


@pytest.mark.parametrize("bad", [[-1], [21], [0, 21]])
def test_positions_outside_the_pool_are_refused(tmp_path, pool, bad):
    with pytest.raises(InputError, match=r"must lie in 0 … 20"):
        feature_pool(pool, TINY, tmp_path).images(np.array(bad))


def test_views_are_the_features_of_flipped_images(tmp_path, pool, trunk):
    found = feature_pool(pool, TINY, tmp_path, views=("", "h", "v", "hv"))
    every = np.arange(21)
    for view, axes in {"": (), "h": (-1,), "v": (-2,), "hv": (-1, -2)}.items():
        close(found.view(view).images(every), expected(trunk, pool, *axes))
        assert found.view(view).ids == found.ids
    close(feature_pool(pool, TINY, tmp_path, views=["v"]).images(every), expected(trunk, pool, -2))
    with pytest.raises(InputError, match=r"has the views \('',\); got 'h'"):
        feature_pool(pool, TINY, tmp_path).view("h")


@pytest.mark.parametrize("views", [(), ("x",), ("", "")])
def test_unknown_views_are_refused(tmp_path, pool, views):
    with pytest.raises(InputError, match="views must be one or more of '', 'h', 'v', 'hv'"):
        feature_pool(pool, TINY, tmp_path, views=views)


def test_what_is_there_is_not_computed_again(tmp_path, pool, monkeypatch):
    feature_pool(ArrayPool(pool.images(np.arange(6))), TINY, tmp_path)  # the same pictures
    calls: list[tuple[int, int]] = []
    feature_pool(pool, TINY, tmp_path, batch=8, progress=lambda *counts: calls.append(counts))
    assert calls == [(8, 15), (15, 15)]
    calls.clear()
    feature_pool(pool, TINY, tmp_path, progress=lambda *counts: calls.append(counts))
    assert calls == []


def test_with_keys_images_that_are_known_are_not_read(tmp_path, pool):
    keys = [f"{i:064x}" for i in range(21)]
    feature_pool(pool, TINY, tmp_path, keys=keys[:21])
    assert pool.read == 21
    found = feature_pool(pool, TINY, tmp_path, keys=keys)
    assert pool.read == 21
    assert found.images(np.arange(21)).shape == (21, 5)
    with pytest.raises(InputError, match="name each of the 21 images; got 20"):
        feature_pool(pool, TINY, tmp_path, keys=keys[1:])


def test_equal_pictures_share_a_row(tmp_path, trunk):
    pixels = np.random.default_rng(0).integers(0, 256, (2, 9, 9), dtype=np.uint8)
    found = feature_pool(ArrayPool(pixels[[0, 1, 0]]), trunk, tmp_path)
    images = found.images(np.arange(3))
    assert torch.equal(images[0], images[2])
    assert not torch.equal(images[0], images[1])
    assert len(FeatureStore.read(tmp_path, trunk)) == 2


def test_a_second_process_waits_for_the_first(tmp_path, pool, trunk):
    first = FeatureStore.open(tmp_path, trunk)
    found: list[FeaturePool] = []
    waiting = threading.Thread(target=lambda: found.append(feature_pool(pool, trunk, tmp_path)))
    waiting.start()
    first.append(pixel_keys(pool)[:1], np.full((1, 5), 7.0))
    first.close()
    waiting.join(timeout=60)
    assert found[0].images(np.array([0])).tolist() == [[7.0] * 5]  # what the first computed


def test_a_learner_asks_what_it_asks_of_the_same_features_in_memory(tmp_path, pool):
    on_disk = feature_pool(pool, TINY, tmp_path)
    features = on_disk.images(np.arange(21))
    in_memory = ArrayPool(features[:, None], ids=IDS)  # a row of F pixels
    asked = []
    for source, before in ((on_disk, nn.Identity()), (in_memory, nn.Flatten())):
        fit = Fit(
            lambda before=before: nn.Sequential(before, pretrained_head(TINY, 2)),
            Recipe(steps=40, learning_rate=0.02),
        )
        learner = Learner(source, fit, strategy("bald"), classes=2, seed=0)
        learner.tell({item: i % 2 for i, item in enumerate(IDS[:6])})
        learner.refit()
        query = learner.ask(4)
        learner.tell(dict.fromkeys(query.ids, 1))
        learner.refit()
        asked.append((query.ids, learner.ask(4).ids))
    assert asked[0] == asked[1]
