"""Networks. Any `nn.Module` with dropout will do; these are the ones that the paper uses.

    BayesianCNN      the paper's network for MNIST (bayesian_cnn.py)

`MODELS` names those that a spec can ask for: image shape and number of outputs → network.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from torch import nn

from askwell.models.bayesian_cnn import BayesianCNN

ModelFactory = Callable[[tuple[int, ...], int], nn.Module]
"""(image shape without N, number of network outputs) → a freshly initialised network."""

MODELS: Mapping[str, ModelFactory] = MappingProxyType(
    {"bayesian_cnn": lambda image_shape, outputs: BayesianCNN(image_shape, outputs)}
)

__all__ = ["MODELS", "BayesianCNN", "ModelFactory"]
