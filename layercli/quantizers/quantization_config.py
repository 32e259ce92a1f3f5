"""The configs of ``quantize``: the mode, and how the weights and the inputs of layers become integers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from layercli.core.registry import DataclassConfig
from layercli.errors import UsageError
from layercli.quantizers.abs_max import AbsMaxQuantizer

INT4_RANGE = (-8, 7)


class QuantizationConfig(DataclassConfig):
    """The base class of the configs of ``quantize``.

    Args:
        weight_quantizer: The quantizer of the weights; None for AbsMaxQuantizer.
        activation_quantizer: The quantizer of the inputs; None to quantize the weights alone.
    """

    keras_module: ClassVar[str] = "keras.quantizers"

    def __init__(self, weight_quantizer: Any = None, activation_quantizer: Any = None) -> None:
        self.weight_quantizer, self.activation_quantizer = weight_quantizer, activation_quantizer

    @property
    def mode(self) -> str:
        """The mode: int8, int4, float8, gptq or awq."""
        raise NotImplementedError(f"{type(self).__name__} does not say its mode")

    def _check_weights(self, **wanted: object) -> None:
        for name, value in wanted.items():
            found = getattr(self.weight_quantizer, name, value)
            if found != value:
                raise UsageError(
                    f"{type(self).__name__} expects a weight_quantizer with {name}={value!r}, got {found!r}"
                )


class Int8QuantizationConfig(QuantizationConfig):
    """Weights as int8, one scale for each output; inputs as int8 too, one scale for each row.

    Args:
        weight_quantizer: The quantizer of the weights; None for AbsMaxQuantizer.
        activation_quantizer: The quantizer of the inputs, by default AbsMaxQuantizer(); None to quantize the weights alone.
    """

    def __init__(self, weight_quantizer: Any = None, activation_quantizer: Any = "default") -> None:
        super().__init__(
            weight_quantizer, AbsMaxQuantizer() if activation_quantizer == "default" else activation_quantizer
        )
        self._check_weights(output_dtype="int8")

    @property
    def mode(self) -> str:
        """The mode, int8."""
        return "int8"


class Int4QuantizationConfig(QuantizationConfig):
    """Weights as integers of 4 bits, two in each byte.

    Args:
        weight_quantizer: The quantizer of the weights; None for AbsMaxQuantizer.
        activation_quantizer: The quantizer of the inputs; by default they stay as they are.
        block_size: How many inputs have one scale and zero point; None or -1 for one scale for each output. UsageError for 0 or
            less, and for quantizers of one's own beside a block size.
    """

    def __init__(
        self, weight_quantizer: Any = None, activation_quantizer: Any = "default", block_size: int | None = 128
    ) -> None:
        super().__init__(weight_quantizer, None if activation_quantizer == "default" else activation_quantizer)
        if block_size is not None and block_size != -1 and block_size <= 0:
            raise UsageError(
                f"Int4QuantizationConfig expects block_size to be None, -1 or positive, got {block_size!r}"
            )
        self.block_size = block_size
        grouped = block_size is not None and block_size > 0
        if grouped and (self.weight_quantizer is not None or self.activation_quantizer is not None):
            raise UsageError(
                "Int4QuantizationConfig takes no quantizers with a block_size, whose groups have zero points",
                hint="block_size=None",
            )
        self._check_weights(value_range=INT4_RANGE, output_dtype="int8")

    @property
    def mode(self) -> str:
        """The mode, int4."""
        return "int4"

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Self:
        """Return the object of a config; one without a block size is from before there were groups."""
        return super().from_config({"block_size": None, **config}, custom_objects)


class Float8QuantizationConfig(QuantizationConfig):
    """Products in float8, for training; it has no settings."""

    def __init__(self) -> None:
        super().__init__()

    @property
    def mode(self) -> str:
        """The mode, float8."""
        return "float8"


def resolved(mode: object, config: object) -> QuantizationConfig:
    """Return the config of a mode, or the config itself. UsageError for an unknown mode, and where the two differ."""
    from layercli.core.quantized_policies import CALIBRATED, MODES

    mode, config = (config, None) if isinstance(config, str) else (mode, config)
    if mode is not None and mode not in MODES:
        raise UsageError(f"a quantization mode is one of {', '.join(MODES)}, got {mode!r}")
    if config is None:
        if mode is None:
            raise UsageError("quantize needs a mode or a config")
        if mode in CALIBRATED:
            raise UsageError(f"quantize needs a config for {mode}: {mode.upper()}Config has the data to calibrate on")
        kinds = {"int8": Int8QuantizationConfig, "int4": Int4QuantizationConfig, "float8": Float8QuantizationConfig}
        made: QuantizationConfig = kinds[mode]()
        return made
    if not isinstance(config, QuantizationConfig):
        raise UsageError(f"quantize expects config to be a QuantizationConfig, got {config!r}")
    if mode is not None and config.mode != mode:
        raise UsageError(f"quantize got the mode {mode!r} and a config of the mode {config.mode!r}")
    return config
