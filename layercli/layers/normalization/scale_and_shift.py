"""The variables gamma and beta of normalizations."""

from __future__ import annotations

from typing import Any

from layercli import initializers
from layercli.core.spec import Shape
from layercli.dataclass import dataclass
from layercli.errors import AxisError, UsageError


@dataclass(frozen=True)
class SqrtInitializer:
    """An initializer whose values are the square roots of those of another."""

    of: Any

    def __call__(self, shape: tuple[int, ...], dtype: str, rng: Any = None) -> Any:
        """Return them as an array."""
        return initializers.values(self.of, shape, dtype, rng) ** 0.5


def limits(given: Any) -> dict[str, float]:
    """Return the limits of a renormalization; UsageError where they are not rmin <= rmax and dmax >= 0."""
    found = dict(given or {})
    if found.keys() - {"rmin", "rmax", "dmax"}:
        raise UsageError(f"BatchNormalization expects renorm_clipping of rmin, rmax and dmax, got {given!r}")
    low, high, most = (found.get(name) for name in ("rmin", "rmax", "dmax"))
    if (low is not None and high is not None and low > high) or (most is not None and most < 0):
        raise UsageError(f"BatchNormalization expects rmin <= rmax and dmax >= 0 in renorm_clipping, got {given!r}")
    return {name: value for name, value in found.items() if value is not None}


def scale_and_shift(layer: Any, shape: Shape, autocast: bool = True) -> None:
    """Make gamma and beta of ``shape``, each where the layer's settings want it."""
    for name, wanted in (("gamma", layer.scale), ("beta", layer.center)):
        settings = {key: getattr(layer, f"{name}_{key}") for key in ("initializer", "regularizer", "constraint")}
        setattr(layer, name, layer.add_weight(name, shape, autocast=autocast, **settings) if wanted else None)


def ascending(axes: tuple[int, ...], rank: int) -> tuple[int, ...]:
    """Return ``axes`` counted from 0, in order; ShapeError where an input of ``rank`` lacks one."""
    for axis in axes:
        if not -rank <= axis < rank:
            raise AxisError(f"expects x with an axis {axis}, got one with {rank} axes")
    return tuple(sorted(axis % rank for axis in axes))
