"""Sample inputs of pooling."""

from __future__ import annotations

from layercli.ops.nn.pooling import AdaptivePool, Pool
from layercli.ops.sample_inputs import SampleInput, spec

IMAGE, VOLUME, STEPS = spec("B H W 4"), spec("B D H W 3"), spec("B T 4")

CASES = [
    *(
        case
        for kind in ("max", "average")
        for case in (
            SampleInput(Pool(kind, (2, 2), (2, 2)), (IMAGE,)),
            SampleInput(Pool(kind, (3, 2), (1, 3), channels_first=True), (spec("B 4 H W"),)),
            SampleInput(Pool(kind, (3, 3), (2, 2), "same"), (IMAGE,)),
            SampleInput(Pool(kind, (2, 4), (1, 1), "same"), (IMAGE,)),
            SampleInput(Pool(kind, (2, 3), (3, 1), "same"), (IMAGE,)),
            SampleInput(Pool(kind, (2,), (2,)), (STEPS,)),
            SampleInput(Pool(kind, (4,), (1,), "same"), (STEPS,)),
            SampleInput(Pool(kind, (2, 2, 2), (1, 2, 2), "same"), (VOLUME,)),
            SampleInput(AdaptivePool(kind, (3,)), (STEPS,)),
            SampleInput(AdaptivePool(kind, (3, 2)), (IMAGE,)),
            SampleInput(AdaptivePool(kind, (2, 4, 3)), (VOLUME,)),
            SampleInput(AdaptivePool(kind, (3, 2), channels_first=True), (spec("B 4 H W"),)),
        )
    ),
]
