"""Tensors in a torch.save pickle that are no plain arrays of numbers: what they are, their shape, their dtype and their bytes.

They are listed and never read: sparse, quantized and nested tensors, those without values, and dtypes that numpy lacks.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from layercli.dataclass import dataclass
from layercli.errors import FormatError
from layercli.formats.pickled_values import Name, PickledCall
from layercli.formats.weight_file import BITS

QUANTIZED = {"QInt8": ("int8", 1), "QUInt8": ("uint8", 1), "QInt32": ("int32", 1), "QUInt4x2": ("uint8", 2),
             "QUInt2x4": ("uint8", 4)}  # fmt: skip
"""The storages of quantized tensors: how a value is stored, and how many share one."""
SCHEMES = {f"per_{of}" for of in ("tensor_affine", "tensor_symmetric", "channel_affine", "channel_symmetric",
                                  "channel_affine_float_qparams")}  # fmt: skip
PAIRS = "float4_e2m1fn_x2"
"""The dtype of a byte that holds two 4-bit floats."""
PACKED_BYTES = {
    **dict.fromkeys(("bits8", "bits1x8", "bits2x4", "bits4x2", PAIRS), 1),
    "bits16": 2,
    "complex32": 4,
}
"""The bytes of a value of each dtype of torch that is listed and not read."""


@dataclass(frozen=True)
class OpaqueTensor:
    """A tensor of which ``what`` says why its values are not read; ``parts`` are the plain arrays it is made of."""

    what: str
    shape: tuple[int, ...]
    dtype: str
    parts: tuple[Any, ...] = ()

    @property
    def nbytes(self) -> int:
        """The bytes of its parts."""
        return sum(prod(part.shape) * BITS[part.dtype] // 8 for part in self.parts)


Read = Callable[[Any], Any]
"""Returns the plain tensor that a call in the pickle builds; FormatError where it is none."""


def sparse(where: str, args: tuple[object, ...], read: Read) -> OpaqueTensor:
    """Indices, values and a shape, after the name of the layout."""
    data = args[1] if len(args) > 1 and isinstance(args[1], tuple) else ()
    parts = tuple(read(x) for x in data if isinstance(x, PickledCall) and x.of != "torch.Size")
    if not parts:
        raise invalid(where)
    sizes = [shape for x in data if (shape := shape_of(x)) is not None]
    return OpaqueTensor("a sparse tensor", checked(where, sizes[0] if sizes else None), parts[-1].dtype, parts)


def quantized(where: str, args: tuple[object, ...], read: Read) -> OpaqueTensor:
    """Integers of a storage, with a scale and a zero point for all or for each channel."""
    from layercli.formats.torch_storage import Tensor, storage_of

    if len(args) < 5:
        raise invalid(where)
    key, kind, count = storage_of(where, args[0])
    name = kind.rpartition(".")[2].removesuffix("Storage")
    if name not in QUANTIZED:
        raise invalid(where)
    stored, shared = QUANTIZED[name]
    count = -(-count // shared)
    settings = args[4] if isinstance(args[4], tuple) else ()
    scales = tuple(read(x) for x in settings if isinstance(x, PickledCall))
    whole = Tensor(key, stored, count, 0, (count,), (1,))
    return OpaqueTensor("a quantized tensor", checked(where, args[2]), name.lower(), (whole, *scales))


def nested(where: str, args: tuple[object, ...], read: Read) -> OpaqueTensor:
    """The values of several tensors in a row, and their sizes, strides and offsets."""
    parts = tuple(read(x) for x in args)
    if not parts:
        raise invalid(where)
    return OpaqueTensor("a nested tensor", parts[0].shape, parts[0].dtype, parts)


def valueless(where: str, args: tuple[object, ...], read: Read) -> OpaqueTensor:
    """A dtype, a shape and strides."""
    dtype = args[0].text.removeprefix("torch.") if args and isinstance(args[0], Name) else ""
    if len(args) < 3 or dtype not in BITS:
        raise invalid(where)
    return OpaqueTensor("on torch's meta device, without values", checked(where, args[1]), dtype)


def of_class(where: str, args: tuple[object, ...], read: Read) -> OpaqueTensor:
    """A class, a dtype, a shape and what else a subclass without storage has."""
    found = valueless(where, args[1:], read)
    return OpaqueTensor("a tensor of a class of its own", found.shape, found.dtype)


def of_device(where: str, args: tuple[object, ...], read: Read) -> OpaqueTensor:
    """A tensor of the CPU that is moved to another device."""
    part = read(args[0] if args else None)
    return OpaqueTensor("a tensor of another device", part.shape, part.dtype, (part,))


KINDS = {
    "sparse_tensor": sparse,
    "sparse_csr_tensor": sparse,
    "qtensor": quantized,
    "nested_tensor": nested,
    "meta_tensor_no_storage": valueless,
    "wrapper_subclass": of_class,
    "device_tensor_from_cpu_tensor": of_device,
}
"""The tensors that are no plain arrays, by the end of the name of the call that builds them."""


def shape_of(value: object) -> tuple[int, ...] | None:
    """Return the sizes in a tuple or a torch.Size, or None."""
    if isinstance(value, PickledCall) and value.of == "torch.Size" and len(value.args) == 1:
        value = value.args[0]
    if isinstance(value, tuple) and all(type(size) is int and size >= 0 for size in value):
        return value
    return None


def checked(where: str, value: object) -> tuple[int, ...]:
    """Return a shape that can exist; FormatError for another."""
    from layercli.formats.weight_file import TensorEntry

    shape = shape_of(value)
    if shape is None or not TensorEntry("", shape, "float64").fits:
        raise invalid(where)
    return shape


def invalid(where: str) -> FormatError:
    """Return the error for an invalid description of a tensor."""
    return FormatError(f"{where} has an invalid description")
