"""Calls of one model again and again: after a while as one graph of torch's operations, without the Python of its layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from layercli.core import masking, tree
from layercli.core.functional import Functional
from layercli.core.layer import Layer
from layercli.core.types import Tensor, Tree
from layercli.errors import UsageError
from layercli.runtime.inference import onednn_kernels
from layercli.runtime.inference.graph_fusion import exact_graph
from layercli.runtime.inference.prepacked_weights import PrepackedCall

TRACED_AFTER = 200
"""The number of calls with inputs of the same shapes after which a trace is made: it takes as long as the layers' Python in 200.

On two cores of a Xeon a trace of 73 layers takes 0.5 s, and their Python 2 to 4 ms in each call.
"""

OURS = ("layercli.", "torch.")
"""The packages whose code may be traced: it depends on the inputs and the model's state alone; a user's may depend on more."""


class RepeatedCall:
    """A call of a model whose weights do not change between calls: prepacked, and traced once it has been made many times.

    The graph computes the same to the bit, which is checked on the inputs of the trace; it is used for inputs of their shapes
    while only the result is needed. A model that contains code other than layercli's and torch's, draws random numbers, changes
    its state, is in training mode, has hooks or is not on a CPU is called as it is, layer by layer.

    Args:
        call: The function of the model's inputs, one tree.
        model: The model that it calls.
        calls: The number of calls that are announced.
    """

    def __init__(self, call: Callable[[Tensor], Tensor], model: Layer, *, calls: int = 1) -> None:
        self._call = call
        self._model = model
        self._layers = PrepackedCall(call, many=calls > 1)
        self._left = TRACED_AFTER
        self._last: Any = None
        self._graph: Callable[..., Any] | None = None
        self._signature: Any = None
        self._held: list[torch.Tensor] = []
        self._versions: list[int] = []
        self._hooks: list[Any] = []
        self._traces = True
        if calls > 2 * TRACED_AFTER:
            self.announce_many()

    def announce_many(self) -> None:
        """Trace in the second call from now: the first one may still leave weights unpacked."""
        self._left = 2

    def __call__(self, inputs: Tree) -> Tree:
        """Return what the call returns."""
        leaves = tree.flatten(inputs)
        signature = list(map(_signature, leaves))
        if self._graph is not None and signature == self._signature and self._may_replay():
            return self._graph(*leaves)
        outputs = self._layers(inputs)
        if signature != self._last and self._last is not None:
            self._left = TRACED_AFTER
        self._last = signature
        self._left -= 1
        if self._left <= 0 and self._traces:
            self._left = TRACED_AFTER
            if self._may_trace(leaves):
                self._trace(inputs, leaves, outputs)
        return outputs

    def _may_trace(self, leaves: list[Any]) -> bool:
        modules = list(self._model.module.modules())
        self._hooks = [hooks for each in modules for hooks in (each._forward_pre_hooks, each._forward_hooks)]
        self._held = [*self._model.module.parameters(), *self._model.module.buffers()]
        return (
            self._is_plain()
            and not any(each.training for each in modules)
            and all(map(_is_plain_tensor, leaves))
            and not any(x.is_inference() or x.device.type != "cpu" for x in self._held)
            and all(type(each).__module__.startswith(OURS) for each in modules)
            and not any(_contains_own_code(layer) for _, layer in self._model.named_layers())
        )

    def _may_replay(self) -> bool:
        return self._is_plain() and self._versions == [x._version for x in self._held]

    def _is_plain(self) -> bool:
        """Whether only the result is needed, in inference."""
        return (
            onednn_kernels.is_plain_inference()
            and not torch._C._len_torch_function_stack()
            and not self._model.module.training
            and not any(self._hooks)
            and not nn.modules.module._has_any_global_hook()  # type: ignore[no-untyped-call]  # torch does not annotate it
        )

    def _trace(self, inputs: Tree, leaves: list[Any], outputs: Tree) -> None:
        """Replace the calls of the layers by a graph if it computes ``outputs`` from ``inputs``, to the bit."""
        self._graph = None
        try:
            graph = exact_graph(self._call, inputs, self._model.name)
        except UsageError:
            graph = None
        if graph is None or not _same(graph(*leaves), outputs):
            self._traces = False
            return
        self._graph, self._signature, self._versions = graph, self._last, [x._version for x in self._held]
        self._layers = PrepackedCall(self._call)  # without the packed weights, which the graph has too


def _signature(x: object) -> Any:
    """Return what a graph depends on of an input besides its values; None for inputs that it does not take, such as text."""
    return (x.shape, x.stride(), x.dtype) if isinstance(x, torch.Tensor) and x.layout is torch.strided else None


def _is_plain_tensor(x: Any) -> bool:
    plain = type(x) is torch.Tensor and x.layout is torch.strided and x.device.type == "cpu"
    return plain and masking.mask_of(x) is None


def _contains_own_code(layer: Layer) -> bool:
    """Whether a function among the arguments of a layer, or in a functional model's graph, is neither layercli's nor torch's."""
    values = tree.flatten([vars(layer).get(name, given) for name, given in layer._settings.items()])
    if isinstance(layer, Functional):
        values += [value for each in layer.operations if not isinstance(each, Layer) for value in vars(each).values()]
    return "call" in vars(layer) or not all(_is_ours(value) for value in values if callable(value))


def _is_ours(code: Any) -> bool:
    return str(getattr(code, "__module__", None) or type(code).__module__).startswith(OURS)


def _same(first: Tree, second: Tree) -> bool:
    """Whether two trees of tensors have the same structure and are equal to the bit."""
    pairs = list(zip(tree.flatten(first), tree.flatten(second), strict=False))
    return tree.structure(first) == tree.structure(second) and all(
        isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor) and a.dtype is b.dtype and torch.equal(a, b)
        for a, b in pairs
    )
