"""Global configuration of new layers, as in Keras's ``config``."""

from __future__ import annotations

from typing import Any

from layercli.core import dtypes
from layercli.core.dtypes import default_policy as dtype_policy
from layercli.core.dtypes import set_default_policy as set_dtype_policy
from layercli.core.image_format import image_data_format as image_data_format
from layercli.core.image_format import set_image_data_format as set_image_data_format
from layercli.core.refusals import refused
from layercli.errors import UsageError
from layercli.lazy import torch

__all__ = [
    "backend",
    "disable_flash_attention",
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
    "set_backend",
    "set_dtype_policy",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
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


def enable_flash_attention() -> None:
    """Let torch use its flash attention kernels, as it does by default."""
    torch.backends.cuda.enable_flash_sdp(True)


def disable_flash_attention() -> None:
    """Let torch use its other attention kernels only."""
    torch.backends.cuda.enable_flash_sdp(False)


def is_flash_attention_enabled() -> bool:
    """Whether torch may use its flash attention kernels, where the device and the dtype have one."""
    return bool(torch.backends.cuda.flash_sdp_enabled())  # type: ignore[no-untyped-call]  # torch has no types there


def enable_interactive_logging() -> None:
    """Accept the default: fit, evaluate and predict print their progress."""


def is_interactive_logging_enabled() -> bool:
    """Return True: fit, evaluate and predict print their progress, unless ``verbose`` is 0."""
    return True


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
