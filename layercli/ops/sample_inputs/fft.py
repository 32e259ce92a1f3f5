"""Sample inputs of Fourier transforms, frames, and sequences of labels."""

from __future__ import annotations

from layercli.ops.math.fft import TRANSFORMS, Fourier, InverseRealFourier, RealFourier
from layercli.ops.math.stft import Frames, InverseShortTimeFourier, ShortTimeFourier
from layercli.ops.nn.ctc import CtcBeamDecode, CtcGreedyDecode, CtcLoss
from layercli.ops.sample_inputs import SampleInput, spec

X = spec("B T 8")
SIGNAL = spec("B 20")
STEPS, LENGTHS = spec("B 6 5"), spec("B", "int32")

CASES = [
    *(SampleInput(Fourier(function), (X, X)) for function in TRANSFORMS),
    SampleInput(RealFourier(), (X,)),
    SampleInput(RealFourier(5), (spec("B T", "float64"),)),
    SampleInput(InverseRealFourier(), (X, X)),
    SampleInput(InverseRealFourier(7), (X, X)),
    SampleInput(Frames(3, 2), (spec("B H"),)),
    SampleInput(Frames(2, 3), (X,)),
    SampleInput(ShortTimeFourier(6, 3, 8), (SIGNAL,)),
    SampleInput(ShortTimeFourier(6, 3, 8, "hamming", False), (spec("20", "float64"),)),
    SampleInput(ShortTimeFourier(6, 2, 7, "", True), (spec("B 2 20"), spec("6"))),
    SampleInput(InverseShortTimeFourier(6, 3, 8), (spec("B T 5"), spec("B T 5"))),
    SampleInput(InverseShortTimeFourier(6, 3, 8, "hamming", False), (spec("T 5"), spec("T 5"))),
    SampleInput(
        InverseShortTimeFourier(6, 3, 8, "", True, 7), (spec("B 6 5"), spec("B 6 5"), spec("6")), constants=(2,)
    ),
    SampleInput(CtcLoss(), (spec("B 2", "int32"), STEPS, LENGTHS, LENGTHS), low=1, high=3),
    SampleInput(CtcGreedyDecode(), (STEPS, LENGTHS), differentiable=False),
    SampleInput(CtcGreedyDecode(False, 4), (spec("B T 5", "float64"), LENGTHS), differentiable=False),
    SampleInput(CtcBeamDecode(8, 2), (STEPS, LENGTHS), differentiable=False),
]
