"""Projections that are one matrix in the checkpoint and several in the model."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

from layercli import ops
from layercli.core.types import Tensor
from layercli.layers.core.dense import Dense


class FusedDense(Dense):
    """A Dense layer whose columns are several projections of ``parts`` columns, one after another."""

    parts: Any = ()

    def split(self, x: Tensor) -> list[Any]:
        """Return the output of each projection, in the ratio of ``parts``: a rank may have a share of each."""
        ends = [end * x.shape[-1] // sum(self.parts) for end in accumulate(self.parts[:-1])]
        return list(ops.split(x, ends, axis=-1))
