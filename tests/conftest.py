"""Reproducible property tests, and shape checks of every tensor in the pure modules."""

from hypothesis import settings
from jaxtyping import install_import_hook

PURE = ("acquisition", "likelihoods", "numerics", "tensors")
"""Modules of plain functions of tensors; protocols elsewhere cannot be checked at run time."""

install_import_hook([f"askwell.{name}" for name in PURE], "beartype.beartype")

settings.register_profile(
    "askwell", deadline=None, derandomize=True, database=None, max_examples=20
)
settings.load_profile("askwell")
