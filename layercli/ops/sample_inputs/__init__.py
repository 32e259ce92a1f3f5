"""Sample inputs of every operation, for the consistency tests and for the comparison of devices."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

from layercli.core import dtypes
from layercli.core.dims import named
from layercli.core.operation import Op
from layercli.core.spec import Spec
from layercli.dataclass import dataclass

if TYPE_CHECKING:
    import numpy as np

FAMILIES = (
    "elementwise",
    "linear",
    "convolution",
    "normalization",
    "pooling",
    "reduction",
    "reshaping",
    "joining",
    "resizing",
    "affine",
    "flipping",
    "cropping",
    "categories",
    "activation",
    "random",
    "embedding",
    "einsum",
    "quantized",
    "attention",
    "rotary",
    "experts",
    "selective_scan",
    "last_steps",
    "place_features",
    "recurrent",
    "time_folding",
    "creation",
    "sorting",
    "crossentropy",
    "comparison",
    "manipulation",
    "linalg",
    "fft",
    "control_flow",
    "images",
)

SIZES = {"B": 2, "T": 5, "H": 9, "W": 8, "D": 7}
"""The default values of the named sizes."""


@dataclass(frozen=True)
class SampleInput:
    """A call of ``op`` on ``given``: Specs whose free sizes are names (``spec("B T 4")``), Python numbers, or None.

    ``sizes``: the values of the names. ``low`` and ``high``: the bounds of random values (integers: high excluded).
    ``differentiable``: false where the gradient is not defined or not unique. ``constants``: the indices of inputs
    without gradients. ``by_values``: sizes or the cost depend on values, so that the meta device cannot compute them.
    ``invariant``: a function of inputs and outputs that is equal on all devices where the outputs are not unique.
    ``bitwise``: the outputs are the bits of the inputs, and so depend on the dtype.
    """

    op: Op
    given: tuple[Any, ...]
    sizes: Mapping[str, int] = field(default_factory=lambda: SIZES, hash=False)
    low: float | None = None
    high: float | None = None
    differentiable: bool = True
    constants: tuple[int, ...] = ()
    by_values: bool = False
    invariant: Callable[[tuple[Any, ...], Any], Any] | None = None
    bitwise: bool = False

    @cached_property
    def inputs(self) -> tuple[Any, ...]:
        """The inputs with all sizes as numbers."""
        return self.at(self.sizes)

    @property
    def name(self) -> str:
        """The name of the case in reports."""
        text = f"{self.op}({', '.join(map(str, self.given))})"
        return re.sub(r"<function (\w+\.)*(<locals>\.)?(\w+) at \w+>", r"\3", text)

    def at(self, sizes: Mapping[str, int]) -> tuple[Any, ...]:
        """Return the inputs with the named sizes replaced by ``sizes``."""
        return tuple(x.at(sizes) if isinstance(x, Spec) else x for x in self.given)

    def arrays(self, seed: int = 0, sizes: Mapping[str, int] | None = None) -> tuple[Any, ...]:
        """Return the inputs as numpy arrays with random values; numbers and None are returned unchanged."""
        import numpy as np

        rng = np.random.default_rng(seed)
        inputs = self.inputs if sizes is None else self.at(sizes)
        return tuple(self._random_values(x, rng) if isinstance(x, Spec) else x for x in inputs)

    def _random_values(self, spec: Spec, rng: np.random.Generator) -> object:
        shape = tuple(int(size) for size in spec.shape)
        if spec.dtype == "bool":
            return rng.random(shape) < 0.5
        if spec.dtype in dtypes.REAL:
            return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(spec.dtype)
        if dtypes.is_integer(spec.dtype):
            return rng.integers(int(self.low or 0), int(self.high or 5), shape).astype(spec.dtype)
        if self.low is not None and self.high is not None:
            return rng.uniform(self.low, self.high, shape).astype(spec.dtype)
        return rng.standard_normal(shape).astype(spec.dtype)


def spec(sizes: str, dtype: str = "float32") -> Spec:
    """Return the Spec of sizes, numbers or names, separated by spaces: ``spec("B T 4")``."""
    return Spec(tuple(named(int(word) if word.isdigit() else word) for word in sizes.split()), dtype)


def all_cases() -> Iterator[SampleInput]:
    """Yield the sample inputs of every family."""
    for family in FAMILIES:
        yield from import_module(f"layercli.ops.sample_inputs.{family}").CASES
