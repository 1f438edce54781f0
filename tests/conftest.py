"""Reproducible property tests, shape checks of every tensor in the pure modules, a tiny spec."""

import os
from collections.abc import Sequence

import torch
from hypothesis import settings
from jaxtyping import install_import_hook

PURE = ("acquisition", "likelihoods", "numerics", "tensors")
"""Modules of plain functions of tensors; protocols elsewhere cannot be checked at run time."""

install_import_hook([f"askwell.{name}" for name in PURE], "beartype.beartype")

if "PYTEST_XDIST_WORKER" in os.environ:  # each worker has one core
    torch.set_num_threads(1)

settings.register_profile(
    "askwell", deadline=None, derandomize=True, database=None, max_examples=20
)
settings.load_profile("askwell")


def tiny_toml(
    *,
    seeds: Sequence[int] = (0,),
    query_size: int = 5,
    budget: int = 15,
    weight_decay: Sequence[float] = (0.05,),
) -> str:
    """The text of a spec on digits of which a step takes a fraction of a second."""
    return f"""
dataset = "digits"
acquisitions = ["bald", "random"]
seeds = {list(seeds)}
initial = 10
validation = 10
query_size = {query_size}
budget = {budget}
draws = 4
test_draws = 4
pool_size = 300
test_size = 50

[training]
steps = 5
epochs = 0
weight_decay = {list(weight_decay)}
"""
