"""Split a network at its first dropout: the trunk runs once an image, only the head runs T times.

The network is traced to a graph (torch.fx). Every node that depends on a dropout call belongs to
the head; the rest is the trunk. The values that cross from one to the other are the features:
several where the network branches before dropout. The split is exact, and does not care about
module boundaries, functional dropout, residual connections or branches.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, fx, nn

from askwell.errors import ModelError
from askwell.posterior.base import Features
from askwell.posterior.calls import (
    DROPOUT_MODULES,
    DROPOUTS,
    MaskShape,
    drop_probability,
    is_inplace,
)
from askwell.posterior.masked_linear import MaskedLinear
from askwell.posterior.masks import Masks

_BLOCK_VALUES = 2**20
"""Values of one feature that a block of draws may take: 4 MiB of float32, so it stays in cache."""


class NoDropoutError(ModelError):
    """The network has no dropout, or its output does not depend on any."""


class UntraceableError(ModelError):
    """The network cannot be split: it must run whole for each draw."""


@dataclass(frozen=True)
class Dropout:
    """One dropout call of the graph: its ordinal, probability and mask shape."""

    layer: int
    p: float
    mask_shape: MaskShape


@dataclass(frozen=True)
class FusedLinear:
    """dropout → flatten → linear on features that no draw has touched yet: one matrix product."""

    dropout: Dropout
    features: fx.Node
    linear: nn.Linear


@dataclass(frozen=True)
class Split:
    """A network in two: `head(trunk(images))` is the network.

    Attributes:
        trunk: images → the tuple of features.
        head: the features → outputs, its dropout calls still in it.
        dropouts: the head's dropout calls.
        fused: the head's linear layers that are computed together with the dropout before them,
            and (as keys with value None) the nodes which that makes superfluous.
    """

    trunk: fx.GraphModule
    head: fx.GraphModule
    dropouts: Mapping[fx.Node, Dropout]
    fused: Mapping[fx.Node, FusedLinear | None]


class _Tracer(fx.Tracer):
    """Sees through any module of PyTorch's own that holds dropout inside."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        inside = (layer for layer in m.modules() if layer is not m)
        return super().is_leaf_module(m, module_qualified_name) and not any(
            isinstance(layer, tuple(DROPOUT_MODULES)) for layer in inside
        )


def split(network: nn.Module) -> Split:
    """Split a network (in eval mode) at its first dropout.

    Raises:
        NoDropoutError: there is none.
        UntraceableError: the forward pass cannot be traced; the message gives the cause.
    """
    tracer = _Tracer()
    try:
        graph = tracer.trace(network)
    except Exception as error:
        raise UntraceableError(f"{type(error).__name__}: {error}") from error
    dropouts = _find_dropouts(graph, network)
    head = _descendants(graph, set(dropouts))
    output = next(n for n in graph.nodes if n.op == "output")
    if output not in head:
        raise NoDropoutError("The network's output depends on no dropout call.")
    crossing = [
        n
        for n in graph.nodes
        if n not in head and n.op != "get_attr" and any(u in head for u in n.users)
    ]
    trunk = _trunk_graph(graph, head, crossing)
    head_graph, copies = _head_graph(graph, head, crossing)
    head_module = fx.GraphModule(network, head_graph)
    kept = {copies[node]: dropout for node, dropout in dropouts.items()}
    return Split(fx.GraphModule(network, trunk), head_module, kept, _fuse(head_module, kept))


def _find_dropouts(graph: fx.Graph, network: nn.Module) -> dict[fx.Node, Dropout]:
    found: dict[fx.Node, Dropout] = {}
    for node in graph.nodes:
        call = _dropout_call(node, network)
        if call is None:
            continue
        function, p, inplace = call
        if inplace and not node.users:
            raise UntraceableError("the result of in-place dropout is used through its argument")
        if p > 0:
            found[node] = Dropout(len(found), p, DROPOUTS[function])
    return found


def _dropout_call(
    node: fx.Node, network: nn.Module
) -> tuple[Callable[..., Any], float, bool] | None:
    """The function, probability and in-place flag of a dropout call; None for any other node."""
    if node.op == "call_module":
        layer: Any = network.get_submodule(str(node.target))
        function = DROPOUT_MODULES.get(type(layer))
        return None if function is None else (function, float(layer.p), bool(layer.inplace))
    if node.op != "call_function" or node.target not in DROPOUTS:
        return None
    try:
        p = drop_probability(node.args, node.kwargs)
    except TypeError as error:
        raise UntraceableError("a dropout probability is computed") from error
    return cast(Callable[..., Any], node.target), p, is_inplace(node.args, node.kwargs)


def _descendants(graph: fx.Graph, roots: set[fx.Node]) -> set[fx.Node]:
    reached = set(roots)
    for node in graph.nodes:  # topological order
        if any(parent in reached for parent in node.all_input_nodes):
            reached.add(node)
    return reached


def _trunk_graph(graph: fx.Graph, head: set[fx.Node], crossing: list[fx.Node]) -> fx.Graph:
    trunk = fx.Graph()
    copies: dict[fx.Node, fx.Node] = {}
    for node in graph.nodes:
        if node not in head and node.op != "output":
            copies[node] = trunk.node_copy(node, copies.__getitem__)
    trunk.output(tuple(copies[n] for n in crossing))
    return trunk


def _head_graph(
    graph: fx.Graph, head: set[fx.Node], crossing: list[fx.Node]
) -> tuple[fx.Graph, dict[fx.Node, fx.Node]]:
    result = fx.Graph()
    copies = {n: result.placeholder(f"feature_{i}") for i, n in enumerate(crossing)}
    for node in graph.nodes:
        if node in head or (node.op == "get_attr" and any(u in head for u in node.users)):
            copies[node] = result.node_copy(node, copies.__getitem__)
    return result, copies


def _fuse(
    head: fx.GraphModule, dropouts: Mapping[fx.Node, Dropout]
) -> dict[fx.Node, FusedLinear | None]:
    """Find dropout → flatten → linear whose dropout acts on a feature that no draw has touched."""
    fused: dict[fx.Node, FusedLinear | None] = {}
    for node, dropout in dropouts.items():
        features = node.args[0] if node.args else node.kwargs.get("input")
        if not (isinstance(features, fx.Node) and features.op == "placeholder"):
            continue
        path, current = [node], node
        while len(current.users) == 1:
            current = next(iter(current.users))
            linear = _module(head, current)
            if isinstance(linear, nn.Linear) and dropout.p < 1:
                fused |= dict.fromkeys(path)
                fused[current] = FusedLinear(dropout, features, linear)
                break
            if not _flattens(head, current):
                break
            path.append(current)
    return fused


def _module(head: fx.GraphModule, node: fx.Node) -> nn.Module | None:
    return head.get_submodule(str(node.target)) if node.op == "call_module" else None


def _flattens(head: fx.GraphModule, node: fx.Node) -> bool:
    layer = _module(head, node)
    if isinstance(layer, nn.Flatten):
        return bool(layer.start_dim == 1 and layer.end_dim == -1)
    is_flatten = (node.op == "call_function" and node.target is torch.flatten) or (
        node.op == "call_method" and node.target == "flatten"
    )
    return is_flatten and node.args[1:] == (1,) and not node.kwargs


class HeadRunner(fx.Interpreter):
    """Runs the head for blocks of B draws at once, stacked along the batch: (B · n, ...).

    Every layer of an eval-mode network treats images independently, so B draws of n images are
    one batch of B · n; dropout gives each block of n its own masks.
    """

    def __init__(self, parts: Split, masks: Masks, dtype: torch.dtype) -> None:
        super().__init__(parts.head)
        self.dtype = dtype  # of the network's weights
        self.parts = parts
        self.masks = masks
        self._inputs = [n for n in parts.head.graph.nodes if n.op == "placeholder"]
        # Features that are read by fused layers alone need not be repeated for each draw.
        self._repeated = [any(u not in parts.fused for u in n.users) for n in self._inputs]
        self._linears: dict[fx.Node, MaskedLinear] = {}
        self._draws = slice(0, 0)

    def outputs(self, features: Features, draws: range) -> list[Any]:
        """What the head returns for these draws of the images, block by block."""
        for node, plan in self.parts.fused.items():
            if plan is not None:
                self._linear(node, plan, features.values[self._inputs.index(plan.features)])
        block = self._block(features, len(draws))
        return [
            self._run_block(features, slice(t, min(t + block, draws.stop)))
            for t in range(draws.start, draws.stop, block)
        ]

    def _run_block(self, features: Features, draws: slice) -> Any:
        self._draws = draws
        repeated = [
            self._repeat(value, draws.stop - draws.start if by_image else 1) if needed else value
            for value, needed, by_image in zip(
                features.values, self._repeated, features.by_image, strict=True
            )
        ]
        return self.run(*repeated)

    def _repeat(self, value: Any, times: int) -> Any:
        """A copy even for one draw: the head may overwrite its arguments."""
        if not isinstance(value, Tensor) or value.ndim == 0:
            return value
        return self._as_weights(value).repeat(times, *(1,) * (value.ndim - 1))

    def _as_weights(self, value: Tensor) -> Tensor:
        """Features in the number format of the layers: half precision is for products alone."""
        return value.to(self.dtype) if value.is_floating_point() else value

    def _block(self, features: Features, draws: int) -> int:
        """How many draws to run at once; one where a feature has not a row for each image."""
        if not all(features.by_image):
            return 1
        n = len(features)
        sizes = [p.linear.out_features * n for p in self.parts.fused.values() if p is not None]
        every = zip(features.values, self._repeated, strict=True)
        sizes += [value.numel() for value, needed in every if needed]
        return max(1, min(draws, _BLOCK_VALUES // max([1, *sizes])))

    def run_node(self, n: fx.Node) -> Any:
        """Give dropout its masks; leave every other node to the interpreter."""
        if n in self.parts.fused:
            return self._fused(n)
        dropout = self.parts.dropouts.get(n)
        if dropout is None:
            return super().run_node(n)
        features = self.env[cast(fx.Node, n.args[0] if n.args else n.kwargs["input"])]
        shape = dropout.mask_shape(tuple(features.shape[1:]))
        return self.masks.apply(
            features, self._draws, layer=dropout.layer, p=dropout.p, shape=shape
        )

    def _fused(self, node: fx.Node) -> Tensor | None:
        if self.parts.fused[node] is None:
            return None
        return self._linears[node](self._draws).to(self.dtype)

    def _linear(self, node: fx.Node, plan: FusedLinear, features: Tensor) -> None:
        known = self._linears.get(node)
        if known is None or known.weight.dtype != features.dtype:
            shape = plan.dropout.mask_shape(tuple(features.shape[1:]))
            keep = self.masks.keep(plan.dropout.layer, plan.dropout.p, shape)
            keep = keep.expand(-1, *features.shape[1:]).flatten(1)  # T F
            self._linears[node] = MaskedLinear(plan.linear, keep, plan.dropout.p, features.dtype)
        self._linears[node].take(features.flatten(1))


__all__ = ["HeadRunner", "NoDropoutError", "Split", "UntraceableError", "split"]
