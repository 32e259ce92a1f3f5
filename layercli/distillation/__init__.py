"""Training a small model to do as a large one does, as in Keras's ``distillation``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layercli.core.registry import Registry

if TYPE_CHECKING:  # for type checkers and editors; a test holds it to the table below
    from layercli.distillation.distillation_loss import DistillationLoss as DistillationLoss
    from layercli.distillation.distiller import Distiller as Distiller
    from layercli.distillation.feature_distillation import FeatureDistillation as FeatureDistillation
    from layercli.distillation.logits_distillation import LogitsDistillation as LogitsDistillation

_registry = Registry(
    "layercli.distillation",
    "distillation loss",
    {
        "distillation_loss": "DistillationLoss",
        "distiller": "Distiller",
        "feature_distillation": "FeatureDistillation",
        "logits_distillation": "LogitsDistillation",
    },
)

__all__ = [*_registry.module_of]
deserialize = _registry.deserialize


if not TYPE_CHECKING:  # a type checker would take any name

    def __getattr__(name: str) -> Any:
        return _registry.load(name)


def __dir__() -> list[str]:
    return sorted(__all__)
