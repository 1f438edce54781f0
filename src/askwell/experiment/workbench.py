"""One turn of the loop, as a pure function of the spec and the records before it.

    refit → evaluate → ask → label → record

A step rebuilds the learner from the records, so it can run in any process, and a run that was
killed goes on exactly where its records end.
"""

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from askwell.errors import SpecError
from askwell.evaluation import evaluate, labelled_chunks
from askwell.experiment.data import Data, load_data
from askwell.experiment.spec import POSTERIORS, Arm, Spec
from askwell.learner import Learner
from askwell.models import MODELS
from askwell.oracle import KnownLabels, NoisyLabels, Oracle
from askwell.posterior import Deterministic, Posterior
from askwell.randomness import derive, item_keys
from askwell.records import Chain, ItemId, Label, StepRecord, Training
from askwell.select import strategy
from askwell.tensors import Images
from askwell.train import Fit, Recipe

_CHUNK = 256
"""Images scored at a time: their feature maps fit in a core's cache, just."""


class Workbench:
    """A spec with its data set loaded: what runs single steps.

    Args:
        spec: the experiment.
        device: where networks live.

    Raises:
        DatasetError: the data set is not to be had.
        SpecError: there is no such data set, it is too small for the spec, or has one class only.
    """

    def __init__(self, spec: Spec, *, device: torch.device | str = "cpu") -> None:
        self.spec = spec
        self.device = torch.device(device)
        self.data = load_data(spec)
        self.pool, self.labels = self.data.pool, self.data.labels
        self.classes = self.data.classes
        _check_size(spec, self.data)
        if len(self.classes) < 2:
            raise SpecError(f"There must be two classes at least; {spec.dataset} has one.")

    def start(self, arm: Arm, seed: int) -> Chain:
        """The chain before its first step: the split of the training set, from the seed alone.

        The initial images are random and balanced over the classes, the validation images random
        among the rest.
        """
        order = np.argsort(item_keys(self.pool.ids, derive(seed, "split")), kind="stable")
        initial = _balanced(self.labels[order], self.classes, self.spec.initial)
        rest = np.delete(order, initial)
        ids = self.pool.ids
        return Chain(
            arm.name,
            seed,
            initial=tuple(ids[p] for p in order[initial].tolist()),
            initial_labels=tuple(self.labels[order[initial]].tolist()),
            validation=tuple(ids[p] for p in rest[: self.spec.validation].tolist()),
        )

    def step(self, arm: Arm, chain: Chain) -> StepRecord:
        """The next turn of a chain."""
        learner = self._learner(arm, chain)
        begin = time.perf_counter()
        posterior = learner.refit()
        training = posterior.training
        assert training is not None  # ours always say
        trained = time.perf_counter()
        draws = posterior.draw(self.spec.test_draws, seed=derive(chain.seed, "test draws"))
        metrics = evaluate(
            draws, labelled_chunks(self.data.test, self.data.test_labels, size=_CHUNK)
        )
        evaluated = time.perf_counter()
        wanted = min(self.spec.query_size, self.spec.budget - len(learner.labelled))
        asked, scores, answers = self._ask(learner, wanted, chain.seed)
        return StepRecord(
            step=len(chain.steps),
            labels=len(learner.labelled),
            metrics=metrics,
            acquired=asked,
            acquired_labels=answers,
            scores=scores,
            training=training,
            seconds={
                "train": trained - begin,
                "evaluate": evaluated - trained,
                "score": time.perf_counter() - evaluated,
            },
        )

    def _ask(
        self, learner: Learner, wanted: int, seed: int
    ) -> tuple[tuple[ItemId, ...], tuple[float, ...], tuple[Label, ...]]:
        if wanted <= 0:
            return (), (), ()
        query = learner.ask(wanted)
        answers = self._oracle(seed).label(query)
        return query.ids, query.scores, tuple(answers[i] for i in query.ids)

    def _oracle(self, seed: int) -> Oracle:
        exact = KnownLabels.from_array(self.labels, ids=self.pool.ids)
        if self.spec.label_noise == 0:
            return exact
        return NoisyLabels(
            exact, classes=len(self.classes), rate=self.spec.label_noise, seed=derive(seed, "noise")
        )

    def _learner(self, arm: Arm, chain: Chain) -> Learner:
        learner = Learner(
            self.pool,
            self._fit(arm, chain),
            strategy(arm.acquisition, temperature=self.spec.temperature, exact=self.spec.exact),
            classes=len(self.classes),
            seed=chain.seed,
            draws=self.spec.draws,
            pool_subset=self.spec.pool_subset or None,
            exclude=chain.validation,
            chunk_size=_CHUNK,
        )
        learner.tell(dict(zip(chain.initial, chain.initial_labels, strict=True)))
        for step in chain.steps:
            learner.tell(dict(zip(step.acquired, step.acquired_labels, strict=True)))
        return learner

    def _fit(self, arm: Arm, chain: Chain) -> Fit:
        recipe: Recipe = self.spec.training
        if (kept := kept_weight_decay(chain.steps, self.spec.training.reselect)) is not None:
            recipe = replace(recipe, weight_decay=(kept,))
        return Fit(
            lambda: MODELS[self.spec.model](self._image_shape, len(self.classes)),
            recipe,
            validation=self._validation(chain),
            posterior=_deterministic if arm.posterior == POSTERIORS[1] else None,
            device=self.device,
        )

    @property
    def _image_shape(self) -> tuple[int, ...]:
        return tuple(self.pool.images(np.array([0])).shape[1:])

    def _validation(self, chain: Chain) -> tuple[Images, Tensor] | None:
        if not chain.validation:
            return None
        positions = self.data.positions(chain.validation)
        return self.pool.images(positions), torch.from_numpy(self.labels[positions])


def kept_weight_decay(steps: Sequence[StepRecord], reselect: float) -> float | None:
    """The weight decay chosen earlier in a chain, or None where it is time to choose again.

    It is chosen at the first step, then whenever the labelled set has grown by the factor
    `reselect` since the last choice. A choice shows in the records by its validation results.
    """
    choices = [s.training for s in steps if s.training.validation]
    if not choices or not steps:
        return None
    growth = (steps[-1].labels + len(steps[-1].acquired)) / choices[-1].labels
    return None if growth >= reselect else choices[-1].weight_decay


def _deterministic(network: nn.Module, training: Training) -> Posterior:
    return Deterministic(network, training=training)


def _check_size(spec: Spec, data: Data) -> None:
    size, needed = len(data.labels), spec.budget + spec.validation
    if needed <= size:
        return
    ways = []
    if size - spec.validation >= spec.initial:
        ways.append(f"lower budget to {size - spec.validation}")
    least = int(len(spec.training.weight_decay) > 1)
    if size - spec.budget >= least:
        ways.append(f"lower validation to {size - spec.budget}")
    if needed <= data.available:
        ways.append(f"raise pool_size to {needed}")
    way = ", or ".join(ways) or "lower initial, budget and validation"
    of = f" of its {data.available} images (pool_size)" if size < data.available else ""
    raise SpecError(
        f"The budget of {spec.budget} labels and {spec.validation} validation images need "
        f"{needed} images; the training set has {size}{of}. {way[0].upper()}{way[1:]}."
    )


def _balanced(labels: NDArray[np.int64], classes: Sequence[str], count: int) -> NDArray[np.int64]:
    """Positions of the first images of each class, `count` in all, as equal as can be."""
    wanted = np.full(len(classes), count // len(classes))
    wanted[: count % len(classes)] += 1
    found = np.concatenate([np.flatnonzero(labels == c)[:n] for c, n in enumerate(wanted)])
    if len(found) < count:
        have = np.bincount(labels, minlength=len(classes))
        scarce = int(np.argmin(have - wanted))
        raise SpecError(
            f"A balanced initial set of {count} needs {wanted[scarce]} images of the class "
            f"{classes[scarce]!r}; the training set has {have[scarce]}. Lower initial, or add such "
            "images."
        )
    result: NDArray[np.int64] = np.sort(found)
    return result
