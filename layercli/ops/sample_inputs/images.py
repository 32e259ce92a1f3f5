"""Sample inputs of filters, patches and warps of images."""

from __future__ import annotations

from layercli.ops.image.affine import INSIDE, Resample
from layercli.ops.image.equalize import Equalize, EqualizeTiles
from layercli.ops.image.filters import Filter
from layercli.ops.image.patches import ExtractPatches
from layercli.ops.image.random_warps import GaussianBlur, PerspectiveMap, RandomElastic, WindowMask
from layercli.ops.image.scale_translate import KERNELS, ScaleAndTranslate
from layercli.ops.image.warp import Elastic, MapCoordinates, ResamplePerspective, ResampleShifted
from layercli.ops.sample_inputs import SampleInput, spec

IMAGES = spec("B H W 3")
TAPS = ((0.5, 1.0, -1.0), (0.25, 2.0, 0.0))

CASES = [
    SampleInput(Filter(TAPS), (IMAGES,)),
    SampleInput(Filter(TAPS, "valid", True), (spec("B 3 8 W"),)),
    SampleInput(Equalize(), (IMAGES,), low=0.0, high=255.0, differentiable=False),
    SampleInput(Equalize(20, True), (spec("B 3 H W"),), low=0.0, high=255.0, differentiable=False),
    SampleInput(EqualizeTiles((2, 3), 1.5), (IMAGES,), low=0.0, high=255.0, differentiable=False),
    SampleInput(WindowMask(), (IMAGES, spec("B 4")), low=0.0, high=1.0, differentiable=False),
    SampleInput(WindowMask(True), (spec("B 3 H W"), spec("B 4")), low=0.0, high=1.0, differentiable=False),
    SampleInput(PerspectiveMap(), (IMAGES, spec("B 8")), low=-0.3, high=0.3, constants=(0,)),
    SampleInput(GaussianBlur((3, 5)), (IMAGES, spec("2")), low=0.1, high=1.0),
    SampleInput(
        RandomElastic(ResampleShifted()), (IMAGES, spec("B 2")), low=0.1, high=1.0, by_values=True, differentiable=False
    ),
    SampleInput(ExtractPatches((2, 3), (2, 3)), (IMAGES,)),
    SampleInput(ExtractPatches((2, 3), (1, 2), "same", (2, 1), True), (spec("B 3 H W"),)),
    SampleInput(ExtractPatches((2, 2, 1), (1, 2, 1)), (spec("B 3 H W 2"),)),
    *(
        SampleInput(MapCoordinates(order, mode), (spec("8 9"), spec("2 B T")), differentiable=bool(order), constants=())
        for order in (0, 1)
        for mode in INSIDE
    ),
    SampleInput(MapCoordinates(1), (spec("7 T 3", "int32"), spec("3 B")), differentiable=False),
    *(
        SampleInput(
            ScaleAndTranslate((3, 5, 12, 2), (1, 2), method, antialias),
            (spec("3 H W 2"), spec("2"), spec("2")),
            low=0.4,
            high=1.5,
        )
        for method in KERNELS
        for antialias in (True, False)
    ),
    SampleInput(ResampleShifted(), (IMAGES, spec("B H W 2"))),
    SampleInput(Elastic(ResampleShifted("bilinear", "reflect"), 2.0, 1.0, 3), (IMAGES,)),
    SampleInput(Resample("bilinear", "mirror"), (IMAGES, spec("B 6"))),
    SampleInput(ResamplePerspective(), (IMAGES, spec("B 8")), low=0.1, high=1.0),
    SampleInput(
        ResamplePerspective("nearest", "constant", 2.0, True), (spec("B 3 H W"), spec("B 8")), differentiable=False
    ),
]
