"""Synthetic runs: learning curves of a chosen speed, with the records that a real run leaves."""

from collections.abc import Mapping, Sequence

import numpy as np

from askwell.records import Chain, Run, StepRecord, Training

SPEED = {
    "random": 0.0035,
    "bald": 0.0085,
    "variation_ratios": 0.0095,
    "max_entropy": 0.0080,
    "mean_std": 0.0040,
}


MANY_ARMS = (
    "random",
    "bald",
    "variation_ratios",
    "max_entropy",
    "mbr/gaussian_field",
    "random/gaussian_field",
    "mbr/gaussian_field_cnn",
    "margin/svm_linear",
    "margin/svm_poly",
    "margin/svm_rbf",
    "max_entropy/gaussian_process",
)
"""Those of the paper's figure 3."""


def step(
    index: int,
    labels: int,
    metrics: Mapping[str, float],
    acquired: Sequence[int] = (),
    *,
    score: float = float("nan"),
    classes: int = 10,
):
    return StepRecord(
        step=index,
        labels=labels,
        metrics=dict(metrics),
        acquired=tuple(acquired),
        acquired_labels=tuple(i % classes for i in acquired),
        scores=tuple(score for _ in acquired),
        training=Training(labels, 500, 0.01, 0.05 if index < 3 else 0.5, {0.05: 0.9}, 3.0),
        seconds={"train": 3.0 + index / 10, "score": 1.5, "evaluate": 0.5},
    )


def chain_of(
    arm: str,
    seed: int,
    accuracy: Sequence[float],
    *,
    initial=20,
    size=10,
    score: float = float("nan"),
    classes: int = 10,
) -> Chain:
    """A finished chain with these accuracies, `size` labels apart."""
    last = len(accuracy) - 1
    generator = np.random.default_rng([seed, len(arm)])
    steps = [
        step(
            t,
            initial + size * t,
            {
                "accuracy": a,
                "nll": 2 * (1 - a),
                "brier": 1 - a,
                "ece": (1 - a) / 2,
            },
            generator.integers(60000, size=size).tolist() if t < last else (),
            score=score,
            classes=classes,
        )
        for t, a in enumerate(accuracy)
    ]
    return Chain(arm, seed, tuple(range(initial)), (0,) * initial, tuple(range(100)), tuple(steps))


def accuracies(arm: str, seed: int, steps: int) -> list[float]:
    generator = np.random.default_rng([seed, len(arm)])
    labels = 10.0 * np.arange(steps)
    speed = SPEED.get(arm.partition("/")[0], 0.006)
    error = 0.015 + 0.45 * np.exp(-speed * labels) ** 1.0 + generator.normal(0, 0.004, steps)
    return [round(float(1 - e), 4) for e in np.clip(error, 0.001, 0.9)]


def make_run(
    arms: Sequence[str] = ("random", "bald", "variation_ratios"),
    *,
    seeds: Sequence[int] = (0, 1, 2),
    steps: int = 31,
    classes: Sequence[str] = tuple("0123456789"),
    dataset: str = "mnist",
) -> Run:
    spec = {
        "name": "synthetic",
        "dataset": dataset,
        "model": "bayesian_cnn",
        "acquisitions": list(dict.fromkeys(a.partition("/")[0] for a in arms)),
        "posteriors": ["dropout"],
        "seeds": list(seeds),
        "initial": 20,
        "validation": 100,
        "query_size": 10,
        "budget": 20 + 10 * (steps - 1),
        "draws": 100,
        "test_draws": 100,
        "pool_subset": None,
        "training": {"epochs": 50, "weight_decay": [0.05, 0.5]},
    }
    environment = {
        "versions": {"askwell": "0.1.0", "torch": "2.6.0"},
        "commit": "0123abc",
        "processor": "a synthetic <CPU>",
    }
    chains = [
        chain_of(arm, s, accuracies(arm, s, steps), classes=len(classes) or 10)
        for arm in arms
        for s in seeds
    ]
    return Run(spec, environment, tuple(classes), tuple(chains))


def of_metric(
    arm: str,
    seed: int,
    metric: str,
    heights: Sequence[float],
    *,
    initial: Sequence[float] = (0.5,) * 10,
    queries: Sequence[Mapping[int, float]] | None = None,
) -> Chain:
    """A finished chain with these values of a metric, initial labels, and answers by item."""
    start, steps = len(initial), []
    queries = queries or [
        {1000 * len(arm) + 5 * t + i: 0.25 for i in range(5)} for t in range(len(heights) - 1)
    ]
    labels = start
    for t, (value, answers) in enumerate(zip(heights, [*queries, {}], strict=True)):
        training = Training(labels, 100, 0.1, 0.05)
        seconds = {"train": 1.0, "evaluate": 0.1, "score": 0.2}
        metrics = {metric: value, "nll": 1.0 - t}
        asked = tuple(answers), tuple(answers.values()), (0.5,) * len(answers)
        steps.append(StepRecord(t, labels, metrics, *asked, training, seconds))
        labels += len(answers)
    return Chain(arm, seed, tuple(range(start)), tuple(initial), (), tuple(steps))


def regression_run(seeds: Sequence[int] = (0, 1), steps: int = 5) -> Run:
    """Epistemic variance falls faster than random, total variance does not."""
    chains = []
    for arm, speed in (
        ("predictive_variance", 0.5),
        ("total_predictive_variance", 0.31),
        ("random", 0.3),
    ):
        for seed in seeds:
            noise = np.random.default_rng([seed, len(arm)]).normal(0, 0.3, steps)
            rmse = 8 + 20 * np.exp(-speed * np.arange(steps)) + noise
            chains.append(of_metric(arm, seed, "rmse", rmse.tolist()))
    spec = {
        "name": "regression",
        "dataset": "rotated_digits",
        "seeds": list(seeds),
        "budget": 10 + 5 * (steps - 1),
        "initial": 10,
        "primary_metric": "",
        "positive_class": -1,
        "test_splits": 1,
    }
    return Run(spec, {}, (), tuple(chains))


def melanoma_run(seeds: Sequence[int] = tuple(range(6)), steps: int = 6, splits: int = 2) -> Run:
    """AUC on test splits of different difficulty, until the pool is empty, one in five positive.

    BALD asks for the positive images first. All arms end with the same images.
    """
    size, chains = 50, []
    pool = {100 + i: int(i % 5 == 0) for i in range(size * (steps - 1))}
    for arm, speed, early in (("bald", 0.9, 0.3), ("random", 0.4, 0.0)):
        for seed in seeds:
            generator = np.random.default_rng([seed, len(arm)])
            rise = 0.1 * (1 - np.exp(-speed * np.arange(steps)))
            auc = 0.62 + 0.08 * (seed % splits) + rise + generator.normal(0, 0.006, steps)
            order = sorted(pool, key=lambda i: generator.random() - early * pool[i])
            queries = [
                {i: pool[i] for i in order[size * t : size * (t + 1)]} for t in range(steps - 1)
            ]
            initial = (1,) * 20 + (0,) * 80
            chains.append(
                of_metric(arm, seed, "auc", auc.tolist(), initial=initial, queries=queries)
            )
    spec = {
        "name": "melanoma",
        "dataset": "isic2016",
        "seeds": list(seeds),
        "initial": 100,
        "validation": 0,
        "query_size": size,
        "budget": 0,
        "primary_metric": "auc",
        "positive_class": 1,
        "test_splits": splits,
    }
    return Run(spec, {}, ("benign", "malignant"), tuple(chains))
