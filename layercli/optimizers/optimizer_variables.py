"""The state of an optimizer as variables, and what a user's own optimizer is written with."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from layercli import initializers as initializer_names
from layercli.core import dtypes, naming
from layercli.core.number_variable import NumberVariable
from layercli.core.spec import Spec
from layercli.core.stateless_scope import tensors_of
from layercli.core.types import DTypeLike, Tensor
from layercli.core.variable import Variable
from layercli.core.variable_owner import TensorOwner
from layercli.errors import NotBuiltError, UsageError
from layercli.lazy import torch


class OptimizerVariablesMixin:
    """``variables``, ``iterations``, ``stateless_apply``, and ``add_variable`` with ``update_step`` for subclasses."""

    name: str | None
    step_count: int

    @property
    @abstractmethod
    def entries(self) -> list[tuple[str, torch.Tensor]]:
        """The state as Keras stores it: names and tensors, in order, in their logical shapes."""

    @property
    @abstractmethod
    def update_count(self) -> int:
        """How many updates were made."""

    @property
    def built_state(self) -> Any:
        """The state of an optimizer of its own; UsageError for one that holds others."""
        raise UsageError(f"{self.name} keeps its state in other optimizers, which have the stateless updates")

    @property
    def variables(self) -> list[Variable]:
        """The state as Keras stores it, in order, in logical shapes. Names may occur twice."""
        own: list[Any] = [self._step_variable()]
        own += [self.learning_rate] if isinstance(getattr(self, "rate_source", None), float) else []  # type: ignore[attr-defined]  # one that has a rate
        return own + [self._view(name, tensor) for name, tensor in self.entries[len(own) :]]

    @property
    def scoped_numbers(self) -> dict[str, Any]:
        """An empty dict: its copies in StatelessScopes have the step count and the learning rate that they have there."""
        return vars(self).setdefault("_scoped_numbers", {})  # type: ignore[no-any-return]  # set here

    def _step_variable(self) -> NumberVariable:
        def write(value: Any) -> None:
            self.step_count = int(value)

        return NumberVariable(f"{self.name}/iteration", "int32", lambda: self.step_count, write, self.scoped_numbers)

    def _view(self, name: str, tensor: Any) -> Variable:
        """Return a tensor of the state as a variable; its dict is kept, since a scope knows tensors by what holds them."""
        kept = vars(self).setdefault("_held", {})
        held = kept.get(id(tensor), {})
        if held.get(name) is not tensor:
            held = kept[id(tensor)] = {name: tensor}
        spec = Spec(tuple(held[name].shape), dtypes.name_of(held[name].dtype))
        return Variable.of(
            TensorOwner(lambda: tensors_of(held)), name, f"{self.name}/{name}", spec, "zeros", trainable=False
        )

    @property
    def iterations(self) -> Variable:
        """How many updates were made, as a variable."""
        steps, per_update = self._step_variable(), getattr(self, "gradient_accumulation_steps", None) or 1
        if per_update == 1:
            return steps
        path = f"{self.name}/iteration"
        return NumberVariable(
            path, "int32", lambda: steps.read() // per_update, lambda n: steps.assign(n * per_update), {}
        )

    def stateless_apply(
        self, optimizer_variables: Sequence[object], grads: Sequence[object], trainable_variables: Sequence[object]
    ) -> tuple[list[Any], list[Any]]:
        """Return the values of the parameters and of ``variables`` after one update from those given; nothing is changed."""
        own: Any = self
        state, before = own.built_state, [tensor.clone() for _, tensor in self.entries]
        if len(trainable_variables) != len(state.parameters):
            raise UsageError(
                f"{self.name} holds {len(state.parameters)} parameters, got {len(trainable_variables)} values"
            )
        seen = state.logical([parameter.detach() for parameter in state.parameters], range(len(state.parameters)))
        kept = [parameter.clone() for parameter in seen]
        try:
            own.set_variables([torch.as_tensor(value) for value in optimizer_variables])
            fill_each(seen, trainable_variables)
            own.apply([None if g is None else state.stored_order(g, i) for i, g in enumerate(grads)])
            return [parameter.clone() for parameter in seen], [tensor.clone() for _, tensor in self.entries]
        finally:
            own.set_variables(before)
            fill_each(seen, kept)

    def set_weights(self, weights: Sequence[object]) -> None:
        """Set ``variables`` from arrays in their order; NotBuiltError before ``build``, UsageError if they do not fit."""
        own: Any = self
        if own.parameters is None:
            raise NotBuiltError(f"{self.name} has no parameters yet", hint="call build(parameters) first")
        own.set_variables([torch.as_tensor(weight) for weight in weights])

    def save_own_variables(self, store: Any) -> None:
        """Put the values of ``variables`` into ``store`` under "0", "1" and so on."""
        for place, variable in enumerate(self.variables):
            store[str(place)] = variable.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Set ``variables`` from what ``save_own_variables`` put into ``store``; UsageError if it does not fit."""
        self.set_weights([store[str(place)][()] for place in range(len(store))])

    def finalize_variable_values(self, var_list: object) -> None:
        """Put the moving average of the weights in their place, if one is kept; those that the optimizer was built on."""
        own: Any = self
        own.finalize()

    # For subclasses with a rule of their own, as Keras has them

    def add_variable(
        self,
        shape: Any,
        initializer: Any = "zeros",
        dtype: DTypeLike | None = None,
        aggregation: str = "none",
        layout: object = None,
        name: str | None = None,
    ) -> Variable:
        """Add a variable to the state and return it. ``aggregation`` and ``layout`` are accepted as in Keras."""
        name = naming.uniquify([*(key for key, _ in self.entries), name or "variable"])[-1]
        kind = dtypes.name_of(dtype or "float32")
        made = initializer_names.values(initializer_names.get(initializer), tuple(shape), kind)
        return self._added(name, torch.as_tensor(made).clone())

    def add_variable_from_reference(
        self, reference_variable: Any, name: str | None = None, initializer: Any = "zeros"
    ) -> Variable:
        """Add a variable of the shape, dtype and device of ``reference_variable`` to the state and return it."""
        value = torch.zeros_like(reference_variable.value.detach())
        if initializer != "zeros":
            made = initializer_names.values(
                initializer_names.get(initializer), tuple(value.shape), reference_variable.dtype
            )
            value = torch.as_tensor(made).to(value)
        return self._added(f"{reference_variable.path.replace('/', '_')}_{name or 'variable'}", value)

    def add_optimizer_variables(
        self, trainable_variables: Sequence[object], name: Any, initializer: Any = "zeros"
    ) -> Any:
        """Return a list of one added variable for each of ``trainable_variables``; a tuple of lists for several names."""
        if isinstance(name, str):
            return [self.add_variable_from_reference(v, name, initializer) for v in trainable_variables]
        several = initializer if isinstance(initializer, (list, tuple)) else [initializer] * len(name)
        pairs = zip(name, several, strict=True)
        return tuple(self.add_optimizer_variables(trainable_variables, one, made) for one, made in pairs)

    def _added(self, name: str, tensor: object) -> Variable:
        own: Any = self
        own.built_state.add_entry(name, tensor)
        return self._view(name, tensor)

    def update_step(self, gradient: Tensor, variable: object, learning_rate: object) -> None:
        """Change one variable by its gradient: the rule of a subclass, in place of ``update``."""
        raise NotImplementedError(f"{type(self).__name__} has no update_step(gradient, variable, learning_rate)")

    def _get_variable_index(self, variable: Any) -> int:
        own: Any = self
        held = [id(parameter) for parameter in own.built_state.parameters]
        return held.index(id(variable.stored))

    def assign(self, variable: Any, value: Any) -> None:
        """Set a variable."""
        variable.assign(value)

    def assign_add(self, variable: Any, value: Any) -> None:
        """Add to a variable."""
        variable.assign_add(value)

    def assign_sub(self, variable: Any, value: Any) -> None:
        """Subtract from a variable."""
        variable.assign_sub(value)


def fill_each(targets: Sequence[Any], values: Sequence[Any]) -> None:
    """Copy each of ``values`` into its target."""
    with torch.no_grad():
        for target, value in zip(targets, values, strict=True):
            target.copy_(torch.as_tensor(value))
