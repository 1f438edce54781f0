"""From labelled ids to a posterior: fresh weights, a weight decay chosen on held-out images."""

import inspect
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from askwell.errors import InputError, LabelError
from askwell.likelihoods import categorical
from askwell.numerics import mean_probs
from askwell.pool import Pool, check_pool, to_images
from askwell.posterior import MCDropout, Posterior
from askwell.precision import compute_dtype
from askwell.randomness import derive
from askwell.records import ItemId, Label, Training
from askwell.tensors import Images, label_tensor, require_finite_outputs
from askwell.train.augment import Augment
from askwell.train.chunks import chunk_size
from askwell.train.loop import train
from askwell.train.losses import Loss, check_classes, cross_entropy
from askwell.train.recipe import Recipe

MakePosterior = Callable[[nn.Module, Training], Posterior]
"""A trained network and how it was trained → a posterior."""

_VALIDATION_DRAWS = 20


class Fit:
    """`fit(labelled, pool, seed)` trains a fresh network and returns its posterior.

    The result depends on its arguments alone, not on the order of `labelled` nor on earlier
    calls. The initial weights depend on `seed` alone: every round starts from the same ones.

    Args:
        network: makes a network; its random initial weights are drawn under the seed.
        recipe: how to train it. Several candidates for the weight decay need `validation`.
        validation: images (N, ...) and labels (N,) that choose the weight decay, by the accuracy
            (then the log-likelihood) of the posterior's mean of probabilities, or by the loss in
            a regression. They are labels too: count them. NumPy arrays and uint8 are converted as
            `ArrayPool` converts them.
        posterior: makes the posterior of the trained network.
        loss: the negative log-likelihood.
        augment: makes the images to train on from those that are labelled, see `train.augment`.
        device: where to train; the network's parameters and all draws live there.

    Raises:
        InputError: an argument of another kind, or several weight decays without `validation`.
    """

    def __init__(
        self,
        network: Callable[[], nn.Module],
        recipe: Recipe | None = None,
        *,
        validation: tuple[Images | NDArray[Any], Tensor | NDArray[Any]] | None = None,
        posterior: MakePosterior | None = None,
        loss: Loss = cross_entropy,
        augment: Augment | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        _check_factory(network)
        _check_recipe(recipe)
        _check_posterior(posterior)
        self.network = network
        self.recipe = recipe or Recipe()
        self.validation = None if validation is None else _as_validation(*validation)
        self.posterior = posterior or _mc_dropout
        self.loss = loss
        self.augment = augment
        self.device = torch.device(device)
        if len(self.recipe.weight_decay) > 1 and validation is None:
            raise InputError(
                f"Choosing among {len(self.recipe.weight_decay)} weight decays needs validation "
                "images. Pass validation=(images, labels), or a recipe with one weight decay."
            )

    def __call__(
        self,
        labelled: Mapping[ItemId, Label],
        pool: Pool,
        seed: int,
        *,
        classes: int | None = None,
    ) -> Posterior:
        """Train on the labelled items; the learner tells how many `classes` there are.

        Raises:
            LabelError: nothing is labelled yet, or a label that no output stands for.
            ModelError: the network does not fit the images or the classes.
            NonFiniteError: training diverged with one of the weight decays.
        """
        if not labelled:
            raise LabelError("Nothing is labelled yet. Tell the learner some labels first.")
        check_pool(pool)
        start = time.perf_counter()
        positions = np.sort(np.array([pool.position(item) for item in labelled], dtype=np.int64))
        images = pool.images(positions)
        labels = torch.tensor([labelled[pool.ids[p]] for p in positions.tolist()])
        if self.augment is not None:
            images, labels = self.augment(images, labels)
        decays = self.recipe.weight_decay
        trained = [self._train(images, labels, c, seed, classes) for c in decays]
        trained = [(net, replace(how, labels=len(positions))) for net, how in trained]
        if len(trained) == 1:
            return self.posterior(*trained[0])
        quality = [self._validate(self.posterior(*candidate)) for candidate in trained]
        network, training = trained[quality.index(max(quality))]
        tried = {c: q[0] for c, q in zip(decays, quality, strict=True)}
        seconds = time.perf_counter() - start
        return self.posterior(network, replace(training, validation=tried, seconds=seconds))

    def _train(
        self,
        images: Images,
        labels: Tensor,
        weight_decay: float,
        seed: int,
        classes: int | None,
    ) -> tuple[nn.Module, Training]:
        cuda = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(cuda):
            torch.manual_seed(derive(seed, "initial weights"))
            network = self._made().to(self.device)
        training = train(
            network,
            images,
            labels,
            self.recipe,
            weight_decay=weight_decay,
            seed=derive(seed, "training", len(labels)),
            loss=self.loss,
            classes=classes,
        )
        return network, training

    def _made(self) -> nn.Module:
        network = self.network()
        if not isinstance(network, nn.Module):
            raise InputError(f"network() must return an nn.Module; got {network!r}.")
        return network

    @torch.no_grad()
    def _validate(self, posterior: Posterior) -> tuple[float, float]:
        """(accuracy, mean log-likelihood); (−loss, −loss) in a regression. Larger is better."""
        assert self.validation is not None
        images, labels = self.validation
        labels = labels.cpu()
        draws = posterior.draw(_VALIDATION_DRAWS, seed=0)
        parts = images.split(chunk_size(images.shape[1:]))
        outputs = torch.cat([draws.outputs(part) for part in parts]).cpu()  # N T O
        require_finite_outputs(outputs, range(len(outputs)))  # NaN would win every comparison
        if self.loss is not cross_entropy:
            value = -float(self.loss(outputs.mean(dim=1), labels))
            return value, value
        probs = mean_probs(categorical(outputs))  # N C
        check_classes(labels, probs.shape[1])
        labels = labels.long()
        correct = (probs.argmax(dim=1) == labels).double().mean()
        likelihood = probs.gather(1, labels[:, None]).log().mean()
        return float(correct), float(likelihood)


def _check_factory(network: Callable[[], nn.Module]) -> None:
    if isinstance(network, nn.Module) or not callable(network):
        raise InputError(
            "network must be a function that makes a network, since every round starts from fresh "
            f"weights; got an instance of {type(network).__name__}. Pass its class, or a function: "
            "lambda: BayesianCNN((1, 28, 28), 10)."
        )


def _check_recipe(recipe: Recipe | None) -> None:
    if recipe is not None and not isinstance(recipe, Recipe):
        raise InputError(
            f"recipe must be a Recipe, such as Recipe(steps=300); got {type(recipe).__name__}."
        )


def _check_posterior(posterior: MakePosterior | None) -> None:
    """Refuse a posterior, and a function that does not take the two arguments it is called with."""
    if posterior is None:
        return
    got = f"an instance of {type(posterior).__name__}"
    if callable(posterior):
        try:
            inspect.signature(posterior).bind(None, None)
        except ValueError:  # something without a signature, of which nothing is known
            return
        except TypeError:
            name = getattr(posterior, "__name__", type(posterior).__name__)
            got = f"{name}, which does not take these two"
        else:
            return
    raise InputError(
        "posterior must be a function of the trained network and its Training, such as "
        f"lambda network, training: MCDropout(network, training=training); got {got}."
    )


def _as_validation(
    images: Images | NDArray[Any], labels: Tensor | NDArray[Any]
) -> tuple[Images, Tensor]:
    """Images as the network sees those of the pool, and one label for each."""
    if not (isinstance(images, Tensor) and images.is_floating_point()):
        images = to_images(images)
    labels = label_tensor(labels)
    if labels.ndim != 1 or not len(images) == len(labels) > 0:
        got = len(labels) if labels.ndim == 1 else f"labels of shape {tuple(labels.shape)}"
        raise InputError(
            f"Validation needs images and as many labels; got {len(images)} and {got}."
        )
    return images, labels


def _mc_dropout(network: nn.Module, training: Training) -> Posterior:
    device = next(network.parameters()).device
    return MCDropout(network, training=training, dtype=compute_dtype(device))
