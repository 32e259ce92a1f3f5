"""Calls of operations outside of layers as files have them: the class that Keras names, its settings, and its arguments."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Sequence
from typing import Any

from layercli.core.naming import snake_case
from layercli.core.operation import Op, find_operation
from layercli.core.types import Config
from layercli.dataclass import dataclass
from layercli.errors import UsageError
from layercli.ops.core.slicing import GetItem, StridedSlice
from layercli.ops.linalg import decompositions, solvers
from layercli.ops.nn import activation_functions
from layercli.ops.nn.activations import ActivationFunction, Relu, ReluInPlace, SoftmaxActivation
from layercli.ops.numpy import creation, elementwise, joining, linear, padding, rearrangement, reshaping
from layercli.ops.numpy.cumulative import Cumulative
from layercli.ops.numpy.einsum import Einsum
from layercli.ops.numpy.reductions import Reduction
from layercli.ops.numpy.sorting import ArgExtremum
from layercli.ops.numpy.triangular import Triangle
from layercli.saving.operation_names import MODULE_OF, OURS


@dataclass
class Spelled:
    """An operation as a file has it: its class's name, its settings, and the arguments it is called on."""

    name: str
    settings: Config = dataclasses.field(default_factory=dict)
    args: Sequence[Any] = ()
    kwargs: Config = dataclasses.field(default_factory=dict)

    @property
    def module(self) -> str:
        """The module that Keras finds the class in, or ours."""
        return MODULE_OF.get(self.name, OURS)


def spelled(op: Op, args: tuple[object, ...]) -> Spelled:
    """Return the call of ``op`` on ``args`` as a file has it; UsageError for one that no file can name."""
    found = _as_keras(op, args)
    if found is None:
        if find_operation(type(op).__name__) is not type(op):
            raise UsageError(
                f"a .keras file cannot hold a call of {getattr(getattr(op, 'function', op), '__name__', type(op).__name__)} "
                "outside of a layer",
                hint="put it into the call of a layer of your own",
            )
        own = {field.name: _plain(getattr(op, field.name)) for field in dataclasses.fields(op)}  # type: ignore[arg-type]  # ops are
        found = Spelled(type(op).__name__, own, args)
    return found


def _as_keras(op: Op, args: tuple[object, ...]) -> Spelled | None:
    """Return the call as one of Keras's own classes, or None where it has none for it."""
    match op:
        case elementwise.Unary(function) | elementwise.Binary(function):
            return Spelled(class_of(function), {}, args)
        case ActivationFunction(function, values):
            names = list(inspect.signature(getattr(activation_functions, function)).parameters)[1:]
            return Spelled(class_of(function), dict(zip(names, values, strict=True)), args)
        case Relu(slope, highest, threshold) if not op.plain:
            own = {"negative_slope": slope, "max_value": highest, "threshold": threshold}
            return Spelled("ReLU", own, args)
        case Relu() | ReluInPlace():
            return Spelled("Relu", {}, args)
        case SoftmaxActivation(axes) if len(args) == 1:
            return Spelled("Softmax", {"axis": axes[0] if len(axes) == 1 else list(axes)}, args)
        case Reduction(function, axis, keepdims, initial):
            own = {"axis": _plain(axis), "keepdims": keepdims}
            return Spelled(class_of(function), own if initial is None else {**own, "initial": initial}, args)
        case ArgExtremum(function, axis, keepdims):
            return Spelled(class_of(function), {"axis": axis, "keepdims": keepdims}, args)
        case Cumulative(function, axis, dtype):
            return Spelled(class_of(function), {"axis": axis, "dtype": dtype}, args)
        case Triangle(function, k):
            return Spelled(class_of(function), {"k": k}, args)
        case joining.ConcatenateTensors(axis):
            return Spelled("Concatenate", {"axis": axis}, [list(args)])
        case joining.Stack(axis):
            return Spelled("Stack", {"axis": axis}, [list(args)])
        case joining.Split(parts, axis, at):
            return Spelled("Split", {"indices_or_sections": parts if at is None else list(at), "axis": axis}, args)
        case GetItem(parts):
            return Spelled("GetItem", {}, [*args, _plain(parts)])
        case creation.FullLike(value, dtype):
            return Spelled("FullLike", {"dtype": dtype}, [*args, value])
        case rearrangement.RepeatElements(times, axis):
            return Spelled("Repeat", {"repeats": times, "axis": axis}, args)
        case rearrangement.Tile(times):
            return Spelled("Tile", {"repeats": list(times)}, args)
        case padding.Pad(pads, "constant", value):
            return Spelled("Pad", {"pad_width": _plain(pads), "mode": "constant"}, args, {"constant_values": value})
        case padding.Pad(pads, mode) if mode != "edge":
            return Spelled("Pad", {"pad_width": _plain(pads), "mode": mode}, args)
        case reshaping.ReshapeTensor(shape, False):
            return Spelled("Reshape", {"newshape": _open(shape)}, args)
        case reshaping.BroadcastTo(shape):
            return Spelled("BroadcastTo", {"shape": _plain(shape)}, args)
        case Einsum(equation):
            return Spelled("Einsum", {"subscripts": equation}, args)
        case decompositions.OfSquare(function):
            name, _, upper = function.partition(" ")
            return Spelled(class_of(name), {"upper": bool(upper)} if name.startswith("cholesky") else {}, args)
        case solvers.Solve(triangle):
            return (
                Spelled("SolveTriangular", {"lower": triangle == "lower"}, args)
                if triangle
                else Spelled("Solve", {}, args)
            )
        case decompositions.PseudoInverse(rcond):
            return Spelled("Pinv", {"rcond": rcond}, args)
        case linear.MatMul():
            return Spelled("Matmul", {}, args)
    if type(op).__name__ in MODULE_OF:  # the fields have the names and the meaning of Keras's settings
        own = {field.name: _plain(getattr(op, field.name)) for field in dataclasses.fields(op)}  # type: ignore[arg-type]
        return Spelled(type(op).__name__, own, args)
    return None


def class_of(function: str) -> str:
    """Return the class in Keras of the operation that is called so here.

    >>> class_of("logical_and"), class_of("exponential"), class_of("log1p")
    ('LogicalAnd', 'Exp', 'Log1p')
    """
    return _CLASS_OF[function]


_CLASS_OF = {snake_case(name): name for name in MODULE_OF} | {"exponential": "Exp"}


def _open(shape: tuple[object, ...]) -> list[int]:
    """Return a shape to reshape to, one unknown size being what is left."""
    unknown = [size for size in shape if not isinstance(size, int)]
    sizes = [size if isinstance(size, int) else -1 for size in shape]
    if len(unknown) > 1 or (unknown and -1 in shape):
        raise UsageError(
            f"a .keras file cannot hold a reshape to ({', '.join(map(str, shape))}) outside of a layer: "
            "only one of its sizes may be unknown",
            hint="put it into the call of a layer of your own",
        )
    return sizes


def _plain(value: object) -> Any:
    """Return a setting as JSON has it."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, StridedSlice):
        ends = {"start": value.start, "stop": value.stop, "step": value.step}
        return {"class_name": "__slice__", "config": ends}
    if value is ...:
        return {"class_name": "__ellipsis__", "config": {}}
    raise UsageError(
        f"a .keras file cannot hold the setting {value} of an operation outside of a layer",
        hint="put it into the call of a layer of your own",
    )
