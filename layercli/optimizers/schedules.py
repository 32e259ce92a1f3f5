"""Learning-rate schedules: functions of the number of steps taken."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from layercli.core.registry import DataclassConfig, Registry
from layercli.core.registry import serialize as plain
from layercli.dataclass import dataclass
from layercli.errors import UsageError

_registry = Registry(
    "layercli.optimizers",
    "learning-rate schedule",
    {
        "schedules": (
            "ExponentialDecay InverseTimeDecay PiecewiseConstantDecay PolynomialDecay CosineDecay CosineDecayRestarts"
        )
    },
)
__all__ = [*_registry.module_of, "LearningRateSchedule", "deserialize", "get", "serialize"]
get, deserialize = _registry.get, _registry.deserialize


def serialize(learning_rate_schedule: object) -> Any:
    """Return a schedule as plain data, ``{"class_name": ..., "config": ...}``."""
    return plain(learning_rate_schedule)


class LearningRateSchedule(DataclassConfig):
    """The base class of schedules: a learning rate for each step. Subclass it as a dataclass and override ``__call__(step)``."""

    keras_module: ClassVar[str] = "keras.optimizers.schedules"

    def __call__(self, step: object) -> float:
        """Return the rate at ``step``, the number of steps taken before."""
        raise NotImplementedError(f"{type(self).__name__} has no __call__(step)")


def _require_positive(schedule: LearningRateSchedule, setting: str) -> None:
    if not getattr(schedule, setting) > 0:
        raise UsageError(f"{setting} of {type(schedule).__name__} must be over 0, got {getattr(schedule, setting)}")


@dataclass(frozen=True)
class _StepDecay(LearningRateSchedule):
    initial_learning_rate: float
    decay_steps: float
    decay_rate: float
    staircase: bool = False

    def __post_init__(self) -> None:
        _require_positive(self, "decay_steps")

    def periods(self, step: Any) -> float:
        """Return how many times ``decay_steps`` fit in ``step``, whole times only if ``staircase``."""
        share = float(step) / self.decay_steps
        return math.floor(share) if self.staircase else share


@dataclass(frozen=True)
class ExponentialDecay(_StepDecay):
    """``initial_learning_rate * decay_rate ^ (step / decay_steps)``.

    Args:
        initial_learning_rate: The learning rate at step 0.
        decay_steps: The number of steps in which the learning rate is multiplied by decay_rate once.
        decay_rate: The factor.
        staircase: Whether step / decay_steps is rounded down.
        name: The name of the schedule.
    """

    name: str = "ExponentialDecay"

    def __call__(self, step: object) -> float:
        """Return the rate at ``step``."""
        return self.initial_learning_rate * math.pow(self.decay_rate, self.periods(step))


@dataclass(frozen=True)
class InverseTimeDecay(_StepDecay):
    """``initial_learning_rate / (1 + decay_rate * step / decay_steps)``.

    Args:
        initial_learning_rate: The learning rate at step 0.
        decay_steps: The number of steps of a period.
        decay_rate: The decay of a period.
        staircase: Whether step / decay_steps is rounded down.
        name: The name of the schedule.
    """

    name: str = "InverseTimeDecay"

    def __call__(self, step: object) -> float:
        """Return the rate at ``step``."""
        return self.initial_learning_rate / (1 + self.decay_rate * self.periods(step))


@dataclass(frozen=True)
class PiecewiseConstantDecay(LearningRateSchedule):
    """``values[i]`` up to and including step ``boundaries[i]``, and the last value after the last boundary.

    Args:
        boundaries: The steps in ascending order.
        values: The learning rates, one more than boundaries.
        name: The name of the schedule.
    """

    boundaries: Sequence[float]
    values: Sequence[float]
    name: str = "PiecewiseConstant"

    def __post_init__(self) -> None:
        if len(self.boundaries) != len(self.values) - 1:
            raise UsageError(
                f"PiecewiseConstantDecay needs one value more than boundaries, "
                f"got {len(self.boundaries)} boundaries and {len(self.values)} values"
            )

    def __call__(self, step: Any) -> float:
        """Return the rate at ``step``."""
        return self.values[sum(float(step) > boundary for boundary in self.boundaries)]


@dataclass(frozen=True)
class PolynomialDecay(LearningRateSchedule):
    """``(initial - end) (1 - step / decay_steps)^power + end``, and ``end`` from decay_steps on.

    Args:
        initial_learning_rate: The learning rate at step 0.
        decay_steps: The number of steps of the decay.
        end_learning_rate: The learning rate at the end.
        power: The exponent.
        cycle: Whether to extend decay_steps to its next multiple instead of ending.
        name: The name of the schedule.
    """

    initial_learning_rate: float
    decay_steps: float
    end_learning_rate: float = 0.0001
    power: float = 1.0
    cycle: bool = False
    name: str = "PolynomialDecay"

    def __post_init__(self) -> None:
        _require_positive(self, "decay_steps")

    def __call__(self, step: Any) -> float:
        """Return the rate at ``step``."""
        step, steps = float(step), float(self.decay_steps)
        if self.cycle:
            steps *= math.ceil(step / steps) or 1
        left = 1 - min(step, steps) / steps
        return (self.initial_learning_rate - self.end_learning_rate) * math.pow(
            left, self.power
        ) + self.end_learning_rate


@dataclass(frozen=True)
class CosineDecay(LearningRateSchedule):
    """A linear warmup to ``warmup_target`` in ``warmup_steps``, then half a cosine down to ``alpha`` times that in ``decay_steps``.

    Without a warmup_target the cosine starts from initial_learning_rate. Reference: Loshchilov and Hutter 2016, arXiv:1608.03983.

    Args:
        initial_learning_rate: The learning rate at step 0.
        decay_steps: The number of steps of the cosine.
        alpha: The learning rate at the end as a fraction of that at the start of the cosine.
        name: The name of the schedule.
        warmup_target: The learning rate at the end of the warmup; None for no warmup.
        warmup_steps: The number of steps of the warmup.
    """

    initial_learning_rate: float
    decay_steps: float
    alpha: float = 0.0
    name: str = "CosineDecay"
    warmup_target: float | None = None
    warmup_steps: float = 0

    def __post_init__(self) -> None:
        _require_positive(self, "decay_steps")

    def __call__(self, step: Any) -> float:
        """Return the rate at ``step``."""
        if self.warmup_target is None:
            return self.initial_learning_rate * self.share(float(step))
        if step < self.warmup_steps:
            rise = self.warmup_target - self.initial_learning_rate
            return rise * float(step) / self.warmup_steps + self.initial_learning_rate
        return self.warmup_target * self.share(float(step) - self.warmup_steps)

    def share(self, step: float) -> float:
        """Return the share of the starting rate that is left ``step`` steps into the cosine."""
        return (1 - self.alpha) * half_cosine(min(step / self.decay_steps, 1)) + self.alpha


@dataclass(frozen=True)
class CosineDecayRestarts(LearningRateSchedule):
    """Half a cosine from ``initial_learning_rate`` to ``alpha`` times it, repeated.

    Reference: Loshchilov and Hutter 2016, arXiv:1608.03983.

    Args:
        initial_learning_rate: The learning rate at step 0.
        first_decay_steps: The number of steps of the first cosine.
        t_mul: The factor of the length of each next cosine.
        m_mul: The factor of the height of each next cosine.
        alpha: The learning rate at the end of a cosine as a fraction of that at its start.
        name: The name of the schedule.
    """

    initial_learning_rate: float
    first_decay_steps: float
    t_mul: float = 2.0
    m_mul: float = 1.0
    alpha: float = 0.0
    name: str = "SGDRDecay"

    def __post_init__(self) -> None:
        _require_positive(self, "first_decay_steps")

    def __call__(self, step: Any) -> float:
        """Return the rate at ``step``."""
        restarts, share = self.position(float(step) / self.first_decay_steps)
        height: float = self.m_mul**restarts * half_cosine(share)
        return self.initial_learning_rate * ((1 - self.alpha) * height + self.alpha)

    def position(self, periods: float) -> tuple[int, float]:
        """Return how many cosines end within ``periods`` first lengths, and the share done of the one after."""
        if self.t_mul == 1:
            return int(periods), periods % 1
        done, length, restarts = 0.0, 1.0, 0
        while periods >= done + length:
            done, length, restarts = done + length, length * self.t_mul, restarts + 1
        return restarts, (periods - done) / length


def half_cosine(share: float) -> float:
    """Return ``(1 + cos(pi share)) / 2``: 1 at 0, 0 at 1."""
    return 0.5 * (1 + math.cos(math.pi * share))
