"""A training step as its views see it: the graph of its forward pass, and the memory of the whole step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from layercli.core.dims import Size
from layercli.dataclass import dataclass
from layercli.inspect.liveness import Timeline
from layercli.inspect.model_graph import ModelGraph


@dataclass(frozen=True)
class TrainingRun:
    """The storages of a training step, what each of its ``steps`` is, and what each call of ``graph`` keeps for the backward pass.

    ``unknown`` are the operations of which it is not known what they keep.
    """

    graph: ModelGraph
    moving: Timeline
    steps: Sequence[str]
    kept: Mapping[int, Size]
    unknown: Sequence[str] = ()
