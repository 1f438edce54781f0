"""From labelled ids to a posterior: what it depends on, and how the weight decay is chosen."""

import copy
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from askwell.errors import InputError, LabelError, ModelError, NonFiniteError
from askwell.likelihoods import categorical
from askwell.numerics import mean_probs
from askwell.pool import ArrayPool
from askwell.posterior import Deterministic, MCDropout
from askwell.records import Training
from askwell.train import Fit, Recipe
from askwell.train.losses import Loss, cross_entropy, gaussian_nll
from tests.train.problems import dark_and_bright, dense, weights

IMAGES, LABELS = dark_and_bright(30)
POOL = ArrayPool(IMAGES)
LABELLED = {i: int(LABELS[i]) for i in (4, 9, 2, 7, 0, 11)}
VALIDATION = IMAGES[20:], LABELS[20:]
FEW = Recipe(steps=5, epochs=0)


def outputs(posterior) -> Tensor:
    return posterior.draw(3, seed=0).outputs(IMAGES)


def test_the_order_of_the_labelled_set_is_irrelevant():
    fit = Fit(dense, FEW)
    backwards = dict(reversed(LABELLED.items()))
    assert list(backwards) != list(LABELLED)
    assert torch.equal(outputs(fit(LABELLED, POOL, 0)), outputs(fit(backwards, POOL, 0)))


def test_neither_earlier_calls_nor_the_global_state_matter():
    fit = Fit(dense, FEW)
    first = outputs(fit(LABELLED, POOL, 0))
    fit({0: 0, 1: 1}, POOL, 5)
    torch.manual_seed(123)
    assert torch.equal(outputs(fit(LABELLED, POOL, 0)), first)
    assert torch.equal(outputs(Fit(dense, FEW)(LABELLED, POOL, 0)), first)
    assert not torch.equal(outputs(fit(LABELLED, POOL, 1)), first)


def test_global_random_state_is_left_alone():
    before = torch.get_rng_state()
    recipe = replace(FEW, weight_decay=(0.0, 0.1))
    Fit(dense, recipe, validation=VALIDATION)(LABELLED, POOL, 0)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_initial_weights_depend_on_the_seed_alone():
    made: list[Tensor] = []

    def network() -> nn.Module:
        result = dense()
        made.append(weights(copy.deepcopy(result)))
        return result

    recipe = replace(FEW, weight_decay=(0.0, 0.5))
    fit = Fit(network, recipe, validation=VALIDATION)
    fit(LABELLED, POOL, 0)
    fit({0: 0, 1: 1}, POOL, 0)
    fit(LABELLED, POOL, 1)
    assert len(made) == 6  # two candidates each
    assert all(torch.equal(w, made[0]) for w in made[:4])
    assert not torch.equal(made[4], made[0])


def test_one_weight_decay_is_taken_without_a_choice():
    posterior = Fit(dense, replace(FEW, weight_decay=(0.3,)))(LABELLED, POOL, 0)
    assert isinstance(posterior, MCDropout)
    assert posterior.training is not None
    assert posterior.training.labels == len(LABELLED)
    assert posterior.training.weight_decay == 0.3
    assert posterior.training.validation == {}


def test_every_candidate_s_validation_accuracy_is_reported():
    candidates = (0.0, 0.05, 50.0)
    recipe = Recipe(steps=20, epochs=0, learning_rate=1e-2, weight_decay=candidates)
    posterior = Fit(dense, recipe, validation=VALIDATION)(LABELLED, POOL, 0)
    assert posterior.training is not None
    assert list(posterior.training.validation) == list(candidates)
    for c, reported in posterior.training.validation.items():
        alone = Fit(dense, replace(recipe, weight_decay=(c,)))(LABELLED, POOL, 0)
        probs = mean_probs(categorical(alone.draw(20, seed=0).outputs(VALIDATION[0])))
        assert reported == float((probs.argmax(dim=1) == VALIDATION[1]).double().mean())
        if c == posterior.training.weight_decay:
            assert torch.equal(outputs(alone), outputs(posterior))


class Scripted:
    """A posterior whose outputs, (T, O) the same for every image, depend on the weight decay."""

    def __init__(self, script: Mapping[float, Tensor], training: Training) -> None:
        self.training: Training | None = training
        self.table = script[training.weight_decay]

    def draw(self, n: int, *, seed: int) -> "Scripted":
        self.table = self.table.expand(n, -1)
        return self

    def __len__(self) -> int:
        return len(self.table)

    def outputs(self, images: Tensor) -> Tensor:
        return self.table.expand(len(images), -1, -1)

    def log_probs(self, images: Tensor) -> Tensor:
        return categorical(self.outputs(images))


def chosen(script: dict[float, Tensor], labels: Tensor, loss: Loss = cross_entropy) -> Training:
    fit = Fit(
        dense,
        replace(FEW, steps=1, weight_decay=tuple(script)),
        validation=(IMAGES[: len(labels)], labels),
        posterior=lambda _, training: Scripted(script, training),
        loss=loss,
    )
    training = fit(LABELLED, POOL, 0).training
    assert training is not None
    return training


ONES = torch.ones(4, dtype=torch.long)


@pytest.mark.parametrize("order", [(0.0, 0.1, 0.2, 0.3), (0.3, 0.2, 0.1, 0.0)])
def test_accuracy_decides_and_then_the_likelihood(order):
    script = {
        0.0: torch.tensor([[9.0, 0.0]]),  # wrong
        0.1: torch.tensor([[0.0, 1.0]]),  # right
        0.2: torch.tensor([[0.0, 2.0]]),  # right and surer
        0.3: torch.tensor([[0.1, 0.0]]),  # wrong, though hardly
    }
    training = chosen({c: script[c] for c in order}, ONES)
    assert training.weight_decay == 0.2
    assert training.validation == {0.0: 0.0, 0.1: 1.0, 0.2: 1.0, 0.3: 0.0}


def test_accuracy_comes_before_the_likelihood():
    labels = torch.tensor([1, 1, 1, 0])
    sure = torch.tensor([[0.0, 9.0]])  # 3 of 4 right; the fourth costs 9 nats
    unsure = torch.tensor([[0.01, 0.0]])  # 1 of 4 right, at ln 2 each
    assert chosen({0.1: unsure, 0.2: sure}, labels).weight_decay == 0.2


def test_the_prediction_is_the_mean_of_probabilities_not_of_logits():
    one_is_sure = torch.tensor([[0.0, 1000.0]] + [[1.0, 0.0]] * 19)  # mean logit: class 1
    assert chosen({0.1: one_is_sure, 0.2: torch.tensor([[0.0, 0.1]])}, ONES).validation == {
        0.1: 0.0,
        0.2: 1.0,
    }


def test_a_regression_chooses_by_its_loss():
    script = {c: torch.tensor([[mean]]) for c, mean in {0.1: 3.0, 0.2: 1.5, 0.3: -1.0}.items()}
    training = chosen(script, ONES.float(), loss=gaussian_nll)
    assert training.weight_decay == 0.2
    losses = {c: -float(gaussian_nll(table, torch.ones(1))) for c, table in script.items()}
    assert training.validation == pytest.approx(losses)


def test_validation_labels_may_be_of_any_integer_type():
    script = {0.1: torch.tensor([[1.0, 0.0]]), 0.2: torch.tensor([[0.0, 1.0]])}
    assert chosen(script, ONES.to(torch.uint8)).weight_decay == 0.2


def test_validation_outputs_that_are_not_finite_are_an_error():
    script = {0.1: torch.tensor([[float("nan"), 0.0]]), 0.2: torch.tensor([[0.0, 1.0]])}
    with pytest.raises(NonFiniteError, match="4 of 4 items"):
        chosen(script, ONES)


def test_validation_labels_must_be_classes():
    script = {0.1: torch.tensor([[1.0, 0.0]]), 0.2: torch.tensor([[0.0, 1.0]])}
    with pytest.raises(LabelError, match=r"0 … 1 .*got \[2\]"):
        chosen(script, torch.tensor([0, 2]))


def test_a_regression_learns_a_mean_and_a_log_variance():
    targets = IMAGES.flatten(1).mean(dim=1)
    labelled = {i: float(targets[i]) for i in range(20)}
    recipe = Recipe(steps=100, epochs=0, learning_rate=1e-2)
    fit = Fit(lambda: dense(2, dropout=0.05), recipe, loss=gaussian_nll)
    posterior = fit(labelled, POOL, 0)
    mean = posterior.draw(20, seed=0).outputs(IMAGES[20:])[:, :, 0].mean(dim=1)
    error = (mean - targets[20:]).square().mean()
    assert float(error) < float(targets[20:].var(correction=0))  # better than any constant
    assert posterior.training is not None
    unit_variance = gaussian_nll(targets[:20].mean().expand(20, 1), targets[:20])
    assert posterior.training.loss < float(unit_variance)  # so the variance was learnt too


def test_another_posterior_takes_the_network_and_its_training():
    fit = Fit(
        lambda: dense(dropout=0.0),
        FEW,
        posterior=lambda network, training: Deterministic(network, training=training),
    )
    posterior = fit(LABELLED, POOL, 0)
    assert isinstance(posterior, Deterministic)
    assert posterior.training is not None
    assert posterior.training.steps == 5


def test_several_weight_decays_need_validation():
    with pytest.raises(InputError, match="Choosing among 2 weight decays needs validation"):
        Fit(dense, Recipe(weight_decay=(0.1, 1.0)))


@pytest.mark.parametrize(("images", "labels"), [(0, 0), (3, 2)])
def test_validation_needs_images_and_as_many_labels(images, labels):
    with pytest.raises(InputError, match=f"as many labels; got {images} and {labels}"):
        Fit(dense, validation=(IMAGES[:images], LABELS[:labels]))


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_validation_may_be_arrays_and_is_converted_as_by_a_pool(kind):
    pixels = (IMAGES[20:, 0] * 255).byte().numpy()  # N 8 8
    arrays = pixels if kind is np.uint8 else (pixels / 255).astype(kind)
    recipe = Recipe(steps=20, epochs=0, learning_rate=1e-2, weight_decay=(0.0, 50.0))
    tensors = ArrayPool(arrays).images(np.arange(10))
    expected = Fit(dense, recipe, validation=(tensors, LABELS[20:]))(LABELLED, POOL, 0)
    for images in (arrays, torch.from_numpy(arrays)):
        validation = images, LABELS[20:].numpy()
        posterior = Fit(dense, recipe, validation=validation)(LABELLED, POOL, 0)
        assert posterior.training.validation == expected.training.validation
        assert torch.equal(outputs(posterior), outputs(expected))


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (IMAGES.tolist(), LABELS, "must be a NumPy array or a torch tensor; got list"),
        (IMAGES, ["cat"] * 30, "Labels must be numbers"),
        (IMAGES, LABELS[:, None], r"as many labels; got 30 and labels of shape \(30, 1\)"),
    ],
)
def test_validation_that_is_none(images, labels, message):
    with pytest.raises(InputError, match=message):
        Fit(dense, validation=(images, labels))


@pytest.mark.parametrize("wrong", [dense(), "cnn", None])
def test_a_network_is_not_a_function_that_makes_one(wrong):
    message = f"function that makes a network.* got an instance of {type(wrong).__name__}"
    with pytest.raises(InputError, match=message):
        Fit(wrong)


@pytest.mark.parametrize("wrong", [300, {"steps": 300}, Recipe])
def test_a_recipe_is_a_recipe(wrong):
    with pytest.raises(
        InputError, match=rf"such as Recipe\(steps=300\); got {type(wrong).__name__}"
    ):
        Fit(dense, wrong)


@pytest.mark.parametrize(
    ("wrong", "got"),
    [
        (MCDropout, "MCDropout, which does not take these two"),
        (lambda network: MCDropout(network), "<lambda>, which does not take these two"),
        (MCDropout(dense()), "an instance of MCDropout"),
        ("laplace", "an instance of str"),
    ],
)
def test_a_posterior_is_a_function_of_the_network_and_its_training(wrong, got):
    message = rf"such as lambda network, training: MCDropout\(.*; got {got}\."
    with pytest.raises(InputError, match=message):
        Fit(dense, posterior=wrong)


def test_a_posterior_may_be_any_function_of_two_arguments():
    def anything(*arguments) -> Deterministic:
        return Deterministic(arguments[0], training=arguments[1])

    class Maker:
        def __call__(self, network, training, extra=None) -> Deterministic:
            return anything(network, training)

    for maker in (anything, Maker(), lambda n, t, *, x=1: anything(n, t), max):
        assert Fit(dense, FEW, posterior=maker).posterior is maker


@pytest.mark.parametrize("wrong", [lambda: None, lambda: dense])
def test_a_function_that_makes_no_network(wrong):
    with pytest.raises(InputError, match=r"must return an nn\.Module; got"):
        Fit(wrong, FEW)(LABELLED, POOL, 0)


@pytest.mark.parametrize("classes", [1, 3])
def test_as_many_outputs_as_classes(classes):
    fit = Fit(dense, FEW)
    with pytest.raises(ModelError, match=f"has 2 outputs, but there are {classes} classes"):
        fit(LABELLED, POOL, 0, classes=classes)
    told = fit(LABELLED, POOL, 0, classes=2)
    assert torch.equal(outputs(told), outputs(fit(LABELLED, POOL, 0)))


def test_another_loss_may_take_any_number_of_outputs():
    Fit(lambda: dense(1), FEW, loss=gaussian_nll)(LABELLED, POOL, 0, classes=2)


def test_a_regression_without_its_loss():
    with pytest.raises(LabelError, match=r"got \[1\.5\]\. For a regression pass loss=gaussian_nll"):
        Fit(dense, FEW)({0: 1.5, 1: 0.0}, POOL, 0)


def test_nothing_labelled():
    with pytest.raises(LabelError, match="Nothing is labelled yet"):
        Fit(dense, FEW)({}, POOL, 0)


def test_a_label_that_no_output_stands_for():
    with pytest.raises(LabelError, match="the network has 2 outputs"):
        Fit(dense, FEW)({0: 5}, POOL, 0)


def test_one_diverging_candidate_is_an_error():
    calls = iter(range(10))

    def loss(outputs: Tensor, labels: Tensor) -> Tensor:
        second = next(calls) >= FEW.steps
        return cross_entropy(outputs, labels) * (float("nan") if second else 1.0)

    recipe = replace(FEW, weight_decay=(0.0, 0.1))
    with pytest.raises(NonFiniteError, match="the loss is nan at step 1"):
        Fit(dense, recipe, validation=VALIDATION, loss=loss)(LABELLED, POOL, 0)
