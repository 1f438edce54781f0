"""How far a score might have come out otherwise, with other posterior draws."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from askwell.acquisition import Acquisition
from askwell.tensors import Outputs, Scores

GROUPS = 16
"""That the draws are dealt into."""


def jackknife(acquisition: Acquisition, outputs: Outputs) -> NDArray[np.float64]:
    """Standard error of each item's score over the choice of draws, shape (N,).

    The draws are dealt into g groups, the score s_j is computed without each group j in turn, and
    e² = (g − 1)/g · Σ_j (s_j − s̄)² (Efron & Stein 1981). Fits any acquisition function that is
    smooth in the distribution of the draws.
    """
    draws = outputs.shape[1]
    groups = min(GROUPS, draws)
    of_group = torch.arange(draws, device=outputs.device) % groups
    without: list[Scores] = []
    for j in range(groups):
        kept: Tensor = (of_group != j).nonzero().flatten()
        without.append(acquisition.of_outputs(outputs.index_select(1, kept)))
    left_out = torch.stack(without).double()  # g N
    variance = (left_out - left_out.mean(dim=0)).square().sum(dim=0) * (groups - 1) / groups
    errors: NDArray[np.float64] = variance.sqrt().cpu().numpy()
    return errors
