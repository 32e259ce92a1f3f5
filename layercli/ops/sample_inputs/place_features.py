"""Sample inputs of features in the places of tokens."""

from __future__ import annotations

from layercli.ops.place_features import PlaceFeatures
from layercli.ops.sample_inputs import SampleInput, spec

CASES = [
    SampleInput(PlaceFeatures(0), (spec("B T 4"), spec("B T", "int32"), spec("B T 4")), low=0, high=1, constants=(1,)),
]
