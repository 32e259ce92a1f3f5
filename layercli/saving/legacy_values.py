"""How arrays of older Keras become the values of today's variables: other axes, gates apart, cuDNN's layout, another curve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from layercli import activations
from layercli.core.layer import Layer
from layercli.dataclass import dataclass
from layercli.errors import FormatError
from layercli.layers.rnn.bidirectional import Bidirectional
from layercli.saving.legacy_h5 import LegacyWeights, Weight

STEEPER = 1.2
"""hard_sigmoid was clip(0.2 x + 0.5) and is clip(x / 6 + 0.5): that of 1.2 x is what it was of x."""
GATES = {4: (True, True, False, True), 3: (True, True, False)}
"""Which gates of an LSTM (i, f, c, o) and a GRU (z, r, h) have the recurrent activation."""
APART = {12: (0, 6, 3, 9), 9: (0, 3, 6)}
"""Where the arrays of each gate begin that Keras 1 had apart, in today's order of the gates."""
CONVOLUTIONS = ("Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "ConvLSTMCell", "ConvLSTM2D")


@dataclass(frozen=True)
class Converted:
    """An array as it becomes: the parts of its name, where it is, its shape, and how it is read."""

    steps: list[str]
    place: str
    shape: tuple[int, ...]
    read: Callable[[], Any]

    @staticmethod
    def of(weight: Weight, weights: LegacyWeights) -> Converted:
        """Return an array as the file has it."""
        return Converted(weight.steps, weight.place, weight.shape, lambda: weights.read(weight))

    def mapped(self, change: Callable[[Any], Any], shape: tuple[int, ...] | None = None) -> Converted:
        """Return the array that ``change`` makes of this one, of ``shape`` if that is another."""
        read = self.read
        return replace(self, shape=self.shape if shape is None else shape, read=lambda: change(read()))

    def transposed(self, *axes: int) -> Converted:
        """Return the array with its axes in another order."""
        return self.mapped(lambda x: x.transpose(axes), tuple(self.shape[axis] for axis in axes))


def gathered(layer: Layer, given: list[Converted], major: int) -> list[Converted]:
    """Return the arrays of a layer, the gates that Keras 1 had apart put together."""
    halves = [layer.forward_layer, layer.backward_layer] if isinstance(layer, Bidirectional) else [layer]
    each = len(given) // len(halves)
    if major > 1 or each not in APART or len(layer.variables) != 3 * len(halves):
        return given
    return [x for i in range(len(halves)) for x in _together(given[i * each : (i + 1) * each])]


def _together(given: list[Converted]) -> list[Converted]:
    """Return kernel, recurrent kernel and bias of the arrays of each gate."""
    places = APART[len(given)]
    return [_joined(name, [given[place + i] for place in places]) for i, name in enumerate(KINDS)]


KINDS = ("kernel", "recurrent_kernel", "bias")


def _joined(name: str, parts: list[Converted]) -> Converted:
    def read() -> Any:
        import numpy as np

        return np.concatenate([part.read() for part in parts], axis=-1)

    shape = (*parts[0].shape[:-1], sum(part.shape[-1] for part in parts))
    return Converted([*parts[0].steps[:-1], name], parts[0].place, shape, read)


def of_owner(owner: Layer, given: dict[str, Converted], major: int, backend: str = "") -> dict[str, Converted]:
    """Return the arrays of a single layer, by its variables' names, as its variables want them."""
    if major >= 3:
        return given
    kind = type(owner).__name__
    if kind in CONVOLUTIONS and "kernel" in given:
        given = {**given, "kernel": _axes(owner, given["kernel"], major)}
        if backend == "theano":
            kernels = {name for name in ("kernel", "recurrent_kernel") if name in given}
            given = {name: _flipped(each) if name in kernels else each for name, each in given.items()}
    if kind in ("LSTMCell", "GRUCell"):
        given = _without_cudnn(owner, given)
    return _steeper(owner, given)


def _axes(owner: Any, kernel: Converted, major: int) -> Converted:
    """Return the kernel of a convolution with the axes in today's order."""
    kind, shape = type(owner).__name__, kernel.shape
    wanted = next(variable.sizes for variable in owner.own_variables if variable.key == "kernel")
    if shape == wanted and not (major == 1 and _is_ambiguous(owner, shape)):
        return kernel
    if major == 1 and kind == "Conv1D" and len(shape) == 4:
        if shape[0] == owner.filters and shape[2:] == (wanted[0], 1):
            kernel = kernel.transposed(2, 3, 1, 0)
        return kernel.mapped(lambda x: x[:, 0], (kernel.shape[0], *kernel.shape[2:]))
    first = owner.data_format == "channels_first" if hasattr(owner, "data_format") else False
    if len(shape) == 4 and kind == "Conv2DTranspose" and major == 1:
        return kernel.transposed(2, 3, 0, 1) if first else kernel.transposed(0, 1, 3, 2)
    if len(shape) == 5:
        return kernel.transposed(2, 3, 4, 1, 0)
    if len(shape) == 4:
        return kernel.transposed(2, 3, 1, 0) if first or major == 1 else kernel.transposed(3, 2, 0, 1)
    return kernel


def _is_ambiguous(owner: object, shape: tuple[int, ...]) -> bool:
    """Return whether a kernel of Keras 1 has another order of axes though it has today's shape."""
    first = getattr(owner, "data_format", None) == "channels_first"
    return len(shape) > 3 and (first or type(owner).__name__ == "Conv2DTranspose")


def _flipped(kernel: Converted) -> Converted:
    """Return a kernel turned around in every direction: Theano convolved where others correlate."""
    return kernel.mapped(lambda x: x[(slice(None, None, -1),) * (x.ndim - 2)])


def _without_cudnn(owner: Any, given: dict[str, Converted]) -> dict[str, Converted]:
    """Return the arrays of an LSTM or GRU that only cuDNN computed in today's layout, others as they are."""
    gates, units = 4 if type(owner).__name__ == "LSTMCell" else 3, owner.units
    if "bias" not in given or given["bias"].shape != (2 * gates * units,):
        return given
    bias = given["bias"]
    if gates == 4:
        bias = bias.mapped(lambda x: x[: 4 * units] + x[4 * units :], (4 * units,))
    else:
        bias = bias.mapped(lambda x: x.reshape(2, -1), (2, 3 * units))
    return {
        "kernel": given["kernel"].mapped(lambda x: _each_gate(x, gates, _from_columns)),
        "recurrent_kernel": given["recurrent_kernel"].mapped(lambda x: _each_gate(x, gates, lambda k: k.T)),
        "bias": bias,
    }


def _each_gate(x: Any, gates: int, change: Callable[[Any], Any]) -> object:
    import numpy as np

    return np.hstack([change(part) for part in np.hsplit(x, gates)])


def _from_columns(kernel: Any) -> object:
    """Return the kernel of a gate, whose values cuDNN has the other way around, in the same shape."""
    return kernel.T.reshape(kernel.shape, order="F")


def _steeper(owner: Any, given: dict[str, Converted]) -> dict[str, Converted]:
    """Return the arrays of a layer whose hard_sigmoid was steeper with what it is applied to larger by as much."""
    hard = activations.TABLE["hard_sigmoid"]
    if getattr(owner, "recurrent_activation", None) is hard:
        if owner.activation is hard:
            raise FormatError(
                f"{owner.name} ({type(owner).__name__}) has Keras 2's hard_sigmoid as activation, which Keras 3 does not have"
            )
        return {name: each.mapped(lambda x: x * _by_gate(owner, x.shape[-1])) for name, each in given.items()}
    if getattr(owner, "activation", None) is hard:
        left = {"depthwise_kernel"}
        return {
            name: each if name in left else each.mapped(lambda x: x * x.dtype.type(STEEPER))
            for name, each in given.items()
        }
    return given


def has_hard_sigmoid(layer: Layer) -> bool:
    """Return whether a layer applies hard_sigmoid, which was steeper in Keras 2."""
    hard = activations.TABLE["hard_sigmoid"]
    return any(getattr(layer, name, None) is hard for name in ("activation", "recurrent_activation"))


def _by_gate(owner: Any, size: int) -> object:
    """Return what each column of a recurrent layer's arrays is multiplied by."""
    import numpy as np

    units = owner.units if hasattr(owner, "units") else owner.filters
    gates = GATES.get(size // units)
    if gates is None or size != units * len(gates):
        raise FormatError(
            f"{owner.name} ({type(owner).__name__}) has arrays with {size} columns, which are no gates of {units}"
        )
    return np.repeat(np.asarray([STEEPER if gate else 1.0 for gate in gates], np.float32), units)
