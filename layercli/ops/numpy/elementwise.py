"""The Ops of elementwise functions of one or two tensors, with broadcasting and dtype promotion."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from layercli.core import dims, dtypes
from layercli.core.operation import Op
from layercli.core.spec import Shape, Spec
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.errors import DTypeError, ShapeError, with_and
from layercli.lazy import F, torch
from layercli.ops.numpy.creation import torch_dtype
from layercli.ops.numpy.operands import as_integers, beside_number, counted, floats, paired, tensors, without_booleans

UNARY: dict[str, Callable[[Any], Tensor]] = {
    "absolute": lambda x: x if x.dtype is torch.bool else torch.abs(x),
    "ceil": lambda x: torch.ceil(x if x.is_floating_point() else x.float()),
    "floor": lambda x: torch.floor(x if x.is_floating_point() else x.float()),
    "negative": lambda x: torch.neg(x),
    "relu": lambda x: F.relu(x),
    "relu6": lambda x: F.relu6(x),
    "round": lambda x: torch.round(x),
    "sign": lambda x: torch.sign(x),
    "square": lambda x: torch.square(x.int() if x.dtype is torch.bool else x),
    "trunc": lambda x: x if x.dtype is torch.bool else torch.trunc(x),
    "bitwise_not": lambda x: torch.bitwise_not(x),
    "conj": lambda x: torch.conj_physical(x),
    "copy": lambda x: torch.clone(x),
    "imag": lambda x: torch.imag(x) if x.is_complex() else torch.zeros_like(x),
    "real": lambda x: torch.real(x) if x.is_complex() else x,
    "angle": lambda x: torch.angle(x),
    "arccos": lambda x: torch.acos(x),
    "arccosh": lambda x: torch.acosh(x),
    "arcsin": lambda x: torch.asin(x),
    "arcsinh": lambda x: torch.asinh(x),
    "arctan": lambda x: torch.atan(x),
    "arctanh": lambda x: torch.atanh(x),
    "cbrt": lambda x: _root(x if x.dtype is not torch.bool else x.float()),
    "cos": lambda x: torch.cos(x),
    "cosh": lambda x: torch.cosh(x),
    "deg2rad": lambda x: torch.deg2rad(x),
    "erf": lambda x: torch.erf(x),
    "erfc": lambda x: torch.erfc(x),
    "erfinv": lambda x: torch.erfinv(x),
    "exp": lambda x: torch.exp(x),
    "exp2": lambda x: torch.exp2(x),
    "expm1": lambda x: torch.expm1(x),
    "fabs": lambda x: torch.abs(x if x.is_floating_point() else x.float()),
    "i0": lambda x: torch.i0(x),
    "log": lambda x: torch.log(x),
    "log10": lambda x: torch.log10(x),
    "log1p": lambda x: torch.log1p(x),
    "log2": lambda x: torch.log2(x),
    "rad2deg": lambda x: torch.rad2deg(x),
    "reciprocal": lambda x: torch.reciprocal(x),
    "rsqrt": lambda x: torch.rsqrt(x),
    "sigmoid": lambda x: torch.sigmoid(x),
    "sin": lambda x: torch.sin(x),
    "sinc": lambda x: torch.sinc(x),
    "sinh": lambda x: torch.sinh(x),
    "sqrt": lambda x: torch.sqrt(x),
    "tan": lambda x: torch.tan(x),
    "tanh": lambda x: torch.tanh(x),
    "isfinite": lambda x: torch.isfinite(x),
    "isinf": lambda x: torch.isinf(x),
    "isnan": lambda x: torch.isnan(x),
    "isneginf": lambda x: torch.isneginf(x),
    "isposinf": lambda x: torch.isposinf(x),
    "isreal": lambda x: torch.isreal(x),
    "signbit": lambda x: torch.signbit(x),
    "logical_not": lambda x: torch.logical_not(x),
}
"""The unary functions by name."""


KEEP_DTYPE = {
    "absolute", "bitwise_not", "conj", "copy", "imag", "negative", "real", "relu", "relu6", "round", "sign",
    "square", "trunc",
}  # fmt: skip


GIVE_BOOL = {"isfinite", "isinf", "isnan", "isneginf", "isposinf", "isreal", "logical_not", "signbit"}


GIVE_REAL = {"absolute", "angle", "imag", "real"}
"""Functions of complex numbers with real results."""


BINARY: dict[str, Callable[[Any, Any], Tensor]] = {
    "add": operator.add,
    "subtract": lambda x, y: operator.sub(*without_booleans(x, y)),
    "multiply": operator.mul,
    "divide": operator.truediv,
    "floor_divide": lambda x, y: operator.floordiv(*paired(x, y)),
    "mod": lambda x, y: torch.remainder(*counted(x, y)),
    "power": operator.pow,
    "maximum": lambda x, y: torch.maximum(*paired(x, y)),
    "minimum": lambda x, y: torch.minimum(*paired(x, y)),
    "arctan2": lambda x, y: torch.atan2(*floats(x, y)),
    "divide_no_nan": lambda x, y: _divided(*paired(x, y)),
    "hypot": lambda x, y: torch.hypot(*floats(x, y)),
    "logaddexp": lambda x, y: torch.logaddexp(*floats(x, y)),
    "logaddexp2": lambda x, y: torch.logaddexp2(*floats(x, y)),
    "heaviside": lambda x, y: _heaviside(*floats(x, y)),
    "ldexp": lambda x, y: _scaled(*tensors(x, y)),
    "nextafter": lambda x, y: torch.nextafter(*floats(x, y)),
    "fmax": lambda x, y: torch.fmax(*paired(x, y)),
    "fmin": lambda x, y: torch.fmin(*paired(x, y)),
    "fmod": lambda x, y: torch.fmod(*tensors(*counted(x, y))),
    "gcd": lambda x, y: torch.gcd(*tensors(x, y)),
    "lcm": lambda x, y: torch.lcm(*tensors(x, y)),
    "bitwise_and": lambda x, y: torch.bitwise_and(*tensors(x, y)),
    "bitwise_or": lambda x, y: torch.bitwise_or(*tensors(x, y)),
    "bitwise_xor": lambda x, y: torch.bitwise_xor(*tensors(x, y)),
    "left_shift": lambda x, y: torch.bitwise_left_shift(*tensors(x, y)),
    "right_shift": lambda x, y: torch.bitwise_right_shift(*tensors(x, y)),
    "equal": lambda x, y: _compared(operator.eq(x, y)),
    "not_equal": lambda x, y: _compared(operator.ne(x, y)),
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
    "logical_and": lambda x, y: torch.logical_and(*tensors(x, y)),
    "logical_or": lambda x, y: torch.logical_or(*tensors(x, y)),
    "logical_xor": lambda x, y: torch.logical_xor(*tensors(x, y)),
}
"""The binary functions by name; either argument may be a Python number."""


LOGICAL = {"logical_and", "logical_or", "logical_xor"}


PREDICATES = {"equal", "not_equal", "less", "less_equal", "greater", "greater_equal", *LOGICAL}


MAKE_FLOATS = {
    "arctan2", "divide", "divide_no_nan", "heaviside", "hypot", "ldexp", "logaddexp", "logaddexp2", "nextafter",
}  # fmt: skip


WITH_FLOATS = {"arctan2", "heaviside", "hypot", "logaddexp", "logaddexp2", "nextafter"}
"""Functions in which a number beside a tensor, too, has a dtype that counts: float32, or int32."""


STRICT = {"divide_no_nan", "floor_divide", "fmax", "fmin", "maximum", "minimum", *WITH_FLOATS}
"""Functions that promote a tensor without axes as any other, as in Keras; in the rest it adopts the other's dtype, as in torch."""


WHOLE = {"gcd", "lcm", "left_shift", "right_shift"}


BITS = {"bitwise_and", "bitwise_not", "bitwise_or", "bitwise_xor"}
"""Functions of integers or booleans; those in WHOLE take integers only."""


def _root(x: Tensor) -> Tensor:
    return torch.sign(x) * torch.abs(x) ** (1 / 3)


@dataclass(frozen=True)
class Unary(Op):
    """out = function(x), elementwise; ``function`` is a key of ``UNARY``."""

    function: str

    def spec(self, x: Spec) -> Spec:
        """Return x's shape; functions with fractional results convert integers to float32, square booleans to int32."""
        if self.function in GIVE_BOOL:
            return Spec(x.shape, "bool")
        _check_whole(self.function, x.dtype)
        if self.function in GIVE_REAL and dtypes.rank(x.dtype) == 3:
            return Spec(x.shape, dtypes.REAL[x.dtype])
        if self.function == "square" and x.dtype == "bool":
            return Spec(x.shape, dtypes.INDEX)
        exact = dtypes.rank(x.dtype) >= 2 or self.function in KEEP_DTYPE
        return x if exact else Spec(x.shape, "float32")

    def run(self, x: Tensor | float) -> Tensor:
        """Return torch's function of x; a Python number is converted to a tensor."""
        return UNARY[self.function](torch.as_tensor(x, dtype=torch_dtype(x)) if isinstance(x, (int, float)) else x)


@dataclass(frozen=True)
class Binary(Op):
    """out = function(x, y), elementwise with broadcasting; ``function`` is a key of ``BINARY``."""

    function: str
    promotes = True

    def spec(self, x: Spec, y: Spec) -> Spec:
        """Return the broadcast shape in the promoted dtype."""
        _check_numbers(x, y)
        shape = broadcast_shapes(*(value.shape for value in (x, y) if isinstance(value, Spec)))
        if self.function in PREDICATES:
            return Spec(shape, "bool")
        if self.function == "ldexp":
            _check_exponent(y)
        dtype = _strictly(self.function, x, y) if self.function in STRICT else promoted(x, y)
        _check_whole(self.function, dtype)
        if self.function in MAKE_FLOATS and dtypes.rank(dtype) < 2:
            dtype = "float32"
        if self.function in ("mod", "fmod") and dtype == "bool":
            dtype = dtypes.INDEX
        return Spec(shape, dtype)

    def trace(self, inputs: Any, values: Any) -> Any:
        """Apply ``spec``, lists of numbers being constants."""
        return super().trace([_constant(x) for x in inputs], [_constant(x) for x in values])

    def run(self, x: Any, y: Any) -> Tensor:
        """Return torch's function of x and y; two Python numbers are converted to tensors."""
        if isinstance(x, torch.Tensor):
            x = x if isinstance(y, torch.Tensor) else beside_number(x, y)
        elif isinstance(y, torch.Tensor):
            y = beside_number(y, x)
        else:
            x, y = (torch.as_tensor(value, dtype=torch_dtype(value)) for value in (x, y))
        return BINARY[self.function](x, y)


@dataclass(frozen=True)
class Where(Op):
    """out = x where condition is true, or a number other than 0, else y, elementwise with broadcasting."""

    def spec(self, condition: Spec, x: Spec, y: Spec) -> Spec:
        """Return the broadcast shape in the promoted dtype of x and y."""
        return Spec(broadcast_shapes(*(v.shape for v in (condition, x, y) if isinstance(v, Spec))), promoted(x, y))

    def run(self, condition: Tensor, x: Any, y: Any) -> Tensor:
        """Return torch's where."""
        if not isinstance(x, torch.Tensor) and not isinstance(y, torch.Tensor):
            x = torch.as_tensor(x, dtype=torch_dtype(x), device=condition.device)
        x, y = (as_integers(x) if type(y) is int else x), (as_integers(y) if type(x) is int else y)
        return torch.where(condition if condition.dtype is torch.bool else condition.bool(), x, y)


def broadcast_shapes(*shapes: Shape) -> Shape:
    """Return the shape that all ``shapes`` broadcast to, aligned at the last axis; ShapeError where there is none."""
    result: Shape = ()
    for shape in shapes:
        rank = max(len(result), len(shape))
        left, right = ((1,) * (rank - len(s)) + s for s in (result, shape))
        sizes = [dims.broadcast(a, b) for a, b in zip(left, right, strict=True)]
        if any(size is None for size in sizes):
            shown = with_and(str(Spec(s)).removeprefix("float32") for s in shapes)
            raise ShapeError(f"expects shapes that broadcast, got {shown}")
        result = tuple(size for size in sizes if size is not None)
    return result


def promoted(x: Spec, y: Spec | float) -> str:
    """Return the result dtype of x and y, Specs or Python numbers; a number adopts the dtype of a Spec of its kind."""
    if isinstance(x, Spec) and isinstance(y, Spec):
        if bool(x.shape) != bool(y.shape) and dtypes.rank(x.dtype) == dtypes.rank(y.dtype):
            return x.dtype if x.shape else y.dtype
        return dtypes.promote(x.dtype, y.dtype)
    if not isinstance(x, Spec) and not isinstance(y, Spec):
        return dtypes.of_number(y, dtypes.of_number(x, "bool"))
    return dtypes.of_number(y, x.dtype) if isinstance(x, Spec) else dtypes.of_number(x, y.dtype)


def _strictly(function: str, x: Any, y: Any) -> str:
    """Return the result dtype of a function of ``STRICT``."""
    if function in WITH_FLOATS:
        x, y = (v if isinstance(v, Spec) else Spec((), dtypes.of_python(v) or "bool") for v in (x, y))
    return dtypes.promote(x.dtype, y.dtype) if isinstance(x, Spec) and isinstance(y, Spec) else promoted(x, y)


def _compared(found: Any) -> Any:
    """Return the values of a comparison; TypeError where Python compared a tensor with an array as objects: a call converts it."""
    if isinstance(found, bool):
        raise TypeError("expects tensors")
    return found


def _scaled(x: Tensor, y: Tensor) -> Tensor:
    """Return x * 2^y; the gradient of torch's ldexp is a few per cent off."""
    _check_exponent(y)
    x = x if x.is_floating_point() else x.float()
    return x * torch.exp2(y.to(x.dtype))


def _heaviside(x: Tensor, y: Tensor) -> Tensor:
    """Return 0 where x < 0, 1 where x > 0, y where x = 0, NaN where x is NaN."""
    return torch.where(x == 0, y, torch.where(x.isnan(), x, (x > 0).to(x.dtype)))


def _constant(x: object) -> object:
    """Return a list of numbers as an array; anything else as it is."""
    from layercli.ops.core.shape import array

    return array(x) if isinstance(x, list) and _are_numbers(x) else x


def _are_numbers(x: object) -> bool:
    return all(map(_are_numbers, x)) and bool(x) if isinstance(x, list) else isinstance(x, (bool, int, float))


def _check_numbers(*values: object) -> None:
    """Raise DTypeError for a value that is neither a tensor nor a number."""
    for value in values:
        if not isinstance(value, Spec | int | float | complex | dims.Dim):
            raise DTypeError(f"expects tensors and numbers, got {value!r}")


def _check_whole(function: str, dtype: str) -> None:
    """Raise DTypeError where a function of integers, or of integers and booleans, gets another dtype."""
    if (function in WHOLE and dtypes.rank(dtype) != 1) or (function in BITS and dtypes.rank(dtype) > 1):
        raise DTypeError(f"{function} expects integers{' or booleans' * (function in BITS)}, got {dtype}")


def _check_exponent(y: Any) -> None:
    """Raise DTypeError for an exponent that is no integer."""
    dtype = dtypes.name_of(y.dtype) if hasattr(y, "dtype") else dtypes.of_python(y) or "bool"
    if dtypes.rank(dtype) != 1:
        raise DTypeError(f"ldexp expects integer exponents, got {dtype}")


def _divided(x: Tensor, y: Tensor) -> Tensor:
    """Return x / y, and 0 where y is 0; the gradient is 0 there as well."""
    zero = y == 0
    return torch.where(zero, 0, x / torch.where(zero, 1, y))
