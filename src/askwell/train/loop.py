"""The training loop, visible: everything that happens to a network between two questions."""

import copy
import math
import time

import torch
from jaxtyping import Shaped
from torch import Tensor, nn

from askwell.errors import InputError, ModelError, NonFiniteError
from askwell.networks import naming_the_shape, require_images, require_matrix
from askwell.precision import choose_layout, compute_dtype, denormals_as_zero, in_layout
from askwell.randomness import derive, generator
from askwell.records import Training
from askwell.tensors import Images
from askwell.train.losses import Loss, check_classes, cross_entropy
from askwell.train.recipe import Recipe
from askwell.train.remarks import remark

_CHECK_EVERY = 50
"""Steps between two looks at the loss: each look waits for the device."""

_HIGH, _FALLING, _TELLING = 0.25, 0.88, 50
"""A loss is high above this share of ln C, and falling if the last tenth of the steps is below this
share of the two in the middle. What that separates is in `docs/training.md`; fewer steps tell
nothing."""


def train(
    network: nn.Module,
    images: Images,
    labels: Shaped[Tensor, " N"],
    recipe: Recipe,
    *,
    weight_decay: float,
    seed: int,
    loss: Loss = cross_entropy,
    classes: int | None = None,
) -> Training:
    """Train a network in place, on the device that it is on.

    The images stay in memory as one tensor; a batch is an index into it. Where the device
    multiplies bfloat16 in hardware, the forward pass runs in it (autocast) and the weights stay
    float32.

    Args:
        network: from images to outputs; its current weights are the initial ones.
        images: shape (N, ...).
        labels: class indices, or targets of a regression.
        recipe: how many steps of what.
        weight_decay: the constant c of the penalty `c / N · ‖W‖²`.
        seed: of the batches and the dropout noise.
        loss: mean over a batch.
        classes: how many outputs `cross_entropy` should find; None takes any number.

    Raises:
        InputError: no images, or as many labels as images are not given.
        LabelError: a label that no output stands for.
        ModelError: the network fails on these images, has nothing to train or other outputs than
            `classes`, or is to train on a single image and cannot.
        NonFiniteError: the loss became NaN or infinite.

    Warns:
        UserWarning: `cross_entropy` was still high and falling at the end, or the outputs look
            like probabilities; each once a process.
    """
    start = time.perf_counter()
    if len(images) == 0 or len(images) != len(labels):
        raise InputError(
            f"Training needs images and as many labels; got {len(images)} and {len(labels)}."
        )
    if not any(w.requires_grad for w in network.parameters()):
        raise ModelError(f"{type(network).__name__} has no weights to train (requires_grad).")
    first = next(network.parameters())
    device = first.device
    images, labels = require_images(images).to(device, first.dtype), labels.to(device)
    layout = choose_layout(network, images[:2])
    images = in_layout(images, layout)
    outputs = _check_outputs(network, images, labels, loss, classes)
    optimiser = _adam(network, recipe, 2 * weight_decay / len(images))
    steps = recipe.steps_for(len(images))
    with torch.random.fork_rng(_cuda(device)), denormals_as_zero():
        torch.manual_seed(derive(seed, "dropout in training"))
        losses = _run(network.train(), images, labels, recipe, optimiser, loss, steps, seed)
    network.eval()
    course = torch.stack(losses).double()
    if loss is cross_entropy:
        _remark_on_too_few_steps(course, outputs)
    return Training(
        labels=len(images),
        steps=steps,
        loss=float(course[-max(1, steps // 10) :].mean()),
        weight_decay=weight_decay,
        seconds=time.perf_counter() - start,
    )


def _run(
    network: nn.Module,
    images: Tensor,
    labels: Tensor,
    recipe: Recipe,
    optimiser: torch.optim.Optimizer,
    loss: Loss,
    steps: int,
    seed: int,
) -> list[Tensor]:
    shuffle = generator(seed, "batches")
    dtype = compute_dtype(images.device)
    low_precision = torch.autocast(images.device.type, dtype, enabled=dtype != torch.float32)
    batches = _batches(network, images, recipe)
    losses: list[Tensor] = []
    while len(losses) < steps:
        order = torch.randperm(len(images), generator=shuffle).to(images.device)
        for batch in order.tensor_split(batches)[: steps - len(losses)]:
            for group in optimiser.param_groups:
                group["lr"] = recipe.learning_rate * recipe.rate(len(losses), steps)
            with low_precision:
                outputs = network(images[batch])
            value = loss(outputs, labels[batch])
            optimiser.zero_grad()
            value.backward()
            optimiser.step()
            losses.append(value.detach())
            if len(losses) % _CHECK_EVERY == 0 or len(losses) == steps:
                _check_finite(losses, recipe)
    return losses


def _batches(network: nn.Module, images: Tensor, recipe: Recipe) -> int:
    """Batches an epoch; none has a single image, which BatchNorm may be unable to train on."""
    n = len(images)
    batches = recipe.batches(n)
    if n // batches > 1 or (error := _error_on_one(network, images[:1])) is None:
        return batches
    if n == 1:
        raise ModelError(
            f"{type(network).__name__} cannot train on a single image: {error}. Label one more "
            "before the first training, or put GroupNorm in the place of BatchNorm."
        )
    return n // 2


def _error_on_one(network: nn.Module, image: Tensor) -> Exception | None:
    """What the network raises in train mode on one image, tried out on a copy of it."""
    try:
        with torch.random.fork_rng(_cuda(image.device)), torch.no_grad():
            copy.deepcopy(network).train()(image.clone())
    except (RuntimeError, ValueError, TypeError) as error:
        return error
    return None


def _adam(network: nn.Module, recipe: Recipe, penalty: float) -> torch.optim.Adam:
    """Adam with the penalty on weights (2 axes and more), not on biases and norms."""
    trained = [w for w in network.parameters() if w.requires_grad]
    groups = [
        {"params": [w for w in trained if w.ndim > 1], "weight_decay": penalty},
        {"params": [w for w in trained if w.ndim <= 1], "weight_decay": 0.0},
    ]
    fused = all(w.is_floating_point() and w.device.type in ("cpu", "cuda") for w in trained)
    return torch.optim.Adam(groups, lr=recipe.learning_rate, fused=fused)


@torch.no_grad()
def _check_outputs(
    network: nn.Module, images: Tensor, labels: Tensor, loss: Loss, classes: int | None
) -> int:
    """How many there are. Fails before the first step, in words, rather than inside the loss."""
    with naming_the_shape(network, images):
        outputs = network.eval()(images[:2].clone())  # a network may overwrite its argument
    found = require_matrix(outputs).shape[1]
    if loss is not cross_entropy:
        return found
    if classes not in (None, found):
        raise ModelError(
            f"The network has {found} outputs, but there are {classes} classes: it needs one for "
            f"each. Make it with {classes} outputs, or say classes={found}."
        )
    check_classes(labels, found)
    if len(outputs) > 1 and found > 1 and _are_probabilities(outputs):
        remark(
            f"probabilities of {type(network).__name__}",
            f"The outputs of {type(network).__name__} look like probabilities: none is negative, "
            "and those of an image sum to 1. Training and scoring take them for logits, which "
            "makes every prediction nearly uniform. Leave out the softmax at its end.",
            stacklevel=4,
        )
    return found


def _are_probabilities(outputs: Tensor) -> bool:
    return bool((outputs >= 0).all() and ((outputs.sum(dim=1) - 1).abs() <= 1e-4).all())


def _remark_on_too_few_steps(losses: Tensor, classes: int) -> None:
    """Tell a network that was stopped on its way from one that has learnt what it can.

    A high loss alone says little: with wrong labels, or a network of few weights, it stays high
    however long one trains. Then it is level, though, and here it must be falling as well.
    """
    steps, tenth = len(losses), len(losses) // 10
    if steps < _TELLING:
        return
    last, middle = float(losses[-tenth:].mean()), float(losses[4 * tenth : 6 * tenth].mean())
    if _HIGH * math.log(classes) < last < _FALLING * middle:
        remark(
            "too few steps",
            f"The training loss is still {last:.2f} nats an image after {steps} steps, and "
            f"falling (guessing has {math.log(classes):.2f}): more steps would help. Pass "
            f"Recipe(steps={2 * steps}); in a spec, training.steps.",
            stacklevel=4,
        )


def _check_finite(losses: list[Tensor], recipe: Recipe) -> None:
    bad = ~torch.isfinite(torch.stack(losses[-_CHECK_EVERY:]))
    if not bool(bad.any()):
        return
    first = len(losses) - len(bad) + int(bad.nonzero()[0])
    raise NonFiniteError(
        f"Training diverged: the loss is {float(losses[first])} at step {first + 1}. Lower the "
        f"learning rate (now {recipe.learning_rate:g}), or look for extreme values in the images."
    )


def _cuda(device: torch.device) -> list[torch.device]:
    return [device] if device.type == "cuda" else []
