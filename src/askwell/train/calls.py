"""How a learner calls what it was given to train with: ours, a baseline, or anybody's function."""

import inspect
from collections.abc import Callable, Mapping
from typing import Protocol, TypeGuard

from torch import nn

from askwell.errors import InputError
from askwell.pool import Pool
from askwell.posterior import Posterior
from askwell.records import ItemId, Label
from askwell.train.fit import Fit as NetworkFit
from askwell.train.losses import cross_entropy

Fit = Callable[[Mapping[ItemId, Label], Pool, int], Posterior]
"""(labelled set, pool, seed) → posterior: `askwell.train.Fit`, a baseline, your own function."""


class FitLike(Protocol):
    """One that takes `classes` too, by that name: `askwell.train.Fit`, and every baseline."""

    def __call__(
        self,
        labelled: Mapping[ItemId, Label],
        pool: Pool,
        seed: int,
        *,
        classes: int | None = None,
    ) -> Posterior:
        """Train on the labelled items of the pool; None is a regression, or not known."""


def check_fit(fit: Fit) -> None:
    """Refuse what cannot be called with labels, and the network in the place of its `Fit`.

    Raises:
        InputError: says what to pass.
    """
    if callable(fit) and not isinstance(fit, nn.Module | type):
        return
    got = f"an instance of {type(fit).__name__}"
    if isinstance(fit, type):
        got = f"the class {fit.__name__}"
    raise InputError(
        "fit must be Fit(network), where network is a function that makes a network, or a function "
        f"(labelled, pool, seed) → posterior of yours; got {got}."
    )


def takes_classes(fit: Fit) -> TypeGuard[FitLike]:
    """Whether a function's signature has room for `classes`."""
    try:
        inspect.signature(fit).bind({}, None, 0, classes=None)
    except (TypeError, ValueError):  # no room, or no signature, of a builtin for example
        return False
    return True


def call_fit(
    fit: Fit, labelled: Mapping[ItemId, Label], pool: Pool, seed: int, classes: int | None
) -> Posterior:
    """Train, and tell how many classes there are wherever that is taken.

    Raises:
        InputError: our own `Fit` with the loss of another task, or no posterior is returned.
    """
    if isinstance(fit, NetworkFit) and classes is None and fit.loss is cross_entropy:
        raise InputError(
            "classes=None is a regression, and the loss of this Fit is cross_entropy. Pass "
            "Fit(…, loss=gaussian_nll), or tell the learner how many classes there are."
        )
    if takes_classes(fit):
        return _checked(fit(labelled, pool, seed, classes=classes))
    return _checked(fit(labelled, pool, seed))


def _checked(candidate: Posterior) -> Posterior:
    if callable(getattr(candidate, "draw", None)) and not isinstance(candidate, type):
        return candidate
    raise InputError(
        "fit must return a posterior, such as MCDropout(network): something with "
        f"draw(n, seed=…); got {candidate!r}."
    )
