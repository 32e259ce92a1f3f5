"""Initializer of kernels that compute a short-time Fourier transform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layercli.dataclass import dataclass
from layercli.errors import ShapeError, UsageError
from layercli.initializers.initializer import Initializer, Shape, array_dtype

if TYPE_CHECKING:
    import numpy as np

SIDES, SCALINGS = ("real", "imag"), ("density", "spectrum", None)
COSINES = {"hann": (0.5, 0.5), "hamming": (0.54, 0.46), "blackman": (0.42, 0.5, 0.08)}
"""Windows that are sums of cosines, with their coefficients."""


@dataclass(frozen=True)
class STFT(Initializer):
    """cos (``side`` real) or sin (imag) of -2 pi t f / F for frame t and frequency f, times a window.

    For kernels of the shape (frames, 1, F / 2 + 1). Raises UsageError for invalid arguments, ShapeError for a window of
    another length.

    Arguments:
        side: real or imag.
        window: hann, hamming, blackman, an array of values, or None.
        scaling: density divides by the window's Euclidean norm, spectrum by its sum, None by 1.
        periodic: whether the window is periodic rather than symmetric.
    >>> STFT(window=None)((2, 1, 3)).round(3).tolist()
    [[[1.0, 1.0, 1.0]], [[1.0, 0.0, -1.0]]]
    """

    side: str = "real"
    window: Any = "hann"
    scaling: str | None = "density"
    periodic: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.side not in SIDES:
            raise UsageError(f"STFT expects side to be real or imag, got {self.side!r}")
        if self.scaling not in SCALINGS:
            raise UsageError(f"STFT expects scaling to be density, spectrum or None, got {self.scaling!r}")
        if isinstance(self.window, str) and self.window not in COSINES:
            raise UsageError(f"STFT has the windows {', '.join(COSINES)}, got {self.window!r}")

    def __call__(self, shape: Shape, dtype: str = "float32", rng: np.random.Generator | None = None) -> np.ndarray:
        """Return the kernel."""
        import numpy as np

        if len(shape) != 3:
            raise ShapeError(f"STFT makes a kernel of the shape (frames, 1, frequencies), not {shape}")
        frames, _, frequencies = shape
        time, frequency = np.arange(frames)[:, None, None], np.arange(frequencies) / (2 * (frequencies - 1))
        angles = -2 * np.pi * time * frequency
        kernel = np.cos(angles) if self.side == "real" else np.sin(angles)
        if self.window is not None:
            window = self._values(frames)
            norms = {"density": np.sqrt(np.sum(window**2)), "spectrum": np.sum(np.abs(window)), None: 1.0}
            kernel = kernel * window[:, None, None] / norms[self.scaling]
        return kernel.astype(array_dtype(dtype))

    def _values(self, frames: int) -> np.ndarray:
        import numpy as np

        if not isinstance(self.window, str):
            values = np.asarray(self.window, np.float64)
            if values.shape != (frames,):
                raise ShapeError(f"STFT got a window of the shape {values.shape} for {frames} frames")
            return values
        if frames == 1:
            return np.ones(1)
        turn = 2 * np.pi * np.arange(frames) / (frames if self.periodic else frames - 1)
        values = np.zeros(frames)
        for k, share in enumerate(COSINES[self.window]):
            values += (-1) ** k * share * np.cos(k * turn)
        return values
