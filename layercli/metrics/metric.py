"""The Metric: named sums, how a batch adds to them, and what they come to."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from layercli.core.naming import snake_case
from layercli.core.registry import DataclassConfig
from layercli.errors import UsageError
from layercli.lazy import torch


class Metric(DataclassConfig):
    """State made of sums over samples, so that two metrics, or two machines, are merged by adding.

    ``state`` maps names to float64 tensors (counts stay exact to 2^53), in the order Keras stores them; they live on
    the device of the last predictions. All-reduce each with the operation that ``reductions`` names, then read
    ``result()``. Subclass it with ``shapes`` (or ``grow`` in ``update_state``), ``update_state`` and ``result``.
    ``dtype`` is the dtype of the result: float32 unless given.
    """

    home: ClassVar[str] = "keras.metrics"
    name: str | None
    dtype: str | None

    def __init__(self, dtype: str | None = None, name: str | None = None) -> None:
        self.dtype, self.name = dtype, name
        self.__post_init__()

    def __post_init__(self) -> None:
        self.name = self.name or snake_case(type(self).__name__)
        self._state: dict[str, torch.Tensor] = {}

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the name and shape of each tensor of the state that is known before the first batch."""
        return {}

    @property
    def state(self) -> dict[str, torch.Tensor]:
        """The sums so far, by name."""
        if not self._state:
            self.grow(self.shapes())
        return self._state

    @property
    def reductions(self) -> dict[str, str]:
        """How the same state of two ranks becomes one, for each name: ``sum``."""
        return dict.fromkeys(self.state, "sum")

    @property
    def variables(self) -> list[torch.Tensor]:
        """The tensors of the state, in the order Keras stores them."""
        return list(self.state.values())

    def grow(self, shapes: dict[str, tuple[int, ...]]) -> None:
        """Add to the state a tensor of zeros of each name and shape that it has not."""
        for name, shape in shapes.items():
            if name not in self._state:
                self._state[name] = torch.zeros(shape, dtype=torch.float64)

    def add(self, name: str, value: torch.Tensor | float) -> None:
        """Add ``value`` to the sum of that name, on the device where ``value`` is."""
        total = self.state[name]
        if isinstance(value, torch.Tensor):
            value = value.detach()
            if total.device != value.device:
                total = self._state[name] = total.to(value.device)
        total.add_(value)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch, whose samples count ``sample_weight`` times."""
        raise NotImplementedError(f"{type(self).__name__} has no update_state(y_true, y_pred, sample_weight)")

    def result(self) -> torch.Tensor:
        """Return what the batches so far come to."""
        raise NotImplementedError(f"{type(self).__name__} has no result()")

    def reset_state(self) -> None:
        """Forget every batch."""
        for total in self._state.values():
            total.zero_()

    def merge(self, *others: Self) -> None:
        """Add the batches that ``others``, metrics of the same settings, have seen."""
        for other in others:
            if self.get_config() | {"name": None} != other.get_config() | {"name": None}:
                raise UsageError(f"{self.name} cannot take in {other.name}, whose settings are others")
            self.grow({name: tuple(total.shape) for name, total in other.state.items()})
            for name, total in other.state.items():
                self.add(name, total)

    def __call__(self, *arguments: Any, **settings: Any) -> torch.Tensor:
        """Add a batch and return the result so far."""
        self.update_state(*arguments, **settings)
        return self.result()

    def finish(self, value: torch.Tensor) -> torch.Tensor:
        """Return ``value`` as a result: of this metric's dtype."""
        return value.to(self.torch_dtype)

    @property
    def torch_dtype(self) -> torch.dtype:
        """The dtype of the result; raises UsageError if there is none of that name."""
        dtype = getattr(torch, self.dtype or "float32", None)
        if not isinstance(dtype, torch.dtype):
            raise UsageError(f"there is no dtype {self.dtype!r}")
        return dtype
