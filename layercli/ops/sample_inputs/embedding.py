"""Sample inputs of looking up and of padding."""

from __future__ import annotations

from layercli.ops.nn.embedding import ApplyMask, EmbeddingLookup
from layercli.ops.sample_inputs import SampleInput, spec

CASES = [
    SampleInput(EmbeddingLookup(), (spec("B T", "int64"), spec("5 3"))),
    SampleInput(EmbeddingLookup(), (spec("B", "int32"), spec("5 3", "float16"))),
    SampleInput(EmbeddingLookup(), (spec("B T 2", "uint8"), spec("5 3"))),
    SampleInput(EmbeddingLookup(), (spec("B T"), spec("5 3")), low=0.0, high=4.9, constants=(0,)),
    SampleInput(ApplyMask(), (spec("B T 3"), spec("B T", "bool"))),
    SampleInput(ApplyMask(), (spec("B T 3 2"), spec("B T", "bool"))),
]
