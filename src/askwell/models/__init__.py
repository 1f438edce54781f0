"""Networks. Any `nn.Module` with dropout will do; these are the ones that the paper uses.

    BayesianCNN          the paper's network for MNIST (bayesian_cnn.py)
    pretrained_network   VGG16, EfficientNet-lite0 and others with a Bayesian head (pretrained.py)

`MODELS` names those that a spec can ask for: image shape and number of outputs → network.
"""

from collections.abc import Mapping
from types import MappingProxyType

from askwell.datasets.names import nearest
from askwell.errors import InputError
from askwell.models.bayesian_cnn import BayesianCNN
from askwell.models.own import ModelFactory, own_model
from askwell.models.pretrained import pretrained_network

MODELS: Mapping[str, ModelFactory] = MappingProxyType(
    {
        "bayesian_cnn": BayesianCNN,
        "efficientnet_lite0": lambda _, outputs: pretrained_network("efficientnet_lite0", outputs),
        "vgg16": lambda _, outputs: pretrained_network("vgg16", outputs),
    }
)


def model_factory(name: str) -> ModelFactory:
    """The factory of a network: a name of `MODELS`, or `file.py:factory` of one's own.

    Raises:
        InputError: there is none; says which there are.
    """
    if name in MODELS:
        return MODELS[name]
    if ":" in name:
        return own_model(name)
    raise InputError(
        f"No model is called {name!r}.{nearest(name, MODELS)} There are: {', '.join(MODELS)}. Or "
        "name a function of your own: networks.py:small."
    )


__all__ = ["MODELS", "BayesianCNN", "ModelFactory", "model_factory"]
