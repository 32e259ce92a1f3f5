"""How a kernel is stored whose integers GPTQ or AWQ chose: which variables stand for it, and what they are worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layercli import ops
from layercli.core.quantized_policies import CalibratedDTypePolicy
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.layers.core.weight_form import Part, WeightForm
from layercli.quantizers.grouped import dequantized
from layercli.quantizers.int4 import pack_int4, unpack_int4


@dataclass(frozen=True)
class CalibratedForm:
    """A kernel as a matrix (outputs, inputs) of bytes, each two values of 4 bits or one of another size.

    Each output has a scale and a zero point for each group of inputs; ``form`` is that of the floats.
    """

    form: WeightForm
    policy: CalibratedDTypePolicy

    @property
    def name(self) -> str:
        """The name of the weight."""
        return self.form.name

    def parts(self, mode: str, block: int | None) -> dict[str, Part]:
        """Return the variables that stand for the weight."""
        inputs, outputs = self.form.sizes
        size, policy = self.name, self.policy
        held = ((outputs + 1) // 2 if policy.weight_bits == 4 else outputs, inputs)
        scales = (outputs, 1 if policy.group_size == -1 else -(-inputs // policy.group_size))
        found: dict[str, Part] = {
            size: (held, "uint8"),
            f"{size}_scale": (scales, None),
            f"{size}_zero": (scales, "uint8"),
        }
        if mode == "awq":
            found["awq_scales"] = ((inputs,), None)
        return found | {"g_idx": ((inputs,), "float32")}

    def stored(self, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the values of those variables for what ``quantizers.calibrated`` found."""
        found = {f"{self.name}{key}" if key[:1] in ("", "_") else key: value for key, value in values.items()}
        for name in (self.name, f"{self.name}_zero"):
            found[name] = ops.cast(found[name], "uint8")
        if self.policy.weight_bits == 4:
            found[self.name] = pack_int4(found[self.name], 0, "uint8")[0]
        return found

    def floats(self, held: Mapping[str, Any], mode: str, dtype: str) -> Tensor:
        """Return the weight that the variables ``held`` stand for, in ``dtype``."""
        integers = held[self.name]
        if self.policy.weight_bits == 4:
            integers = unpack_int4(integers, self.form.sizes[1], 0, "uint8")
        scale, zero = held[f"{self.name}_scale"], held[f"{self.name}_zero"]
        found = ops.transpose(dequantized(integers, scale, zero, held["g_idx"], 1))
        if mode == "awq":
            found = ops.divide(found, ops.expand_dims(held["awq_scales"], -1))
        return ops.reshape(ops.cast(found, dtype), self.form.shape)
