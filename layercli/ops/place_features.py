"""Features in the places of tokens that stand for them, as in models of images and texts."""

from __future__ import annotations

from layercli.core.operation import Op
from layercli.core.spec import Spec
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.errors import ShapeError, UsageError
from layercli.ops import known_values


@dataclass(frozen=True)
class PlaceFeatures(Op):
    """out = x (batch, steps, width), with the step of each id ``token`` replaced by the next row of the features.

    ``ids`` are (batch, steps), the features (..., width); rows and steps are taken in order. UsageError where their numbers
    differ, which is checked on tensors with values.
    """

    token: int

    def spec(self, x: Spec, ids: Spec, features: Spec) -> Spec:
        """Return the shape of x."""
        if x.rank != 3 or ids.shape != x.shape[:2] or features.shape[-1:] != x.shape[2:]:
            raise ShapeError(
                f"expects x (batch, steps, width), ids (batch, steps) and features (..., width), got x = {x}, "
                f"ids = {ids} and features = {features}"
            )
        return x

    def run(self, x: Tensor, ids: Tensor, features: Tensor) -> Tensor:
        """Return torch's masked_scatter."""
        places = ids == self.token
        if known_values.are_known(ids):
            found, rows = int(places.sum()), features.numel() // features.shape[-1]
            if found != rows:
                raise UsageError(
                    f"the texts have {found:,} image tokens (id {self.token}), and the images {rows:,} patches"
                )
        return x.masked_scatter(places.unsqueeze(-1), features.to(x.dtype))
