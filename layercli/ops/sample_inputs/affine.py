"""Sample inputs of affine maps."""

from __future__ import annotations

from layercli.ops.image.affine import Resample, Rotation, Shear, Translation, Zoom
from layercli.ops.sample_inputs import SampleInput, spec

IMAGE, FIRST, MAPS = spec("B H W 3"), spec("B 3 H W"), spec("B 6")

CASES = [
    SampleInput(Translation(), (IMAGE, spec("B 2")), constants=(0,)),
    SampleInput(Rotation(True), (FIRST, spec("B 1")), constants=(0,)),
    SampleInput(Zoom(), (IMAGE, spec("B 2")), constants=(0,)),
    SampleInput(Shear(), (IMAGE, spec("B 3")), differentiable=False),
    *(
        SampleInput(Resample("bilinear", mode, 2.0), (IMAGE, MAPS))
        for mode in ("constant", "nearest", "wrap", "reflect")
    ),
    SampleInput(Resample("nearest", "reflect", channels_first=True), (FIRST, MAPS), constants=(1,)),
    SampleInput(Resample(), (spec("B H W 3", "float16"), MAPS)),
]
