"""Global configuration of new layers, as in Keras's ``config``."""

from __future__ import annotations

import os
from typing import Any

from layercli.core import dtypes
from layercli.core.dtypes import default_policy as dtype_policy
from layercli.core.dtypes import set_default_policy as set_dtype_policy
from layercli.core.image_format import image_data_format as image_data_format
from layercli.core.image_format import set_image_data_format as set_image_data_format
from layercli.core.interactive_logging import disable_interactive_logging as disable_interactive_logging
from layercli.core.interactive_logging import enable_interactive_logging as enable_interactive_logging
from layercli.core.interactive_logging import is_interactive_logging_enabled as is_interactive_logging_enabled
from layercli.core.refusals import refused
from layercli.errors import UsageError
from layercli.lazy import torch

__all__ = [
    "backend",
    "disable_flash_attention",
    "disable_interactive_logging",
    "disable_traceback_filtering",
    "dtype_policy",
    "enable_flash_attention",
    "enable_interactive_logging",
    "epsilon",
    "floatx",
    "image_data_format",
    "is_flash_attention_enabled",
    "is_interactive_logging_enabled",
    "is_nnx_enabled",
    "is_traceback_filtering_enabled",
    "max_epochs",
    "max_steps_per_epoch",
    "set_backend",
    "set_dtype_policy",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "set_max_epochs",
    "set_max_steps_per_epoch",
]

FLOATS = ("bfloat16", "float16", "float32", "float64")
EPSILON = 1e-7


def backend() -> str:
    """Return the name of the backend: "torch"."""
    return "torch"


def floatx() -> str:
    """Return the dtype of the variables of layers without a dtype of their own; by default float32."""
    return dtypes.default_policy().variable


def set_floatx(value: str) -> None:
    """Set the default dtype of computations and variables. Raises UsageError for a dtype that is not floating-point."""
    if value not in FLOATS:
        raise UsageError(f"set_floatx expects {', '.join(FLOATS[:-1])} or {FLOATS[-1]}, got {value!r}")
    dtypes.set_default_policy(value)


def epsilon() -> float:
    """Return the distance from 0 and 1 to which losses clip probabilities."""
    return EPSILON


def set_epsilon(value: float) -> None:
    """Accept 1e-7, the only default; UsageError for another, which a layer takes as its ``epsilon``."""
    if value != EPSILON:
        raise UsageError(f"set_epsilon expects {EPSILON}, got {value!r}", hint="a layer or an op takes epsilon")


def set_backend(backend: str) -> None:
    """Accept ``torch``, the only backend; UsageError for another."""
    if backend != "torch":
        raise UsageError(f"layercli computes with torch alone, not with {backend!r}")


_most: dict[str, int | None] = {}


def max_epochs() -> int | None:
    """Return the most epochs that fit trains, whatever its ``epochs``: as set, or of KERAS_MAX_EPOCHS; None without a limit."""
    return _limit("KERAS_MAX_EPOCHS")


def set_max_epochs(max_epochs: int | None) -> None:
    """Limit the epochs of fit, as a test of a script does; None for no limit. Raises UsageError for no integer above 0."""
    _most["KERAS_MAX_EPOCHS"] = _checked(max_epochs, "max_epochs")


def max_steps_per_epoch() -> int | None:
    """Return the most batches of an epoch, of evaluate and of predict: as set, or of KERAS_MAX_STEPS_PER_EPOCH; None: no limit."""
    return _limit("KERAS_MAX_STEPS_PER_EPOCH")


def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """Limit the batches of fit, evaluate and predict; None for no limit. Raises UsageError for no integer above 0."""
    _most["KERAS_MAX_STEPS_PER_EPOCH"] = _checked(max_steps_per_epoch, "max_steps_per_epoch")


def _limit(name: str) -> int | None:
    if name not in _most:
        text = os.environ.get(name)
        _most[name] = None if not text else _checked(int(text) if text.isdecimal() else text, name)
    return _most[name]


def _checked(value: object, name: str) -> int | None:
    if value is None or (type(value) is int and value > 0):
        return value
    raise UsageError(f"{name} must be an integer above 0 or None, got {value!r}")


def enable_flash_attention() -> None:
    """Let torch use its flash attention kernels, as it does by default."""
    torch.backends.cuda.enable_flash_sdp(True)


def disable_flash_attention() -> None:
    """Let torch use its other attention kernels only."""
    torch.backends.cuda.enable_flash_sdp(False)


def is_flash_attention_enabled() -> bool:
    """Whether torch may use its flash attention kernels, where the device and the dtype have one."""
    return bool(torch.backends.cuda.flash_sdp_enabled())  # type: ignore[no-untyped-call]  # torch has no types there


def disable_traceback_filtering() -> None:
    """Accept the default: tracebacks are whole."""


def is_traceback_filtering_enabled() -> bool:
    """Return False: tracebacks are whole."""
    return False


def is_nnx_enabled() -> bool:
    """Return False: NNX is JAX's."""
    return False


def __getattr__(name: str) -> Any:
    return refused(__name__, name)
