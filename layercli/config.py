"""Global configuration of new layers, as in Keras's ``config``."""

from __future__ import annotations

from layercli.core import dtypes
from layercli.core.dtypes import default_policy as dtype_policy
from layercli.core.dtypes import set_default_policy as set_dtype_policy
from layercli.errors import UsageError

__all__ = [
    "backend",
    "dtype_policy",
    "epsilon",
    "floatx",
    "image_data_format",
    "set_dtype_policy",
    "set_floatx",
    "set_image_data_format",
]

FLOATS = ("bfloat16", "float16", "float32", "float64")
LAST = "channels_last"


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
    return 1e-7


def image_data_format() -> str:
    """Return the default position of the channels of images: last."""
    return LAST


def set_image_data_format(data_format: str) -> None:
    """Accept ``channels_last``, the only default; UsageError for another, which a layer takes as its ``data_format``."""
    if data_format != LAST:
        raise UsageError(
            f"images have their channels last here, not {data_format!r}",
            hint="give the layer data_format='channels_first'",
        )
