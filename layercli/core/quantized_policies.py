"""The dtype policies of quantized layers: how the weights are stored, and the policy of the float layer that they stand for."""

from __future__ import annotations

from typing import ClassVar

from layercli.core.dtypes import DTypePolicy, default_policy
from layercli.core.types import Config
from layercli.dataclass import dataclass
from layercli.errors import DTypeError, UsageError

CALIBRATED = ("gptq", "awq")
"""The modes whose integers are chosen by the inputs of layers on data."""
MODES = ("int8", "float8", "int4", *CALIBRATED)
"""The modes of quantize."""


@dataclass(frozen=True, init=False, repr=False)
class QuantizedDTypePolicy(DTypePolicy):
    """The policy of a quantized layer, ``int8_from_float32``: weights in ``mode``, all else as ``source_name`` says.

    >>> policy = QuantizedDTypePolicy("int8", "mixed_bfloat16")
    >>> policy, policy.compute_dtype, policy.quantization_mode
    (<QuantizedDTypePolicy "int8_from_mixed_bfloat16">, 'bfloat16', 'int8')

    Args:
        mode: int8, int4, float8, or as the subclasses say. UsageError for another.
        source_name: The name of the policy before; None for the global one.
    """

    mode: str
    source_name: str

    def __init__(self, mode: str, source_name: str | None = None) -> None:
        source = DTypePolicy(default_policy().name if source_name is None else source_name)
        base = mode.partition("/")[0]
        if base not in MODES:
            raise UsageError(f"a quantization mode is one of {', '.join(MODES)}, got {mode!r}")
        if base == "int8" and source.compute == "float16":
            raise UsageError(
                "int8 does not work well with the compute dtype float16", hint="mixed_bfloat16, or float32"
            )
        self._hold(name=f"{mode}_from_{source.name}", compute=source.compute, variable=source.variable)
        self._hold(mode=base, source_name=source.name)

    def _hold(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def quantization_mode(self) -> str | None:
        """How the weights are stored: int8, int4, float8, gptq or awq."""
        return self.mode

    def get_config(self) -> Config:
        """Return the arguments of the constructor."""
        return {"mode": self.name.partition("_from_")[0], "source_name": self.source_name}


@dataclass(frozen=True, init=False, repr=False)
class Int4DTypePolicy(QuantizedDTypePolicy):
    """The policy of a layer with int4 weights in groups: ``int4/128_from_float32``.

    Args:
        mode: ``int4/<block_size>``; a block size of -1 means one scale for each output. UsageError for another form.
        source_name: The name of the policy before; None for the global one.
    """

    block_size: int

    def __init__(self, mode: str, source_name: str | None = None) -> None:
        base, _, size = mode.partition("/")
        try:
            block_size = int(size)
        except ValueError:
            block_size = 0
        if base != "int4" or block_size < -1 or not block_size:
            raise UsageError(f"Int4DTypePolicy expects mode to be int4/ and -1 or a positive integer, got {mode!r}")
        super().__init__(mode, source_name)
        self._hold(block_size=block_size)


@dataclass(frozen=True, init=False, repr=False)
class QuantizedFloat8DTypePolicy(QuantizedDTypePolicy):
    """The policy of a layer that trains with float8 products: ``float8_from_float32``.

    Args:
        mode: float8.
        source_name: The name of the policy before; None for the global one.
        amax_history_length: The number of steps whose largest magnitudes decide the scale. TypeError unless an integer.
    """

    default_amax_history_length: ClassVar[int] = 1024
    amax_history_length: int

    def __init__(self, mode: str, source_name: str | None = None, amax_history_length: int = 1024) -> None:
        super().__init__(mode, source_name)
        if not isinstance(amax_history_length, int):
            raise DTypeError(f"amax_history_length is an integer, got {amax_history_length!r}")
        self._hold(amax_history_length=amax_history_length)

    def get_config(self) -> Config:
        """Return the arguments of the constructor."""
        return {**super().get_config(), "amax_history_length": self.amax_history_length}


@dataclass(frozen=True, init=False, repr=False)
class CalibratedDTypePolicy(QuantizedDTypePolicy):
    """The base class of GPTQDTypePolicy and AWQDTypePolicy."""

    bits: ClassVar[tuple[int, ...]] = ()
    weight_bits: int
    group_size: int

    def __init__(self, mode: str, source_name: str | None = None) -> None:
        wanted, (base, *numbers) = type(self).__name__.removesuffix("DTypePolicy").lower(), mode.split("/")
        try:
            weight_bits, group_size = map(int, numbers)
        except ValueError:
            weight_bits = group_size = 0
        if base != wanted or weight_bits not in self.bits or group_size < -1 or not group_size:
            raise UsageError(
                f"{type(self).__name__} expects mode to be {wanted}/BITS/GROUP, BITS one of {self.bits} and GROUP -1 or positive, "
                f"got {mode!r}"
            )
        super().__init__(mode, source_name)
        self._hold(weight_bits=weight_bits, group_size=group_size)


@dataclass(frozen=True, init=False, repr=False)
class GPTQDTypePolicy(CalibratedDTypePolicy):
    """The policy of a layer with integers by GPTQ, of 4 bits in groups of 128 inputs: ``gptq/4/128_from_float32``.

    Args:
        mode: ``gptq/<weight_bits>/<group_size>``; 2, 3, 4 or 8 bits, and a group of -1 for all inputs. UsageError for another form.
        source_name: The name of the policy before; None for the global one.
    """

    bits: ClassVar[tuple[int, ...]] = (2, 3, 4, 8)


@dataclass(frozen=True, init=False, repr=False)
class AWQDTypePolicy(CalibratedDTypePolicy):
    """The policy of a layer with integers of 4 bits by AWQ, in groups of 128 inputs: ``awq/4/128_from_float32``.

    Args:
        mode: ``awq/4/<group_size>``; a group of -1 for all inputs. UsageError for another form.
        source_name: The name of the policy before; None for the global one.
    """

    bits: ClassVar[tuple[int, ...]] = (4,)


def of_name(name: str) -> DTypePolicy | None:
    """Return the policy of a name such as ``int8_from_float32``; None for a name of another form. UsageError as the classes."""
    mode, found, source = name.partition("_from_")
    if not found or not mode.startswith(MODES):
        return None
    if mode.startswith("float8"):
        return QuantizedFloat8DTypePolicy(mode, source)
    if mode.startswith(CALIBRATED):
        return (GPTQDTypePolicy if mode.startswith("gptq") else AWQDTypePolicy)(mode, source)
    return Int4DTypePolicy(mode, source) if mode.startswith("int4/") else QuantizedDTypePolicy(mode, source)
