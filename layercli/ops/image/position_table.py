"""A table of position embeddings for images of another size."""

from __future__ import annotations

from layercli.core.operation import Op
from layercli.core.spec import Spec
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.errors import ShapeError
from layercli.lazy import F
from layercli.ops.nn.pooling import with_channels_first


@dataclass(frozen=True)
class ResizePositions(Op):
    """out = x (1, rows, columns, width) with ``size`` rows and columns, by torch's bicubic interpolation without antialiasing."""

    size: tuple[int, int]

    def spec(self, x: Spec) -> Spec:
        """Return (1, *size, width)."""
        if x.rank != 4:
            raise ShapeError(f"expects x with 4 axes, got {x.rank} (x = {x})")
        return Spec((x.shape[0], *self.size, x.shape[3]), x.dtype)

    def run(self, x: Tensor) -> Tensor:
        """Return torch's interpolate, computed in float32."""

        def resized(table: Tensor) -> Tensor:
            out: Tensor = F.interpolate(table.float(), size=self.size, mode="bicubic", align_corners=False)
            return out.to(table.dtype)

        return with_channels_first(resized, x, 2, already=False)
