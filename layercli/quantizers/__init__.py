"""Quantizers, as in Keras's ``quantizers``: tensors as integers or float8 with scales, and the configs of ``quantize``.

Each name is imported when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layercli.core.registry import DataclassConfig, Registry
from layercli.core.registry import serialize as plain

if TYPE_CHECKING:
    from layercli.quantizers.abs_max import AbsMaxQuantizer, Quantizer, abs_max_quantize
    from layercli.quantizers.calibration_config import AWQConfig, GPTQConfig
    from layercli.quantizers.fake_quant import fake_quant_with_min_max_vars
    from layercli.quantizers.float8 import compute_float8_amax_history, compute_float8_scale, quantize_and_dequantize
    from layercli.quantizers.grouped import abs_max_quantize_grouped_with_zero_point
    from layercli.quantizers.int4 import pack_int4, unpack_int4
    from layercli.quantizers.quantization_config import (
        Float8QuantizationConfig,
        Int4QuantizationConfig,
        Int8QuantizationConfig,
        QuantizationConfig,
    )

__all__ = [
    "AWQConfig", "AbsMaxQuantizer", "Float8QuantizationConfig", "GPTQConfig",
    "Int4QuantizationConfig", "Int8QuantizationConfig", "QuantizationConfig",
    "Quantizer", "abs_max_quantize", "abs_max_quantize_grouped_with_zero_point", "compute_float8_amax_history",
    "compute_float8_scale", "deserialize", "fake_quant_with_min_max_vars", "get", "pack_int4", "quantize_and_dequantize",
    "serialize", "unpack_int4",
]  # fmt: skip

_registry = Registry(
    __name__,
    "quantizer",
    {
        "abs_max": "AbsMaxQuantizer Quantizer abs_max_quantize",
        "calibration_config": "AWQConfig GPTQConfig",
        "fake_quant": "fake_quant_with_min_max_vars",
        "float8": "compute_float8_amax_history compute_float8_scale quantize_and_dequantize",
        "grouped": "abs_max_quantize_grouped_with_zero_point",
        "int4": "pack_int4 unpack_int4",
        "quantization_config": (
            "Float8QuantizationConfig Int4QuantizationConfig Int8QuantizationConfig QuantizationConfig"
        ),
    },
)
deserialize = _registry.deserialize


def serialize(initializer: object) -> Any:
    """Return a quantizer or a config as plain data by Keras's names; the argument has Keras's name."""
    return plain(initializer)


def get(identifier: Any, **kwargs: Any) -> Any:
    """Return the quantizer or config of a name, a class or plain data, made with ``kwargs``; an object and None as they are."""
    found = _registry.find(identifier) if isinstance(identifier, str) else identifier
    if isinstance(found, type) and issubclass(found, DataclassConfig):
        return found(**kwargs)
    return None if found is None else _registry.get(found)


def __getattr__(name: str) -> Any:
    return _registry.load(name)


def __dir__() -> list[str]:
    return sorted(__all__)
