"""What the paper compares with: kernel methods as parts of the same loop.

| name in `BASELINES` | trains | its own strategy | source |
|---|---|---|---|
| `gaussian_field` | harmonic function on a graph of all images | `MBR()` | Zhu et al. 2003 |
| `gaussian_field_cnn` | the same on a CNN's features | `MBR()` | Gal et al. 2017 |
| `svm_linear`, `_poly`, `_rbf` | support vector machine on pixels | `margin` | Joshi et al. 2009 |
| `gaussian_process` | Gaussian process classifier on pixels | `max_entropy` | Li & Guo 2013 |

Each is called as an `askwell.train.Fit` is, and its posterior is one function: one draw suffices.
A field has every strategy that reads predictions too. Semi-supervised networks, which train on the
unlabelled images of the pool, belong here as further modules of the same form.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from askwell.baselines.base import PointMass, PointMassDraws
from askwell.baselines.features import FeatureMap, Features, cnn_features, pixels
from askwell.baselines.gaussian_field import GaussianField, HarmonicFunction
from askwell.baselines.gaussian_process import GaussianProcess
from askwell.baselines.mbr import MBR
from askwell.baselines.svm import SVM
from askwell.train.calls import FitLike

__all__ = [
    "BASELINES",
    "MBR",
    "SVM",
    "FeatureMap",
    "Features",
    "FitLike",
    "GaussianField",
    "GaussianProcess",
    "HarmonicFunction",
    "PointMass",
    "PointMassDraws",
    "cnn_features",
    "pixels",
]

BASELINES: Mapping[str, Callable[[FitLike], FitLike]] = MappingProxyType(
    {
        "gaussian_field": lambda fit: GaussianField(),  # noqa: ARG005
        "gaussian_field_cnn": lambda fit: GaussianField(cnn_features(fit)),
        "svm_linear": lambda fit: SVM("linear"),  # noqa: ARG005
        "svm_poly": lambda fit: SVM("poly"),  # noqa: ARG005
        "svm_rbf": lambda fit: SVM("rbf"),  # noqa: ARG005
        "gaussian_process": lambda fit: GaussianProcess(),  # noqa: ARG005
    }
)
"""Every baseline by name: from the network's `Fit`, which only `gaussian_field_cnn` uses, to what
a learner trains with."""
