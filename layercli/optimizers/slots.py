"""What an optimizer keeps: its parameters, and the tensors beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from layercli.errors import UsageError

if TYPE_CHECKING:
    import torch

Initial = Callable[[str, int, "torch.Tensor"], "torch.Tensor | None"]


class SlotSpec(NamedTuple):
    """One stored tensor: ``key`` in a state_dict, ``name`` in Keras's files, the tensor in its logical shape."""

    key: str
    name: str
    tensor: torch.Tensor


class State:
    """Parameters with their names, constraints and logical axes, and the slots kept beside them, in stored order."""

    def __init__(
        self,
        parameters: list[torch.nn.Parameter],
        names: Sequence[str] | None,
        constraints: Sequence[Any] | None,
        axis_orders: Sequence[Sequence[int] | None] | None,
    ) -> None:
        count = len(parameters)
        self.parameters: list[Any] = parameters
        self.names = list(names or [f"variable_{i}" if i else "variable" for i in range(count)])
        self.axis_orders = list(axis_orders or [None] * count)
        self.constraints = list(constraints or [None] * count)
        for what, given in (
            ("names", self.names),
            ("axis_orders", self.axis_orders),
            ("constraints", self.constraints),
        ):
            if len(given) != count:
                raise UsageError(f"an optimizer of {count} parameters got {len(given)} {what}")
        self.constrained = any(constraint is not None for constraint in self.constraints)
        self.slots: dict[str, list[Any]] = {}
        self.entries: list[SlotSpec] = []

    def add(self, group: tuple[str, ...], initial: Initial, *, logical: bool = False) -> None:
        """Add the slots of ``group``, stored parameter by parameter; ``logical`` ones are made in logical shape."""
        self.slots |= {slot: [] for slot in group}
        for index, parameter in enumerate(self.parameters):
            seen = self.permuted(parameter.detach(), index) if logical else parameter.detach()
            for slot in group:
                tensor = initial(slot, index, seen)
                self.slots[slot].append(tensor)
                if tensor is not None:
                    self.store(slot, index, tensor if logical else self.permuted(tensor, index))

    def store(self, slot: str, index: int, tensor: torch.Tensor) -> None:
        """List ``tensor`` among what is stored."""
        path = self.names[index]
        self.entries.append(SlotSpec(f"{path}.{slot}", f"{path.replace('/', '_')}_{slot}", tensor))

    def add_entry(self, name: str, tensor: torch.Tensor) -> None:
        """List a tensor, of a user's own rule, among what is stored."""
        self.entries.append(SlotSpec(name, name, tensor))

    def stored_order(self, tensor: torch.Tensor, index: int) -> torch.Tensor:
        """Return ``tensor``, in the logical shape of the parameter of that index, laid out as that."""
        order = self.axis_orders[index]
        return tensor if order is None else tensor.permute(*(order.index(axis) for axis in range(len(order))))

    def permuted(self, tensor: torch.Tensor, index: int) -> torch.Tensor:
        """Return ``tensor``, laid out as the parameter of that index, in the parameter's logical shape."""
        order = self.axis_orders[index]
        return tensor if order is None else tensor.permute(*order)

    def logical(self, tensors: list[torch.Tensor], indices: list[int]) -> list[torch.Tensor]:
        """Return ``tensors``, laid out as the parameters of those indices, in their logical shapes."""
        return [self.permuted(tensor, index) for tensor, index in zip(tensors, indices, strict=True)]

    def select(self, slot: str, indices: list[int]) -> list[Any]:
        """Return the tensors of ``slot`` for the parameters of those indices."""
        tensors = self.slots[slot]
        return tensors if len(indices) == len(tensors) else [tensors[i] for i in indices]

    def select_parameters(self, indices: list[int], *, logical: bool = False) -> list[Any]:
        """Return the parameters of those indices, in their logical shapes if asked."""
        chosen = self.parameters if len(indices) == len(self.parameters) else [self.parameters[i] for i in indices]
        return self.logical(chosen, indices) if logical else chosen

    def constrain(self, indices: list[int]) -> None:
        """Put each parameter of those indices through its constraint."""
        if not self.constrained:
            return
        for index in indices:
            if (constraint := self.constraints[index]) is not None:
                parameter = self.permuted(self.parameters[index], index)
                parameter.copy_(constraint(parameter))
