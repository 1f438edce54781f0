"""The store's own chance, from (seed, purpose) by BLAKE2: no NumPy, the same everywhere."""

import hashlib


def uniform(seed: int, *purpose: int | str) -> float:
    """A number in [0, 1), a multiple of 2⁻⁵³, that depends on its arguments alone."""
    text = "\x1f".join(["askwell store", str(seed), *(f"{type(p).__name__}{p}" for p in purpose)])
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) * 2.0**-53
