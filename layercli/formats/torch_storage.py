"""The description of one tensor in a torch.save pickle: its storage, offset, shape and strides."""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

from layercli.core.limits import FILL, MOST_DIMENSIONS
from layercli.errors import FormatError
from layercli.formats.pickled_values import Name, Pairs, PickledCall, Reference
from layercli.formats.torch_opaque import KINDS, PACKED_BYTES, PAIRS, SCHEMES, OpaqueTensor, invalid
from layercli.formats.weight_file import BITS, MOST_BYTES, TensorEntry, is_sizes

REBUILD = "torch._utils._rebuild_"
PLAIN = {"tensor", "tensor_v2", "tensor_v3"}
"""The calls that build a tensor from a storage, and ``WRAPPERS``, which return their first argument."""
WRAPPERS = {f"{REBUILD}parameter", f"{REBUILD}parameter_with_state"}
TYPED = "torch._tensor._rebuild_from_type_v2"
OTHERS = {"device_tensor_from_numpy": "a tensor of another device"}
"""Tensors of which not even the shape is listed, by the call that builds them."""
TYPES = {"torch.Tensor", "torch.nn.parameter.Parameter", "torch.nn.parameter.Buffer"}
STORAGES = {
    "Float": "float32", "Double": "float64", "Half": "float16", "BFloat16": "bfloat16", "Char": "int8", "Short": "int16",
    "Int": "int32", "Long": "int64", "Byte": "uint8", "Bool": "bool", "ComplexFloat": "complex64",
    "ComplexDouble": "complex128", "QInt8": None, "QInt32": None, "QUInt8": None, "QUInt4x2": None, "QUInt2x4": None,
}  # fmt: skip
UNTYPED = {"torch.storage.UntypedStorage", "torch.UntypedStorage"}
DTYPES = {f"torch.{name}": name for name in BITS}


def named() -> set[str]:
    """Return the names that a pickle of tensors may contain."""
    storages = {f"{place}.{kind}Storage" for place in ("torch", "torch.cuda") for kind in STORAGES}
    calls = {f"{REBUILD}{kind}" for kind in (*PLAIN, *OTHERS, *KINDS)}
    others = {f"torch.{name}" for name in (*SCHEMES, *PACKED_BYTES)}
    return {*storages, *UNTYPED, *DTYPES, *calls, *WRAPPERS, *TYPES, *others, TYPED}


class Tensor(NamedTuple):
    """A tensor: ``shape`` and ``strides`` in values, from value ``offset`` of the ``count`` in the storage ``key``.

    The values of a ``conjugate`` or ``negative`` tensor are the conjugates or negatives of the stored ones.
    """

    key: str
    dtype: str
    count: int  # type: ignore[assignment]  # not the method of tuple
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    conjugate: bool = False
    negative: bool = False

    @property
    def nbytes(self) -> int:
        """The size of the whole storage in bytes."""
        return self.count * BITS[self.dtype] // 8

    @property
    def last(self) -> int:
        """The index of the last value in the storage."""
        found = self.offset
        for size, step in zip(self.shape, self.strides, strict=True):
            found += (size - 1) * step
        return found

    @property
    def contiguous(self) -> bool:
        """Whether the values are contiguous, the last axis varying fastest."""
        expected = 1
        for size, step in zip(reversed(self.shape), reversed(self.strides), strict=True):
            if size != 1 and step != expected:
                return 0 in self.shape
            expected *= size
        return True


def is_tensor(value: object) -> bool:
    """Whether a value in a pickle is a tensor of any kind."""
    return isinstance(value, PickledCall) and (value.of.startswith(REBUILD) or value.of == TYPED)


def tensor_of(where: str, value: object) -> Tensor | OpaqueTensor:
    """Return the tensor in ``value``, which errors call ``where``; FormatError if it is invalid."""
    call = unwrapped(value)
    if call is None:
        raise invalid(where)
    kind = call.of.removeprefix(REBUILD)
    if kind in KINDS:
        return KINDS[kind](where, call.args, lambda part: plain_of(where, unwrapped(part)))
    if kind in OTHERS:
        raise FormatError(f"{where} is {OTHERS[kind]}, which layercli does not read")
    name = packed_dtype(call)
    if name is None:
        return plain_of(where, call)
    size = PACKED_BYTES[name]
    stored = plain_of(where, call, bytes_per_value=size)
    shape = stored.shape[:-1] if size > 1 else stored.shape
    if name == PAIRS and shape:
        return OpaqueTensor(
            "of pairs of 4-bit floats", (*shape[:-1], 2 * shape[-1]), PAIRS.removesuffix("_x2"), (stored,)
        )
    return OpaqueTensor(f"of torch's dtype {name}", shape, name, (stored,))


def packed_dtype(call: PickledCall) -> str | None:
    """Return the dtype of a tensor whose values are listed and not read, or None for another."""
    if not call.of.endswith("_v3") or len(call.args) < 7 or not isinstance(call.args[6], Name):
        return None
    name = call.args[6].text.removeprefix("torch.")
    return name if name in PACKED_BYTES else None


def plain_of(where: str, call: PickledCall | None, bytes_per_value: int | None = None) -> Tensor:
    """Return the plain tensor that ``call`` builds; FormatError if it is another.

    With ``bytes_per_value`` it is that of the bytes of values that have no dtype here.
    """
    if call is None or call.of.removeprefix(REBUILD) not in PLAIN:
        raise invalid(where)
    storage, offset, shape, strides, *rest = call.args if len(call.args) >= 4 else raised(where)
    dtype = None
    if call.of.endswith("_v3"):
        dtype = rest.pop(2) if len(rest) > 2 else raised(where)
    if not is_sizes(shape, tuple) or not is_sizes(strides, tuple) or len(shape) != len(strides) or not is_size(offset):
        raise invalid(where)
    key, kind, stored = storage_of(where, storage)
    if bytes_per_value is not None:
        dtype, offset = "torch.uint8", offset * bytes_per_value
        if bytes_per_value > 1:
            shape, strides = (*shape, bytes_per_value), (*(step * bytes_per_value for step in strides), 1)
    dtype = dtype_of(where, kind if dtype is None else dtype)
    marks = marks_of(where, rest[2] if len(rest) > 2 else None)
    count = stored if kind not in UNTYPED else stored * 8 // BITS[dtype]
    tensor = Tensor(key, dtype, count, offset, shape, strides, *marks)
    check_inside(where, tensor)
    return tensor


def unwrapped(value: object) -> PickledCall | None:
    """Return the call that builds the tensor, inside those that make it a parameter."""
    for _ in range(8):  # more wrappers than any real tensor has
        if not isinstance(value, PickledCall):
            return None
        if value.of in WRAPPERS and value.args:
            value = value.args[0]
        elif value.of == TYPED and len(value.args) == 4 and is_typed(*value.args[:3]):
            value = PickledCall(value.args[0].text, value.args[2])
        else:
            return value if value.of.startswith(REBUILD) else None
    return None


def is_typed(function: object, kind: object, args: object) -> bool:
    """Whether these arguments name a function that builds a tensor, its type, and its arguments."""
    return isinstance(function, Name) and isinstance(kind, Name) and isinstance(args, tuple)


def storage_of(where: str, storage: object) -> tuple[str, str, int]:
    """Return the key of a storage, its dtype, and its number of values."""
    match storage:
        case Reference(("storage", Name(text), str(key), _, int(count), *rest)) if is_size(count) and rest in (
            [],
            [None],
        ):
            return key, text, count
    raise invalid(where)


@lru_cache(maxsize=256)
def known_dtype(name: str) -> str | None:
    """Return the dtype of the name of a storage or of a torch dtype, or None."""
    return DTYPES.get(name) or STORAGES.get(name.rpartition(".")[2].removesuffix("Storage"))


def dtype_of(where: str, kind: object) -> str:
    """Return the dtype of a storage or torch dtype name; FormatError if it is not supported."""
    name = kind.text if isinstance(kind, Name) else str(kind)
    found = known_dtype(name)
    if found is None or BITS[found] % 8:
        raise FormatError(
            f"{where} holds values of {name}, which are not numbers that layercli knows", code="bad-dtype"
        )
    return found


def marks_of(where: str, metadata: object) -> tuple[bool, bool]:
    """Return whether the values are conjugates, and negatives, of the stored ones."""
    if metadata is None:
        return False, False
    if not isinstance(metadata, Pairs):
        raise invalid(where)
    found = {key: value is True for key, value in metadata.pairs if isinstance(key, str)}
    return found.get("conj", False), found.get("neg", False)


def check_inside(where: str, tensor: Tensor) -> None:
    """Raise FormatError unless the tensor can exist and lies inside its storage."""
    size, last = prod(tensor.shape), tensor.last
    if 0 < size <= tensor.count <= MOST_BYTES // 16 and last < tensor.count and len(tensor.shape) <= MOST_DIMENSIONS:
        return
    entry = TensorEntry(where, tensor.shape, tensor.dtype)
    if not entry.fits:
        raise FormatError(f"{where} has the shape {list(tensor.shape)}, which is too large to exist", code="bad-shape")
    if not size:
        return
    if last >= tensor.count:
        raise FormatError(f"{where} reaches to value {last + 1:,} of a storage of {tensor.count:,}", code="truncated")
    if size > tensor.count:
        FILL.check(where, size)


def is_size(value: object) -> bool:
    """Whether ``value`` is a non-negative integer."""
    return type(value) is int and value >= 0


def raised(where: str) -> Any:
    """Raise that error."""
    raise invalid(where)
