"""Sample inputs of resizing."""

from __future__ import annotations

from layercli.ops.image.position_table import ResizePositions
from layercli.ops.image.resize import Resize, Upsample
from layercli.ops.sample_inputs import SampleInput, spec

IMAGE = spec("B H W 3")

CASES = [
    *(SampleInput(Upsample((2, 3), interpolation), (IMAGE,)) for interpolation in ("nearest", "bilinear", "bicubic")),
    SampleInput(Upsample((2, 1), "bilinear", channels_first=True), (spec("B 3 H W"),)),
    SampleInput(Resize((12, 11), "bicubic"), (IMAGE,)),
    SampleInput(ResizePositions((3, 7)), (IMAGE,)),
    SampleInput(Resize((5, 6), "bicubic", antialias=True), (IMAGE,)),
    SampleInput(Resize((5, 12), "bilinear"), (IMAGE,)),
    SampleInput(Resize((5, 12), "bilinear", antialias=True, channels_first=True), (spec("B 3 H W"),)),
    SampleInput(Resize((20, 17), "nearest"), (IMAGE,)),
    SampleInput(Resize((4, 7), ratio="crop"), (IMAGE,)),
    SampleInput(Resize((4, 7), channels_first=True, ratio="pad", fill_value=2.0), (spec("B 3 H W"),)),
    SampleInput(Resize((4, 7)), (spec("B H W 3", "uint8"),), differentiable=False),
]
