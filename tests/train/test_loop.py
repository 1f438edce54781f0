"""The training loop: its batches, its penalty, its randomness, and what it refuses."""

import copy
import math
import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from askwell.errors import InputError, LabelError, ModelError, NonFiniteError
from askwell.models import BayesianCNN
from askwell.randomness import generator
from askwell.records import Training
from askwell.train import Recipe, loop, remarks, train
from askwell.train.losses import cross_entropy, gaussian_nll
from tests.train.problems import Overwrites, Views, dark_and_bright, dense, seeded, weights

IMAGES, LABELS = dark_and_bright()
FEW = Recipe(steps=5, epochs=0)
ENOUGH = Recipe(steps=120, epochs=0, learning_rate=1e-2)


def trained(
    network: nn.Module, recipe: Recipe = FEW, *, weight_decay: float = 0.0, seed: int = 0
) -> Training:
    return train(network, IMAGES, LABELS, recipe, weight_decay=weight_decay, seed=seed)


@torch.no_grad()
def accuracy(network: nn.Module) -> float:
    return float((network.eval()(IMAGES).argmax(dim=1) == LABELS).double().mean())


def test_separable_images_are_learnt_and_the_training_is_recorded():
    network = seeded()
    with torch.no_grad():
        before = float(cross_entropy(network.eval()(IMAGES), LABELS))
    record = trained(network, ENOUGH, weight_decay=0.01)
    assert record.loss < before
    assert accuracy(network) == 1.0
    assert (record.labels, record.steps, record.weight_decay) == (20, 120, 0.01)
    assert record.seconds > 0
    assert not any(layer.training for layer in network.modules())


class Recorder(nn.Module):
    """Keeps the number of every image that it is trained on, batch by batch."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(1, 2)
        self.batches: list[list[int]] = []

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.batches.append(x.flatten().int().tolist())
        return self.dense(x / 100)


@given(
    n=st.integers(1, 40),
    batch_size=st.integers(1, 16),
    epochs=st.integers(0, 3),
    steps=st.integers(1, 9),
)
def test_every_epoch_sees_each_image_once_in_batches_of_nearly_equal_size(
    n, batch_size, epochs, steps
):
    network = Recorder()
    recipe = Recipe(steps=steps, epochs=epochs, batch_size=batch_size)
    images = torch.arange(n).float().unsqueeze(1)
    record = train(network, images, torch.zeros(n).long(), recipe, weight_decay=0.0, seed=0)
    assert len(network.batches) == record.steps == recipe.steps_for(n)
    an_epoch = recipe.batches(n)
    for start in range(0, len(network.batches), an_epoch):
        epoch = network.batches[start : start + an_epoch]
        sizes = [len(batch) for batch in epoch]
        assert max(sizes) - min(sizes) <= 1
        assert max(sizes) <= batch_size
        seen = [i for batch in epoch for i in batch]
        assert len(set(seen)) == len(seen)
        if len(epoch) == an_epoch:
            assert sorted(seen) == list(range(n))


def test_every_epoch_has_another_order():
    network = Recorder()
    recipe = Recipe(steps=1, epochs=2, batch_size=40)
    images = torch.arange(40).float().unsqueeze(1)
    train(network, images, torch.zeros(40).long(), recipe, weight_decay=0.0, seed=0)
    first, second = network.batches
    assert sorted(first) != first != second


def test_the_penalty_is_c_over_n_times_the_squared_weights_without_biases():
    """Adam's own weight decay and the penalty as a part of the loss are one and the same."""
    c, n = 4.0, len(IMAGES)
    by_adam, by_loss = (seeded(dropout=0.5).double() for _ in range(2))
    images = IMAGES.double()

    def penalised(outputs: Tensor, labels: Tensor) -> Tensor:
        squares = sum(w.square().sum() for w in by_loss.parameters() if w.ndim > 1)
        return cross_entropy(outputs, labels) + c / n * squares

    train(by_adam, images, LABELS, FEW, weight_decay=c, seed=0)
    train(by_loss, images, LABELS, FEW, weight_decay=0.0, seed=0, loss=penalised)
    # Both gradients are sums of the same terms in another order: float64 differs by 1e-16 of
    # them, a wrong factor by as much as a step of 1e-3.
    torch.testing.assert_close(weights(by_adam), weights(by_loss), rtol=0, atol=1e-9)
    plain = seeded(dropout=0.5).double()
    train(plain, images, LABELS, FEW, weight_decay=0.0, seed=0)
    assert not torch.allclose(weights(plain), weights(by_adam), rtol=0, atol=1e-4)


def test_adam_gets_2c_over_n_for_weights_and_nothing_for_biases(monkeypatch):
    made = []

    class Adam(torch.optim.Adam):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            made.append(self)

    monkeypatch.setattr(torch.optim, "Adam", Adam)
    network = seeded()
    trained(network, weight_decay=0.3)
    decay = {id(w): g["weight_decay"] for g in made[0].param_groups for w in g["params"]}
    assert {name: decay[id(w)] for name, w in network.named_parameters()} == {
        "1.weight": 2 * 0.3 / 20,
        "1.bias": 0.0,
        "4.weight": 2 * 0.3 / 20,
        "4.bias": 0.0,
    }


def test_the_same_seed_gives_the_same_weights_whatever_the_global_state():
    networks = [seeded() for _ in range(3)]
    for i, (network, seed) in enumerate(zip(networks, (7, 7, 8), strict=True)):
        torch.manual_seed(i)
        trained(network, seed=seed)
    same, again, other = map(weights, networks)
    assert torch.equal(same, again)
    assert not torch.equal(same, other)


def test_global_random_state_is_left_alone():
    network = seeded()
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()  # noqa: NPY002
    trained(network)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    assert np.array_equal(np.random.get_state()[1], before[2])  # noqa: NPY002


def test_the_images_are_left_alone_by_a_network_that_overwrites_its_argument():
    images = IMAGES.clone()
    train(Overwrites(), images, LABELS, FEW, weight_decay=0.0, seed=0)
    assert torch.equal(images, IMAGES)


def test_frozen_weights_stay_as_they_are():
    network = seeded()
    network[1].requires_grad_(False)
    before = copy.deepcopy(network)
    trained(network, weight_decay=1.0)
    assert torch.equal(weights(network[1]), weights(before[1]))
    assert not torch.equal(weights(network[4]), weights(before[4]))


def test_a_network_that_cannot_run_channels_last_trains_in_the_other_layout():
    probe = Views().to(memory_format=torch.channels_last)
    with pytest.raises(RuntimeError, match="view"):
        probe(IMAGES.contiguous(memory_format=torch.channels_last))
    torch.manual_seed(0)
    network = Views()
    trained(network, ENOUGH)
    assert accuracy(network) == 1.0


def test_a_float64_network_trains_on_float32_images():
    network = seeded().double()
    trained(network, ENOUGH)
    with torch.no_grad():
        assert torch.equal(network(IMAGES.double()).argmax(dim=1), LABELS)


def test_bfloat16_computes_the_forward_pass_and_leaves_the_weights_in_float32(monkeypatch):
    monkeypatch.setattr(loop, "compute_dtype", lambda device: torch.bfloat16)
    network, seen = seeded(), set()
    network[1].register_forward_hook(
        lambda layer, _, output: seen.add(output.dtype) if layer.training else None
    )
    record = trained(network, ENOUGH)
    assert seen == {torch.bfloat16}
    assert all(w.dtype == torch.float32 for w in network.parameters())
    assert np.isfinite(record.loss)
    assert accuracy(network) == 1.0


@pytest.mark.parametrize("first", [1, 50, 53, 120])
def test_divergence_names_the_first_step_of_it(first):
    calls = iter(range(1, 200))

    def loss(outputs: Tensor, labels: Tensor) -> Tensor:
        bad = next(calls) >= first
        return cross_entropy(outputs, labels) * (float("nan") if bad else 1.0)

    with pytest.raises(NonFiniteError, match=rf"diverged: the loss is nan at step {first}\. Lower"):
        train(seeded(), IMAGES, LABELS, ENOUGH, weight_decay=0.0, seed=0, loss=loss)


def test_an_enormous_learning_rate_diverges_in_words():
    recipe = Recipe(steps=10, epochs=0, learning_rate=1e30)
    with pytest.raises(NonFiniteError, match=r"Lower the learning rate \(now 1e\+30\)"):
        trained(seeded(), recipe)


def test_infinite_images_diverge_at_the_first_step():
    with pytest.raises(NonFiniteError, match="at step 1"):
        train(seeded(), IMAGES * float("inf"), LABELS, FEW, weight_decay=0.0, seed=0)


def test_large_losses_are_not_infinite_ones_even_if_their_sum_is():
    def loss(outputs: Tensor, labels: Tensor) -> Tensor:
        return outputs.sum() * 0 + 3e38  # float32 ends at 3.4e38

    recipe = Recipe(steps=40, epochs=0)
    record = train(seeded(), IMAGES, LABELS, recipe, weight_decay=0.0, seed=0, loss=loss)
    assert record.loss == pytest.approx(3e38)


@pytest.mark.parametrize("label", [2, -1])
def test_a_label_that_no_output_stands_for(label):
    with pytest.raises(LabelError, match=rf"0 … 1 \(the network has 2 outputs\); got \[{label}\]"):
        train(seeded(), IMAGES[:1], torch.tensor([label]), FEW, weight_decay=0.0, seed=0)


def test_images_of_the_wrong_shape():
    with pytest.raises(ModelError, match=r"failed on images of shape \(20, 3, 8, 8\)"):
        train(seeded(), IMAGES.repeat(1, 3, 1, 1), LABELS, FEW, weight_decay=0.0, seed=0)
    with pytest.raises(ModelError, match=r"\(N, 1, 28, 28\); got \(2, 1, 8, 8\)"):
        trained(BayesianCNN())


class Normed(nn.Module):
    """BatchNorm over the batch alone, which cannot train on a single image."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(1, 2)
        self.norm = nn.BatchNorm1d(2)
        self.drop = nn.Dropout(0.5)
        self.batches: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.batches.append(len(x))
        return self.drop(self.norm(self.dense(x / 100)))


@pytest.mark.parametrize("batch_size", [1, 2, 3, 32])
@pytest.mark.parametrize("n", [2, 3, 5, 7, 33])
def test_batchnorm_never_meets_a_single_image(n, batch_size):
    network, images = Normed(), torch.arange(n).float().unsqueeze(1)
    recipe = Recipe(steps=n, epochs=0, batch_size=batch_size)
    record = train(network, images, torch.zeros(n).long(), recipe, weight_decay=0.0, seed=0)
    assert len(network.batches) == record.steps == n
    assert min(network.batches) > 1
    assert max(network.batches) <= max(batch_size, 3)
    assert int(network.norm.num_batches_tracked) == n  # the trial was on a copy


def test_a_single_image_for_batchnorm_is_refused_in_words():
    message = r"Normed cannot train on a single image: Expected more than 1 value.*Label one more"
    with pytest.raises(ModelError, match=message):
        train(Normed(), torch.ones(1, 1), LABELS[:1], FEW, weight_decay=0.0, seed=0)


def test_a_single_image_is_enough_for_batchnorm_over_its_pixels():
    network = nn.Sequential(nn.BatchNorm2d(1), nn.Flatten(), nn.Linear(64, 2))
    train(network, IMAGES[:1], LABELS[:1], FEW, weight_decay=0.0, seed=0)
    assert int(network[0].num_batches_tracked) == FEW.steps


def test_trying_a_single_image_leaves_the_dropout_noise_alone(monkeypatch):
    tried, untried = seeded(dropout=0.5), seeded(dropout=0.5)
    train(tried, IMAGES[:1], LABELS[:1], FEW, weight_decay=0.0, seed=0)
    monkeypatch.setattr(loop, "_error_on_one", lambda *_: None)
    train(untried, IMAGES[:1], LABELS[:1], FEW, weight_decay=0.0, seed=0)
    assert torch.equal(weights(tried), weights(untried))


def test_images_that_are_no_tensor():
    with pytest.raises(InputError, match=r"got ndarray\. askwell\.to_images"):
        train(seeded(), IMAGES.numpy(), LABELS, FEW, weight_decay=0.0, seed=0)


class Pair(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = dense()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.net(x), x


@pytest.mark.parametrize("network", [nn.Conv2d(1, 2, 8), Pair()])
def test_the_output_must_be_a_matrix(network):
    with pytest.raises(ModelError, match=r"one tensor of shape \(N, outputs\)"):
        trained(network)


@pytest.mark.parametrize("network", [dense().requires_grad_(False), nn.Flatten()])
def test_a_network_without_weights_to_train(network):
    with pytest.raises(ModelError, match="no weights to train"):
        trained(network)


@pytest.mark.parametrize(("images", "labels"), [(0, 0), (3, 2), (0, 2)])
def test_images_and_labels_must_be_as_many(images, labels):
    with pytest.raises(InputError, match=f"got {images} and {labels}"):
        train(seeded(), IMAGES[:images], LABELS[:labels], FEW, weight_decay=0.0, seed=0)


# --- Remarks --------------------------------------------------------------------------------------


@pytest.fixture
def nothing_said(monkeypatch):
    monkeypatch.setattr(remarks, "_made", set())


def with_softmax(outputs: int = 2) -> nn.Module:
    return nn.Sequential(dense(outputs), nn.Softmax(dim=1))


def test_probabilities_in_the_place_of_logits_are_remarked_on_once(nothing_said):
    with pytest.warns(UserWarning, match="outputs of Sequential look like probabilities") as caught:
        trained(with_softmax())
    assert len(caught) == 1
    trained(with_softmax())
    assert "Leave out the softmax" in str(caught[0].message)


class Fixed(nn.Module):
    """The same outputs for every two images."""

    def __init__(self, outputs: list[list[float]]) -> None:
        super().__init__()
        self.rows = nn.Parameter(torch.tensor(outputs))

    def forward(self, x: Tensor) -> Tensor:
        return self.rows.repeat(len(x), 1)[: len(x)]


@pytest.mark.parametrize(
    "outputs",
    [
        [[0.5, 0.5], [1.2, -0.2]],  # sums to 1, but is negative somewhere
        [[0.5, 0.5], [0.5, 0.502]],  # one of the two does not sum to 1
        [[0.0, 0.0], [0.0, 0.0]],
        [[1.0], [1.0]],  # of one class nothing can be said
        [[0.5, 0.5, -0.0], [-1e-9, 0.5, 0.5]],
    ],
)
def test_outputs_that_are_no_probabilities(nothing_said, outputs):
    train(Fixed(outputs), IMAGES, LABELS * 0, FEW, weight_decay=0.0, seed=0)


def test_probabilities_are_no_matter_for_one_image_or_another_loss(nothing_said):
    train(with_softmax(), IMAGES[:1], LABELS[:1], FEW, weight_decay=0.0, seed=0)
    targets = LABELS.float()
    train(with_softmax(), IMAGES, targets, FEW, weight_decay=0.0, seed=0, loss=gaussian_nll)


def test_a_loss_that_is_high_and_falling_at_the_end_is_remarked_on_once(nothing_said):
    slow = Recipe(steps=60, epochs=0, learning_rate=1e-3, schedule="constant")
    with pytest.warns(UserWarning, match=r"still 0\.\d\d nats an image after 60 steps") as caught:
        record = trained(seeded(), slow)
    trained(seeded(), slow)
    (remark,) = caught
    assert f"still {record.loss:.2f} nats" in str(remark.message)
    assert "(guessing has 0.69): more steps would help. Pass Recipe(steps=120)" in str(
        remark.message
    )
    trained(seeded(), Recipe(steps=600, epochs=0, learning_rate=1e-3, schedule="constant"))


def course(middle: float, last: float, steps: int = 100) -> Tensor:
    """Losses of ln 10 at first, then of these values over two tenths, and the last tenth."""
    losses = torch.full((steps,), math.log(10), dtype=torch.float64)
    losses[4 * steps // 10 :] = middle
    losses[-(steps // 10) :] = last
    return losses


@pytest.mark.parametrize(
    ("middle", "last", "steps", "said"),
    [
        (1.0, 0.7, 100, True),
        (1.0, 0.7, 50, True),
        (1.0, 0.7, 49, False),  # too few to tell
        (1.0, 0.57, 100, False),  # ln 10 / 4 = 0.5756
        (1.0, 0.58, 100, True),
        (1.0, 0.87, 100, True),
        (1.0, 0.89, 100, False),  # level: labels that cannot be learnt
        (1.0, 1.5, 100, False),
    ],
)
def test_what_is_high_and_falling(nothing_said, middle, last, steps, said):
    losses = course(middle, last, steps)
    if said:
        with pytest.warns(UserWarning, match=f"still {last:.2f} nats"):
            loop._remark_on_too_few_steps(losses, 10)
    else:
        loop._remark_on_too_few_steps(losses, 10)


@pytest.mark.parametrize("seed", range(3))
def test_labels_of_chance_keep_the_loss_high_and_level(nothing_said, seed):
    """A linear network cannot learn 400 random labels, however long: more steps would not help."""
    images = torch.rand(400, 1, 4, 4, generator=generator(seed, "images"))
    labels = torch.randint(2, (400,), generator=generator(seed, "labels"))
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Flatten(), nn.Dropout(0.25), nn.Linear(16, 2))
    record = train(network, images, labels, Recipe(steps=300), weight_decay=0.0, seed=seed)
    assert record.loss > 0.8 * math.log(2)


def test_one_class_or_a_regression_is_never_remarked_on(nothing_said):
    recipe = Recipe(steps=60, epochs=0, learning_rate=1e-3)
    train(seeded(1), IMAGES, LABELS * 0, recipe, weight_decay=0.0, seed=0)
    train(seeded(), IMAGES, LABELS * 9.0, recipe, weight_decay=0.0, seed=0, loss=gaussian_nll)


def test_weights_that_nothing_uses_end_at_zero_and_not_in_denormal_numbers():
    if not torch.set_flush_denormal(False):
        pytest.skip("this processor cannot take denormal numbers for 0")
    network = dense()
    first = next(w for w in network.parameters() if w.ndim > 1)
    with torch.no_grad():
        first[:, 0] = 1e-39  # of a pixel that is always 0, so that nothing moves them
    images = IMAGES.clone()
    images.flatten(1)[:, 0] = 0
    train(network, images, LABELS, FEW, weight_decay=0, seed=0)
    assert (first[:, 0] == 0).all()
