"""Sample inputs of the convolutions."""

from __future__ import annotations

from layercli.ops.nn.conv_transpose import TransposedConvolution
from layercli.ops.nn.convolution import Convolution, DepthwiseConvolution
from layercli.ops.sample_inputs import SampleInput, spec

CASES = [
    SampleInput(Convolution((3, 2), (1, 1)), (spec("B H W 4"), spec("3 2 4 6"), spec("6"))),
    SampleInput(Convolution((3, 3), (2, 2), "same"), (spec("B H W 4"), spec("3 3 4 6"), None)),
    SampleInput(Convolution((3, 3), (1, 1), "same"), (spec("B H W 4"), spec("3 3 4 6"), None)),
    SampleInput(Convolution((2, 3), (1, 1), "same", (2, 2)), (spec("B H W 4"), spec("2 3 4 6"), spec("6"))),
    SampleInput(Convolution((1, 1), (2, 2), "same"), (spec("B H W 4"), spec("1 1 4 6"), None)),
    SampleInput(Convolution((3, 3), (1, 1), groups=2), (spec("B H W 4"), spec("3 3 2 6"), spec("6"))),
    SampleInput(Convolution((3, 3), (1, 1), channels_first=True), (spec("B 4 H W"), spec("3 3 4 6"), spec("6"))),
    SampleInput(Convolution((3,), (2,), "causal"), (spec("B T 4"), spec("3 4 6"), spec("6"))),
    SampleInput(Convolution((3,), (1,), "valid", (2,)), (spec("B T 4"), spec("3 4 6"), None)),
    SampleInput(Convolution((2, 2, 2), (2, 1, 1), "same"), (spec("B D H W 3"), spec("2 2 2 3 4"), spec("4"))),
    SampleInput(DepthwiseConvolution((3, 2), (1, 1)), (spec("B H W 4"), spec("3 2 4 2"), spec("8"))),
    SampleInput(
        DepthwiseConvolution((3, 3), (2, 2), "same", channels_first=True), (spec("B 4 H W"), spec("3 3 4 1"), None)
    ),
    SampleInput(DepthwiseConvolution((3,), (1,), "same", (2,)), (spec("B T 4"), spec("3 4 2"), spec("8"))),
    SampleInput(TransposedConvolution((3, 2), (2, 1)), (spec("B H W 4"), spec("3 2 6 4"), spec("6"))),
    SampleInput(TransposedConvolution((3, 3), (2, 2), "same"), (spec("B H W 4"), spec("3 3 6 4"), None)),
    SampleInput(
        TransposedConvolution((4, 5), (2, 3), "same", channels_first=True), (spec("B 4 H W"), spec("4 5 6 4"), None)
    ),
    SampleInput(TransposedConvolution((2, 1), (3, 2)), (spec("B H W 4"), spec("2 1 6 4"), spec("6"))),
    SampleInput(TransposedConvolution((2, 3), (1, 1), "same", (3, 2)), (spec("B H W 4"), spec("2 3 6 4"), spec("6"))),
    SampleInput(TransposedConvolution((3,), (3,), "same", None, (2,)), (spec("B T 4"), spec("3 6 4"), spec("6"))),
    SampleInput(TransposedConvolution((3,), (2,), "valid", None, (1,)), (spec("B T 4"), spec("3 6 4"), None)),
    SampleInput(TransposedConvolution((2, 3, 2), (2, 1, 2), "same"), (spec("B D H W 3"), spec("2 3 2 4 3"), spec("4"))),
]
