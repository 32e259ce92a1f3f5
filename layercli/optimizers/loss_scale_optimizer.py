"""Loss scaling, for training in float16."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from functools import partial
from typing import Any, ClassVar

from layercli.core.naming import auto_name
from layercli.core.number_variable import NumberVariable
from layercli.core.registry import DataclassConfig
from layercli.dataclass import dataclass
from layercli.errors import UsageError
from layercli.lazy import torch
from layercli.optimizers.apply_gradients import ApplyGradientsMixin
from layercli.optimizers.base_optimizer import Optimizer, overwrites
from layercli.optimizers.optimizer_variables import OptimizerVariablesMixin
from layercli.optimizers.positional import accept_positional


@accept_positional
@dataclass(eq=False)
class LossScaleOptimizer(DataclassConfig, ApplyGradientsMixin, OptimizerVariablesMixin):
    """Run ``inner_optimizer`` with dynamic loss scaling.

    The loss is multiplied by a scale and the gradients are divided by it. A step with a gradient that is not finite is skipped and
    halves the scale; after dynamic_growth_steps finite steps the scale doubles.

    Args:
        inner_optimizer: The optimizer that applies the unscaled gradients.
        initial_scale: The initial scale.
        dynamic_growth_steps: The number of finite steps after which the scale doubles.
    """

    keras_module: ClassVar[str] = "keras.optimizers"

    inner_optimizer: Any
    initial_scale: float = 2.0**15
    dynamic_growth_steps: int = 2000
    name: str | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if not isinstance(self.inner_optimizer, Optimizer):
            raise UsageError(f"inner_optimizer is an optimizer that scales no loss, got {self.inner_optimizer!r}")
        self.name = self.name or auto_name(type(self).__name__)
        self.inner_optimizer.loss_scale_factor = None
        self.scale = float(self.initial_scale)
        self.good_steps = 0

    def build(self, parameters: Sequence[torch.nn.Parameter], names: Sequence[str] | None = None, **more: Any) -> None:
        """Make the state of the inner optimizer; see Optimizer.build."""
        self.inner_optimizer.build(parameters, names, **more)

    @property
    def built(self) -> bool:
        """Whether the state is made."""
        return bool(self.inner_optimizer.built)

    def exclude_from_weight_decay(self, var_list: Any = None, var_names: Any = None) -> None:
        """Spare variables from the weight decay of the inner optimizer; see Optimizer.exclude_from_weight_decay."""
        self.inner_optimizer.exclude_from_weight_decay(var_list, var_names)

    def step(self) -> None:
        """Apply the gradients that the backward pass left in the parameters."""
        self._apply([parameter.grad for parameter in self.inner_optimizer.built_state.parameters])

    @property
    def parameters(self) -> Sequence[torch.nn.Parameter] | None:
        """The parameters of the inner optimizer in order, None before ``build``."""
        return self.inner_optimizer.parameters  # type: ignore[no-any-return]  # it is an Optimizer

    def _apply(self, gradients: list[torch.Tensor | None]) -> None:
        present = [gradient for gradient in gradients if gradient is not None]
        if not all_finite(present):
            self.scale, self.good_steps = self.scale / 2, 0
            return
        pairs = zip(gradients, self.parameters or (), strict=True)
        self.inner_optimizer.apply([g if g is None or overwrites(p) else g / self.scale for g, p in pairs])
        self.good_steps += 1
        if self.good_steps == self.dynamic_growth_steps:
            self.scale, self.good_steps = self.scale * 2, 0

    @property
    def dynamic_scale(self) -> NumberVariable:
        """The scale of the loss, as a variable."""
        return self._number("dynamic_scale", "float32", "scale")

    @property
    def step_counter(self) -> NumberVariable:
        """How many finite steps were made since the scale last changed, as a variable."""
        return self._number("step_counter", "int32", "good_steps")

    def _number(self, name: str, dtype: str, attribute: str) -> NumberVariable:
        path = f"{self.name}/{name}"
        return NumberVariable(path, dtype, partial(getattr, self, attribute), partial(setattr, self, attribute), {})

    def zero_grad(self) -> None:
        """Drop the gradients of the parameters."""
        self.inner_optimizer.zero_grad()

    def scale_loss(self, loss: torch.Tensor) -> torch.Tensor:
        """Return the loss to run backward from."""
        return loss * self.scale

    def finalize(self) -> None:
        """Put the moving average of the weights in their place, if one is kept."""
        self.inner_optimizer.finalize()

    @property
    def learning_rate(self) -> Any:
        """The rate of the inner optimizer."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: object) -> None:
        self.inner_optimizer.learning_rate = value

    @property
    def update_count(self) -> int:
        """How many updates were made; steps left out do not count."""
        return int(self.inner_optimizer.update_count)

    @property
    def step_count(self) -> int:  # type: ignore[override]  # that of the inner optimizer
        """How many steps were taken; steps left out do not count."""
        return int(self.inner_optimizer.step_count)

    @property
    def entries(self) -> list[tuple[str, torch.Tensor]]:
        """The state as Keras stores it: its own counters, then the inner optimizer's variables."""
        return [
            ("iteration", torch.tensor(0, dtype=torch.int32)),
            ("learning_rate", torch.tensor(0.0)),
            ("step_counter", torch.tensor(self.good_steps, dtype=torch.int32)),
            ("dynamic_scale", torch.tensor(self.scale)),
            *self.inner_optimizer.entries,
        ]

    def set_variables(self, values: Sequence[Any]) -> None:
        """Take over ``values``, arrays in the order and shapes of ``variables``."""
        if len(values) < 4:
            raise UsageError(f"{self.name} has {len(self.entries)} variables, got {len(values)}")
        self.inner_optimizer.set_variables(values[4:])
        self.good_steps, self.scale = int(values[2]), float(values[3])

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the inner optimizer with the scale and the steps since it last changed."""
        inner = {f"inner.{key}": value for key, value in self.inner_optimizer.state_dict().items()}
        return {"scale": self.scale, "good_steps": self.good_steps, **inner}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what ``state_dict`` gave."""
        inner = {key.removeprefix("inner."): value for key, value in state.items() if key.startswith("inner.")}
        self.inner_optimizer.load_state_dict(inner)
        self.scale, self.good_steps = state["scale"], state["good_steps"]


def all_finite(tensors: list[torch.Tensor]) -> bool:
    """Return whether every element is finite; waits for the device."""
    with torch.no_grad():
        return bool(torch.stack([tensor.isfinite().all() for tensor in tensors]).all())
