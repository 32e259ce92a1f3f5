"""Layers whose weights can be stored as integers: ``quantize``, and the variables that stand for a weight afterwards."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from layercli import ops
from layercli.core.backend import get_backend
from layercli.core.dtypes import DTypePolicy
from layercli.core.fields import Validator, argument
from layercli.core.quantized_policies import (
    CALIBRATED,
    CalibratedDTypePolicy,
    Int4DTypePolicy,
    QuantizedFloat8DTypePolicy,
)
from layercli.core.types import Tensor
from layercli.core.variable import Variable
from layercli.dataclass import dataclass
from layercli.errors import NotBuiltError, UsageError
from layercli.initializers import Initializer
from layercli.layers.core.calibrated_form import CalibratedForm
from layercli.layers.core.lora import LoraMixin
from layercli.layers.core.weight_form import WeightForm
from layercli.ops.core.conversion import convert_to_tensor
from layercli.ops.nn.float8 import Float8Einsum
from layercli.ops.nn.quantized import QuantizedEinsum
from layercli.quantizers import get
from layercli.quantizers.abs_max import AbsMaxQuantizer
from layercli.quantizers.calibration_config import CalibrationConfig
from layercli.quantizers.quantization_config import Int4QuantizationConfig, QuantizationConfig, resolved


def _config(value: object) -> object:
    found = get(value) if isinstance(value, dict) else value
    if found is not None and not isinstance(found, QuantizationConfig):
        raise ValueError
    return found


Config = Annotated[Any, Validator("a QuantizationConfig or None", _config)]
"""The setting ``quantization_config``."""


FLOAT8 = tuple(f"{of}_{what}" for of in ("inputs", "kernel", "outputs_grad") for what in ("scale", "amax_history"))
"""The variables of a layer that multiplies in float8."""


@dataclass(frozen=True)
class GroupIndices(Initializer):
    """The number of the group that each place of an axis belongs to, groups of ``block`` places."""

    block: int

    def __call__(self, shape: tuple[int, ...], dtype: str = "float32", rng: Any = None) -> Any:
        """Return the numbers."""
        import numpy as np

        return (np.arange(shape[0]) // self.block).astype(dtype)


class QuantizedMixin(LoraMixin):
    """A layer with weights that ``quantize`` stores as integers. Subclasses say which, by ``weight_forms``."""

    is_quantized = False
    multiplies: ClassVar[bool] = False  # whether the weight is multiplied by the inputs alone, which float8 can do
    stored_order: ClassVar[tuple[str, ...]] = ()
    _block: int | None = argument(default=None, init=False)

    def weight_forms(self) -> tuple[WeightForm, ...]:
        """Return the form of each weight, that of the adapted one first; the layer is built, or being built."""
        raise NotImplementedError

    def quantize(self, mode: str | None = None, type_check: bool = True, config: object = None) -> None:
        """Store the weights as integers in place of the floats, ``int8`` or ``int4``, or multiply and train in ``float8``.

        ``config`` says more than ``mode``. NotBuiltError for a layer without variables; UsageError for one that is quantized
        already and an unknown mode; NotImplementedError for a class of one's own unless ``type_check`` is false, and for float8 of
        embeddings.
        """
        config = resolved(mode, config)
        if config.mode in CALIBRATED:
            raise UsageError(f"{config.mode} is calibrated on data: quantize the model that {self.name} is in")
        if type_check and not type(self).__module__.startswith("layercli.layers."):
            raise NotImplementedError(f"quantize does not know {type(self).__name__}: give type_check=False")
        if not self.built:
            raise self._own_error(NotBuiltError("has no variables yet, which quantize needs"))
        if self.is_quantized:
            raise self._own_error(UsageError(f"is quantized already: its dtype policy is {self._policy.name}"))
        if config.mode == "float8" and not self.multiplies:
            raise NotImplementedError(f"{self.name} multiplies nothing in float8: quantize it as int8 or int4")
        if config.mode == "float8" and self._lora is not None:
            raise self._own_error(UsageError("has a low-rank update, which float8 products do not take"))
        block = self._block_of(config)
        prefix = f"int4/{block or -1}" if config.mode == "int4" else config.mode
        policy = DTypePolicy.named(f"{prefix}_from_{self._policy.name}")
        if config.mode == "float8":
            self._policy = policy
            self.quantized_build(None, "float8")
            return
        forms, values, device = self.weight_forms(), {}, None
        for form in forms:
            held = vars(self)[form.name]
            device = held.stored.device
            weight = ops.cast(convert_to_tensor(held.numpy()), held.dtype)
            values.update(form.quantized(weight, config.mode, block, config))
        self._replace(values, policy, config, device)

    def _replace(self, values: dict[str, Any], policy: Any, config: QuantizationConfig, device: Any) -> None:
        """Put the variables of quantized weights, with ``values``, in the place of the floats."""
        for form in self.weight_forms():
            self._drop(form.name)
        self._policy = policy
        self.quantization_config = config
        self.quantized_build(None, config.mode, config)
        self.module.to(device)
        for name, value in values.items():
            vars(self)[name].assign(value)

    def kernel_matrix(self) -> Tensor:
        """Return the kernel in floats as a matrix (inputs, outputs), on the CPU."""
        form = self.weight_forms()[0]
        return convert_to_tensor(vars(self)[form.name].numpy()).reshape(form.sizes)

    def store_calibrated(self, values: dict[str, Any], config: CalibrationConfig) -> None:
        """Store what GPTQ or AWQ found in place of the kernel. UsageError for a layer that is quantized already."""
        if self.is_quantized or self._lora is not None:
            why = "has a low-rank update" if self._lora is not None else "is quantized already"
            raise self._own_error(UsageError(f"{why}: its dtype policy is {self._policy.name}"))
        policy: Any = DTypePolicy.named(f"{config.dtype_policy_string()}_from_{self._policy.name}")
        form = self.weight_forms()[0]
        device = vars(self)[form.name].stored.device
        self._replace(CalibratedForm(form, policy).stored(values), policy, config, device)

    def stored_forms(self) -> tuple[Any, ...]:
        """Return the form of each weight as the layer's mode has it."""
        policy = self._policy
        if isinstance(policy, CalibratedDTypePolicy):
            return tuple(CalibratedForm(form, policy) for form in self.weight_forms())
        return self.weight_forms()

    def quantized_build(self, shape: object, mode: str, config: object = None) -> None:
        """Make the variables of the quantized weights, zeros; ``shape`` is Keras's argument, and follows from the layer."""
        if mode == "float8" and self.multiplies:
            self._build_float8()
            return
        if mode not in ("int8", "int4", *CALIBRATED):
            raise self._own_error(UsageError(f"has no variables for the mode {mode!r}"))
        self._block = self._block_of(config) if mode == "int4" else None
        for form in self.stored_forms():
            for name, (sizes, dtype) in form.parts(mode, self._block).items():
                start = "ones" if name.endswith(("_scale", "_scales")) else "zeros"
                setattr(self, name, self.add_weight(name, sizes, start, dtype=dtype, trainable=False))
            if mode == "int4":
                vars(self)[form.name].unpacked = (form.sizes, form.packed)
            if self._block is not None and "g_idx" not in vars(self):
                places = (form.sizes[form.axis],)
                groups = GroupIndices(self._block)
                self.g_idx = self.add_weight("g_idx", places, groups, dtype="float32", trainable=False)
        self.is_quantized = True

    def _build_float8(self) -> None:
        length = getattr(self._policy, "amax_history_length", QuantizedFloat8DTypePolicy.default_amax_history_length)
        for name in FLOAT8:
            history = name.endswith("_history")
            shape, start = ((length,), "zeros") if history else ((), "ones")
            settings: dict[str, Any] = {"dtype": "float32", "autocast": False, "overwrite_with_gradient": True}
            setattr(self, name, self.add_weight(name, shape, start, **settings))
        self.is_quantized = True

    def float8_product(self, x: object, equation: str, bias: Any) -> Tensor:
        """Return the einsum of x and the kernel in float8, plus the bias, which float32 rounds to bfloat16 as Keras does."""
        held = vars(self)
        out = Float8Einsum(equation)(ops.cast(x, self.compute_dtype), held["kernel"], *(held[name] for name in FLOAT8))
        if bias is not None and self.compute_dtype == "float32":
            bias = ops.cast(ops.cast(bias, "bfloat16"), "float32")
        return out if bias is None else out + bias

    def _block_of(self, config: object) -> int | None:
        """Return the size of the groups: of the config, else of the policy; None without groups."""
        policy = self._policy
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
        names = [name for form in self.stored_forms() for name in form.parts(self._mode, self._block)]
        return {name: vars(self)[name] for name in (*names, *(("g_idx",) if self._block is not None else ()))}

    @property
    def _mode(self) -> str:
        return self._policy.quantization_mode or ""

    def product(self, x: object, equation: str, form: Any, quantizer: Any, kernel: object = None) -> Any:
        """Return the einsum of x and a weight; ``kernel`` are the integers where they are not those of the form as they are."""
        held = self.held()
        if quantizer is None or f"{form.name}_zero" in held:
            return ops.einsum(equation, x, form.floats(held, self._mode, self.compute_dtype))
        integers = form.integers(held, self._mode) if kernel is None else kernel
        op = QuantizedEinsum(equation, quantizer.value_range, quantizer.epsilon)
        return op(x, integers, held[f"{form.name}_scale"])

    def with_lora(self, x: Tensor, inputs: Tensor, multiply: Any) -> Any:
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
        order = self.stored_order
        if isinstance(self._policy, CalibratedDTypePolicy):
            order = ("bias", *(name for name in order if name != "bias"))
        return [vars(self)[name] for name in order if isinstance(vars(self).get(name), Variable)]

    def serialized_value(self, variable: Variable) -> Any:
        """Return a variable's value; with a low-rank update that of the sum, quantized again."""
        if not self.is_quantized or self._lora is None:
            return super().serialized_value(variable)
        form, a, b = self.weight_forms()[0], *(convert_to_tensor(each.numpy()) for each in self._lora)
        values = {name: convert_to_tensor(each.numpy()) for name, each in self.held().items()}
        merged = form.floats(values, self._mode, "float32") + a @ b * (self.lora_alpha / self.lora_rank)
        stored = form.quantized(merged, self._mode, self._block, None)
        return get_backend().to_numpy(stored[variable.key]) if variable.key in stored else variable.numpy()
