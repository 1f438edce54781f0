"""Seeds and keys: from (seed, purpose) alone, uniform, unique, the same in every process."""

import numpy as np
import pytest
import torch

from askwell.errors import InputError
from askwell.randomness import derive, generator, item_keys


def test_a_key_depends_on_its_item_and_the_seed_only():
    ids = [3, 1, "a/b.jpg", -5, 2**63, "3"]
    together = item_keys(ids, 7)
    one_by_one = [item_keys([item], 7)[0] for item in ids]
    assert together.tolist() == one_by_one
    assert len(set(together.tolist())) == len(ids)
    assert not set(together.tolist()) & set(item_keys(ids, 8).tolist())


def test_numpy_integers_are_integers():
    assert item_keys(list(np.arange(5)), 0).tolist() == item_keys(range(5), 0).tolist()
    assert item_keys([np.uint8(4)], np.int64(2)).tolist() == item_keys([4], 2).tolist()
    assert derive(np.int32(1), np.int64(2), "x") == derive(1, 2, "x")


def test_no_item_no_key():
    assert item_keys([], 0).shape == (0,)


@pytest.mark.parametrize("item", [1.5, None, b"x"])
def test_other_ids_are_refused(item):
    with pytest.raises(InputError, match="int or a str"):
        item_keys([item], 0)


def test_a_file_name_need_not_be_unicode():
    name = b"caf\xe9.jpg".decode("utf-8", "surrogateescape")
    assert item_keys([name], 0)[0] != item_keys(["caf.jpg"], 0)[0]


@pytest.mark.parametrize("ids", [range(40_000), [f"photos/{i:05}.jpg" for i in range(40_000)]])
def test_keys_are_unique_and_uniform(ids):
    keys = item_keys(ids, 3)
    assert len(np.unique(keys)) == len(ids)
    # 64 bins by the high bits, 64 by the low: chi-square with 63 degrees of freedom. By the
    # Laurent–Massart bound P(χ² > 63 + 2√(63x) + 2x) ≤ e^−x; x = 20 gives 2e-9.
    bound = 63 + 2 * np.sqrt(63 * 20) + 2 * 20
    for bits in (keys >> np.uint64(58), keys & np.uint64(63)):
        counts = np.bincount(bits.astype(np.int64), minlength=64)
        expected = len(ids) / 64
        assert ((counts - expected) ** 2 / expected).sum() < bound


def test_neighbouring_seeds_give_unrelated_orders():
    a, b = (item_keys(range(10_000), seed).argsort().argsort() for seed in (0, 1))
    # The correlation of two random rankings has standard deviation 1/√(n−1) = 0.01.
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.06


def test_purposes_do_not_collide():
    purposes = [(), ("a",), ("a", "b"), ("ab",), ("a\x1fsb",), (1,), ("1",), (1, 1), (11,)]
    assert len({derive(0, *purpose) for purpose in purposes}) == len(purposes)
    assert 0 <= derive(-3, "x") < 2**63


def test_generators_are_independent_of_each_other_and_of_global_state():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first = torch.rand(3, generator=generator(0, "masks"))
    assert torch.equal(first, torch.rand(3, generator=generator(0, "masks")))
    assert not torch.equal(first, torch.rand(3, generator=generator(0, "weights")))
    assert torch.equal(torch.get_rng_state(), before)


def test_every_machine_and_version_gives_these_numbers():
    # Pinned: whoever changes them changes what every recorded run would ask for.
    assert derive(5, "x", 2) == 8866577409527613582
    assert item_keys([1, "a", -1], 5).tolist() == [
        16440339511084993560,
        15106037301428285615,
        10093975944496733120,
    ]
