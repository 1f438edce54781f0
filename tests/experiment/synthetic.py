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


def step(index: int, labels: int, metrics: Mapping[str, float], acquired: Sequence[int] = ()):
    return StepRecord(
        step=index,
        labels=labels,
        metrics=dict(metrics),
        acquired=tuple(acquired),
        acquired_labels=tuple(i % 10 for i in acquired),
        scores=tuple(float("nan") for _ in acquired),
        training=Training(labels, 500, 0.01, 0.05 if index < 3 else 0.5, {0.05: 0.9}, 3.0),
        seconds={"train": 3.0 + index / 10, "score": 1.5, "evaluate": 0.5},
    )


def chain_of(arm: str, seed: int, accuracy: Sequence[float], *, initial=20, size=10) -> Chain:
    """A finished chain with these accuracies, `size` labels apart."""
    last = len(accuracy) - 1
    generator = np.random.default_rng(seed)
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
    chains = [chain_of(arm, s, accuracies(arm, s, steps)) for arm in arms for s in seeds]
    return Run(spec, environment, tuple(classes), tuple(chains))


def regression_run() -> Run:
    chains = []
    for arm in ("random", "predictive_variance"):
        for seed in (0, 1):
            steps = [
                StepRecord(
                    t,
                    10 + t,
                    {"rmse": 2 / (1 + t), "nll": 1.0 - t},
                    (t,) if t < 4 else (),
                    (0.25,) if t < 4 else (),
                    (0.5,) if t < 4 else (),
                    Training(10 + t, 100, 0.1, 0.05),
                    {"train": 1.0, "evaluate": 0.1, "score": 0.2},
                )
                for t in range(5)
            ]
            chains.append(Chain(arm, seed, tuple(range(10)), (0.5,) * 10, (), tuple(steps)))
    spec = {"name": "regression", "dataset": "curves", "seeds": [0, 1], "budget": 14, "initial": 10}
    return Run(spec, {}, (), tuple(chains))
