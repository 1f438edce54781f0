"""askwell: deep Bayesian active learning with images.

The loop, and the names for it:

    from askwell import ArrayPool, BayesianCNN, Fit, KnownLabels, Learner, evaluate, strategy

    learner = Learner(pool, fit, strategy("bald"), classes=10, seed=0)
    learner.tell(first_labels)
    posterior = learner.refit()               # labelled set → training → posterior
    query = learner.ask(10)                   # pool → draws → scores → batch
    learner.tell(oracle.label(query))         # oracle → labelled set

Names are imported when first used, so `import askwell` is quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from askwell.version import __version__

if TYPE_CHECKING:
    from askwell.acquisition import ACQUISITIONS, Acquisition
    from askwell.datasets import DATASETS, load_folder
    from askwell.errors import AskwellError
    from askwell.evaluation import evaluate, evaluate_regression, labelled_chunks
    from askwell.learner import Learner
    from askwell.likelihoods import categorical, gaussian
    from askwell.models import MODELS, BayesianCNN
    from askwell.oracle import KnownLabels, NoisyLabels
    from askwell.pool import ArrayPool, DatasetPool, FolderPool, to_images
    from askwell.posterior import Deterministic, MCDropout
    from askwell.records import Query
    from askwell.select import STRATEGIES, PowerSampling, Random, TopK, strategy
    from askwell.train import Fit, Recipe, gaussian_nll

_WHERE = {
    "ACQUISITIONS": "acquisition",
    "Acquisition": "acquisition",
    "ArrayPool": "pool",
    "AskwellError": "errors",
    "BayesianCNN": "models",
    "DATASETS": "datasets",
    "DatasetPool": "pool",
    "Deterministic": "posterior",
    "Fit": "train",
    "FolderPool": "pool",
    "KnownLabels": "oracle",
    "Learner": "learner",
    "MCDropout": "posterior",
    "MODELS": "models",
    "NoisyLabels": "oracle",
    "PowerSampling": "select",
    "Query": "records",
    "Random": "select",
    "Recipe": "train",
    "STRATEGIES": "select",
    "TopK": "select",
    "categorical": "likelihoods",
    "evaluate": "evaluation",
    "evaluate_regression": "evaluation",
    "gaussian": "likelihoods",
    "gaussian_nll": "train",
    "labelled_chunks": "evaluation",
    "load_folder": "datasets",
    "strategy": "select",
    "to_images": "pool",
}

__all__ = [
    "ACQUISITIONS",
    "DATASETS",
    "MODELS",
    "STRATEGIES",
    "Acquisition",
    "ArrayPool",
    "AskwellError",
    "BayesianCNN",
    "DatasetPool",
    "Deterministic",
    "Fit",
    "FolderPool",
    "KnownLabels",
    "Learner",
    "MCDropout",
    "NoisyLabels",
    "PowerSampling",
    "Query",
    "Random",
    "Recipe",
    "TopK",
    "__version__",
    "categorical",
    "evaluate",
    "evaluate_regression",
    "gaussian",
    "gaussian_nll",
    "labelled_chunks",
    "load_folder",
    "strategy",
    "to_images",
]


def __getattr__(name: str) -> Any:
    """Import a public name from the module that defines it."""
    if name not in _WHERE:
        raise AttributeError(f"module 'askwell' has no attribute {name!r}")
    value = getattr(import_module(f"askwell.{_WHERE[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
