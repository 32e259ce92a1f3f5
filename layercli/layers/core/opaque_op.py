"""An operation of declared output shape, for a Lambda whose function cannot be traced."""

from __future__ import annotations

from typing import Any

from layercli.core.dims import UNKNOWN, Size
from layercli.core.operation import TreeOp
from layercli.core.spec import Spec, with_batch_dim
from layercli.core.types import Tensor


class _OpaqueOp(TreeOp):
    """An operation with declared output shapes and unknown cost. It cannot run."""

    def __init__(self, shapes: Any, dtype: str) -> None:
        self.shapes, self.dtype = shapes, dtype

    def spec(self, *inputs: Any) -> Any:
        """Return the Specs."""
        if isinstance(self.shapes, list):
            return [Spec(with_batch_dim(shape), self.dtype) for shape in self.shapes]
        return Spec(with_batch_dim(self.shapes), self.dtype)

    def macs(self, *inputs: object) -> Size:
        """Return an unknown."""
        return UNKNOWN

    def run(self, *inputs: object) -> Tensor:
        """Never called: the layer computes for itself what it was promised to give."""
        raise NotImplementedError("a promise of shapes has nothing to run")


OpaqueOp = _OpaqueOp
"""Excluded from the consistency tests, because it computes nothing."""
