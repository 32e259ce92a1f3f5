"""Dtypes, which are strings with the names of NumPy and torch, and dtype policies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layercli.core.types import Config
from layercli.dataclass import dataclass
from layercli.errors import DTypeError, nearest

BYTES = {
    "bool": 1, "uint8": 1, "uint16": 2, "uint32": 4, "uint64": 8, "int8": 1, "int16": 2, "int32": 4, "int64": 8,
    "float8_e4m3fn": 1, "float8_e5m2": 1, "float16": 2, "bfloat16": 2, "float32": 4, "float64": 8,
    "complex64": 8, "complex128": 16,
}  # fmt: skip
"""Every dtype there is, with the size of one value in bytes."""

REAL = {"complex64": "float32", "complex128": "float64"}
"""Complex dtypes, with the dtype of their parts."""

ALIASES = {"half": "float16", "float": "float32", "double": "float64", "int": "int32", "long": "int64"}

_FLOATS = ("float8_e4m3fn", "float8_e5m2", "float16", "bfloat16", "float32", "float64")
_SIGNED = ("int8", "int16", "int32", "int64")


def name_of(dtype: object) -> str:
    """Return the name of a dtype given as a string, a torch or numpy dtype, or a Python type; DTypeError otherwise."""
    if isinstance(dtype, str) and dtype in BYTES:
        return dtype
    text = dtype.__name__ if isinstance(dtype, type) else str(getattr(dtype, "name", dtype))
    name = text.removeprefix("torch.")
    name = ALIASES.get(name, name)
    if name not in BYTES:
        raise DTypeError(f"there is no dtype {text!r}", hint=nearest(text, [*BYTES, *ALIASES]))
    return name


def is_floating(dtype: str) -> bool:
    """Whether ``dtype`` is a floating-point dtype."""
    return dtype in _FLOATS


def is_integer(dtype: str) -> bool:
    """Whether ``dtype`` is an integer dtype (bool is none)."""
    return dtype in _SIGNED or dtype.startswith("uint")


INDEX = "int32"
"""The dtype of indices, counts and Python integers, as of Keras on torch."""


def of_python(values: object) -> str | None:
    """Return the dtype of a tensor of Python numbers, or of nested lists of them; None of booleans, arrays and what else.

    Integers that int32 cannot hold are int64.
    """
    if isinstance(values, (list, tuple)):
        kinds = {of_python(each) for each in values}
        return max(kinds, key=_PYTHON.index) if kinds else None
    if isinstance(values, float):  # numpy's float64 is one
        return "float32"
    if type(values) is not int:
        return None
    return INDEX if -(2**31) <= values < 2**31 else "int64"


_PYTHON = (None, INDEX, "int64", "float32")


def of_sum(dtype: str) -> str:
    """Return the dtype of sums and products of values of ``dtype``: at least int32 for booleans and integers."""
    return dtype if rank(dtype) >= 2 or dtype == "int64" else INDEX


def of_count(dtype: str) -> str:
    """Return the dtype of running totals of values of ``dtype``, or asked for in it: int32 for booleans."""
    return INDEX if dtype == "bool" else dtype


_GREATEST = {
    "float8_e4m3fn": 448.0, "float8_e5m2": 57344.0, "float16": 65504.0, "bfloat16": 3.3895313892515355e38,
    "float32": 3.4028234663852886e38, "float64": 1.7976931348623157e308,
}  # fmt: skip


def finfo_range(dtype: str) -> tuple[Any, Any]:
    """Return the least and the greatest number of a real ``dtype``.

    >>> finfo_range("int8")
    (-128, 127)
    """
    if dtype in _GREATEST:
        return -_GREATEST[dtype], _GREATEST[dtype]
    bits = BYTES[dtype] * 8
    return (0, 2**bits - 1) if dtype.startswith("uint") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def rank(dtype: str) -> int:
    """Return the category that decides promotion: 0 bool, 1 integer, 2 floating, 3 complex."""
    if dtype == "bool":
        return 0
    if is_integer(dtype):
        return 1
    return 2 if is_floating(dtype) else 3


def of_number(value: object, beside: str) -> str:
    """Return the dtype of the Python number ``value`` in an operation with a tensor of dtype ``beside``, as in Keras."""
    kind = {bool: "bool", int: INDEX, float: "float32", complex: "complex64"}.get(type(value))
    if kind is None:
        raise DTypeError(f"expects tensors and numbers, got {value!r}")
    return beside if rank(kind) <= rank(beside) else kind


def promote(left: str, right: str) -> str:
    """Return the dtype of an operation on two tensors, by torch's type promotion."""
    if left == right:
        return left
    if rank(left) != rank(right):
        return max(left, right, key=rank)
    if left.startswith("uint") != right.startswith("uint"):
        return _mixed_sign(*sorted((left, right), key=lambda name: name.startswith("uint")))
    if {left, right} == {"float16", "bfloat16"}:
        return "float32"
    return max(left, right, key=BYTES.__getitem__)


def _mixed_sign(signed: str, unsigned: str) -> str:
    """Return the smallest signed dtype that holds both dtypes; torch has this promotion for uint8 only."""
    wide = BYTES[unsigned] * 2
    return max(signed, f"int{min(wide, 8) * 8}", key=BYTES.__getitem__)


@dataclass(frozen=True, init=False, repr=False)
class DTypePolicy:
    """A dtype policy: the dtype of computations and the dtype of variables.

    >>> policy = DTypePolicy("mixed_bfloat16")
    >>> policy, policy.compute_dtype, policy.variable_dtype
    (<DTypePolicy "mixed_bfloat16">, 'bfloat16', 'float32')

    Args:
        name: A dtype, ``mixed_float16`` or ``mixed_bfloat16``; by default the global policy. DTypeError for another.
    """

    name: str
    compute: str
    variable: str

    def __init__(self, name: Any = None) -> None:
        given = default_policy().name if name is None else name
        mixed = isinstance(given, str) and given.startswith("mixed_")
        dtype = name_of(given.removeprefix("mixed_") if mixed else given)
        for field, value in {
            "name": given if mixed else dtype,
            "compute": dtype,
            "variable": "float32" if mixed else dtype,
        }.items():
            object.__setattr__(self, field, value)

    @property
    def compute_dtype(self) -> str:
        """The dtype of computations (Keras's name of ``compute``)."""
        return self.compute

    @property
    def variable_dtype(self) -> str:
        """The dtype of variables (Keras's name of ``variable``)."""
        return self.variable

    @property
    def quantization_mode(self) -> str | None:
        """How the weights are stored, of a quantized policy; None of others."""
        return None

    def convert_input(self, x: Any, autocast: bool, dtype: str) -> Any:
        """Return an array or a tensor as a tensor, in ``dtype`` if it is of floats and ``autocast``; anything else as it is."""
        from layercli.core.backend import get_backend

        if not hasattr(x, "dtype"):
            return x
        tensors = get_backend().ops
        x = tensors.convert_to_tensor(x)
        floats = autocast and is_floating(name_of(x.dtype)) and name_of(x.dtype) != dtype
        return tensors.cast(x, dtype) if floats else x

    @staticmethod
    def named(name: Any) -> DTypePolicy:
        """Return the policy of a name, also ``int8_from_float32``, or of plain data. A DTypePolicy is returned unchanged."""
        if isinstance(name, DTypePolicy):
            return name
        if isinstance(name, Mapping):
            from layercli.core.policy_config import deserialize

            return deserialize(name)
        if isinstance(name, str) and "_from_" in name:
            from layercli.core import quantized_policies

            found = quantized_policies.of_name(name)
            if found is not None:
                return found
        return DTypePolicy(name)

    def of_path(self, path: str) -> DTypePolicy:
        """Return the policy of the layer at a path: this one."""
        return self

    def get_config(self) -> Config:
        """Return the argument of the constructor."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: Config) -> DTypePolicy:
        """Return the policy of a config."""
        return cls(**config)

    def __repr__(self) -> str:
        return f'<{type(self).__name__} "{self.name}">'


_default = DTypePolicy("float32")


def default_policy() -> DTypePolicy:
    """Return the policy of layers without a dtype argument."""
    return _default


def set_default_policy(policy: object) -> None:
    """Set the policy of new layers without a dtype argument."""
    global _default
    _default = DTypePolicy.named(policy)
