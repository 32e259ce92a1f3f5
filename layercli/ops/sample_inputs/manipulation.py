"""Sample inputs of rearrangement, diagonals, grids and products."""

from __future__ import annotations

from layercli.ops.core.conversion import View
from layercli.ops.einops import Rearrange
from layercli.ops.image.patches import Col2Im, Unfold
from layercli.ops.image.pixel_shuffle import DepthToSpace, SpaceToDepth
from layercli.ops.linalg.norms import Cdist
from layercli.ops.numpy.complex import Polar, ViewAsComplex, ViewAsReal
from layercli.ops.numpy.diagonal import Diagonal, DiagonalMatrix
from layercli.ops.numpy.grids import Meshgrid, UnravelIndex
from layercli.ops.numpy.joining import ArraySplit
from layercli.ops.numpy.products import Kron
from layercli.ops.numpy.statistics import Correlate
from layercli.ops.numpy.window_functions import WINDOW_FUNCTIONS, WindowFunction
from layercli.ops.sample_inputs import SampleInput, spec

X = spec("B T 4")
IMAGE = spec("B H W 4")

CASES = [
    *(SampleInput(WindowFunction(function, 7), (), differentiable=False) for function in WINDOW_FUNCTIONS),
    SampleInput(Rearrange("b t (h n) -> b (h t) n", (("n", 2),)), (X,)),
    SampleInput(Rearrange("b t c -> (c b t)"), (X,)),
    SampleInput(Rearrange("(b two) -> two b", (("two", 2),)), (spec("4", "int32"),), differentiable=False),
    *(
        SampleInput(op(2, first), (spec("B 4 H 8") if first else spec("B H 4 8"),))
        for op in (DepthToSpace,)
        for first in (True, False)
    ),
    *(
        SampleInput(op(2, first), (spec("B D 4 6") if first else spec("B 4 6 D"),))
        for op in (SpaceToDepth,)
        for first in (True, False)
    ),
    SampleInput(Unfold((2, 3)), (IMAGE,), sizes={"B": 2, "H": 9, "W": 8}),
    SampleInput(Unfold((3, 3), (2, 1), (1, 0), (2, 2)), (spec("B 2 7 8"),)),
    SampleInput(Col2Im((2, 3), output=(4, 5)), (spec("B 12 9"),)),
    SampleInput(Col2Im((2, 2), (1, 1), (1, 1), (2, 2), (4, 4)), (spec("B 8 9"),)),
    SampleInput(Diagonal(), (spec("3 4 T"),)),
    SampleInput(Diagonal(-1, -1, 0), (spec("5 T 4"),)),
    SampleInput(Diagonal(2, 1, 2), (spec("B 3 4"),)),
    SampleInput(Diagonal(0), (spec("T T", "int32"),), differentiable=False),
    SampleInput(DiagonalMatrix(), (spec("T"),)),
    SampleInput(DiagonalMatrix(-2), (spec("T", "int32"),), differentiable=False),
    SampleInput(Kron(), (spec("B 3"), spec("T 2"))),
    SampleInput(Kron(), (spec("B"), spec("3 T 2"))),
    SampleInput(Cdist(), (spec("B T 3"), spec("H 3"))),
    *(SampleInput(Correlate(mode), (spec("T"), spec("3"))) for mode in ("valid", "same", "full")),
    SampleInput(Correlate("same"), (spec("H"), spec("4"))),
    SampleInput(Meshgrid(), (spec("B"), spec("T"), spec("3", "int32"))),
    SampleInput(Meshgrid("ij"), (spec("B"), spec(""))),
    SampleInput(UnravelIndex((3, 4, 5)), (spec("B T", "int32"),), differentiable=False),
    SampleInput(ArraySplit(3, -1), (X,)),
    SampleInput(ArraySplit(2, 1), (X,)),
    SampleInput(View("int32"), (X,), differentiable=False, bitwise=True),
    SampleInput(View("float16"), (X,), differentiable=False, bitwise=True),
    SampleInput(View("float64"), (spec("B T 4", "int32"),), differentiable=False, bitwise=True),
    SampleInput(ViewAsComplex(), (spec("B T 2"),), differentiable=False),
    SampleInput(ViewAsReal(), (spec("B T"),)),
    SampleInput(ViewAsReal(), (spec("B T", "complex64"),), differentiable=False),
    SampleInput(Polar(), (spec("B T"), spec("T")), differentiable=False),
]
