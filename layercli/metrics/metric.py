"""The base class of metrics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Self

from layercli import initializers
from layercli.core import dtypes, naming
from layercli.core.naming import auto_name
from layercli.core.registry import DataclassConfig
from layercli.core.spec import Spec
from layercli.core.stateless_scope import StatelessScope, tensors_of
from layercli.core.types import Config, Tensor
from layercli.core.variable import Variable
from layercli.core.variable_owner import TensorOwner
from layercli.errors import ArgumentTypeError, UsageError
from layercli.lazy import torch
from layercli.losses.loss import compute_dtype


class Metric(DataclassConfig):
    """State that accumulates sums over samples, so that metrics of several batches or ranks are merged by addition.

    ``state`` maps names to float64 tensors (integers are exact up to 2^53) in Keras's order, on the device of the last
    predictions. To merge ranks all-reduce each tensor with the operation in ``reductions``, then call ``result()``.
    Subclasses implement ``shapes`` (or call ``grow`` in ``update_state``), ``update_state`` and ``result``.

    Arguments:
        dtype: the dtype of the result, float32 by default.
        name: the name in logs; by default the class name in snake case.
    """

    keras_module: ClassVar[str] = "keras.metrics"
    default_dtype: ClassVar[str] = "float32"
    name: str | None
    dtype: str | None

    def __init__(self, dtype: str | None = None, name: str | None = None) -> None:
        self.dtype, self.name = dtype, name
        self.__post_init__()

    def __post_init__(self) -> None:
        if self.name is not None and not isinstance(self.name, str):
            raise ArgumentTypeError(f"{type(self).__name__} expects name to be text, got {self.name!r}")
        self.name = self.name or auto_name(type(self).__name__)
        if self.dtype is None and self.default_dtype == "float32":  # IoU's int32 is of weights, not results
            self.dtype = self.default_dtype
        self.dtype = self.dtype if self.dtype is None else compute_dtype(self.dtype)
        self._path = self.name  # the name may change: compile takes "mae" for the mean_absolute_error
        self._held: dict[str, torch.Tensor] = {}
        self._views: dict[str, Variable] = {}

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the names and shapes of the state's tensors, as far as they are known before the first batch."""
        return {}

    @property
    def _state(self) -> dict[str, torch.Tensor]:
        return tensors_of(self._held)

    @property
    def state(self) -> dict[str, torch.Tensor]:
        """The accumulated sums, by name."""
        held = self._state
        if not held:
            self.grow(self.shapes())
        return held

    @property
    def reductions(self) -> dict[str, str]:
        """The operation that merges each tensor of the state across ranks: ``sum``."""
        return dict.fromkeys(self.state, "sum")

    @property
    def variables(self) -> list[Variable]:
        """The state as variables, in Keras's order."""
        return [self._variable(name) for name in self.state]

    def add_weight(
        self,
        shape: Any = (),
        initializer: Any = "zeros",
        dtype: Any = None,
        name: str | None = None,
        aggregation: str = "none",
    ) -> Variable:
        """Add a variable to the state and return it, for ``update_state`` to assign; ``reset_state`` sets it to zeros.

        It is summed over ranks. ``aggregation`` is accepted as in Keras. The order of the arguments is Keras's, or the name first.
        """
        if isinstance(shape, str) and name is None:
            shape, name = (), shape
        key = naming.uniquify([*self._state, name or "variable"])[-1]
        self._state[key] = torch.zeros(
            tuple(shape), dtype=getattr(torch, dtypes.name_of(dtype or self.dtype or "float32"))
        )
        variable = self._variable(key)
        values = initializers.values(initializers.get(initializer or "zeros"), tuple(shape), variable.dtype)
        self._state[key].copy_(torch.from_numpy(values))
        return variable

    def add_variable(
        self,
        shape: object = (),
        initializer: object = "zeros",
        dtype: object = None,
        aggregation: str = "sum",
        name: str | None = None,
    ) -> Variable:
        """Add a variable to the state, as ``add_weight`` does."""
        return self.add_weight(shape, initializer, dtype, name, aggregation)

    def _variable(self, name: str) -> Variable:
        if name not in self._views:
            held = self.state[name]
            spec, path = Spec(tuple(held.shape), dtypes.name_of(held.dtype)), f"{self._path}/{name}"
            self._views[name] = Variable.of(TensorOwner(lambda: self.state), name, path, spec, "zeros", trainable=False)
        return self._views[name]

    def __getattr__(self, name: str) -> Variable:
        if not name.startswith("_") and "_held" in self.__dict__ and name in self.state:
            return self._variable(name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def stateless_update_state(
        self, metric_variables: Sequence[Tensor], *args: object, **kwargs: object
    ) -> list[Tensor]:
        """Return the values of the variables after ``update_state(*args)``, from ``metric_variables``; nothing is changed."""
        with self._holding(metric_variables):
            self.update_state(*args, **kwargs)
            return list(self.state.values())

    def stateless_result(self, metric_variables: Sequence[Tensor]) -> Any:
        """Return the result for the values ``metric_variables``."""
        with self._holding(metric_variables):
            return self.result()

    def stateless_reset_state(self) -> list[Tensor]:
        """Return the values of the variables after ``reset_state``."""
        return [torch.zeros_like(value) for value in self.state.values()]

    @contextmanager
    def _holding(self, values: Sequence[Tensor]) -> Iterator[None]:
        before = self.state
        if len(values) != len(before):
            raise UsageError(f"{self.name} has {len(before)} variables, got {len(values)}")
        given = {
            name: torch.as_tensor(value).to(held.dtype, copy=True)
            for (name, held), value in zip(before.items(), values, strict=True)
        }
        with StatelessScope() as scope:  # other threads keep the state
            scope.hold(self._held, given)
            yield

    def grow(self, shapes: dict[str, tuple[int, ...]]) -> None:
        """Add tensors of zeros to the state for the names that it lacks."""
        for name, shape in shapes.items():
            if name not in self._state:
                self._state[name] = torch.zeros(shape, dtype=torch.float64)

    def add(self, name: str, value: torch.Tensor | float) -> None:
        """Add ``value`` to the sum ``name``, on the device of ``value``."""
        total = self.state[name]
        if isinstance(value, torch.Tensor):
            value = value.detach()
            if total.device != value.device:
                total = self._state[name] = total.to(value.device)
        total.add_(value)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch to the state; ``sample_weight`` weights its samples."""
        raise NotImplementedError(f"{type(self).__name__} has no update_state(y_true, y_pred, sample_weight)")

    def result(self) -> torch.Tensor:
        """Return the value of the metric over the batches so far."""
        raise NotImplementedError(f"{type(self).__name__} has no result()")

    def reset_state(self) -> None:
        """Set the state to zeros."""
        for total in self._state.values():
            total.zero_()

    def get_config(self) -> Config:
        """Return the constructor's arguments as plain values, the dtype by its name."""
        config = super().get_config()
        return config | {"dtype": config["dtype"] or self.default_dtype} if "dtype" in config else config

    def merge(self, *others: Self) -> None:
        """Add the state of ``others``, metrics with the same arguments; UsageError where those differ."""
        for other in others:
            if self.get_config() | {"name": None} != other.get_config() | {"name": None}:
                raise UsageError(f"{self.name} cannot merge {other.name}, whose arguments differ")
            self.grow({name: tuple(total.shape) for name, total in other.state.items()})
            for name, total in other.state.items():
                self.add(name, total)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"

    __str__ = __repr__

    def __call__(self, *arguments: Any, **settings: Any) -> torch.Tensor:
        """Add a batch and return the result so far."""
        self.update_state(*arguments, **settings)
        return self.result()

    def finish(self, value: torch.Tensor) -> torch.Tensor:
        """Return ``value`` in the dtype of the result."""
        return value.to(self.torch_dtype)

    @property
    def torch_dtype(self) -> torch.dtype:
        """The dtype of the result; UsageError for an unknown name."""
        dtype = getattr(torch, self.dtype or "float32", None)
        if not isinstance(dtype, torch.dtype):
            raise UsageError(f"there is no dtype {self.dtype!r}")
        return dtype
