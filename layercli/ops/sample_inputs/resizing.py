"""Cases of resizing."""

from __future__ import annotations

from layercli.ops.image.resize import Resize, Upsample
from layercli.ops.sample_inputs import Case, spec

IMAGE = spec("B H W 3")

CASES = [
    *(Case(Upsample((2, 3), interpolation), (IMAGE,)) for interpolation in ("nearest", "bilinear", "bicubic")),
    Case(Upsample((2, 1), "bilinear", channels_first=True), (spec("B 3 H W"),)),
    Case(Resize((12, 11), "bicubic"), (IMAGE,)),
    Case(Resize((5, 6), "bicubic", antialias=True), (IMAGE,)),
    Case(Resize((5, 12), "bilinear"), (IMAGE,)),
    Case(Resize((5, 12), "bilinear", antialias=True, channels_first=True), (spec("B 3 H W"),)),
    Case(Resize((20, 17), "nearest"), (IMAGE,)),
    Case(Resize((4, 7), ratio="crop"), (IMAGE,)),
    Case(Resize((4, 7), channels_first=True, ratio="pad", fill_value=2.0), (spec("B 3 H W"),)),
    Case(Resize((4, 7)), (spec("B H W 3", "uint8"),), differentiable=False),
]
