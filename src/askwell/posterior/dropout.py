"""MC dropout (Gal & Ghahramani 2016, arXiv 1506.02142) on any network with dropout."""

import copy
import warnings
from collections.abc import Callable
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from askwell.errors import InputError, ModelError
from askwell.likelihoods import categorical
from askwell.networks import naming_the_shape, require_images, require_matrix
from askwell.posterior.arguments import checked_draw, frozen_copy
from askwell.posterior.base import Features
from askwell.posterior.calls import DROPOUTS, DropoutCalls, refuse_unmaskable
from askwell.posterior.compare import alike, has_rows, moved, same
from askwell.posterior.masks import Masks
from askwell.posterior.split import HeadRunner, NoDropoutError, Split, UntraceableError, split
from askwell.precision import choose_layout, in_layout
from askwell.records import Training
from askwell.tensors import Images, LogProbs, Outputs


class MCDropout:
    """q(ω) of a network trained with dropout: its weights under random dropout masks.

    The network runs in eval mode with its trained dropout probabilities, and only dropout is
    stochastic. It is split at its first dropout: what lies before runs once an image, what
    follows T times (exact; a network that cannot be split runs whole T times, with a warning).

    Args:
        network: any `nn.Module` from a batch of images to one tensor (N, O) of logits or Gaussian
            parameters; copied, so that training it further changes nothing here.
        training: how it was trained, for reports.
        dtype: what the trunk, and a linear layer behind dropout, multiply in: float32, or
            bfloat16 where `precision.compute_dtype` says that the device is faster with it. The
            rest of the head is float32. What it does to scores: `docs/performance.md`.

    Raises:
        InputError: another dtype.
        ModelError: no dropout, dropout inside a fused call (attention, LSTM), or a lazy layer
            without weights.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        training: Training | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        if dtype not in (torch.float32, torch.bfloat16):
            raise InputError(f"dtype must be torch.float32 or torch.bfloat16; got {dtype}.")
        refuse_unmaskable(network)
        self.dtype = dtype
        self.network = frozen_copy(network)
        self.training = training
        # Chosen and found out when the first images come:
        self.layout: torch.memory_format | None = None
        self.by_image: tuple[bool, ...] = ()  # which features have a row an image
        self.divisible = True  # whether the others are the same for any images
        self._warned = False
        if self.parts is None and self.why_whole is None:
            raise ModelError(_no_dropout_message(network))

    def draw(self, n: int, *, seed: int) -> "DropoutDraws":
        """`n` fixed functions, keyed by `seed`; the first m of n draws are the m draws.

        Raises:
            InputError: n or the seed is no whole number, or n < 1.
        """
        return DropoutDraws(self, *checked_draw(n, seed))

    @cached_property
    def _split(self) -> tuple[Split | None, str | None]:
        try:
            return split(self.network), None
        except NoDropoutError:
            return None, None
        except UntraceableError as error:
            return None, str(error)

    @property
    def parts(self) -> Split | None:
        """Trunk and head, or None where the network runs whole."""
        return self._split[0]

    @property
    def why_whole(self) -> str | None:
        """Why the network cannot be split, or None."""
        return self._split[1]

    def run_whole(self, reason: str) -> None:
        """From now on run the whole network for each draw, and say so once."""
        self.__dict__["_split"] = (None, reason)
        self.warn_whole()

    def warn_whole(self) -> None:
        """Say, once a posterior, that and why the network runs whole for each draw."""
        if not self._warned:
            self._warned = True
            warnings.warn(
                f"{type(self.network).__name__} cannot be split at its first dropout "
                f"({self.why_whole}); the whole network runs once for each draw, which is slow.",
                stacklevel=3,
            )


def _no_dropout_message(network: nn.Module) -> str:
    return (
        f"MC dropout needs a network whose output depends on dropout with p > 0; "
        f"{type(network).__name__} has none. Add nn.Dropout (or F.dropout), or use Deterministic "
        "for a point estimate."
    )


def _no_function_message(network: nn.Module) -> str:
    return (
        f"{type(network).__name__} gives an image other outputs elsewhere in the batch, or beside "
        "other images, under the same dropout masks, so a draw would not be one function. Dropout "
        "must see the batch on its first axis (batch_first=True, or permute before dropout), and "
        "no layer may mix images."
    )


class DropoutDraws:
    """T fixed functions of an `MCDropout` posterior."""

    def __init__(self, posterior: MCDropout, draws: int, seed: int) -> None:
        self.posterior = posterior
        self.device = next(posterior.network.parameters()).device
        self.dtype = next(posterior.network.parameters()).dtype
        self.masks = Masks(seed=seed, draws=draws, device=self.device)
        self._checked = False

    def __len__(self) -> int:
        return self.masks.draws

    def outputs(self, images: Images) -> Outputs:
        """Raw network outputs of each image under each draw, shape (N, T, O).

        Raises:
            InputError, ModelError: as `encode`.
        """
        return self.decode(self.encode(images), range(len(self)))

    @torch.inference_mode()
    def encode(self, images: Images) -> Features:
        """What lies before the first dropout: all that the draws share.

        Raises:
            InputError: the images are not a tensor.
            ModelError: the network fails on images of this shape, returns something else than a
                tensor (N, O), drops weights, is stochastic beyond its dropout, or gives an image
                other outputs beside other images.
        """
        images = require_images(images).to(self.device, self.dtype, non_blocking=True)
        if not self._checked:
            # Where there is no image yet, on blank ones; on the first that come once more.
            self._check(images[:5] if len(images) else images.new_zeros(2, *images.shape[1:]))
            self._checked = len(images) > 0
        images = in_layout(images, self.posterior.layout or torch.contiguous_format)
        if self.posterior.parts is None:
            self.posterior.warn_whole()
            return Features((images,), (True,), len(images))
        low = self.posterior.dtype != torch.float32 and self.dtype == torch.float32
        with torch.autocast(self.device.type, self.posterior.dtype, enabled=low):
            return self._features(self.posterior.parts, images)

    @torch.inference_mode()
    def decode(self, features: Features, draws: range) -> Outputs:
        """The outputs under some of the draws, a range of step 1: shape (N, len(draws), O)."""
        if self.posterior.parts is None:
            return self._whole(features.values[0], draws)
        results = self._runner.outputs(features, draws)
        stacked = torch.cat([require_matrix(result) for result in results])  # T·N O
        return stacked.view(len(draws), len(features), stacked.shape[1]).transpose(0, 1)

    def log_probs(self, images: Images) -> LogProbs:
        """log p(y = c | x_n, ω_t), shape (N, T, C)."""
        return categorical(self.outputs(images))

    @cached_property
    def _runner(self) -> HeadRunner:
        parts = self.posterior.parts
        assert parts is not None
        return HeadRunner(parts, self.masks, self.dtype)

    def _features(self, parts: Split, images: Images) -> Features:
        values = parts.trunk(images.clone())  # a network may overwrite its argument
        return Features(values, self.posterior.by_image, len(images), self.posterior.divisible)

    def _find_rows(self, parts: Split, images: Images) -> None:
        """Tell the features of images from constants by running on one image more."""
        n = len(images)
        pairs = list(zip(parts.trunk(images.clone()), parts.trunk(moved(images)), strict=True))
        by_image = tuple(has_rows(a, n) and has_rows(b, n + 1) for a, b in pairs)
        self.posterior.by_image = by_image
        self.posterior.divisible = all(
            rows or alike(a, b) for rows, (a, b) in zip(by_image, pairs, strict=True)
        )

    def _whole(self, images: Images, draws: range) -> Outputs:
        """The definition, taken literally: one full pass a draw."""
        results = []
        for t in draws:
            with DropoutCalls(self._mask_of(t)):
                results.append(require_matrix(self.posterior.network(images.clone())))
        if len(results[0]) != len(images):
            raise ModelError(
                f"The network must return one row an image; got {len(results[0])} rows for "
                f"{len(images)} images."
            )
        return torch.stack(results, dim=1)

    def _mask_of(self, t: int) -> Callable[[int, Callable[..., Any], Tensor, float], Tensor]:
        def drop(layer: int, function: Callable[..., Any], features: Tensor, p: float) -> Tensor:
            if isinstance(features, nn.Parameter) and len(features) != 1:
                raise ModelError(
                    f"{type(self.posterior.network).__name__} drops weights of shape "
                    f"{tuple(features.shape)}: MC dropout here drops features. Apply dropout to "
                    "what a layer takes in."
                )
            shape = DROPOUTS[function](tuple(features.shape[1:]))
            return self.masks.apply(features, slice(t, t + 1), layer=layer, p=p, shape=shape)

        return drop

    def _check(self, images: Images) -> None:
        """Compare the whole network, the network in parts and its dropout calls on a few images.

        Tracing can miss what a graph does not show; this keeps it from going unseen.
        """
        network, draws = self.posterior.network, range(min(2, len(self)))
        if self.posterior.layout is None:
            self.posterior.layout = choose_layout(network, images)
        images = in_layout(images, self.posterior.layout)
        elsewhere = in_layout(moved(images), self.posterior.layout)
        with naming_the_shape(network, images):
            whole = self._whole(images, draws)
            again = self._whole(images, draws)
        with naming_the_shape(network, elsewhere):
            there = self._whole(elsewhere, draws)
        if not same(again, whole):
            raise ModelError(
                f"{type(network).__name__} gives other outputs when run again with the same "
                "dropout masks: something else in it is random in eval mode."
            )
        # Other masks or other images change outputs far more than rounding does.
        if not same(there, moved(whole), slack=0.01):
            raise ModelError(_no_function_message(network))
        self._check_every_dropout_is_seen(images)
        parts = self.posterior.parts
        if parts is not None and not self._parts_agree(parts, images, draws, whole):
            self.posterior.run_whole("its parts do not give what the whole network gives")

    def _parts_agree(self, parts: Split, images: Images, draws: range, whole: Outputs) -> bool:
        try:
            self._find_rows(parts, images)
            return same(self.decode(self._features(parts, images), draws), whole)
        except (RuntimeError, ValueError, TypeError, KeyError):
            return False

    def _check_every_dropout_is_seen(self, images: Images) -> None:
        """Dropout that runs in train mode only (`if self.training: …`) must not go unnoticed."""

        def ignore(_: int, __: Callable[..., Any], features: Tensor, ___: float) -> Tensor:
            return features

        with DropoutCalls(ignore) as seen:
            self.posterior.network(images.clone())
        network = copy.deepcopy(self.posterior.network).train()  # keeps running statistics apart
        in_training = DropoutCalls(ignore)
        try:
            with in_training:
                network(images.repeat(2, *(1,) * (images.ndim - 1)))  # BatchNorm needs two
        except (RuntimeError, ValueError, TypeError):
            return  # a network that cannot train on so few images says nothing about dropout
        if in_training.without_mask or in_training.count > seen.count:
            missed = ", ".join(in_training.without_mask) or (
                f"{in_training.count - seen.count} of {in_training.count} dropout calls"
            )
            raise ModelError(
                f"{type(network).__name__} has dropout that MC dropout cannot reach: {missed}. It "
                "runs in train mode only, or inside one fused call. Call F.dropout "
                "unconditionally (its `training` flag does not matter here) or use nn.Dropout."
            )
        if seen.count == 0:
            raise ModelError(_no_dropout_message(network))
