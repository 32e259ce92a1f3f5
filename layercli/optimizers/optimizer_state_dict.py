"""The state of an optimizer as a file holds it: named tensors in order, and a state dict as torch's optimizers have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from layercli.errors import UsageError
from layercli.lazy import torch
from layercli.optimizers.dtensor import fill
from layercli.optimizers.optimizer_variables import OptimizerVariablesMixin

if TYPE_CHECKING:
    from layercli.optimizers.slots import State


class StateDictMixin(OptimizerVariablesMixin):
    """``entries``, ``set_variables``, ``state_dict`` and ``load_state_dict`` of an optimizer with a state of its own."""

    if TYPE_CHECKING:
        rate_source: object
        learning_rate: Any
        state: State | None

    @property
    def entries(self) -> list[tuple[str, torch.Tensor]]:
        """The state as Keras stores it: names and tensors, in order, in their logical shapes."""
        own = [("iteration", torch.tensor(self.step_count, dtype=torch.int32))]
        if isinstance(self.rate_source, float):
            own.append(("learning_rate", torch.tensor(self.rate_source, dtype=torch.float32)))
        return own + [(entry.name, entry.tensor) for entry in self.state.entries] if self.state else own

    def set_variables(self, values: Sequence[Any]) -> None:
        """Take over ``values``, arrays in the order and shapes of ``variables``.

        Raises UsageError if they do not fit.
        """
        have = self.entries
        if len(values) != len(have):
            raise UsageError(f"{self.name} has {len(have)} variables, got {len(values)}")
        for (name, tensor), value in zip(have, values, strict=True):
            if tuple(tensor.shape) != tuple(value.shape):
                raise UsageError(f"{name} of {self.name} has shape {tuple(tensor.shape)}, got {tuple(value.shape)}")
        with torch.no_grad():
            for (_, tensor), value in zip(have, values, strict=True):
                fill(tensor, torch.as_tensor(value))
        self.step_count = int(have[0][1])
        if isinstance(self.rate_source, float):
            self.learning_rate = have[1][1].item()

    def state_dict(self) -> dict[str, Any]:
        """Return the state: ``iteration``, ``learning_rate`` if it is a number, and ``<parameter>.<slot>`` tensors."""
        own: dict[str, Any] = {"iteration": self.step_count}
        if isinstance(self.rate_source, float):
            own["learning_rate"] = self.rate_source
        return own | {entry.key: entry.tensor for entry in self.built_state.entries}

    def load_state_dict(self, state: dict[str, object]) -> None:
        """Take over what ``state_dict`` gave; raises UsageError if its names are others."""
        have = self.state_dict()
        if missing := [*(have.keys() - state.keys()), *(state.keys() - have.keys())]:
            raise UsageError(f"the state is not that of this {self.name}: it differs in {', '.join(sorted(missing))}")
        self.set_variables([torch.as_tensor(state[name]) for name in have])
