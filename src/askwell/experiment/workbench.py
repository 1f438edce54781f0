"""One turn of the loop, as a pure function of the spec and the records before it.

    refit → evaluate → ask → label → record

A step rebuilds the learner from the records, so it can run in any process, and a run that was
killed goes on exactly where its records end.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from askwell.datasets import DATASETS, ImageTask, load_folder
from askwell.errors import SpecError
from askwell.evaluate import evaluate
from askwell.experiment.spec import POSTERIORS, Arm, Spec
from askwell.learner import Learner
from askwell.models import MODELS
from askwell.oracle import KnownLabels, NoisyLabels, Oracle
from askwell.pool import ArrayPool, Positions
from askwell.posterior import Deterministic, MCDropout, Posterior
from askwell.randomness import derive, item_keys
from askwell.records import Chain, ItemId, Label, StepRecord, Training
from askwell.select import strategy
from askwell.tensors import Images
from askwell.train import Fit

_CHUNK = 256
"""Images scored at a time: their feature maps fit in a core's cache, just."""


class Workbench:
    """A spec with its data set loaded: what runs single steps.

    Args:
        spec: the experiment.
        device: where networks live.

    Raises:
        DatasetError: the data set is not to be had.
        SpecError: the data set is too small for the spec.
    """

    def __init__(self, spec: Spec, *, device: torch.device | str = "cpu") -> None:
        self.spec = spec
        self.device = torch.device(device)
        task, ids = _load(spec)
        self.classes = task.classes
        size, test_size = spec.pool_size or len(task.train), spec.test_size or len(task.test)
        self.pool = ArrayPool(task.train.images[:size], ids=ids and ids[:size])
        self.labels: NDArray[np.int64] = task.train.labels[:size]
        self.test = ArrayPool(task.test.images[:test_size])
        self.test_labels = torch.from_numpy(np.array(task.test.labels[:test_size]))
        _check_size(spec, len(self.labels))

    def start(self, arm: Arm, seed: int) -> Chain:
        """The chain before its first step: the split of the training set, from the seed alone.

        The initial images are random and balanced over the classes, the validation images random
        among the rest.
        """
        order = np.argsort(item_keys(self.pool.ids, derive(seed, "split")), kind="stable")
        initial = _balanced(self.labels[order], len(self.classes), self.spec.initial)
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
        metrics = evaluate(draws, self._test_chunks())
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
            strategy(arm.acquisition),
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
        recipe = self.spec.training.recipe()
        if (kept := kept_weight_decay(chain.steps, self.spec.training.reselect)) is not None:
            recipe = replace(recipe, weight_decay=(kept,))
        return Fit(
            lambda: MODELS[self.spec.model](self._image_shape, len(self.classes)),
            recipe,
            validation=self._validation(chain),
            posterior=_deterministic if arm.posterior == POSTERIORS[1] else _mc_dropout,
            device=self.device,
        )

    @property
    def _image_shape(self) -> tuple[int, ...]:
        return tuple(self.pool.images(np.array([0])).shape[1:])

    def _validation(self, chain: Chain) -> tuple[Images, Tensor] | None:
        if not chain.validation:
            return None
        positions = self._positions(chain.validation)
        return self.pool.images(positions), torch.from_numpy(self.labels[positions])

    def _positions(self, items: Sequence[ItemId]) -> Positions:
        return np.array([self.pool.position(item) for item in items], dtype=np.int64)

    def _test_chunks(self) -> Iterator[tuple[Images, Tensor]]:
        for start in range(0, len(self.test_labels), _CHUNK):
            labels = self.test_labels[start : start + _CHUNK]
            yield self.test.images(np.arange(start, start + len(labels))), labels

    def thumbnails(self, items: Sequence[ItemId]) -> Mapping[ItemId, NDArray[np.uint8]]:
        """The pixels of some pool items, for a report: uint8, (height, width[, channels])."""
        if not items:
            return {}
        images = self.pool.images(self._positions(items))
        return {
            item: (image * 255).round().byte().movedim(0, -1).squeeze(-1).numpy()
            for item, image in zip(items, images, strict=True)
        }


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


def _mc_dropout(network: nn.Module, training: Training) -> Posterior:
    return MCDropout(network, training=training)


def _deterministic(network: nn.Module, training: Training) -> Posterior:
    return Deterministic(network, training=training)


def _load(spec: Spec) -> tuple[ImageTask, Sequence[ItemId] | None]:
    """The task, and the ids of its training images where these are not 0 to N − 1."""
    if spec.dataset in DATASETS:
        return DATASETS[spec.dataset].load(), None
    if Path(spec.dataset).is_dir():
        folder = load_folder(Path(spec.dataset), image_size=spec.image_size or None)
        return folder.task, folder.train_ids
    raise SpecError(
        f"dataset {spec.dataset!r} is neither a data set ({', '.join(DATASETS)}) nor a folder."
    )


def _check_size(spec: Spec, size: int) -> None:
    needed = spec.budget + spec.validation
    if needed > size:
        raise SpecError(
            f"The budget of {spec.budget} labels and {spec.validation} validation images need "
            f"{needed} images; the training set has {size}. Lower the budget."
        )
    if spec.pool_subset and spec.pool_subset < spec.query_size:
        raise SpecError(
            f"pool_subset ({spec.pool_subset}) is smaller than query_size ({spec.query_size})."
        )


def _balanced(labels: NDArray[np.int64], classes: int, count: int) -> NDArray[np.int64]:
    """Positions of the first images of each class, `count` in all, as equal as can be."""
    wanted = np.full(classes, count // classes)
    wanted[: count % classes] += 1
    found = np.concatenate([np.flatnonzero(labels == c)[: wanted[c]] for c in range(classes)])
    if len(found) < count:
        have = np.bincount(labels, minlength=classes)
        scarce = int(np.argmin(have - wanted))
        raise SpecError(
            f"A balanced initial set of {count} needs {wanted[scarce]} images of class {scarce}; "
            f"the training set has {have[scarce]}."
        )
    result: NDArray[np.int64] = np.sort(found)
    return result
