"""Layers whose weights can be stored as integers: ``quantize``, and the variables that stand for a weight afterwards."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from layercli import ops
from layercli.core.backend import get_backend
from layercli.core.dtypes import DTypePolicy
from layercli.core.fields import Validator, argument
from layercli.core.quantized_policies import Int4DTypePolicy
from layercli.core.variable import Variable
from layercli.errors import NotBuiltError, UsageError
from layercli.layers.core.lora import LoraMixin
from layercli.layers.core.weight_form import WeightForm
from layercli.ops.core.conversion import convert_to_tensor
from layercli.ops.nn.quantized import QuantizedEinsum
from layercli.quantizers import get
from layercli.quantizers.abs_max import AbsMaxQuantizer
from layercli.quantizers.quantization_config import Int4QuantizationConfig, QuantizationConfig, resolved


def _config(value: Any) -> Any:
    found = get(value) if isinstance(value, dict) else value
    if found is not None and not isinstance(found, QuantizationConfig):
        raise ValueError
    return found


Config = Annotated[Any, Validator("a QuantizationConfig or None", _config)]
"""The setting ``quantization_config``."""


class QuantizedMixin(LoraMixin):
    """A layer with weights that ``quantize`` stores as integers. Subclasses say which, by ``weight_forms``."""

    is_quantized = False
    stored_order: ClassVar[tuple[str, ...]] = ()
    _block: int | None = argument(default=None, init=False)

    def weight_forms(self) -> tuple[WeightForm, ...]:
        """Return the form of each weight, that of the adapted one first; the layer is built, or being built."""
        raise NotImplementedError

    def quantize(self, mode: str | None = None, type_check: bool = True, config: Any = None) -> None:
        """Store the weights as integers in place of the floats: ``int8``, or ``int4``; ``config`` says more than ``mode``.

        NotBuiltError for a layer without variables; UsageError for one that is quantized already, an unknown mode and float8;
        NotImplementedError for a class of one's own unless ``type_check`` is false.
        """
        config = resolved(mode, config)
        if type_check and not type(self).__module__.startswith("layercli.layers."):
            raise NotImplementedError(f"quantize does not know {type(self).__name__}: give type_check=False")
        if not self.built:
            raise self._said(NotBuiltError("has no variables yet, which quantize needs"))
        if self.is_quantized:
            raise self._said(UsageError(f"is quantized already: its dtype policy is {self.dtype_policy.name}"))
        block = self._block_of(config)
        prefix = f"int4/{block or -1}" if config.mode == "int4" else config.mode
        policy = DTypePolicy.named(f"{prefix}_from_{self.dtype_policy.name}")
        if config.mode == "float8":
            raise self._said(UsageError("trains in the dtype of its policy: float8 products are not there yet"))
        forms, values, device = self.weight_forms(), {}, None
        for form in forms:
            held = vars(self)[form.name]
            device = held.stored.device
            weight = ops.cast(convert_to_tensor(held.numpy()), held.dtype)
            values.update(form.quantized(weight, config.mode, block, config))
        for form in forms:
            self._drop(form.name)
        self._policy = policy
        self.quantization_config = config
        self.quantized_build(None, config.mode, config)
        self.module.to(device)
        for name, value in values.items():
            vars(self)[name].assign(value)

    def quantized_build(self, shape: Any, mode: str, config: Any = None) -> None:
        """Make the variables of the quantized weights, zeros; ``shape`` is Keras's argument, and follows from the layer."""
        if mode not in ("int8", "int4"):
            raise self._said(UsageError(f"has no variables for the mode {mode!r}"))
        self._block = self._block_of(config) if mode == "int4" else None
        for form in self.weight_forms():
            for name, (sizes, dtype) in form.parts(mode, self._block).items():
                start = "ones" if name.endswith("_scale") else "zeros"
                setattr(self, name, self.add_weight(name, sizes, start, dtype=dtype, trainable=False))
            if self._block is not None and "g_idx" not in vars(self):
                places = (form.sizes[form.axis],)
                self.g_idx = self.add_weight("g_idx", places, self._groups, dtype="float32", trainable=False)
        self.is_quantized = True

    def _groups(self, shape: Any, dtype: str = "float32") -> Any:
        import numpy as np

        return (np.arange(shape[0]) // (self._block or 1)).astype(dtype)

    def _block_of(self, config: Any) -> int | None:
        """Return the size of the groups: of the config, else of the policy; None without groups."""
        policy = self.dtype_policy
        size = policy.block_size if isinstance(policy, Int4DTypePolicy) else None
        size = config.block_size if isinstance(config, Int4QuantizationConfig) else size
        return None if size == -1 else size

    def _drop(self, name: str) -> None:
        variable = vars(self).pop(name)
        del self._variables[variable.key]
        delattr(variable.owner.module, variable.key)

    def _inputs_quantizer(self, default: bool) -> Any:
        """Return the quantizer of the inputs, AbsMaxQuantizer if ``default`` and no config says; UsageError for another class."""
        config = self.quantization_config
        found = (AbsMaxQuantizer() if default else None) if config is None else config.activation_quantizer
        if found is not None and type(found) is not AbsMaxQuantizer:
            raise UsageError(f"expects the inputs to be quantized by AbsMaxQuantizer, got {type(found).__name__}")
        return found

    def held(self) -> dict[str, Any]:
        """Return the variables that stand for weights, by name."""
        names = [name for form in self.weight_forms() for name in form.parts(self._mode, self._block)]
        return {name: vars(self)[name] for name in (*names, *(("g_idx",) if self._block is not None else ()))}

    @property
    def _mode(self) -> str:
        return self.dtype_policy.quantization_mode or ""

    def product(self, x: Any, equation: str, form: WeightForm, quantizer: Any, kernel: Any = None) -> Any:
        """Return the einsum of x and a weight; ``kernel`` are the integers where they are not those of the form as they are."""
        held = self.held()
        if quantizer is None or f"{form.name}_zero" in held:
            return ops.einsum(equation, x, form.floats(held, self._mode, self.compute_dtype))
        integers = form.integers(held, self._mode) if kernel is None else kernel
        op = QuantizedEinsum(equation, quantizer.value_range, quantizer.epsilon)
        return op(x, integers, held[f"{form.name}_scale"])

    def with_lora(self, x: Any, inputs: Any, multiply: Any) -> Any:
        """Return outputs plus those of the low-rank update, ``multiply(inputs, a) @ b``."""
        if self._lora is None:
            return x
        a, b = self._lora
        return ops.cast(x + ops.matmul(multiply(inputs, a), b) * (self.lora_alpha / self.lora_rank), self.compute_dtype)

    def adapted_sizes(self) -> tuple[int, ...]:
        """Return the shape of the weight that is adapted, before it was packed."""
        return self.weight_forms()[0].shape if self.is_quantized else super().adapted_sizes()

    @property
    def serialized_variables(self) -> list[Variable]:
        """The variables that a file of Keras's holds, in its order."""
        found = super().serialized_variables
        if not self.is_quantized:
            return found
        return [vars(self)[name] for name in self.stored_order if isinstance(vars(self).get(name), Variable)]

    def serialized_value(self, variable: Variable) -> Any:
        """Return a variable's value; with a low-rank update that of the sum, quantized again."""
        if not self.is_quantized or self._lora is None:
            return super().serialized_value(variable)
        form, a, b = self.weight_forms()[0], *(convert_to_tensor(each.numpy()) for each in self._lora)
        values = {name: convert_to_tensor(each.numpy()) for name, each in self.held().items()}
        merged = form.floats(values, self._mode, "float32") + a @ b * (self.lora_alpha / self.lora_rank)
        merged = form.quantized(merged, self._mode, self._block, None)
        return get_backend().to_numpy(merged[variable.key]) if variable.key in merged else variable.numpy()
