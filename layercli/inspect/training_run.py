"""A training step as its views see it: the graph of its forward pass, and the memory of the whole step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum

from layercli.core.dims import Size
from layercli.dataclass import dataclass
from layercli.inspect.liveness import Timeline
from layercli.inspect.model_graph import ModelGraph


class Pass(Enum):
    """What an operation of a training step is part of; in ``AGAIN`` a checkpointed layer runs once more."""

    FORWARD = ""
    AGAIN = "again: "
    BACKWARD = "backward: "


@dataclass(frozen=True)
class Step:
    """One operation of a training step: of which pass and which module it is."""

    of: Pass
    path: str
    operation: str

    def __str__(self) -> str:
        return self.of.value + " ".join(filter(None, (self.path, self.operation)))


@dataclass(frozen=True)
class TrainingRun:
    """The storages of a training step, its ``steps``, and what each call of ``graph`` keeps for the backward pass.

    ``unknown`` are the operations of which it is not known what they keep.
    """

    graph: ModelGraph
    moving: Timeline
    steps: Sequence[Step]
    kept: Mapping[int, Size]
    unknown: Sequence[str] = ()
