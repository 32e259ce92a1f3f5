"""The layers by which tf.keras recorded operations outside of layers, as operations of Keras 3: only those of a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from layercli.core.types import Config
from layercli.errors import FormatError
from layercli.saving import operation_names
from layercli.saving.legacy_keras_nodes import Renumbered, arguments, name_of

OP_LAYERS = ("TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer", "ClassMethod", "InstanceMethod", "InstanceProperty")
PLAIN = {
    **{
        f"math.{name}": kind
        for name, kind in {
            "multiply": "Multiply", "subtract": "Subtract", "add": "Add", "truediv": "TrueDivide", "divide": "TrueDivide",
            "pow": "Power", "maximum": "Maximum", "minimum": "Minimum", "abs": "Absolute", "sqrt": "Sqrt",
            "square": "Square", "exp": "Exp", "log": "Log", "log1p": "Log1p", "sigmoid": "Sigmoid", "tanh": "Tanh",
            "sin": "Sin", "cos": "Cos", "negative": "Negative", "rsqrt": "Rsqrt", "floor": "Floor", "ceil": "Ceil",
            "round": "Round", "sign": "Sign", "softplus": "Softplus", "softsign": "Softsign", "erf": "Erf",
            "greater": "Greater", "greater_equal": "GreaterEqual", "less": "Less", "less_equal": "LessEqual",
            "equal": "Equal", "not_equal": "NotEqual", "logical_and": "LogicalAnd", "logical_or": "LogicalOr",
            "logical_not": "LogicalNot", "floordiv": "FloorDivide", "floormod": "Mod", "reciprocal": "Reciprocal",
            "divide_no_nan": "DivideNoNan", "expm1": "Expm1", "atan2": "Arctan2",
        }.items()
    },
    **{
        f"nn.{name}": kind
        for name, kind in {
            "relu": "Relu", "relu6": "Relu6", "elu": "Elu", "selu": "Selu", "silu": "Silu", "swish": "Silu",
            "sigmoid": "Sigmoid", "tanh": "Tanh", "softplus": "Softplus", "softsign": "Softsign", "bias_add": "Add",
        }.items()
    },
    "__operators__.add": "Add", "__operators__.eq": "Equal", "__operators__.ne": "NotEqual", "where": "Where",
    "identity": "Copy", "ones_like": "OnesLike", "zeros_like": "ZerosLike", "add": "Add", "multiply": "Multiply",
    "subtract": "Subtract", "abs": "Absolute",
}  # fmt: skip
"""The operations whose arguments are tensors alone, in Keras's order, and Keras's classes of them."""
REDUCTIONS = {
    "reduce_mean": "Mean", "reduce_sum": "Sum", "reduce_max": "Max", "reduce_min": "Min", "reduce_prod": "Prod",
    "reduce_std": "Std", "reduce_variance": "Var", "reduce_all": "All", "reduce_any": "Any", "reduce_logsumexp": "Logsumexp",
}  # fmt: skip
NODES = {
    "AddV2": "Add", "Add": "Add", "Sub": "Subtract", "Mul": "Multiply", "RealDiv": "TrueDivide", "Relu": "Relu",
    "Relu6": "Relu6", "Sigmoid": "Sigmoid", "Tanh": "Tanh", "Exp": "Exp", "Log": "Log", "Sqrt": "Sqrt", "Abs": "Absolute",
    "Square": "Square", "Pow": "Power", "Maximum": "Maximum", "Minimum": "Minimum", "Neg": "Negative", "Rsqrt": "Rsqrt",
    "Identity": "Copy", "Softplus": "Softplus", "Elu": "Elu", "Selu": "Selu", "BiasAdd": "Add", "SquaredDifference": "",
    "Greater": "Greater", "Less": "Less", "Equal": "Equal", "NotEqual": "NotEqual", "Floor": "Floor", "Ceil": "Ceil",
}  # fmt: skip
"""The operations of TensorFlow's own graph that a TensorFlowOpLayer may hold, and Keras's classes of them."""

Call = tuple[str, dict[str, Any], list[Any]]
"""The class of an operation in Keras, its settings, and the arguments that it is called on."""


def op_layer(described: dict[str, Any], numbers: Renumbered) -> dict[str, Any]:
    """Return the operation that such a layer recorded; FormatError for one that is not in the table."""
    name, settings = name_of(described), described.get("config") or {}
    function = str(settings.get("function") or "")
    calls, found = [], None
    for call in described.get("inbound_nodes") or []:
        args, kwargs = arguments(call, numbers)
        if described["class_name"] == "TensorFlowOpLayer":
            made: Call | None = _of_node(settings, args)
        else:
            made = spelled(function, args, kwargs)
        if made is None:
            raise unknown(name, described, function)
        found, own, args = made
        calls.append({"args": args, "kwargs": {}})
    if found is None:
        raise FormatError(f"the operation {name!r} is never called")
    module = operation_names.MODULE_OF[found]
    return {
        "module": module,
        "class_name": found,
        "config": {"name": name, **own},
        "registered_name": found,
        "name": name,
        "inbound_nodes": calls,
    }


def unknown(name: str, described: Mapping[str, object], function: str) -> FormatError:
    """Return the error for an operation of TensorFlow that is not in the table."""
    sentence = f"tf.{function}" if function else f"a {described['class_name']}"
    return FormatError(f"the layer {name!r} is {sentence} of TensorFlow, which layercli does not make from a file")


def spelled(function: str, args: list[object], kwargs: dict[str, object]) -> Call | None:
    """Return the call of one of TensorFlow's functions as Keras has it, or None where there is none for it."""
    kwargs = {key: value for key, value in kwargs.items() if value is not None}
    function = function.removeprefix("compat.v1.")
    if function in PLAIN:
        return PLAIN[function], {}, [*args, *kwargs.values()]
    head, _, last = function.rpartition(".")
    if last in REDUCTIONS and head in ("math", ""):
        return REDUCTIONS[last], {"axis": kwargs.get("axis"), "keepdims": bool(kwargs.get("keepdims"))}, args
    make = OTHERS.get(function)
    return None if make is None else make(args, kwargs)


def _of_node(settings: Config, args: Sequence[object]) -> Call | None:
    """Return the call of a node of TensorFlow's graph, whose other arguments are constants by their places."""
    node = settings.get("node_def")
    kind = NODES.get(str(node.get("op"))) if isinstance(node, dict) else None
    if not kind:
        return None
    given = list(args[0]) if len(args) == 1 and isinstance(args[0], list) else list(args)
    for place, value in sorted((settings.get("constants") or {}).items(), key=lambda item: int(item[0])):
        given.insert(int(place), value)
    return kind, {}, given


def _concat(args: Sequence[object], kwargs: Mapping[str, object]) -> Call:
    parts = args[0] if isinstance(args[0], list) else [args[0]]
    return "Concatenate", {"axis": kwargs.get("axis", -1)}, [parts]


def _stack(args: Sequence[object], kwargs: Mapping[str, object]) -> Call:
    return "Stack", {"axis": kwargs.get("axis", 0)}, [args[0] if isinstance(args[0], list) else [args[0]]]


def _matmul(args: list[object], kwargs: dict[str, object]) -> Call | None:
    """Return a product of matrices; that one is transposed is an einsum."""
    unsaid = {key for key in ("adjoint_a", "adjoint_b", "a_is_sparse", "b_is_sparse") if kwargs.get(key)}
    left, right = bool(kwargs.get("transpose_a")), bool(kwargs.get("transpose_b"))
    if unsaid:
        return None
    given = [*args, kwargs["b"]] if "b" in kwargs else args
    if not left and not right:
        return "Matmul", {}, given
    first, second = "...ki" if left else "...ik", "...jk" if right else "...kj"
    return "Einsum", {"subscripts": f"{first},{second}->...ij"}, given


def _axis(kind: str, default: object = None) -> Callable[[list[Any], dict[str, Any]], Call]:
    return lambda args, kwargs: (kind, {"axis": kwargs.get("axis", default)}, args)


def _getitem(args: Sequence[object], kwargs: Mapping[str, object]) -> Call:
    return "GetItem", {}, [*args, _places(kwargs.get("slice_spec"))]


def _places(value: object) -> object:
    """Return what an indexing takes, its slices as Keras 3 writes them."""
    if isinstance(value, dict) and {"start", "stop", "step"} <= set(value):
        return {"class_name": "__slice__", "config": {key: value[key] for key in ("start", "stop", "step")}}
    if isinstance(value, dict) and value.get("class_name") == "__ellipsis__":
        return {"class_name": "__ellipsis__", "config": {}}
    return [_places(item) for item in value] if isinstance(value, list) else value


def _cast(args: list[object], kwargs: dict[str, object]) -> Call | None:
    kind = kwargs.get("dtype")
    kind = kind.get("config") if isinstance(kind, dict) else kind
    return ("Cast", {"dtype": kind}, args) if isinstance(kind, str) else None


def _clip(args: list[object], kwargs: dict[str, object]) -> Call:
    return "Clip", {"x_min": kwargs.get("clip_value_min"), "x_max": kwargs.get("clip_value_max")}, args


def _reshape(args: list[object], kwargs: dict[str, object]) -> Call | None:
    shape = kwargs.get("shape")
    plain = isinstance(shape, list) and all(isinstance(size, int) for size in shape)
    return ("Reshape", {"newshape": shape}, args) if plain else None


def _leaky(args: list[object], kwargs: dict[str, object]) -> Call:
    return "LeakyRelu", {"negative_slope": kwargs.get("alpha", 0.2)}, args


def _gelu(args: list[object], kwargs: dict[str, object]) -> Call:
    return "Gelu", {"approximate": bool(kwargs.get("approximate"))}, args


def _pad(args: list[object], kwargs: dict[str, object]) -> Call | None:
    mode = str(kwargs.get("mode", "CONSTANT")).lower()
    if mode != "constant" or kwargs.get("constant_values", 0) != 0:
        return None
    return "Pad", {"pad_width": kwargs.get("paddings"), "mode": "constant"}, args


def _split(args: list[object], kwargs: dict[str, object]) -> Call | None:
    parts, axis = kwargs.get("num_or_size_splits"), kwargs.get("axis", 0)
    if isinstance(parts, list):
        parts = [sum(parts[: i + 1]) for i in range(len(parts) - 1)] if -1 not in parts else None
    return None if parts is None else ("Split", {"indices_or_sections": parts, "axis": axis}, args)


OTHERS: dict[str, Callable[[list[Any], dict[str, Any]], Call | None]] = {
    "concat": _concat,
    "stack": _stack,
    "linalg.matmul": _matmul,
    "matmul": _matmul,
    "nn.softmax": _axis("Softmax", -1),
    "nn.log_softmax": _axis("LogSoftmax", -1),
    "transpose": lambda args, kwargs: ("Transpose", {"axes": kwargs.get("perm")}, args),
    "expand_dims": _axis("ExpandDims"),
    "squeeze": _axis("Squeeze"),
    "math.argmax": _axis("Argmax", 0),
    "math.argmin": _axis("Argmin", 0),
    "math.cumsum": _axis("Cumsum", 0),
    "reshape": _reshape,
    "clip_by_value": _clip,
    "cast": _cast,
    "__operators__.getitem": _getitem,
    "nn.leaky_relu": _leaky,
    "nn.gelu": _gelu,
    "pad": _pad,
    "split": _split,
    "tile": lambda args, kwargs: ("Tile", {"repeats": kwargs.get("multiples")}, args),
    "repeat": lambda args, kwargs: ("Repeat", {"repeats": kwargs.get("repeats"), "axis": kwargs.get("axis")}, args),
    "reverse": lambda args, kwargs: ("Flip", {"axis": kwargs.get("axis")}, args),
}
"""The operations with settings."""
