"""How a weight is stored as integers: which variables stand for it, and what they are worth."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from layercli import ops
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.ops.core.conversion import convert_to_tensor
from layercli.ops.nn.quantized import aligned
from layercli.quantizers.abs_max import AbsMaxQuantizer
from layercli.quantizers.grouped import abs_max_quantize_grouped_with_zero_point, dequantized
from layercli.quantizers.int4 import pack_int4, unpack_int4
from layercli.quantizers.quantization_config import INT4_RANGE, QuantizationConfig

Part = tuple[tuple[int, ...], str | None]
"""The shape of a variable and its dtype, None for that of the layer's variables."""


@dataclass(frozen=True)
class WeightForm:
    """A weight ``name`` of the shape ``shape``, whose axes ``summed`` have one scale in int8.

    In int4 it is a matrix ``sizes``, summed over ``axis``: a scale, or one for each group of ``axis``, for each size of the other
    axis; two values along ``packed`` share a byte. ``letters`` of the weight and of the outputs, if given, say that the scale of
    int8 has the axes of the outputs. ``zero`` is the dtype of the zero points.
    """

    name: str
    shape: tuple[int, ...]
    summed: tuple[int, ...]
    sizes: tuple[int, int]
    axis: int = 0
    packed: int = 1
    letters: tuple[str, str] | None = None
    zero: str | None = "int8"

    def parts(self, mode: str, block: int | None) -> dict[str, Part]:
        """Return the variables that stand for the weight; ``block`` is the size of the groups, None without groups."""
        kept = [size for i, size in enumerate(self.shape) if i not in self.summed]
        if mode == "int8":
            by_letter = dict(zip(self.letters[0], self.shape, strict=True)) if self.letters else {}
            out = self.letters[1] if self.letters else ""
            sizes = tuple(by_letter.get(letter, 1) for letter in out) if out else tuple(kept)
            return {self.name: (self.shape, "int8"), f"{self.name}_scale": (sizes, None)}
        packed, scales = list(self.sizes), [self.sizes[1 - self.axis]]
        packed[self.packed] = (packed[self.packed] + 1) // 2
        found: dict[str, Part] = {self.name: (tuple(packed), "int8")}
        if block is not None:
            scales.insert(self.axis, -(-self.sizes[self.axis] // block))
        found[f"{self.name}_scale"] = (tuple(scales), None)
        return found if block is None else found | {f"{self.name}_zero": (tuple(scales), self.zero)}

    def quantized(
        self, value: Tensor, mode: str, block: int | None, config: QuantizationConfig | None
    ) -> dict[str, Any]:
        """Return the values of those variables for a weight, on the CPU."""
        quantizer = getattr(config, "weight_quantizer", None)
        if mode == "int8":
            integers, scale = self._rounded(value, quantizer or AbsMaxQuantizer(), self.summed)
            shape = self.parts(mode, None)[f"{self.name}_scale"][0]
            scale = aligned(scale, *self.letters) if self.letters else scale.reshape(shape)
            return {self.name: integers, f"{self.name}_scale": scale}
        matrix = value.reshape(self.sizes)
        if block is None:
            integers, scale = self._rounded(matrix, quantizer or AbsMaxQuantizer(None, INT4_RANGE), (self.axis,))
            found = {f"{self.name}_scale": scale.squeeze(self.axis)}
        else:
            by_row = matrix if self.axis == 0 else matrix.T
            parts = abs_max_quantize_grouped_with_zero_point(by_row, block, to_numpy=True)
            integers, scale, zero = (part if self.axis == 0 else part.T for part in parts)
            found = {f"{self.name}_scale": scale, f"{self.name}_zero": zero}
        return {self.name: pack_int4(integers, self.packed)[0], **found}

    def _rounded(self, value: Tensor, quantizer: Any, axes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        own = {} if getattr(quantizer, "axis", axes) is not None else {"axis": axes}
        integers, scale = quantizer(value, to_numpy=True, **own)
        return convert_to_tensor(integers), convert_to_tensor(scale)

    def integers(self, held: Mapping[str, Any], mode: str) -> Tensor:
        """Return the integers of the variables ``held``, unpacked."""
        stored = held[self.name]
        return unpack_int4(stored, self.sizes[self.packed], self.packed) if mode == "int4" else stored

    def floats(self, held: Mapping[str, Any], mode: str, dtype: str) -> Tensor:
        """Return the weight that the variables ``held`` stand for, in ``dtype``."""
        integers, scale = self.integers(held, mode), held[f"{self.name}_scale"]
        if f"{self.name}_zero" in held:
            groups = held["g_idx"]
            found = ops.cast(dequantized(integers, scale, held[f"{self.name}_zero"], groups, self.axis), dtype)
        else:
            if mode == "int8" and self.letters:
                scale = self._back(scale)
            elif (self.axis if mode == "int4" else self.summed[0]) == 1:
                scale = ops.expand_dims(scale, -1)
            found = ops.divide(ops.cast(integers, dtype), scale)
        return ops.reshape(found, self.shape) if self.sizes != self.shape else found

    def _back(self, scale: Tensor) -> Tensor:
        """Return the scale with the axes of the weight in place of those of the outputs."""
        weight, out = self.letters or ("", "")
        kept = [letter for letter in out if letter in weight]
        sizes = [size for letter, size in zip(out, scale.shape, strict=True) if letter in weight]
        scale = ops.transpose(ops.reshape(scale, sizes), [kept.index(x) for x in weight if x in kept])
        return ops.reshape(scale, [size if i not in self.summed else 1 for i, size in enumerate(self.shape)])


def einsum_form(shape: tuple[int, ...], letters: str, out: str) -> WeightForm:
    """Return the form of the kernel of an einsum: its letters, and those of the outputs."""
    summed = tuple(i for i, letter in enumerate(letters) if letter not in out)
    rows = prod(shape[i] for i in summed)
    return WeightForm("kernel", shape, summed, (rows, prod(shape) // rows), letters=(letters, out))
