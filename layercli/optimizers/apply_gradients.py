"""What every optimizer does with gradients it is handed, whoever computed them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from layercli.core.stateless_scope import in_stateless_scope, outside_scopes
from layercli.errors import NotBuiltError, UsageError, ValueRangeError
from layercli.lazy import torch


class ApplyGradientsMixin:
    """An optimizer that applies gradients: to the parameters it was built on, or to variables that are handed over with them."""

    name: str | None
    build: Callable[..., None]
    trained: Sequence[object] = ()

    @property
    @abstractmethod
    def parameters(self) -> Sequence[torch.nn.Parameter] | None:
        """The parameters in order, None before ``build``."""

    @abstractmethod
    def _apply(self, gradients: list[torch.Tensor | None]) -> None:
        """Apply one gradient for each parameter."""

    def build_for(self, variables: Sequence[object]) -> None:
        """Make the state for variables of a model; a second call does nothing."""
        stored, names, others = described(variables)
        self.build(stored, names, **others)

    def apply(self, grads: Sequence[object], trainable_variables: Sequence[object] | None = None) -> None:
        """Apply ``grads``, one for each parameter, None where it had no part.

        With ``trainable_variables``, as Keras's steps hand them over, they are the gradients of those, in their logical
        shapes, and None is what the backward pass left; the first time they are what the optimizer is built on. UsageError
        if they do not fit, or for a variable that it was not built on.

        In a StatelessScope the variables, and the optimizer's own, have their values of the scope, which keeps the new ones.
        """
        if in_stateless_scope():
            self._apply_in_scope(grads, self.trained if trainable_variables is None else trainable_variables)
            return
        if trainable_variables is not None:
            if self.parameters is None:
                self.build_for(trainable_variables)
            grads = self._in_order(grads, trainable_variables)
        if self.parameters is None:
            raise NotBuiltError(f"{self.name} has no parameters yet", hint="call build(parameters) first")
        if len(grads) != len(self.parameters):
            raise UsageError(f"{self.name} holds {len(self.parameters)} parameters, got {len(grads)} gradients")
        self._apply([None if g is None else like(g, p) for g, p in zip(grads, self.parameters, strict=True)])

    def _apply_in_scope(self, grads: Sequence[Any], variables: Sequence[Any]) -> None:
        own: Any = self
        with outside_scopes():
            if self.parameters is None:
                self.build_for(variables)
            self._in_order(grads, variables)
            given = {id(each.stored): (each, gradient) for each, gradient in zip(variables, grads, strict=True)}
            others = own.built_state.logical(
                [p.detach() for p in self.parameters or ()], range(len(self.parameters or ()))
            )
        pairs = [given.get(id(parameter), (None, None)) for parameter in self.parameters or ()]
        values = [
            other if each is None else each.value.detach() for (each, _), other in zip(pairs, others, strict=True)
        ]
        state = [each.value for each in own.variables]
        with outside_scopes():
            values, state = own.stateless_apply(state, [gradient for _, gradient in pairs], values)
        for (each, _), value in zip(pairs, values, strict=True):
            if each is not None:
                each.assign(value)
        for each, value in zip(own.variables, state, strict=True):
            each.assign(value)

    def apply_gradients(self, grads_and_vars: Iterable[tuple[object, object]]) -> None:
        """Apply pairs of a gradient and its variable, as ``apply`` does."""
        pairs = list(grads_and_vars)
        self.apply([gradient for gradient, _ in pairs], [variable for _, variable in pairs])

    def _in_order(self, gradients: Sequence[Any], variables: Sequence[Any]) -> list[Any]:
        """Return the gradients of ``variables`` in the order and the layouts of the parameters."""
        if len(gradients) != len(variables):
            raise ValueRangeError(f"{self.name} got {len(gradients)} gradients for {len(variables)} variables")
        places = {id(parameter): place for place, parameter in enumerate(self.parameters or ())}
        found: list[Any] = [None] * len(places)
        for variable, gradient in zip(variables, gradients, strict=True):
            parameter = variable.stored
            if id(parameter) not in places:
                raise UsageError(f"{self.name} was built on other variables than {variable.path}")
            if gradient is None:
                gradient = parameter.grad
            elif variable.layout is not None:
                gradient = gradient.permute(variable.layout)
            found[places[id(parameter)]] = gradient
        return found


def like(value: object, parameter: torch.Tensor) -> torch.Tensor:
    """Return ``value`` as a tensor of the parameter's dtype and device; raise UsageError for another shape."""
    gradient = torch.as_tensor(value, dtype=parameter.dtype, device=parameter.device)
    if gradient.shape != parameter.shape:
        raise UsageError(f"a parameter of shape {tuple(parameter.shape)} got a gradient of {tuple(gradient.shape)}")
    return gradient


def described(variables: Sequence[Any]) -> tuple[list[Any], list[str], dict[str, Any]]:
    """Return the parameters of variables, their paths, and the other arguments of ``build``."""
    constraints = [variable.constraint for variable in variables]
    others = {"constraints": constraints, "axis_orders": [variable._logical for variable in variables]}
    return [variable.stored for variable in variables], [variable.path for variable in variables], others
