"""Log-probabilities to test with: ordinary, nearly certain, certain (−inf), tied, identical."""

import math

import numpy as np
import torch
from hypothesis import strategies as st
from torch import Tensor


def random_log_probs(n: int, t: int, c: int, *, seed: int = 0, scale: float = 3.0) -> Tensor:
    """Ordinary float64 log-probabilities of shape (n, t, c)."""
    generator = torch.Generator().manual_seed(seed)
    logits = scale * torch.randn(n, t, c, generator=generator, dtype=torch.float64)
    return torch.log_softmax(logits, dim=-1)


def from_probs(probs: object) -> Tensor:
    """Exact log of nested lists of probabilities; 0 becomes −inf."""
    return torch.tensor(probs, dtype=torch.float64).log()


@st.composite
def log_probs(draw: st.DrawFn, *, max_classes: int = 6) -> Tensor:
    """Shape (N, T, C); rows mix smooth, one-hot, nearly certain, partly zero and tied draws."""
    n, t = draw(st.integers(1, 4)), draw(st.integers(1, 6))
    c = draw(st.integers(1, max_classes))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kinds = draw(st.lists(st.sampled_from(_KINDS), min_size=n * t, max_size=n * t))
    rows = np.stack([_draw(kind, c, generator) for kind in kinds]).reshape(n, t, c)
    if draw(st.booleans()):  # some item's draws are identical
        rows[0] = rows[0, :1]
    dtype = draw(st.sampled_from([torch.float64, torch.float32]))
    return torch.from_numpy(rows).to(dtype)


_KINDS = ("smooth", "one-hot", "nearly certain", "partly zero", "uniform", "tiny")


def _draw(kind: str, classes: int, generator: np.random.Generator) -> np.ndarray:
    logits = np.zeros(classes)
    chosen = generator.integers(classes)
    match kind:
        case "smooth":
            logits = generator.normal(scale=3, size=classes)
        case "one-hot":
            logits[:] = -math.inf
            logits[chosen] = 0.0
        case "nearly certain":
            logits[chosen] = generator.uniform(15, 700)
        case "partly zero":
            logits = generator.normal(size=classes)
            logits[generator.random(classes) < 0.5] = -math.inf
            logits[chosen] = 0.0
        case "tiny":
            logits[chosen] = 2_000.0  # the other probabilities underflow, but are not −inf
    shifted = logits - logits.max()
    return shifted - np.log(np.exp(shifted).sum())
