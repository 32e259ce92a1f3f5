"""The base class of optimizers: everything but the update rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import field
from functools import partial
from typing import Any, ClassVar

from layercli.core.naming import auto_name
from layercli.core.registry import DataclassConfig, serialize
from layercli.core.types import Config
from layercli.core.variable import Variable
from layercli.dataclass import dataclass
from layercli.errors import NotBuiltError, UsageError, with_and
from layercli.lazy import torch
from layercli.optimizers.apply_gradients import ApplyGradientsMixin, described
from layercli.optimizers.gradient_clipping import CLIPS, Tensors
from layercli.optimizers.learning_rate import LearningRate
from layercli.optimizers.optimizer_state_dict import StateDictMixin
from layercli.optimizers.optimizer_variables import OptimizerVariablesMixin
from layercli.optimizers.positional import accept_positional
from layercli.optimizers.slots import State

Constraint = Callable[["torch.Tensor"], "torch.Tensor"]


@accept_positional
@dataclass(eq=False)
class Optimizer(DataclassConfig, ApplyGradientsMixin, StateDictMixin):
    """The base class of optimizers. A step clips the gradients, decays the weights and calls ``update``, the rule of the subclass.

    Raises UsageError for arguments that contradict each other or are out of range.
    """

    keras_module: ClassVar[str] = "keras.optimizers"
    needs_logical_shape: ClassVar[bool] = False  # whether the rule tells axes apart, and so must see logical shapes

    learning_rate: Any = LearningRate(0.001)  # a descriptor: each optimizer has its own rate behind it
    weight_decay: float | None = field(default=None, kw_only=True)
    clipnorm: float | None = field(default=None, kw_only=True)
    clipvalue: float | None = field(default=None, kw_only=True)
    global_clipnorm: float | None = field(default=None, kw_only=True)
    use_ema: bool = field(default=False, kw_only=True)
    ema_momentum: float = field(default=0.99, kw_only=True)
    ema_overwrite_frequency: int | None = field(default=None, kw_only=True)
    loss_scale_factor: float | None = field(default=None, kw_only=True)
    gradient_accumulation_steps: int | None = field(default=None, kw_only=True)
    name: str | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if self.name is not None and (not isinstance(self.name, str) or "/" in self.name):
            raise UsageError(f"an optimizer's name is text without '/', got {self.name!r}")
        self.name = self.name or auto_name(type(self).__name__)
        self.rate_source: object  # what learning_rate was set to: see Rate
        self.step_count = 0
        self.state: State | None = None
        self.trained: list[Variable] = []  # what it was built on, if that was variables
        self.no_decay: tuple[tuple[Any, ...], str] = ((), "")
        check_arguments(self)

    # What a rule says

    def slots(self) -> Iterable[tuple[str, ...]]:
        """Return the names of the tensors the rule keeps beside each parameter, in the groups they are stored in."""
        return ()

    def initial(self, slot: str, index: int, parameter: torch.Tensor) -> torch.Tensor | None:
        """Return the starting value of ``slot`` for the parameter of that index; None if it has no such slot."""
        return torch.zeros_like(parameter)

    def update(self, parameters: Tensors, gradients: Tensors, rate: float, **slots: Tensors) -> None:
        """Change ``parameters`` and ``slots`` in place: lists of equal length, one entry for each parameter."""
        raise NotImplementedError(f"{type(self).__name__} has no update(parameters, gradients, rate, **slots)")

    # What a trainer does

    def build(
        self,
        parameters: Sequence[torch.nn.Parameter],
        names: Sequence[str] | None = None,
        *,
        constraints: Sequence[Constraint | None] | None = None,
        axis_orders: Sequence[Sequence[int] | None] | None = None,
    ) -> None:
        """Make the state for ``parameters``, which may be variables of a model; a second call does nothing.

        ``names`` are their paths (``dense/kernel``), used in the names of the state. ``constraints`` are applied to
        each after every step. ``axis_orders`` are the axes by which each, permuted, takes its logical shape: constraints,
        rules that tell axes apart and the stored variables see that one.
        """
        if self.state is not None:
            return
        if parameters and all(isinstance(each, Variable) for each in parameters):
            self.trained = list(parameters)  # type: ignore[arg-type]  # each is a Variable
            parameters, names, others = described(parameters)
            constraints, axis_orders = others["constraints"], others["axis_orders"]
        self.state = State(list(parameters), names, constraints, axis_orders)
        self.add_state(self.state)

    def build_for(self, variables: Sequence[Any]) -> None:
        """Make the state for variables of a model by ``build``, which a subclass may override."""
        if self.state is None:
            self.build(list(variables))

    def add_state(self, state: State) -> None:
        """Add the tensors this optimizer keeps to ``state``, in the order they are stored in."""
        if self.use_ema:
            state.add(("average",), lambda slot, index, parameter: torch.zeros_like(parameter))
        if self.gradient_accumulation_steps:
            state.add(("gradient_accumulator",), lambda slot, index, parameter: torch.zeros_like(parameter))
        for group in self.slots():
            state.add(group, partial(self._initial, state), logical=self.needs_logical_shape)

    def _initial(self, state: State, slot: str, index: int, parameter: torch.Tensor) -> torch.Tensor | None:
        return None if overwrites(state.parameters[index]) else self.initial(slot, index, parameter)

    @property
    def parameters(self) -> Sequence[torch.nn.Parameter] | None:
        """The parameters in order, None before ``build``."""
        return None if self.state is None else self.state.parameters

    @property
    def built(self) -> bool:
        """Whether the state is made."""
        return self.state is not None

    @property
    def built_state(self) -> State:
        """The state; raises NotBuiltError before ``build``."""
        if self.state is None:
            raise NotBuiltError(f"{self.name} has no parameters yet", hint="call build(parameters) first")
        return self.state

    @property
    def update_count(self) -> int:
        """How many updates were made."""
        return self.step_count // (self.gradient_accumulation_steps or 1)

    def step(self) -> None:
        """Apply the gradients that the backward pass left in the parameters."""
        self._apply([parameter.grad for parameter in self.built_state.parameters])

    def zero_grad(self) -> None:
        """Drop the gradients of the parameters."""
        for parameter in self.built_state.parameters:
            parameter.grad = None

    def scale_loss(self, loss: torch.Tensor) -> torch.Tensor:
        """Return the loss to run backward from."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    def exclude_from_weight_decay(
        self, var_list: Iterable[Any] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Spare from weight decay the variables or parameters of ``var_list`` and those whose name matches one of ``var_names``.

        A name is the last part of a path; ``var_names`` are regular expressions searched in it. Raises UsageError once
        the optimizer is built.
        """
        if self.state is not None:
            raise UsageError(f"{self.name} is built: exclude_from_weight_decay comes before")
        self.no_decay = (tuple(var_list or ()), "|".join(var_names or ()))

    def finalize(self) -> None:
        """Put the moving average of the weights in their place, if one is kept."""
        if self.use_ema:
            with torch.no_grad():
                copy_each(self.built_state.parameters, self.built_state.slots["average"])

    def get_config(self) -> Config:
        """Return the settings as plain values, a schedule as its config."""
        return {**super().get_config(), "learning_rate": serialize(self.rate_source)}

    def argument(self, name: str) -> Any:
        """Return the argument of that name; the learning rate as it was given."""
        return self.rate_source if name == "learning_rate" else super().argument(name)

    def current_rate(self) -> float:
        """Return the learning rate of the next step."""
        return float(self.learning_rate)

    # How a step goes

    def _apply(self, gradients: list[torch.Tensor | None]) -> None:
        with torch.no_grad():
            self._apply_present(gradients)
        self.step_count += 1

    def _apply_present(self, gradients: list[torch.Tensor | None]) -> None:
        state = self.built_state
        whole, gradients = gradients, overwritten(state.parameters, gradients)
        indices = [i for i, gradient in enumerate(gradients) if gradient is not None]
        if not indices and gradients is not whole:
            return
        if not indices:
            raise UsageError(f"{self.name} got no gradient for any parameter", hint="run backward() on the loss first")
        present = [gradient for gradient in gradients if gradient is not None]
        if self.loss_scale_factor is not None:
            present = list(torch._foreach_div(present, self.loss_scale_factor))
        mean = self._accumulate(present, indices) if self.gradient_accumulation_steps else present
        if mean is not None:
            self._update(mean, indices)
        if self.use_ema:
            self._average()
        state.constrain(indices)

    def _accumulate(self, gradients: Tensors, indices: list[int]) -> Tensors | None:
        """Return the mean gradients when an update is due, else add to the sum so far and return None."""
        steps = self.gradient_accumulation_steps or 1
        sums = self.built_state.select("gradient_accumulator", indices)
        if (self.step_count + 1) % steps:
            torch._foreach_add_(sums, gradients)
            return None
        means = list(torch._foreach_div(torch._foreach_add(sums, gradients), steps))
        torch._foreach_zero_(self.built_state.slots["gradient_accumulator"])
        return means

    def _update(self, gradients: Tensors, indices: list[int]) -> None:
        state, rate = self.built_state, self.current_rate()
        gradients = self._clip(gradients)
        self.decay(indices, rate)
        if type(self).update_step is not OptimizerVariablesMixin.update_step:
            self._update_each(gradients, indices, rate)
            return
        if self.needs_logical_shape:
            gradients = state.logical(gradients, indices)
        slots = {name: state.select(name, indices) for group in self.slots() for name in group}
        self.update(state.select_parameters(indices, logical=self.needs_logical_shape), gradients, rate, **slots)

    def _update_each(self, gradients: Tensors, indices: list[int], rate: float) -> None:
        """Apply the rule ``update_step`` of a subclass to each variable, in logical shapes."""
        for index, gradient in zip(indices, self.built_state.logical(gradients, indices), strict=True):
            self.update_step(gradient, self.trained[index], torch.tensor(rate))

    def _clip(self, gradients: Tensors) -> Tensors:
        """Return the gradients clipped, if any limit is above 0, as in Keras."""
        for name, clip in CLIPS.items():
            limit = getattr(self, name)
            if limit and limit > 0:
                return clip(gradients, limit)
        return gradients

    def decay(self, indices: list[int], rate: float) -> None:
        """Shrink the parameters that weight decay applies to."""
        if self.weight_decay is not None:
            apply_weight_decay(
                self.built_state.parameters, [i for i in indices if self.decays(i)], self.weight_decay * rate
            )

    def decays(self, index: int) -> bool:
        """Return whether weight decay applies to the parameter of that index."""
        spared, pattern = self.no_decay
        name = self.built_state.names[index].rpartition("/")[2]
        parameter = self.built_state.parameters[index]
        if any(getattr(variable, "stored", variable) is parameter for variable in spared):
            return False
        return not (pattern and re.search(pattern, name))

    def _average(self) -> None:
        momentum = self.ema_momentum if self.update_count else 0.0
        parameters, averages = self.built_state.parameters, self.built_state.slots["average"]
        torch._foreach_lerp_(averages, parameters, 1 - momentum)
        if self.ema_overwrite_frequency and (self.update_count + 1) % self.ema_overwrite_frequency == 0:
            copy_each(parameters, averages)


def apply_weight_decay(parameters: Tensors, indices: list[int], share: float) -> None:
    """Multiply the parameters of those indices by ``1 - share``."""
    if indices:
        torch._foreach_mul_([parameters[i] for i in indices], 1 - share)


def overwritten(parameters: Sequence[torch.Tensor], gradients: list[torch.Tensor | None]) -> list[torch.Tensor | None]:
    """Set the parameters that their gradients overwrite, and return the other gradients, None in the places of those."""
    if not any(map(overwrites, parameters)):
        return gradients
    for parameter, gradient in zip(parameters, gradients, strict=True):
        if gradient is not None and overwrites(parameter):
            parameter.copy_(gradient)
    return [None if overwrites(p) else g for p, g in zip(parameters, gradients, strict=True)]


def overwrites(parameter: torch.Tensor) -> bool:
    """Return whether the gradient of a parameter is its next value."""
    return getattr(parameter, "overwrite_with_gradient", False)


def copy_each(targets: Tensors, values: Sequence[torch.Tensor]) -> None:
    """Copy each of ``values`` into its target; one by one, as a sharded parameter (DTensor) has no foreach copy."""
    for target, value in zip(targets, values, strict=True):
        target.copy_(value)


def check_arguments(optimizer: Optimizer) -> None:
    """Raise UsageError for settings that cannot be meant."""
    clips = [name for name in CLIPS if getattr(optimizer, name) is not None]
    if len(clips) > 1:
        raise UsageError(f"{optimizer.name} clips gradients one way, got {with_and(clips)}")
    steps = optimizer.gradient_accumulation_steps
    if steps not in (None, 0) and not (isinstance(steps, int) and steps >= 2):
        raise UsageError(f"gradient_accumulation_steps is an integer from 2 up, got {steps}")
    frequency = optimizer.ema_overwrite_frequency
    if frequency is not None and not (isinstance(frequency, int) and frequency >= 1):
        raise UsageError(f"ema_overwrite_frequency is an integer from 1 up, got {frequency}")
    if not 0 <= optimizer.ema_momentum <= 1:
        raise UsageError(f"ema_momentum is a number from 0 to 1, got {optimizer.ema_momentum}")
