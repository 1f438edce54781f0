"""One turn of the loop, as a pure function of the spec and the records before it.

    refit → evaluate → ask → label → record

A step rebuilds the learner from the records, so it can run in any process, and a run that was
killed goes on exactly where its records end.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from askwell import baselines
from askwell.baselines import BASELINES
from askwell.errors import SpecError
from askwell.evaluation import evaluate, evaluate_regression, labelled_chunks
from askwell.experiment.arms import MBR
from askwell.experiment.data import load_data
from askwell.experiment.inputs import Report, inputs, network
from askwell.experiment.spec import POSTERIORS, Arm, Spec
from askwell.experiment.starts import fitted, start
from askwell.learner import Learner
from askwell.oracle import KnownLabels, NoisyLabels, Oracle
from askwell.posterior import Deterministic, Posterior
from askwell.posterior.base import Draws
from askwell.randomness import derive
from askwell.records import Chain, ItemId, Label, StepRecord, Training
from askwell.select import Strategy, strategy
from askwell.tensors import Images
from askwell.train import Fit, Recipe, cross_entropy, flips, gaussian_nll, views
from askwell.train.calls import FitLike
from askwell.train.chunks import chunk_size


class Workbench:
    """A spec with its data set loaded: what runs single steps.

    Args:
        spec: the experiment.
        device: where networks live.
        report: told of features that are being computed.

    Raises:
        DatasetError: the data set is not to be had.
        SpecError: there is no such data set, it is too small for the spec, or has one class only.
    """

    def __init__(
        self, spec: Spec, *, device: torch.device | str = "cpu", report: Report | None = None
    ) -> None:
        self.device = torch.device(device)
        self.data = load_data(spec)
        self.spec = fitted(spec, self.data)
        self.labels, self.classes = self.data.labels, self.data.classes
        self.regression = not self.classes
        if len(self.classes) == 1:
            raise SpecError(f"There must be two classes at least; {spec.dataset} has one.")
        self.inputs = inputs(spec, self.data, self.device, report)
        self._chunk = chunk_size(self.inputs.shape)
        # They keep what is costly about the pool, from step to step.
        self._baselines: dict[str, FitLike] = {}

    def start(self, arm: Arm, seed: int) -> Chain:
        """The chain before its first step: the split of the training set, from the seed alone."""
        return start(self.spec, self.data, arm, seed)

    def step(self, arm: Arm, chain: Chain) -> StepRecord:
        """The next turn of a chain."""
        learner = self._learner(arm, chain)
        begin = time.perf_counter()
        posterior = learner.refit()
        training = posterior.training
        assert training is not None  # ours always say
        trained = time.perf_counter()
        draws = posterior.draw(self.spec.test_draws, seed=derive(chain.seed, "test draws"))
        metrics = self._evaluate(draws, chain.seed)
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

    def _evaluate(self, draws: Draws, seed: int) -> Mapping[str, float]:
        pool, labels = self.inputs.test_for(seed), self.data.test_for(seed).labels
        chunks = labelled_chunks(pool, labels, size=self._chunk)
        return (evaluate_regression if self.regression else evaluate)(draws, chunks)

    def _ask(
        self, learner: Learner, wanted: int, seed: int
    ) -> tuple[tuple[ItemId, ...], tuple[float, ...], tuple[Label, ...]]:
        if wanted <= 0:
            return (), (), ()
        query = learner.ask(wanted)
        answers = self._oracle(seed).label(query)
        return query.ids, query.scores, tuple(answers[i] for i in query.ids)

    def _oracle(self, seed: int) -> Oracle:
        exact = KnownLabels.from_array(self.labels, ids=self.data.pool.ids)
        if self.spec.label_noise == 0:
            return exact
        return NoisyLabels(
            exact, classes=len(self.classes), rate=self.spec.label_noise, seed=derive(seed, "noise")
        )

    def _learner(self, arm: Arm, chain: Chain) -> Learner:
        learner = Learner(
            self.inputs.pool,
            self._fit(arm, chain),
            self._strategy(arm),
            classes=None if self.regression else len(self.classes),
            seed=chain.seed,
            draws=self.spec.draws,
            pool_subset=self.spec.pool_subset or None,
            exclude=chain.validation + self.data.test_for(chain.seed).aside,
            chunk_size=self._chunk,
        )
        learner.tell(dict(zip(chain.initial, chain.initial_labels, strict=True)))
        for step in chain.steps:
            learner.tell(dict(zip(step.acquired, step.acquired_labels, strict=True)))
        return learner

    def _strategy(self, arm: Arm) -> Strategy:
        if arm.acquisition == MBR:
            return baselines.MBR()
        spec = self.spec
        return strategy(arm.acquisition, temperature=spec.temperature, exact=spec.exact)

    def _fit(self, arm: Arm, chain: Chain) -> FitLike:
        recipe: Recipe = self.spec.training
        if (kept := kept_weight_decay(chain.steps, self.spec.training.reselect)) is not None:
            recipe = replace(recipe, weight_decay=(kept,))
        outputs = 2 if self.regression else len(self.classes)
        augment = views if self.spec.features else flips
        fit = Fit(
            lambda: network(self.spec, self.inputs.shape, outputs),
            recipe,
            validation=self._validation(chain),
            posterior=_deterministic if arm.posterior == POSTERIORS[1] else None,
            loss=gaussian_nll if self.regression else cross_entropy,
            augment=augment(self.spec.training.flips) if self.spec.training.flips else None,
            device=self.device,
        )
        return fit if arm.posterior in POSTERIORS else self._baseline(arm.posterior, fit)

    def _baseline(self, name: str, fit: Fit) -> FitLike:
        if name == "gaussian_field_cnn":
            return BASELINES[name](fit)  # its network differs from step to step
        if name not in self._baselines:
            self._baselines[name] = BASELINES[name](fit)
        return self._baselines[name]

    def _validation(self, chain: Chain) -> tuple[Images, Tensor] | None:
        if not chain.validation:
            return None
        positions = self.data.positions(chain.validation)
        return self.inputs.pool.images(positions), torch.from_numpy(self.labels[positions])


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
