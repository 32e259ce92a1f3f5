"""Cases of affine maps."""

from __future__ import annotations

from layercli.ops.image.affine import Resample, Rotation, Translation, Zoom
from layercli.ops.sample_inputs import Case, spec

IMAGE, FIRST, MAPS = spec("B H W 3"), spec("B 3 H W"), spec("B 6")

CASES = [
    Case(Translation(), (IMAGE, spec("B 2")), constants=(0,)),
    Case(Rotation(True), (FIRST, spec("B 1")), constants=(0,)),
    Case(Zoom(), (IMAGE, spec("B 2")), constants=(0,)),
    *(Case(Resample("bilinear", mode, 2.0), (IMAGE, MAPS)) for mode in ("constant", "nearest", "wrap", "reflect")),
    Case(Resample("nearest", "reflect", channels_first=True), (FIRST, MAPS), constants=(1,)),
    Case(Resample(), (spec("B H W 3", "float16"), MAPS)),
]
