"""Sample inputs of cropping."""

from __future__ import annotations

from layercli.ops.image.crop_windows import CenterWindow, RandomWindow
from layercli.ops.sample_inputs import SampleInput, spec

IMAGE, DRAWN = spec("B H W 3"), spec("B 2")

CASES = [
    SampleInput(CenterWindow((4, 5)), (IMAGE,)),
    SampleInput(CenterWindow((12, 5)), (IMAGE,)),
    SampleInput(CenterWindow((4, 5), True), (spec("B 3 H W", "float16"),)),
    SampleInput(RandomWindow((4, 5)), (IMAGE, DRAWN), low=0, high=1, constants=(1,)),
    SampleInput(RandomWindow((9, 5)), (IMAGE, DRAWN), low=0, high=1, constants=(1,)),
    SampleInput(RandomWindow((12, 5), True), (spec("B 3 H W"), DRAWN), low=0, high=1, constants=(1,)),
]
