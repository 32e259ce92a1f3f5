"""Sample inputs of the crossentropies."""

from __future__ import annotations

from layercli.ops.nn.losses import BinaryCrossentropy, CategoricalCrossentropy, SparseCrossentropy
from layercli.ops.sample_inputs import SampleInput, spec

CASES = [
    SampleInput(BinaryCrossentropy(True), (spec("B T"), spec("B T")), low=0.1, high=0.9),
    SampleInput(BinaryCrossentropy(), (spec("B T", "bool"), spec("B T")), low=0.1, high=0.9),
    SampleInput(CategoricalCrossentropy(True), (spec("B T 4"), spec("B T 4"))),
    SampleInput(CategoricalCrossentropy(False, 1), (spec("B 4 T"), spec("B 4 T")), low=0.1, high=0.9),
    SampleInput(SparseCrossentropy(True), (spec("B T", "int32"), spec("B T 4")), low=0, high=4),
    SampleInput(SparseCrossentropy(True), (spec("B T 1", "int64"), spec("B T 4")), low=0, high=4),
    SampleInput(SparseCrossentropy(False, 1), (spec("B T", "int64"), spec("B 3 T")), low=0.1, high=3),
]
