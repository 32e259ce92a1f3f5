"""Cases of what puts values in other places, makes matrices and grids of them, and multiplies those."""

from __future__ import annotations

from layercli.ops.core.conversion import View
from layercli.ops.einops import Rearrange
from layercli.ops.image.patches import AddPatches, Unfold
from layercli.ops.image.pixel_shuffle import DepthToSpace, SpaceToDepth
from layercli.ops.linalg.norms import Distances
from layercli.ops.numpy.complex import Polar, ViewAsComplex, ViewAsReal
from layercli.ops.numpy.diagonal import Diagonal, DiagonalMatrix
from layercli.ops.numpy.grids import Meshgrid, UnravelIndex
from layercli.ops.numpy.joining import ArraySplit
from layercli.ops.numpy.products import Kron
from layercli.ops.numpy.statistics import Correlate
from layercli.ops.numpy.window_functions import TAPERS, Taper
from layercli.ops.sample_inputs import Case, spec

X = spec("B T 4")
IMAGE = spec("B H W 4")

CASES = [
    *(Case(Taper(function, 7), (), differentiable=False) for function in TAPERS),
    Case(Rearrange("b t (h n) -> b (h t) n", (("n", 2),)), (X,)),
    Case(Rearrange("b t c -> (c b t)"), (X,)),
    Case(Rearrange("(b two) -> two b", (("two", 2),)), (spec("4", "int32"),), differentiable=False),
    *(
        Case(op(2, first), (spec("B 4 H 8") if first else spec("B H 4 8"),))
        for op in (DepthToSpace,)
        for first in (True, False)
    ),
    *(
        Case(op(2, first), (spec("B D 4 6") if first else spec("B 4 6 D"),))
        for op in (SpaceToDepth,)
        for first in (True, False)
    ),
    Case(Unfold((2, 3)), (IMAGE,), sizes={"B": 2, "H": 9, "W": 8}),
    Case(Unfold((3, 3), (2, 1), (1, 0), (2, 2)), (spec("B 2 7 8"),)),
    Case(AddPatches((2, 3), output=(4, 5)), (spec("B 12 9"),)),
    Case(AddPatches((2, 2), (1, 1), (1, 1), (2, 2), (4, 4)), (spec("B 8 9"),)),
    Case(Diagonal(), (spec("3 4 T"),)),
    Case(Diagonal(-1, -1, 0), (spec("5 T 4"),)),
    Case(Diagonal(2, 1, 2), (spec("B 3 4"),)),
    Case(Diagonal(0), (spec("T T", "int32"),), differentiable=False),
    Case(DiagonalMatrix(), (spec("T"),)),
    Case(DiagonalMatrix(-2), (spec("T", "int32"),), differentiable=False),
    Case(Kron(), (spec("B 3"), spec("T 2"))),
    Case(Kron(), (spec("B"), spec("3 T 2"))),
    Case(Distances(), (spec("B T 3"), spec("H 3"))),
    *(Case(Correlate(mode), (spec("T"), spec("3"))) for mode in ("valid", "same", "full")),
    Case(Correlate("same"), (spec("H"), spec("4"))),
    Case(Meshgrid(), (spec("B"), spec("T"), spec("3", "int32"))),
    Case(Meshgrid("ij"), (spec("B"), spec(""))),
    Case(UnravelIndex((3, 4, 5)), (spec("B T", "int32"),), differentiable=False),
    Case(ArraySplit(3, -1), (X,)),
    Case(ArraySplit(2, 1), (X,)),
    Case(View("int32"), (X,), differentiable=False, bitwise=True),
    Case(View("float16"), (X,), differentiable=False, bitwise=True),
    Case(View("float64"), (spec("B T 4", "int32"),), differentiable=False, bitwise=True),
    Case(ViewAsComplex(), (spec("B T 2"),), differentiable=False),
    Case(ViewAsReal(), (spec("B T"),)),
    Case(ViewAsReal(), (spec("B T", "complex64"),), differentiable=False),
    Case(Polar(), (spec("B T"), spec("T")), differentiable=False),
]
