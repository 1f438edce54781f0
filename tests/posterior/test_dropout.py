"""Networks that MC dropout must refuse, or run whole, and say so."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from askwell.errors import InputError, ModelError
from askwell.models import BayesianCNN
from askwell.pool import ArrayPool, chunks
from askwell.posterior import Deterministic, MCDropout
from askwell.select import strategy

IMAGES = torch.rand(4, 3, 8, 8)


def head(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(192, 8), *layers, nn.Linear(8, 2))


@pytest.mark.parametrize("layers", [[], [nn.Dropout(0.0)], [nn.ReLU()]])
def test_a_network_without_dropout_is_refused(layers):
    with pytest.raises(ModelError, match=r"Sequential has none. Add nn.Dropout .* Deterministic"):
        MCDropout(head(*layers))


def test_dropout_that_does_not_reach_the_output_is_refused():
    class Unused(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = head()

        def forward(self, x: Tensor) -> Tensor:
            F.dropout(x)
            return self.net(x)

    with pytest.raises(ModelError, match="depends on dropout"):
        MCDropout(Unused())


@pytest.mark.parametrize(
    "layer",
    [nn.LSTM(8, 8, num_layers=2, dropout=0.5), nn.MultiheadAttention(8, 2, dropout=0.1),
     nn.AlphaDropout(0.2)],
)  # fmt: skip
def test_dropout_inside_a_fused_call_is_refused(layer):
    with pytest.raises(ModelError, match="inside one fused call"):
        MCDropout(nn.Sequential(nn.Dropout(), layer))


class TrainOnly(nn.Module):
    """Dropout guarded by `self.training`: silently deterministic in eval mode."""

    def __init__(self) -> None:
        super().__init__()
        self.drop = nn.Dropout(0.5)
        self.net = head()

    def forward(self, x: Tensor) -> Tensor:
        x = self.drop(x)
        if self.training:
            x = F.dropout(x, 0.5)
        return self.net(x)


def test_dropout_that_runs_in_train_mode_only_is_found():
    with pytest.raises(ModelError, match="1 of 2 dropout calls"):
        MCDropout(TrainOnly()).draw(2, seed=0).outputs(IMAGES)


def test_attention_dropout_that_runs_in_train_mode_only_is_found():
    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.drop = nn.Dropout(0.5)
            self.net = head()

        def forward(self, x: Tensor) -> Tensor:
            x = self.drop(x)
            p = 0.1 if self.training else 0.0
            return self.net(F.scaled_dot_product_attention(x, x, x, dropout_p=p))

    with pytest.raises(ModelError, match="dropout inside attention"):
        MCDropout(Attention()).draw(2, seed=0).outputs(IMAGES)


def test_a_network_that_is_random_beyond_dropout_is_refused():
    class Noisy(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = head(nn.Dropout())

        def forward(self, x: Tensor) -> Tensor:
            return self.net(x + torch.randn_like(x))

    with pytest.raises(ModelError, match="random in eval mode"):
        MCDropout(Noisy()).draw(2, seed=0).outputs(IMAGES)


def test_the_wrong_image_shape_says_both_shapes():
    with pytest.raises(ModelError, match=r"\(N, 1, 28, 28\); got \(4, 3, 8, 8\)"):
        MCDropout(BayesianCNN()).draw(2, seed=0).outputs(IMAGES)
    with pytest.raises(ModelError, match=r"failed on images of shape \(4, 1, 8, 8\)"):
        MCDropout(head(nn.Dropout())).draw(2, seed=0).outputs(IMAGES[:, :1])
    with pytest.raises(ModelError, match=r"failed on images of shape \(4, 1, 8, 8\)"):
        Deterministic(head()).draw(2, seed=0).outputs(IMAGES[:, :1])


def test_the_output_must_be_a_matrix():
    network = nn.Sequential(nn.Conv2d(3, 3, 1), nn.Dropout())
    for kind in (MCDropout, Deterministic):
        with pytest.raises(ModelError, match=r"shape \(N, outputs\).*got \(4, 3, 8, 8\)"):
            kind(network).draw(2, seed=0).outputs(IMAGES)


@pytest.mark.parametrize("posterior", [MCDropout(head(nn.Dropout())), Deterministic(head())])
def test_at_least_one_draw(posterior):
    with pytest.raises(
        InputError, match="n, the number of posterior draws, must be at least 1; got 0"
    ):
        posterior.draw(0, seed=0)


@pytest.mark.parametrize("posterior", [MCDropout(head(nn.Dropout())), Deterministic(head())])
def test_images_that_are_no_tensor(posterior):
    draws = posterior.draw(2, seed=0)
    for call in (draws.outputs, draws.log_probs):
        with pytest.raises(InputError, match=r"torch tensor.* got ndarray\. askwell\.to_images"):
            call(IMAGES.numpy())


def test_running_whole_is_announced_with_the_reason():
    class Branching(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = head(nn.Dropout())

        def forward(self, x: Tensor) -> Tensor:
            return self.net(x if bool((x >= 0).all()) else -x)

    with pytest.warns(UserWarning, match=r"Branching cannot be split .*TraceError"):
        MCDropout(Branching()).draw(2, seed=0).outputs(IMAGES)


def test_no_images_give_no_outputs():
    draws = MCDropout(BayesianCNN()).draw(3, seed=0)
    assert draws.outputs(torch.zeros(0, 1, 28, 28)).shape == (0, 3, 10)


def test_dropping_everything_is_a_constant_function():
    outputs = MCDropout(head(nn.Dropout(1.0))).draw(2, seed=0).outputs(IMAGES)
    assert torch.allclose(outputs, outputs[:1, :1].expand_as(outputs))


class Overwrites(nn.Module):
    """Normalises its argument in place."""

    def __init__(self, branches: bool) -> None:
        super().__init__()
        self.net = head(nn.Dropout())
        self.branches = branches

    def forward(self, x: Tensor) -> Tensor:
        if self.branches and bool(x.sum() > 1e9):  # no graph can show it
            x = -x
        return self.net(x.sub_(0.5).div_(0.25))


@pytest.mark.filterwarnings("ignore:Overwrites cannot be split")
@pytest.mark.parametrize("branches", [False, True])
@pytest.mark.parametrize("kind", [MCDropout, Deterministic])
def test_the_images_are_left_alone_by_a_network_that_overwrites_its_argument(kind, branches):
    network = Overwrites(branches)
    before = IMAGES.flatten(1)  # no change of layout, which would copy them
    images = before.clone()
    draws = kind(network).draw(3, seed=0)
    outputs = draws.outputs(images)
    assert torch.equal(images, before)
    inner = kind(network.net).draw(3, seed=0).outputs((before - 0.5) / 0.25)
    torch.testing.assert_close(outputs, inner)


def test_dropout_on_weights_is_refused():
    class DropsWeights(nn.Module):
        def __init__(self):
            super().__init__()
            self.dense = nn.Linear(192, 2)

        def forward(self, x: Tensor) -> Tensor:
            return F.linear(x.flatten(1), F.dropout(self.dense.weight), self.dense.bias)

    with pytest.raises(ModelError, match=r"drops weights of shape \(2, 192\)"):
        MCDropout(DropsWeights()).draw(2, seed=0).outputs(IMAGES)


def test_bfloat16_trunk_and_products_stay_near_float32():
    torch.manual_seed(0)
    network, images = BayesianCNN(), torch.rand(40, 1, 28, 28)
    exact = MCDropout(network).draw(12, seed=0).outputs(images)
    near = MCDropout(network, dtype=torch.bfloat16).draw(12, seed=0)
    outputs = near.outputs(images)
    assert outputs.dtype == torch.float32
    assert near.encode(images).values[0].dtype == torch.bfloat16
    assert not torch.equal(outputs, exact)
    torch.testing.assert_close(outputs, exact, rtol=0, atol=0.02 * float(exact.abs().max()))


def test_half_precision_features_also_feed_a_head_of_other_layers():
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Dropout2d(0.5), nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4),
        nn.Flatten(), nn.Linear(4 * 16, 3),
    )  # fmt: skip
    images = torch.rand(5, 1, 8, 8)
    exact = MCDropout(network).draw(4, seed=0).outputs(images)
    near = MCDropout(network, dtype=torch.bfloat16).draw(4, seed=0).outputs(images)
    torch.testing.assert_close(near, exact, rtol=0, atol=0.03 * float(exact.abs().max()))


def test_other_number_formats_are_refused():
    with pytest.raises(InputError, match=r"float32 or torch\.bfloat16; got torch\.float16"):
        MCDropout(BayesianCNN(), dtype=torch.float16)


class Cosine(nn.Module):
    """A constant of the trunk has ten rows: as many as a batch may have images."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.randn(10, 32))
        self.h = nn.Linear(64, 32)
        self.drop = nn.Dropout(0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = torch.relu(self.h(x.flatten(1)))
        return nn.functional.linear(self.drop(h), nn.functional.normalize(self.w))


class Reads(Cosine):
    """Reads the batch size before dropout."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n = x.size(0)
        return self.drop(self.h(x.flatten(1))).reshape(n, -1)[:, :10]


class Patches(nn.Module):
    """Folds patches into the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last, self.drop = nn.Linear(16, 20), nn.Linear(20, 10), nn.Dropout(0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        patches = x.unfold(2, 4, 4).unfold(3, 4, 4).reshape(-1, 16)
        h = self.drop(torch.relu(self.first(patches)))
        return self.last(h).view(-1, 4, 10).mean(1)


class TimeFirst(nn.Module):
    """Dropout sees the batch on its second axis."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.drop, self.last = nn.LSTM(8, 16), nn.Dropout(0.5), nn.Linear(16, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out, _ = self.lstm(x[:, 0].permute(1, 0, 2))
        return self.last(self.drop(out)[-1])


@pytest.mark.parametrize("kind", [Cosine, Reads, Patches])
@pytest.mark.parametrize("n", [1, 5, 10, 23])
def test_what_is_no_row_of_an_image_is_not_repeated_for_each_draw(kind, n):
    torch.manual_seed(0)
    draws = MCDropout(kind()).draw(6, seed=3)
    images = torch.rand(23, 1, 8, 8)
    together, alone = draws.outputs(images), draws.outputs(images[:n])
    assert alone.shape == (n, 6, 10)
    torch.testing.assert_close(alone, together[:n])


@pytest.mark.parametrize("kind", [Cosine, Reads, Patches])
def test_a_race_on_such_a_network_asks_for_what_all_draws_ask_for(kind):
    torch.manual_seed(0)
    pool = ArrayPool(torch.rand(300, 1, 8, 8))
    draws = MCDropout(kind()).draw(100, seed=3)
    asked = [
        strategy("bald", exact=exact).select(
            draws, chunks(pool, np.arange(300), size=64), 5, seed=0
        )
        for exact in (False, True)
    ]
    assert asked[0].ids == asked[1].ids


def test_dropout_that_sees_the_batch_on_another_axis_is_refused():
    with pytest.raises(ModelError, match="Dropout must see the batch on its first axis"):
        MCDropout(TimeFirst()).draw(4, seed=0).outputs(torch.rand(6, 1, 8, 8))
