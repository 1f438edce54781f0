"""The trained model as files: safetensors and JSON, for programs that need neither askwell nor us.

    model.safetensors   hidden.weight (H, F), hidden.bias (H,), last.weight (C, H), last.bias (C,)
    model.json          class names, backbone and its fingerprint, image size, dropout, draws, …

`docs/labelling-model.md` loads them in ten lines of plain torch.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from askwell.errors import InputError, ModelError
from askwell.labelling.files import write_aside
from askwell.labelling.head import DRAWS
from askwell.models.backbone import Trunk
from askwell.models.heads import BayesianHead
from askwell.models.weights import require_package
from askwell.paths import is_file, shown
from askwell.posterior import MCDropout
from askwell.posterior.dropout import DropoutDraws

FORMAT = 1
WEIGHTS, ABOUT = "model.safetensors", "model.json"

_NAMES = {"hidden": "dense.0", "last": "dense.1"}


@dataclass(frozen=True, slots=True, eq=False)
class LabelModel:
    """A trained head, with all that is needed to use it on other images.

    Attributes:
        posterior: of the head: features (N, F) → logits (N, C) under dropout.
        classes: names, in the order of the logits.
        backbone: what computes the features, a name as in `load_trunk`.
        fingerprint: of that trunk: other weights give other features.
        image_size: height and width that images are stretched to.
        seed: of the draws.
        trained_on: labels.
        metrics: on the hold-out, as a ranking has them.
    """

    posterior: MCDropout
    classes: tuple[str, ...]
    backbone: str
    fingerprint: str
    image_size: int
    seed: int
    trained_on: int
    metrics: Mapping[str, Any]

    def draw(self) -> DropoutDraws:
        """The T functions whose mean is the prediction, the same ones every time."""
        return self.posterior.draw(DRAWS, seed=self.seed)

    def check_trunk(self, trunk: Trunk) -> None:
        """Raise `ModelError` unless the features of this trunk are those it was trained on."""
        if trunk.fingerprint() != self.fingerprint:
            raise ModelError(
                f"This model was trained on features of {self.backbone} with other weights or "
                "another image size than the one found here. Install the same weights, or train "
                "it again: askwell model FOLDER --out DIR."
            )


def check_vacant(directory: Path, *, overwrite: bool) -> None:
    """Refuse to replace a model, unless told to.

    Raises:
        InputError: the folder holds one, or is a file.
    """
    if is_file(directory, InputError):
        raise InputError(f"{shown(directory)} is a file. Give a folder for the model.")
    if not overwrite and is_file(directory / ABOUT, InputError):
        raise InputError(
            f"{shown(directory)} holds a model already. Give another folder, or --overwrite to "
            "replace it."
        )


def save_model(directory: Path, model: LabelModel) -> None:
    """Write a model into a folder, which is made if there is none.

    Raises:
        ModelError: safetensors is not installed.
        RunError: the system refuses.
    """
    safetensors = require_package("safetensors.torch", "safetensors")
    state = model.posterior.network.state_dict()
    tensors = {
        f"{name}.{kind}": state[f"{inside}.{kind}"].detach().cpu().contiguous()
        for name, inside in _NAMES.items()
        for kind in ("weight", "bias")
    }
    network = model.posterior.network
    assert isinstance(network, BayesianHead)
    about = {
        "format": FORMAT,
        "classes": list(model.classes),
        "backbone": model.backbone,
        "fingerprint": model.fingerprint,
        "image_size": model.image_size,
        "dropout": network.dropout[0].p,
        "draws": DRAWS,
        "seed": model.seed,
        "trained_on": model.trained_on,
        "metrics": dict(model.metrics),
    }
    write_aside(directory / WEIGHTS, safetensors.save(tensors))
    text = json.dumps(about, indent=1, ensure_ascii=False)
    write_aside(directory / ABOUT, f"{text}\n".encode())


def load_model(directory: Path) -> LabelModel:
    """Read what `save_model` wrote.

    Raises:
        ModelError: there is no model, or its files do not fit; or safetensors is not installed.
    """
    safetensors = require_package("safetensors.torch", "safetensors")
    try:
        about = json.loads((directory / ABOUT).read_bytes())
        if about["format"] != FORMAT:
            raise ValueError(f"its format is {about['format']!r} in the place of {FORMAT}")
        tensors = safetensors.load((directory / WEIGHTS).read_bytes())
        return LabelModel(
            posterior=MCDropout(_head(tensors, len(about["classes"]), float(about["dropout"]))),
            classes=tuple(map(str, about["classes"])),
            backbone=str(about["backbone"]),
            fingerprint=str(about["fingerprint"]),
            image_size=int(about["image_size"]),
            seed=int(about["seed"]),
            trained_on=int(about["trained_on"]),
            metrics=dict(about["metrics"]),
        )
    except (OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or error
        raise ModelError(
            f"{directory} holds no model that can be read: {why}. Give the folder that askwell "
            f"model wrote, with {ABOUT} and {WEIGHTS} in it."
        ) from error
    except Exception as error:  # safetensors has an error of its own
        if type(error).__name__ != "SafetensorError":
            raise
        raise ModelError(f"{directory / WEIGHTS} is damaged: {error}. Write it again.") from error


def _head(tensors: Mapping[str, torch.Tensor], classes: int, p: float) -> nn.Module:
    hidden, features = tensors["hidden.weight"].shape
    with torch.random.fork_rng([]):
        head = BayesianHead(features, classes, hidden=(hidden,), p=p, input_p=0.0)
    inside = {
        f"{_NAMES[name]}.{kind}": tensors[f"{name}.{kind}"]
        for name in _NAMES
        for kind in ("weight", "bias")
    }
    head.load_state_dict(inside)
    return head.eval()
