"""Any spec, so small that it runs in seconds: does it run at all on these data and this machine?"""

from collections.abc import Sequence
from dataclasses import replace

from askwell.experiment.spec import Spec

_INITIAL, _QUERY = 10, 4
_VALIDATION = 10
_TEST, _TEST_PER_CLASS = 50, 4
_POOL, _POOL_OF_FEATURES, _SUBSET = 400, 80, 100
_DRAWS, _TEST_DRAWS = 32, 4  # 32 are the fewest that race
_STEPS, _WEIGHT_DECAYS = 3, 2  # two to choose from


def smoke(spec: Spec) -> Spec:
    """The spec with every part of it (arms, posteriors, baselines, features) and little of each.

    Its first seed asks once, scoring up to 100 images of a pool of 400 (80 where their features
    must be computed), and trains again on the answers, each time for 3 steps. What comes out says
    nothing about acquisition functions.
    """
    initial_per_class = _scaled(spec.initial_per_class, _INITIAL)
    initial = sum(initial_per_class) or min(spec.initial, _INITIAL)
    query_size = min(spec.query_size, _QUERY)
    budget = initial + query_size
    pool_size = _POOL_OF_FEATURES if spec.features else _POOL
    return replace(
        spec,
        name=f"{spec.name}-smoke",
        seeds=spec.seeds[:1],
        initial=initial,
        initial_per_class=initial_per_class,
        validation=min(spec.validation, _VALIDATION),
        query_size=query_size,
        budget=min(spec.budget, budget) if spec.budget > initial else budget,
        draws=min(spec.draws, _DRAWS),
        test_draws=min(spec.test_draws, _TEST_DRAWS),
        pool_subset=min(spec.pool_subset or _SUBSET, _SUBSET),
        pool_size=min(spec.pool_size or pool_size, pool_size),
        test_size=0 if spec.test_per_class else min(spec.test_size or _TEST, _TEST),
        test_per_class=tuple(min(n, _TEST_PER_CLASS) for n in spec.test_per_class),
        training=replace(
            spec.training,
            steps=_STEPS,
            epochs=0,
            weight_decay=spec.training.weight_decay[:_WEIGHT_DECAYS],
        ),
    )


def _scaled(counts: Sequence[int], total: int) -> tuple[int, ...]:
    """Counts in about the same proportion with about this sum; none that was above 0 becomes 0."""
    scale = min(1.0, total / max(1, sum(counts)))
    return tuple(min(n, max(1, round(n * scale))) for n in counts)
