"""Laws of every entry of ACQUISITIONS; a new one is tested by being in the table."""

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from askwell.acquisition import ACQUISITIONS, Acquisition
from askwell.likelihoods import categorical, gaussian
from askwell.tensors import Gaussian

EPSILON = torch.finfo(torch.float64).eps
DOCUMENT = Path(__file__).parents[2] / "docs" / "acquisitions.md"

each = pytest.mark.parametrize("acquisition", ACQUISITIONS.values(), ids=list(ACQUISITIONS))


def outputs_for(
    acquisition: Acquisition, n: int, t: int, c: int, *, seed: int = 0, spread: float = 3.0
) -> Tensor:
    """Raw float32 outputs that the acquisition's likelihood takes."""
    size = c if acquisition.likelihood is categorical else 2
    return spread * torch.randn(n, t, size, generator=torch.Generator().manual_seed(seed))


def scores(acquisition: Acquisition, outputs: Tensor) -> Tensor:
    return acquisition.score(acquisition.likelihood(outputs))


def rounding(acquisition: Acquisition, outputs: Tensor) -> float:
    """Re-ordering a sum of T·C float64 terms moves it by at most their number × ε × their size."""
    t, size = outputs.shape[1:]
    largest = 1.0
    if acquisition.likelihood is gaussian and outputs.numel():
        law = gaussian(outputs)
        largest = float(law.mean.square().max() + law.variance.max()) + 1.0
    return 4 * EPSILON * t * size * largest


@each
def test_entry_is_complete(acquisition):
    assert ACQUISITIONS[acquisition.name] is acquisition
    assert acquisition.likelihood in (categorical, gaussian)
    assert all([acquisition.formula, acquisition.source, acquisition.summary])
    assert acquisition.score.__doc__


@each
@given(seed=st.integers(0, 2**32), n=st.integers(0, 20), t=st.integers(1, 9), c=st.integers(1, 7))
def test_one_finite_float64_score_an_item(acquisition, seed, n, t, c):
    result = scores(acquisition, outputs_for(acquisition, n, t, c, seed=seed, spread=10.0))
    assert result.shape == (n,)
    assert result.dtype == torch.float64
    assert bool(result.isfinite().all())


@each
@settings(max_examples=8)
@given(seed=st.integers(0, 2**32), t=st.integers(1, 40), c=st.integers(1, 40))
def test_items_are_scored_one_by_one(acquisition, seed, t, c):
    """Bit for bit: neither the order of the items nor their grouping changes a score."""
    outputs = outputs_for(acquisition, 12, t, c, seed=seed)
    whole = scores(acquisition, outputs)
    order = torch.randperm(12, generator=torch.Generator().manual_seed(seed))
    assert torch.equal(scores(acquisition, outputs[order]), whole[order])
    parts = [scores(acquisition, outputs[i:j]) for i, j in [(0, 1), (1, 6), (6, 12)]]
    assert torch.equal(torch.cat(parts), whole)
    strided = outputs.transpose(0, 1).contiguous().transpose(0, 1)  # the same in other memory
    assert torch.equal(acquisition.of_outputs(strided), whole)


@each
def test_items_are_scored_one_by_one_across_threads_and_blocks(acquisition):
    outputs = outputs_for(acquisition, 300, 30, 10)  # several blocks, several threads
    whole = scores(acquisition, outputs)
    assert torch.equal(acquisition.of_outputs(outputs), whole)
    assert torch.equal(acquisition.of_outputs(outputs[123:124]), whole[123:124])


@each
@given(seed=st.integers(0, 2**32), t=st.integers(1, 12), c=st.integers(1, 9))
def test_draws_have_no_order(acquisition, seed, t, c):
    outputs = outputs_for(acquisition, 5, t, c, seed=seed)
    order = torch.randperm(t, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(
        scores(acquisition, outputs[:, order]),
        scores(acquisition, outputs),
        rtol=0,
        atol=rounding(acquisition, outputs),
    )


@each
@given(seed=st.integers(0, 2**32), t=st.integers(2, 12), c=st.integers(1, 9))
def test_repeated_draws_say_nothing_new(acquisition, seed, t, c):
    outputs = outputs_for(acquisition, 5, t, c, seed=seed)
    torch.testing.assert_close(
        scores(acquisition, outputs.repeat(1, 3, 1)),
        scores(acquisition, outputs),
        rtol=0,
        atol=3 * rounding(acquisition, outputs),
    )


@each
def test_the_caller_s_tensors_are_left_alone(acquisition):
    for dtype in (torch.float32, torch.float64):
        outputs = outputs_for(acquisition, 6, 5, 4).to(dtype)
        outputs_before = outputs.clone()
        law = acquisition.likelihood(outputs)
        parts = [law.mean, law.variance] if isinstance(law, Gaussian) else [law]
        before = [part.clone() for part in parts]
        acquisition.score(law)
        acquisition.of_outputs(outputs)
        assert torch.equal(outputs, outputs_before)
        assert all(map(torch.equal, parts, before))


@each
def test_half_precision_outputs(acquisition):
    outputs = outputs_for(acquisition, 8, 6, 5).bfloat16()
    assert torch.equal(scores(acquisition, outputs), scores(acquisition, outputs.float()))


@each
def test_no_item_no_score(acquisition):
    outputs = outputs_for(acquisition, 0, 5, 3)
    assert scores(acquisition, outputs).shape == (0,)
    assert acquisition.of_outputs(outputs).shape == (0,)


@each
def test_global_random_state_is_left_alone(acquisition):
    outputs = outputs_for(acquisition, 6, 5, 4)
    before = torch.get_rng_state()
    acquisition.of_outputs(outputs)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", [*ACQUISITIONS, "random"])
def test_documented(name):
    assert f"| `{name}` |" in DOCUMENT.read_text(encoding="utf-8")
