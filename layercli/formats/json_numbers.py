"""Numbers in JSON: non-finite ones become strings."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def json_number(value: object) -> object:
    """Return a JSON number, or ``"NaN"``, ``"Infinity"``, ``"-Infinity"``; a complex number as [real, imaginary].

    >>> json_number(0.5), json_number(float("-inf"))
    (0.5, '-Infinity')
    """
    if isinstance(value, complex):
        return [json_number(value.real), json_number(value.imag)]
    if not isinstance(value, float) or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def json_values(array: np.ndarray) -> object:
    """Return an array as nested lists of such numbers."""
    return _nested(array.tolist())


def _nested(values: object) -> object:
    return [_nested(item) for item in values] if isinstance(values, list) else json_number(values)


def json_ready(value: object) -> object:
    """Return dicts and lists of plain values with the numbers that JSON has not as ``json_number`` has them."""
    if isinstance(value, dict):
        return {str(key): json_ready(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_ready(item) for item in value]
    return json_number(value) if isinstance(value, float) else value
