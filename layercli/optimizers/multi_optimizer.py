"""Different optimizers for different parameters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import field
from typing import Any, ClassVar, Never

from layercli.core.naming import auto_name
from layercli.core.registry import DataclassConfig
from layercli.dataclass import dataclass
from layercli.errors import NotBuiltError, UsageError, with_and
from layercli.lazy import torch
from layercli.optimizers.apply_gradients import ApplyGradientsMixin
from layercli.optimizers.base_optimizer import Optimizer
from layercli.optimizers.optimizer_variables import OptimizerVariablesMixin
from layercli.optimizers.positional import accept_positional


@dataclass(eq=False)
class OptimizerMap(DataclassConfig, MutableMapping[str, Any]):
    """The optimizer of each path: that of the key that equals it, else that of the regular expression that matches all of it, else
    ``default_optimizer``.

    Raises UsageError for a path that two expressions match.

    Args:
        default_optimizer: The optimizer of paths without a match.
        optimizer_map: A dict from paths or regular expressions to optimizers.
    """

    keras_module: ClassVar[str] = "keras.optimizers"

    default_optimizer: Any
    optimizer_map: Mapping[str, Any] = None  # type: ignore[assignment]  # None stands for an empty mapping, as in Keras

    def __post_init__(self) -> None:
        self.optimizer_map = dict(self.optimizer_map or {})
        for optimizer in self.all:
            require_plain(optimizer)

    @property
    def all(self) -> list[Any]:
        """The optimizers: those of the patterns in order, then the default."""
        return [*self.optimizer_map.values(), self.default_optimizer]

    def __iter__(self) -> Iterator[str]:
        return iter(self.optimizer_map)

    def __len__(self) -> int:
        return len(self.optimizer_map)

    def __delitem__(self, pattern: str) -> None:
        self.optimizer_map = {key: each for key, each in self.optimizer_map.items() if key != pattern}

    def __getitem__(self, path: str) -> Any:
        if path in self.optimizer_map:
            return self.optimizer_map[path]
        matching = [pattern for pattern in self.optimizer_map if re.fullmatch(pattern, path)]
        if len(matching) > 1:
            raise UsageError(f"{path} matches more than one optimizer: {with_and(matching)}")
        return self.optimizer_map[matching[0]] if matching else self.default_optimizer

    def __setitem__(self, pattern: str, optimizer: object) -> None:
        if pattern in self.optimizer_map:
            raise UsageError(f"the optimizer map has an optimizer for {pattern!r} already")
        self.optimizer_map = {**self.optimizer_map, pattern: require_plain(optimizer)}

    def __call__(self, path: Any) -> Any:
        """Return the optimizer of the parameter of that path, or of a variable."""
        return self[getattr(path, "path", path)]


@accept_positional
@dataclass(eq=False)
class MultiOptimizer(DataclassConfig, ApplyGradientsMixin, OptimizerVariablesMixin):
    """Update each parameter by the optimizer that ``optimizer_map`` gives for its path.

    Args:
        optimizer_map: An OptimizerMap, or a function of the path.
        loss_scale_factor: The loss scale of every optimizer; None for 1.
    """

    keras_module: ClassVar[str] = "keras.optimizers"

    optimizer_map: Any
    loss_scale_factor: float | None = None
    name: str | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        self.name = self.name or auto_name(type(self).__name__)
        self.optimizers: list[Optimizer] = []
        self.step_count = 0
        self._parameters: list[torch.nn.Parameter] = []
        self.members: list[list[int]] | None = None
        if isinstance(self.optimizer_map, OptimizerMap):
            for optimizer in self.optimizer_map.all:
                self._position(optimizer)

    def _position(self, optimizer: Any) -> int:
        """Return the place of ``optimizer`` among the optimizers, the last if it is new."""
        if optimizer not in self.optimizers:
            require_plain(optimizer).loss_scale_factor = self.loss_scale_factor
            self.optimizers.append(optimizer)
        return self.optimizers.index(optimizer)

    def build(self, parameters: Sequence[torch.nn.Parameter], names: Sequence[str] | None = None, **more: Any) -> None:
        """Share ``parameters`` out by their ``names``, and make the state of each optimizer; see Optimizer.build."""
        if self.members is not None:
            return
        if names is None:
            raise UsageError(f"{self.name} needs the names of its parameters to share them out")
        choose: Callable[[str], Any] = self.optimizer_map
        places = [self._position(choose(name)) for name in names]
        self._parameters = list(parameters)
        self.members = [[i for i, place in enumerate(places) if place == k] for k in range(len(self.optimizers))]
        for optimizer, chosen in zip(self.optimizers, self.members, strict=True):
            given = {key: [values[i] for i in chosen] for key, values in more.items() if values is not None}
            if chosen:
                optimizer.build([parameters[i] for i in chosen], [names[i] for i in chosen], **given)

    @property
    def built(self) -> bool:
        """Whether the state is made."""
        return self.members is not None

    def exclude_from_weight_decay(self, var_list: Any = None, var_names: Any = None) -> None:
        """Spare variables from the weight decay of every optimizer; see Optimizer.exclude_from_weight_decay."""
        for optimizer in self.optimizers:
            optimizer.exclude_from_weight_decay(var_list, var_names)

    def step(self) -> None:
        """Apply the gradients that the backward pass left in the parameters."""
        self._apply([parameter.grad for parameter in self._built(self._parameters)])

    @property
    def parameters(self) -> Sequence[torch.nn.Parameter] | None:
        """The parameters in order, None before ``build``."""
        return None if self.members is None else self._parameters

    def _apply(self, gradients: list[torch.Tensor | None]) -> None:
        for optimizer, chosen in zip(self.optimizers, self._built(self.members), strict=True):
            if any(gradients[i] is not None for i in chosen):
                optimizer.apply([gradients[i] for i in chosen])
        self.step_count += 1

    def _built(self, value: object) -> Any:
        if self.members is None:
            raise NotBuiltError(f"{self.name} has no parameters yet", hint="call build(parameters, names) first")
        return value

    def zero_grad(self) -> None:
        """Drop the gradients of the parameters."""
        for parameter in self._built(self._parameters):
            parameter.grad = None

    def scale_loss(self, loss: torch.Tensor) -> torch.Tensor:
        """Return the loss to run backward from."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    def finalize(self) -> None:
        """Put the moving average of the weights in their place, where one is kept."""
        for optimizer, chosen in zip(self.optimizers, self._built(self.members), strict=True):
            if chosen:
                optimizer.finalize()

    @property
    def update_count(self) -> int:
        """How many steps were taken."""
        return self.step_count

    @property
    def learning_rate(self) -> Never:
        """Not one number: raises UsageError, whether read or set."""
        raise UsageError(f"{self.name} has no learning rate of its own", hint="each of its optimizers has one")

    @learning_rate.setter
    def learning_rate(self, value: object) -> None:
        raise UsageError(f"{self.name} has no learning rate of its own", hint="each of its optimizers has one")

    @property
    def entries(self) -> list[tuple[str, torch.Tensor]]:
        """The state as Keras stores it: its own counters, then the variables of each optimizer."""
        own = [("iteration", torch.tensor(self.step_count, dtype=torch.int32)), ("learning_rate", torch.tensor(0.0))]
        return own + [variable for optimizer in self.optimizers for variable in optimizer.entries]

    def set_variables(self, values: Sequence[Any]) -> None:
        """Take over ``values``, arrays in the order and shapes of ``variables``."""
        if len(values) != len(self.entries):
            raise UsageError(f"{self.name} has {len(self.entries)} variables, got {len(values)}")
        start = 2
        for optimizer in self.optimizers:
            count = len(optimizer.entries)
            optimizer.set_variables(values[start : start + count])
            start += count
        self.step_count = int(values[0])

    def state_dict(self) -> dict[str, Any]:
        """Return the states of the optimizers, each key preceded by the place of its optimizer."""
        held = zip(self.optimizers, self._built(self.members), strict=True)
        parts = [(place, opt.state_dict()) for place, (opt, chosen) in enumerate(held) if chosen]
        return {"iteration": self.step_count} | {
            f"{place}.{key}": v for place, part in parts for key, v in part.items()
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what ``state_dict`` gave."""
        for place, optimizer in enumerate(self.optimizers):
            start = f"{place}."
            if part := {key.removeprefix(start): value for key, value in state.items() if key.startswith(start)}:
                optimizer.load_state_dict(part)
        self.step_count = state["iteration"]


def require_plain(optimizer: object) -> Optimizer:
    """Return ``optimizer``; raise UsageError unless it is one that scales no loss and is not several."""
    if not isinstance(optimizer, Optimizer):
        raise UsageError(f"an optimizer map holds plain optimizers, got {optimizer!r}")
    return optimizer
