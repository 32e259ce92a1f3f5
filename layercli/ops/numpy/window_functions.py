"""Window functions: Bartlett, Blackman, Hamming, Hann and Kaiser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from layercli.core.dims import Dim, Size
from layercli.core.operation import Op
from layercli.core.spec import Spec
from layercli.core.types import Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.lazy import torch
from layercli.ops.numpy.creation import as_int, create, creation_device

WINDOW_FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    "bartlett": lambda count, beta, **on: torch.bartlett_window(count, False, **on),
    "blackman": lambda count, beta, **on: torch.blackman_window(count, False, **on),
    "hamming": lambda count, beta, **on: torch.hamming_window(count, False, **on),
    "hanning": lambda count, beta, **on: torch.hann_window(count, False, **on),
    "kaiser": lambda count, beta, **on: torch.kaiser_window(count, False, beta, **on),
}
"""torch's windows by Keras's names; only the last takes a shape parameter."""


@dataclass(frozen=True)
class WindowFunction(Op):
    """out = the window ``function``, a key of ``WINDOW_FUNCTIONS``, of ``count`` values; ``beta`` is Kaiser's shape
    parameter.
    """

    function: str
    count: Size
    beta: float = 12.0

    def spec(self) -> Spec:
        """Return (count,) in float32."""
        return Spec((self.count,), "float32")

    def run(self) -> Tensor:
        """Return torch's window, computed in float64."""
        window = WINDOW_FUNCTIONS[self.function](
            as_int(self.count), self.beta, dtype=torch.float64, device=creation_device.device
        )
        return window.to(torch.float32)


def bartlett(x: TensorLike) -> Tensor:
    """Return 1 - |2 i / (x - 1) - 1| for i in [0, x): the triangular window."""
    return _taper("bartlett", x)


def blackman(x: TensorLike) -> Tensor:
    """Return 0.42 - 0.5 cos(2 pi i / (x - 1)) + 0.08 cos(4 pi i / (x - 1)) for i from 0 to x - 1."""
    return _taper("blackman", x)


def hamming(x: TensorLike) -> Tensor:
    """Return 0.54 - 0.46 cos(2 pi i / (x - 1)) for i from 0 to x - 1."""
    return _taper("hamming", x)


def hanning(x: TensorLike) -> Tensor:
    """Return 0.5 - 0.5 cos(2 pi i / (x - 1)) for i from 0 to x - 1."""
    return _taper("hanning", x)


def kaiser(x: TensorLike, beta: float) -> Tensor:
    """Return i0(beta sqrt(1 - (2 i / (x - 1) - 1)^2)) / i0(beta) for i from 0 to x - 1."""
    return create(WindowFunction("kaiser", _count(x), float(beta)))


def _taper(function: str, x: object) -> Tensor:
    return create(WindowFunction(function, _count(x)))


def _count(x: Any) -> Size:
    return x if isinstance(x, Dim) else int(x)
