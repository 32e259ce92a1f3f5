"""Learning-rate schedules: functions of the number of steps taken."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from layercli.core.registry import DataclassConfig, Registry
from layercli.core.registry import serialize as plain
from layercli.errors import UsageError

_catalogue = Registry(
    "layercli.optimizers",
    "learning-rate schedule",
    {
        "schedules": (
            "ExponentialDecay InverseTimeDecay PiecewiseConstantDecay PolynomialDecay CosineDecay CosineDecayRestarts"
        )
    },
)
__all__ = [*_catalogue.homes, "LearningRateSchedule", "deserialize", "get", "serialize"]
get, deserialize, serialize = _catalogue.get, _catalogue.deserialize, plain


class LearningRateSchedule(DataclassConfig):
    """The learning rate at each step; subclass it as a dataclass and write ``__call__(step)``."""

    home: ClassVar[str] = "keras.optimizers.schedules"

    def __call__(self, step: Any) -> float:
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
    """``initial_learning_rate * decay_rate ^ (step / decay_steps)``; whole powers only if ``staircase``."""

    name: str = "ExponentialDecay"

    def __call__(self, step: Any) -> float:
        """Return the rate at ``step``."""
        return self.initial_learning_rate * math.pow(self.decay_rate, self.periods(step))


@dataclass(frozen=True)
class InverseTimeDecay(_StepDecay):
    """``initial_learning_rate / (1 + decay_rate * step / decay_steps)``; in whole steps only if ``staircase``."""

    name: str = "InverseTimeDecay"

    def __call__(self, step: Any) -> float:
        """Return the rate at ``step``."""
        return self.initial_learning_rate / (1 + self.decay_rate * self.periods(step))


@dataclass(frozen=True)
class PiecewiseConstantDecay(LearningRateSchedule):
    """``values[i]`` up to and including step ``boundaries[i]``, the last value after the last boundary."""

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
    """``(initial - end) (1 - step / decay_steps)^power + end``, and ``end`` from ``decay_steps`` on.

    With ``cycle`` the decay is stretched to the next multiple of ``decay_steps`` instead of ending.
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
    """A straight line to ``warmup_target`` in ``warmup_steps``, then half a cosine down in ``decay_steps``.

    The cosine goes from ``warmup_target`` (or, without one, from ``initial_learning_rate`` and without a warmup) to
    ``alpha`` times that. Reference: Loshchilov and Hutter 2016, arXiv:1608.03983.
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
    """Half a cosine from ``initial_learning_rate`` to ``alpha`` times it, again and again.

    The first takes ``first_decay_steps``; each after takes ``t_mul`` times as long and starts ``m_mul`` times as high.
    Reference: Loshchilov and Hutter 2016, arXiv:1608.03983.
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
