"""The configs of ``quantize`` that choose integers by the inputs of layers on data: GPTQ and AWQ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layercli.core.types import Config
from layercli.errors import UsageError
from layercli.quantizers.quantization_config import QuantizationConfig


class CalibrationConfig(QuantizationConfig):
    """The base class of GPTQConfig and AWQConfig: the data to calibrate on, and the settings that both have."""

    dataset: Any
    tokenizer: Any
    weight_bits: int
    num_samples: int
    sequence_length: int
    group_size: int
    quantization_layer_structure: Mapping[str, Any] | None

    def _hold(self, given: Mapping[str, Any], bits: tuple[int, ...], positive: tuple[str, ...]) -> None:
        """Take the arguments of a constructor; UsageError for those out of range."""
        super().__init__()
        vars(self).update({name: value for name, value in given.items() if name not in ("self", "__class__")})
        name = type(self).__name__
        if self.weight_bits not in bits:
            raise UsageError(f"{name} expects weight_bits to be one of {bits}, got {self.weight_bits!r}")
        for each in positive:
            if given[each] <= 0:
                raise UsageError(f"{name} expects {each} to be a positive integer, got {given[each]!r}")
        if self.group_size < -1 or not self.group_size:
            raise UsageError(f"{name} expects group_size to be -1 or a positive integer, got {self.group_size!r}")

    def dtype_policy_string(self) -> str:
        """Return the mode as a dtype policy has it: ``gptq/4/128``."""
        return f"{self.mode}/{self.weight_bits}/{self.group_size}"

    def get_config(self) -> Config:
        """Return the arguments, without the data and the layers, which are needed once."""
        left_out = dict.fromkeys(("dataset", "tokenizer", "quantization_layer_structure"))
        held = {
            key: value for key, value in vars(self).items() if key not in ("weight_quantizer", "activation_quantizer")
        }
        return {**held, **left_out}


class GPTQConfig(CalibrationConfig):
    """Integers by GPTQ (Frantar et al., 2022): each column is rounded, and the later ones make up for its error on the data.

    Args:
        dataset: Texts, or arrays of token numbers.
        tokenizer: What splits the texts, by its ``tokenize``; not asked for arrays, and not None.
        weight_bits: 2, 3, 4 or 8.
        num_samples: How many sequences of the data are used.
        per_channel: Whether each output has its own scale.
        sequence_length: How many tokens a sequence has.
        hessian_damping: What share of the mean of its diagonal is added to the Hessian's; from 0 to 1.
        group_size: How many inputs share a scale and a zero point; -1 for all.
        symmetric: Whether the zero point is the middle of the integers.
        activation_order: Whether the inputs of the greatest second moment are rounded first.
        quantization_layer_structure: As ``Model.get_quantization_layer_structure`` returns it, which is asked for None.
    """

    per_channel: bool
    hessian_damping: float
    symmetric: bool
    activation_order: bool

    def __init__(
        self,
        dataset: Any,
        tokenizer: Any,
        *,
        weight_bits: int = 4,
        num_samples: int = 128,
        per_channel: bool = True,
        sequence_length: int = 512,
        hessian_damping: float = 0.01,
        group_size: int = 128,
        symmetric: bool = False,
        activation_order: bool = False,
        quantization_layer_structure: Mapping[str, Any] | None = None,
    ) -> None:
        self._hold(locals(), (2, 3, 4, 8), ("num_samples", "sequence_length"))
        if not 0 <= hessian_damping <= 1:
            raise UsageError(f"GPTQConfig expects hessian_damping to be from 0 to 1, got {hessian_damping!r}")

    @property
    def mode(self) -> str:
        """The mode, gptq."""
        return "gptq"


class AWQConfig(CalibrationConfig):
    """Integers of 4 bits by AWQ (Lin et al., 2023): inputs that are large on the data are scaled up before the rounding.

    Args:
        dataset: Texts, or arrays of token numbers.
        tokenizer: What splits the texts, by its ``tokenize``; not asked for arrays, and not None.
        weight_bits: 4.
        num_samples: How many sequences of the data are used.
        sequence_length: How many tokens a sequence has.
        group_size: How many inputs share a scale and a zero point; -1 for all.
        num_grid_points: How many powers of the largest inputs are tried as their scales.
        quantization_layer_structure: As ``Model.get_quantization_layer_structure`` returns it, which is asked for None.
    """

    num_grid_points: int

    def __init__(
        self,
        dataset: Any,
        tokenizer: Any,
        *,
        weight_bits: int = 4,
        num_samples: int = 128,
        sequence_length: int = 512,
        group_size: int = 128,
        num_grid_points: int = 20,
        quantization_layer_structure: Mapping[str, Any] | None = None,
    ) -> None:
        self._hold(locals(), (4,), ("num_samples", "sequence_length", "num_grid_points"))

    @property
    def mode(self) -> str:
        """The mode, awq."""
        return "awq"
