"""Recurrent layers by torch's fused kernels, and the single steps of LSTM and GRU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from layercli.core import dims
from layercli.core.dims import Size
from layercli.core.operation import MultiOutputOp, Op, TreeOp, require_tensor, spec_of
from layercli.core.spec import Spec, show_shape
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.errors import ShapeError
from layercli.lazy import torch
from layercli.ops.core import kernel_overrides

GATES = {"lstm": 4, "gru": 3, "tanh": 1, "relu": 1}
"""The number of gates of each kind; the kernels' last axis is gates x units."""


@dataclass(frozen=True)
class FusedRecurrence(TreeOp):
    """A whole sequence by one of torch's kernels: ``kind`` is lstm, gru, or the activation of a simple RNN.

    x: (batch, steps, features); kernel: (features, gates x units); recurrent_kernel: (units, gates x units); bias:
    (gates x units,), (2, 3 x units) for gru, or None; initial states: (batch, units), None for zeros. The gates are in
    Keras's order: i, f, c, o and z, r, h. The results are the outputs, all of them for ``sequences`` or the last one,
    and the last states.
    """

    promotes = True

    kind: str
    backwards: bool = False
    sequences: bool = False

    def spec(
        self, x: Spec, kernel: Spec, recurrent_kernel: Spec, bias: Spec | None = None, *states: Spec | None
    ) -> Any:
        """Return the specs of the outputs and the states."""
        batch, steps, _ = sequence_of(x, kernel.shape[0])
        units = recurrent_kernel.shape[0]
        state = Spec((batch, units), x.dtype)
        for given in states:
            check_state(given, state)
        out = Spec((batch, steps, units), x.dtype) if self.sequences else state
        return (out, state, state) if self.kind == "lstm" else (out, state)

    def macs(self, x: Spec, kernel: Spec, recurrent_kernel: Spec, *rest: Spec | None) -> Size:
        """Return batch x steps x the sizes of both kernels."""
        return dims.product(x.shape[:2]) * (kernel.size + recurrent_kernel.size)

    def run(
        self, x: Tensor, kernel: Tensor, recurrent_kernel: Tensor, bias: Tensor | None = None, *states: object
    ) -> Any:
        """Return torch's lstm, gru, rnn_tanh or rnn_relu; the kernels are views, except for gru, whose gates torch
        orders r, z, n.
        """
        sequence_of(x, kernel.shape[0])
        weights = [self._ordered(kernel.T), self._ordered(recurrent_kernel.T), *self._biases(bias)]
        x = x.flip(1) if self.backwards else x
        start = self._start(x, recurrent_kernel, states)
        out, *last = self._recurred(x, start, weights)
        return (out if self.sequences else out[:, -1], *(state.squeeze(0) for state in last))

    def _recurred(self, x: Tensor, start: list[Tensor], weights: list[Tensor]) -> Any:
        """Return the results of torch's function: the outputs, and the states (1, batch, units)."""
        override = kernel_overrides.active.lstm
        if self.kind == "lstm" and override is not None:
            found = override(x, start, weights)
            if found is not None:
                return found
        function = getattr(torch, self.kind if self.kind in ("lstm", "gru") else f"rnn_{self.kind}")
        weights = in_one_chunk(weights) if x.is_cuda else weights
        given = start if self.kind == "lstm" else start[0]
        return function(x, given, weights, len(weights) > 2, 1, 0.0, torch.is_grad_enabled(), False, True)

    def _ordered(self, weight: Tensor) -> Tensor:
        if self.kind != "gru":
            return weight
        z, r, h = weight.chunk(3)
        return torch.cat((r, z, h))

    def _biases(self, bias: Tensor | None) -> list[Tensor]:
        if bias is None:
            return []
        if self.kind == "gru":
            return [self._ordered(part) for part in bias]
        return [bias, torch.zeros_like(bias)]

    def _start(self, x: Tensor, recurrent_kernel: Tensor, states: tuple[Any, ...]) -> list[Any]:
        """Return the initial states (1, batch, units); states not given share one tensor of zeros."""
        count = 2 if self.kind == "lstm" else 1
        given = [state for state in states if state is not None]
        shape = (x.shape[0], recurrent_kernel.shape[0])
        for state in given:
            check_state(state, Spec(shape))
        zeros = None if len(given) == count else x.new_zeros((1, *shape))
        wanted = (*states, *(None,) * count)[:count]
        return [zeros if state is None else state.unsqueeze(0) for state in wanted]


@dataclass(frozen=True)
class LstmStep(MultiOutputOp):
    """c' = f c + i activation(g), h' = o activation(c'), for the gates i, f, g, o of z (batch, 4 x units).

    ``recurrent_activation`` is applied to i, f and o. The gates are split along ``axis``, the channels of images.
    """

    activation: Callable[[Any], Any]
    recurrent_activation: Callable[[Any], Any]
    axis: int = -1

    def spec(self, z: Spec, c: Spec) -> tuple[Spec, Spec]:
        """Return h' and c', each of c's spec."""
        return c, c

    def run(self, z: Tensor, c: Tensor) -> tuple[Tensor, ...]:
        """Return h' and c'."""
        i, f, g, o = z.chunk(4, self.axis)
        i, f, o = map(self.recurrent_activation, (i, f, o))
        c = f * c + i * self.activation(g)
        return o * self.activation(c), c


@dataclass(frozen=True)
class GruStep(Op):
    """h' = z h + (1 - z) activation(x_h + r (h U_h)), with z and r the recurrent activations of x_z + h U_z and x_r + h
    U_r.

    x (batch, 3 x units): the projected input; ``dropped``: h after recurrent dropout, for the products. Without
    ``reset_after`` the candidate is activation(x_h + (r h) U_h).
    """

    activation: Callable[[Any], Any]
    recurrent_activation: Callable[[Any], Any]
    reset_after: bool = True

    def spec(self, x: Spec, h: Spec, dropped: Spec, recurrent_kernel: Spec, bias: Spec | None = None) -> Spec:
        """Return h's spec."""
        return h

    def macs(self, x: Spec, h: Spec, dropped: Spec, recurrent_kernel: Spec, bias: Spec | None = None) -> Size:
        """Return batch x the kernel's size."""
        return h.shape[0] * recurrent_kernel.size

    def run(self, x: Tensor, h: Tensor, dropped: Any, recurrent_kernel: Any, bias: Tensor | None = None) -> Tensor:
        """Return the new state."""
        units = h.shape[-1]
        x_z, x_r, x_h = x.chunk(3, -1)
        split = 3 * units if self.reset_after else 2 * units
        inner = dropped @ recurrent_kernel[:, :split]
        inner = inner if bias is None else inner + bias
        z = self.recurrent_activation(x_z + inner[..., :units])
        r = self.recurrent_activation(x_r + inner[..., units : 2 * units])
        last = recurrent_kernel[:, 2 * units :]
        of_h = r * inner[..., 2 * units :] if self.reset_after else (r * dropped) @ last
        out: Tensor = z * h + (1 - z) * self.activation(x_h + of_h)
        return out


@dataclass(frozen=True)
class FullLikeBatch(Op):
    """out = ``value`` in the shape (batch, *sizes), with x's batch, dtype and device."""

    value: float
    sizes: tuple[Size, ...]

    def spec(self, x: Spec) -> Spec:
        """Return (batch, *sizes)."""
        return Spec((x.shape[0], *self.sizes), x.dtype)

    def run(self, x: Any) -> Tensor:
        """Return a new tensor."""
        out: Tensor = x.new_full((x.shape[0], *self.sizes), self.value)
        return out


@dataclass(frozen=True)
class Select(Op):
    """out = x[index]."""

    index: int

    def spec(self, x: Spec) -> Spec:
        """Return x's shape without the first axis."""
        return Spec(x.shape[1:], x.dtype)

    def run(self, x: Tensor) -> Tensor:
        """Return a view."""
        require_tensor(x)
        return x[self.index]


def in_one_chunk(weights: list[Tensor]) -> list[Tensor]:
    """Return copies of the weights that stand one after another in one tensor.

    cuDNN wants them so: it makes such a copy itself of weights that are not, in every call, with a warning.
    """
    chunk = torch.cat([weight.reshape(-1) for weight in weights])
    parts = torch.split(chunk, [weight.numel() for weight in weights])
    return [part.view(weight.shape) for part, weight in zip(parts, weights, strict=True)]


def sequence_of(x: Any, features: Size | int) -> Any:
    """Return the sizes of x (batch, steps, features), a Spec or a tensor; ShapeError for another rank or number of
    features.
    """
    if len(x.shape) != 3:
        raise ShapeError(f"expects x with 3 axes (batch, steps, features), got {len(x.shape)} (x = {spec_of(x)})")
    if not dims.may_equal(x.shape[-1], features):
        raise ShapeError(f"expects x with {features} features, got {x.shape[-1]} (x = {spec_of(x)})")
    return x.shape


def check_state(given: Any, wanted: Spec) -> None:
    """Raise ShapeError where a given initial state has another shape."""
    if given is None:
        return
    if len(given.shape) != wanted.rank or not all(map(dims.may_equal, given.shape, wanted.shape)):
        raise ShapeError(
            f"expects an initial state of the shape {show_shape(wanted.shape)}, got {show_shape(tuple(given.shape))}"
        )
