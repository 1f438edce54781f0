"""Ask, tell, withdraw, refit. The learner's state is a fold over the answers it was told."""

import math
import operator
import warnings
from collections.abc import Iterable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from askwell.acquisition import ACQUISITIONS, Acquisition
from askwell.checks import plain_id, several_ids, whole_number
from askwell.errors import InputError, LabelError
from askwell.likelihoods import categorical, gaussian
from askwell.pool import Pool, Positions, check_pool, chunks
from askwell.posterior import Deterministic, Posterior
from askwell.randomness import derive, item_keys
from askwell.records import ItemId, Label, Query
from askwell.select import PowerSampling, Race, Random, Strategy, TopK, check_strategy
from askwell.tensors import Images, Outputs
from askwell.train.calls import Fit, call_fit, check_fit
from askwell.train.remarks import remark

__all__ = ["Fit", "Learner"]


class Learner:
    """The loop's state: what is labelled, what is asked for, and the current posterior.

    Answers may be partial, late, repeated, unasked-for or out of order: the state after them is
    the same. An item that is labelled or pending is never offered again. All randomness comes
    from `seed` and the state, so a learner that is told the same answers asks the same questions.

    Args:
        pool: the images.
        fit: trains on the labelled set. `seed` is unchanged, so that every round starts from the
            same initial weights; `classes` is passed on where `fit` takes it.
        strategy: which items to ask for.
        classes: how many there are, from the task (never guessed from labels); None in a
            regression.
        seed: of everything random here.
        draws: T, the posterior draws that items are scored with.
        pool_subset: score only so many random unlabelled items at each question (fresh ones each
            time); None scores all.
        exclude: items that are never offered, such as validation images of the same pool.
        chunk_size: images scored at a time; affects speed and memory only.

    Raises:
        InputError: an argument of another kind, or an acquisition function of another task.
        LabelError: an excluded item that is not in the pool.
    """

    def __init__(
        self,
        pool: Pool,
        fit: Fit,
        strategy: Strategy,
        *,
        classes: int | None,
        seed: int = 0,
        draws: int = 100,
        pool_subset: int | None = None,
        exclude: Iterable[ItemId] = (),
        chunk_size: int = 256,
    ) -> None:
        check_pool(pool)
        check_fit(fit)
        check_strategy(strategy)
        self.pool = pool
        self.fit = fit
        self.strategy = strategy
        self.classes = _or_none("classes", classes, also=", or None in a regression")
        _check_task(strategy, self.classes)
        self.seed = _whole_seed(seed)
        self.draws = whole_number("draws", draws)
        self.pool_subset = _or_none("pool_subset", pool_subset, also=", or None for all")
        self.chunk_size = whole_number("chunk_size", chunk_size)
        self._excluded = frozenset(several_ids(exclude))
        self._labelled: dict[ItemId, Label] = {}
        self._pending: set[ItemId] = set()
        self._posterior: Posterior | None = None
        # By position: items not to be offered (labelled, pending or excluded).
        self._closed: NDArray[np.bool_] = np.zeros(len(pool.ids), dtype=np.bool_)
        for item in self._excluded:
            self._closed[pool.position(item)] = True

    @property
    def labelled(self) -> Mapping[ItemId, Label]:
        """Every label told so far; a live, read-only view."""
        return MappingProxyType(self._labelled)

    @property
    def pending(self) -> frozenset[ItemId]:
        """Items asked for and neither answered nor withdrawn."""
        return frozenset(self._pending)

    @property
    def posterior(self) -> Posterior | None:
        """Of the last `refit`; it may know fewer labels than the learner."""
        return self._posterior

    @property
    def available(self) -> int:
        """Items that can still be offered."""
        return int(np.count_nonzero(~self._closed))

    def refit(self) -> Posterior:
        """Train afresh on everything labelled.

        Raises:
            LabelError: nothing is labelled yet.
            ModelError: the network has not one output for each class.
            InputError: `fit` returns no posterior.
        """
        if not self._labelled:
            raise LabelError("Nothing is labelled yet: tell the learner some labels before refit.")
        self._posterior = call_fit(self.fit, self.labelled, self.pool, self.seed, self.classes)
        return self._posterior

    def ask(self, k: int) -> Query:
        """The `k` items whose labels would teach most, by the last posterior; they become pending.

        Trains only if there is no posterior yet. Before the first label, asks at random. Where
        fewer than `k` items are left, or in the random subset, asks for these, with a warning.

        Raises:
            InputError: `k` is not a whole number or below 1, or no item is left.
            NonFiniteError: an image, an output or a score is NaN or infinite; names the items.
        """
        k = whole_number("The number of items to ask for", k)
        candidates = self._candidates()
        if len(candidates) == 0:
            raise InputError(
                f"The pool has no item left to ask for: {len(self._labelled)} labelled, "
                f"{len(self._pending)} pending, {len(self._excluded)} excluded."
            )
        if k > len(candidates):
            left = "are left"
            if len(candidates) < self.available:
                left = f"are looked at (pool_subset={self.pool_subset})"
            warnings.warn(
                f"Asked for {k} items, but only {len(candidates)} {left}; asking for these.",
                stacklevel=2,
            )
            k = len(candidates)
        query = self._select(candidates, k)
        self._pending.update(query.ids)
        self._close(query.ids, True)
        return query

    def tell(self, answers: Mapping[ItemId, Label]) -> None:
        """Take in labels, asked for or not; all of them, or none if one does not fit.

        Raises:
            InputError: something else than a mapping.
            LabelError: an item that is not in the pool or is excluded, a class that does not
                exist, or another label than an item already has (withdraw it first).
        """
        if not isinstance(answers, Mapping):
            raise InputError(
                "tell takes a mapping from items to labels, such as dict(zip(query.ids, labels)); "
                f"got {type(answers).__name__}."
            )
        for item, label in answers.items():
            self._check(item, label)
        for item, label in answers.items():
            self._labelled[plain_id(item)] = float(label) if self.classes is None else int(label)
            self._pending.discard(item)
        self._close(answers, True)

    def withdraw(self, ids: Iterable[ItemId]) -> None:
        """Forget labels and open questions; these items may be offered again.

        Raises:
            InputError: one id instead of several.
            LabelError: an item that is not in the pool.
        """
        items = [item for item in several_ids(ids) if self.pool.position(item) >= 0]
        for item in items:
            self._labelled.pop(item, None)
            self._pending.discard(item)
        self._close([i for i in items if i not in self._excluded], False)

    def _select(self, candidates: Positions, k: int) -> Query:
        """Seeds come from the state alone, so a replayed learner asks the same."""
        step = len(self._labelled)
        strategy, draws = self.strategy, None
        if step == 0:
            strategy = Random()
        else:
            posterior = self.refit() if self._posterior is None else self._posterior
            if self.draws == 1 and not isinstance(posterior, Deterministic):
                _remark_on_one_draw(strategy)
            draws = posterior.draw(self.draws, seed=derive(self.seed, "draws", step))
        parts = chunks(self.pool, candidates, size=self.chunk_size)
        seed = derive(self.seed, "ask", step, len(self._pending))
        return strategy.select(_NoDraws() if draws is None else draws, parts, k, seed=seed)

    def _candidates(self) -> Positions:
        positions = np.flatnonzero(~self._closed).astype(np.int64)
        if self.pool_subset is None or len(positions) <= self.pool_subset:
            return positions
        seed = derive(self.seed, "pool subset", len(self._labelled), len(self._pending))
        keys = item_keys([self.pool.ids[p] for p in positions.tolist()], seed)
        chosen: Positions = np.sort(positions[np.argsort(keys)[: self.pool_subset]])
        return chosen

    def _check(self, item: ItemId, label: Label) -> None:
        self.pool.position(item)
        item = plain_id(item)
        if item in self._excluded:
            raise LabelError(f"Item {item!r} is excluded (it serves validation): not to be told.")
        if not _fits(label, self.classes):
            kind = "finite number"
            if self.classes is not None:
                kind = f"class index 0 … {self.classes - 1}"
            raise LabelError(f"The label of item {item!r} must be a {kind}; got {label!r}.")
        known = self._labelled.get(item, label)
        if known != label:
            raise LabelError(
                f"Item {item!r} is labelled {known!r} already; got {label!r}. Withdraw it first "
                "to correct the label."
            )

    def _close(self, items: Iterable[ItemId], closed: bool) -> None:
        for item in items:
            self._closed[self.pool.position(item)] = closed


class _NoDraws:
    """Stands where random acquisition, before the first label, looks at no draws."""

    def __len__(self) -> int:
        return 1

    def outputs(self, images: Images) -> Outputs:  # noqa: ARG002
        raise AssertionError("random acquisition reads no outputs")

    log_probs = outputs


def _fits(label: Label, classes: int | None) -> bool:
    """Whether a label is a class index or, in a regression, a finite number."""
    try:
        if classes is None:
            return math.isfinite(label)
        return bool(label == int(label) and 0 <= label < classes)
    except (TypeError, ValueError, OverflowError):  # None, text, NaN, infinity
        return False


def _or_none(name: str, value: int | None, *, also: str) -> int | None:
    return None if value is None else whole_number(name, value, also=also)


def _whole_seed(seed: int) -> int:
    try:
        return operator.index(seed)
    except TypeError:
        raise InputError(
            f"seed must be a whole number; got {seed!r} ({type(seed).__name__})."
        ) from None


def _acquisition(strategy: Strategy) -> Acquisition | None:
    """What a strategy of ours scores by; None at random and for strategies of other authors."""
    of = strategy.of if isinstance(strategy, Race) else strategy
    return of.acquisition if isinstance(of, TopK | PowerSampling) else None


def _check_task(strategy: Strategy, classes: int | None) -> None:
    """Refuse an acquisition function of the other task, before anything is trained."""
    acquisition, other = _acquisition(strategy), categorical if classes is None else gaussian
    if acquisition is None or acquisition.likelihood is not other:
        return
    fitting = ", ".join(name for name, e in ACQUISITIONS.items() if e.likelihood is not other)
    if classes is None:
        raise InputError(
            f"{acquisition.name} is for classifications, and classes=None says that this is a "
            f"regression. Choose from {fitting}, or say how many classes there are."
        )
    raise InputError(
        f"{acquisition.name} is for regressions, and classes={classes} says that this is a "
        f"classification. Choose from {fitting}; or pass classes=None and Fit(…, "
        "loss=gaussian_nll)."
    )


def _remark_on_one_draw(strategy: Strategy) -> None:
    acquisition = _acquisition(strategy)
    if acquisition is not None and acquisition.disagreement:
        remark(
            "one draw",
            f"{acquisition.name} measures how far posterior draws disagree, and draws=1 is one: "
            "every score is 0, and the items are asked for at random. Pass draws=20 or more.",
            stacklevel=5,
        )
