"""Operations outside of layers as Keras's graphs name them, and back: only those of a fixed list are ever made."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from layercli import ops
from layercli.core import dtypes
from layercli.core.limits import PARTS
from layercli.core.naming import snake_case
from layercli.core.operation import Op, find_operation
from layercli.core.types import Config, ConfigLike, Tensor
from layercli.errors import FormatError, UsageError
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

CLASSES = {
    "keras.src.ops.numpy": (
        "Absolute Add All Amax Amin Angle Any Append Arccos Arccosh Arcsin Arcsinh Arctan Arctan2 Arctanh Argmax "
        "Argmin Argsort Average BitwiseAnd BitwiseInvert BitwiseLeftShift BitwiseNot BitwiseOr BitwiseRightShift "
        "BitwiseXor BroadcastTo Cbrt Ceil Clip Concatenate Conj Conjugate Copy Corrcoef Cos Cosh CountNonzero Cross "
        "Cumprod Cumsum Deg2rad Diagonal Diff Divide DivideNoNan Dot Dsplit Dstack Einsum Equal Exp Exp2 ExpandDims "
        "Expm1 Fabs Flip Fliplr Flipud Floor FloorDivide Fmax Fmin Fmod FullLike Gcd GetItem Greater GreaterEqual "
        "Heaviside Hsplit Hstack Hypot I0 Imag Inner Isfinite Isinf Isnan Isneginf Isposinf Isreal Kron Lcm Ldexp "
        "LeftShift Less LessEqual Log Log10 Log1p Log2 Logaddexp Logaddexp2 LogicalAnd LogicalNot LogicalOr "
        "LogicalXor Matmul Max Maximum Mean Median Meshgrid Min Minimum Mod Moveaxis Multiply NanToNum Nanargmax "
        "Nanargmin Nancumprod Nancumsum Nanmax Nanmean Nanmin Nanprod Nanstd Nansum Nanvar Negative Nextafter "
        "NotEqual OnesLike Outer Pad Power Prod Ptp Rad2deg Ravel Real Reciprocal Repeat Reshape RightShift Roll "
        "Rot90 Round Sign Signbit Sin Sinc Sinh Slogdet Sort Split Sqrt Square Squeeze Stack Std Subtract Sum "
        "Swapaxes Take TakeAlongAxis Tan Tanh Tensordot Tile Trace Transpose Trapezoid Tril Triu TrueDivide Trunc Var "
        "Vdot Vsplit Vstack Where ZerosLike"
    ),
    "keras.src.ops.nn": (
        "Celu Elu Gelu Glu HardShrink HardSigmoid HardSilu HardTanh LeakyRelu LogSigmoid LogSoftmax OneHot Polar Relu "
        "Relu6 Selu Sigmoid Silu SoftShrink Softmax Softplus Softsign SparsePlus SparseSigmoid Sparsemax Squareplus "
        "TanhShrink Threshold"
    ),
    "keras.src.ops.math": "Erf Erfc Erfinv InTopK Logdet Logsumexp Rsqrt TopK ViewAsComplex ViewAsReal",
    "keras.src.ops.core": "Cast SaturateCast ScatterUpdate Unstack",
    "keras.src.ops.linalg": "Cholesky Det Eigh Inv MatrixRank Norm Pinv Qr Solve SolveTriangular",
    "keras.src.activations.activations": "Mish ReLU",
}
"""Where Keras has its classes of operations that are ours as well."""

READ = {
    "keras.src.ops.numpy": (
        "Abs AllClose Array View Bincount Diag Diagflat Digitize EmptyLike Isclose IsIn Nanmedian Nanpercentile Nanquantile "
        "Ndim Nonzero Percentile Quantile UnravelIndex SearchSorted Size Vander Correlate Select Argpartition Histogram "
        "ArraySplit Unique"
    ),
    "keras.src.ops.nn": (
        "MaxPool AdaptiveMaxPool AveragePool AdaptiveAveragePool Conv DepthwiseConv SeparableConv ConvTranspose "
        "BinaryCrossentropy CategoricalCrossentropy SparseCategoricalCrossentropy MultiHot Moments BatchNorm CTCLoss "
        "CTCDecode Normalize PSNR DotProductAttention RMSNorm LayerNorm Unfold Fold DepthToSpace SpaceToDepth"
    ),
    "keras.src.ops.math": (
        "SegmentSum SegmentMax SegmentMin SegmentProd CDist ExtractSequences FFT FFT2 IFFT2 RFFT IRFFT STFT ISTFT"
    ),
    "keras.src.ops.core": "Scatter Slice SliceUpdate StopGradient ConvertToTensor",
    "keras.src.ops.linalg": "CholeskyInverse Eig LuFactor SVD Lstsq",
    "keras.src.ops.image": (
        "RGBToGrayscale RGBToHSV HSVToRGB Resize AffineTransform ExtractPatches MapCoordinates PadImages CropImages "
        "PerspectiveTransform GaussianBlur ElasticTransform ScaleAndTranslate SobelEdges SSIM"
    ),
    "keras.src.ops.einops": "Rearrange",
}
"""Keras's other classes of operations that are read: ours of that name are written by their own classes."""

READ_NAMES = {name for names in READ.values() for name in names.split()}

MODULE_OF = {name: module for module, names in CLASSES.items() for name in names.split()}
OTHER_NAMES = {
    "GetItem": "getitem", "TrueDivide": "divide", "AllClose": "allclose", "IsIn": "isin",
    "SearchSorted": "searchsorted", "CDist": "cdist", "RMSNorm": "rms_normalization", "LayerNorm": "layer_normalization",
}  # fmt: skip
"""The operations whose name is not Keras's in snake case."""

OURS = "layercli.ops"
"""The module of operations that Keras has no class for: each by its own class, its fields being its settings."""

SILENT = {"initial": None, "decimals": 0, "dtype": None, "constant_values": None}
"""Settings we lack that say nothing where they have this value."""


@dataclasses.dataclass
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


def is_operation(described: Mapping[str, object]) -> bool:
    """Return whether a config is one of an operation rather than a layer."""
    module = str(described.get("module"))
    return module == OURS or module.startswith(("keras.src.ops.", "keras.src.activations"))


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


def operation(where: str, described: Mapping[str, object]) -> Callable[..., Any]:
    """Return the function that a config of an operation describes, to be called as in Keras; FormatError for an unknown one."""
    name, settings = str(described["class_name"]), described.get("config")
    if not isinstance(settings, Mapping):
        raise FormatError(f"{where} describes a {name} without its config")
    own = {key: value for key, value in settings.items() if key != "name"}
    if described.get("module") == OURS:
        return _of_ours(where, name, own)
    if name not in MODULE_OF and name not in READ_NAMES:
        raise FormatError(f"{where} holds the operation {name}, which layercli does not have")
    own = {key: value for key, value in own.items() if key not in SILENT or value != SILENT[key]}
    function = _functions(name)

    def call(*args: object, **kwargs: object) -> Any:
        given = {key: value for key, value in kwargs.items() if value is not None}
        return function(*args, **own, **given)

    _check_parts(where, own)
    return call


def _functions(name: str) -> Callable[..., Any]:
    """Return our function for a class of Keras's, taking its settings by Keras's names."""
    if name == "Einsum":
        return lambda *operands, subscripts: ops.einsum(subscripts, *operands)
    if name == "GetItem":
        return lambda x, key: ops.getitem(x, tuple(key) if isinstance(key, list) else key)
    if name in WITH_OWN_SETTINGS:
        return WITH_OWN_SETTINGS[name]
    if name in READ["keras.src.ops.image"].split():
        drawn: Callable[..., Any] = getattr(ops.image, snake_case(name))
        return drawn
    found: Callable[..., Any] = getattr(ops, OTHER_NAMES.get(name, snake_case(name)))
    return found


def _batch_normalization(
    x: Tensor, mean: Tensor, variance: Tensor, offset: Tensor | None = None, scale: Tensor | None = None, **own: Any
) -> Any:
    return ops.batch_normalization(x, mean, variance, offset=offset, scale=scale, **own)


WITH_OWN_SETTINGS: dict[str, Callable[..., Any]] = {
    "ReLU": activation_functions.relu,
    "BatchNorm": _batch_normalization,
}
"""The operations whose function here takes other settings, or in another order, than Keras's class."""


def _of_ours(where: str, name: str, settings: Mapping[str, object]) -> Callable[..., Any]:
    """Return the operation of one of our own classes."""
    for module in (*dict.fromkeys(ops.MODULE_OF.values()), *OTHER_MODULES):
        import_module(f"{OURS}.{module}")
    kind = find_operation(name)
    if kind is None:
        raise FormatError(f"{where} holds the operation {name}, which layercli does not have")
    made: Op = kind(**{key: _setting(value) for key, value in settings.items()})
    _check_parts(where, settings)
    return made


OTHER_MODULES = (
    "image.affine",
    "image.crop_windows",
    "image.filters",
    "image.flip",
    "image.rescale",
    "image.resize",
    "image.scale_translate",
    "image.warp",
    "nn.activations",
    "nn.attention",
    "nn.batch_norm_stats",
    "nn.category_encoding",
    "nn.conv_transpose",
    "nn.convolution",
    "nn.embedding",
    "nn.normalization",
    "nn.pooling",
    "nn.rnn",
    "nn.rotary_embedding",
    "nn.time_folding",
    "numpy.einsum",
    "numpy.linear",
    "random.dropout",
)
"""The modules of operations without public functions."""


def _setting(value: object) -> Any:
    """Return a setting that ``_plain`` wrote."""
    return tuple(_setting(item) for item in value) if isinstance(value, list) else literal(value)


def literal(value: object) -> Any:
    """Return what a dict in a file stands for where it is a slice, an ellipsis or an array; anything else as it is."""
    match value:
        case {"class_name": "__slice__", "config": {"start": start, "stop": stop, "step": step}}:
            return slice(start, stop, step)
        case {"class_name": "__ellipsis__"}:
            return ...
        case {"class_name": "__numpy__" | "__tensor__", "config": {"value": held, "dtype": str(dtype)}}:
            import numpy as np

            return np.asarray(held, np.dtype(dtypes.name_of(dtype)))
    return value


def _check_parts(where: str, settings: ConfigLike) -> None:
    parts = settings.get("indices_or_sections", settings.get("parts"))
    for count in (parts, settings.get("n"), settings.get("times")):
        if type(count) is int:
            PARTS.check(where, count)
