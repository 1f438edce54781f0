"""A run that has more to do than another: further seeds, further arms, a larger budget.

None of these changes a step that is on disk: a step depends on its own chain alone, and on the
budget only where that cut its query short.
"""

from collections.abc import Container, Iterator, Mapping
from typing import Any

from askwell.records import Chain

GROWING = ("acquisitions", "posteriors", "arms", "seeds")


def combinations(spec: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Every chain of a spec, as (arm, seed)."""
    for acquisition in spec["acquisitions"]:
        for posterior in spec["posteriors"]:
            arm = acquisition if posterior == "mc_dropout" else f"{acquisition}/{posterior}"
            for seed in spec["seeds"]:
                yield arm, seed
    for arm in spec.get("arms", ()):
        for seed in spec["seeds"]:
            yield arm.removesuffix("/mc_dropout"), seed


def ungrown(old: Mapping[str, Any], new: Mapping[str, Any]) -> Mapping[str, Any]:
    """The new spec without what it has more than the old one; the rest is left to compare.

    Both are as `Spec.as_dict` has them, with a budget above 0.
    """
    same = dict(new)
    if set(combinations(old)) <= set(combinations(new)):
        same |= {key: old[key] for key in GROWING if key in old}
    if new.get("budget", 0) > old.get("budget", 0):
        same["budget"] = old.get("budget")
    return same


def differences(
    old: Mapping[str, Any], new: Mapping[str, Any], free: Container[str], prefix: str = ""
) -> str:
    """The keys with other values, as a sentence; empty where there are none but `free` ones."""
    parts = []
    for key in sorted(old.keys() | new.keys()):
        a, b = old.get(key), new.get(key)
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            parts.append(differences(a, b, (), f"{key}."))
        elif a != b and key not in free:
            there, here = (repr(t[key]) if key in t else "unknown" for t in (old, new))
            parts.append(f"{prefix}{key} is {there} there and {here} here")
    return "; ".join(p for p in parts if p)


def whole_steps(chain: Chain, spec: Mapping[str, Any]) -> int:
    """How many steps of a chain would be as they are under this spec, whose budget is another.

    The last step of a smaller budget asked for nothing, and the one before may have asked for less
    than a whole query; under a larger budget, steps asked for more than this one allows.
    """
    for step in chain.steps:
        if len(step.acquired) != min(spec["query_size"], spec["budget"] - step.labels):
            return step.step
    return len(chain.steps)
