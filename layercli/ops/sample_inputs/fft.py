"""Cases of Fourier transforms, frames, and sequences of labels."""

from __future__ import annotations

from layercli.ops.math.fft import TRANSFORMS, Fourier, InverseRealFourier, RealFourier
from layercli.ops.math.stft import Frames, InverseShortTimeFourier, ShortTimeFourier
from layercli.ops.nn.ctc import CtcBeamDecode, CtcGreedyDecode, CtcLoss
from layercli.ops.sample_inputs import Case, spec

X = spec("B T 8")
SIGNAL = spec("B 20")
STEPS, LENGTHS = spec("B 6 5"), spec("B", "int32")

CASES = [
    *(Case(Fourier(function), (X, X)) for function in TRANSFORMS),
    Case(RealFourier(), (X,)),
    Case(RealFourier(5), (spec("B T", "float64"),)),
    Case(InverseRealFourier(), (X, X)),
    Case(InverseRealFourier(7), (X, X)),
    Case(Frames(3, 2), (spec("B H"),)),
    Case(Frames(2, 3), (X,)),
    Case(ShortTimeFourier(6, 3, 8), (SIGNAL,)),
    Case(ShortTimeFourier(6, 3, 8, "hamming", False), (spec("20", "float64"),)),
    Case(ShortTimeFourier(6, 2, 7, "", True), (spec("B 2 20"), spec("6"))),
    Case(InverseShortTimeFourier(6, 3, 8), (spec("B T 5"), spec("B T 5"))),
    Case(InverseShortTimeFourier(6, 3, 8, "hamming", False), (spec("T 5"), spec("T 5"))),
    Case(InverseShortTimeFourier(6, 3, 8, "", True, 7), (spec("B 6 5"), spec("B 6 5"), spec("6")), constants=(2,)),
    Case(CtcLoss(), (spec("B 2", "int32"), STEPS, LENGTHS, LENGTHS), low=1, high=3),
    Case(CtcGreedyDecode(), (STEPS, LENGTHS), differentiable=False),
    Case(CtcGreedyDecode(False, 4), (spec("B T 5", "float64"), LENGTHS), differentiable=False),
    Case(CtcBeamDecode(8, 2), (STEPS, LENGTHS), differentiable=False),
]
