"""Optimizers: Keras's update rules on torch parameters, their settings, state and learning-rate schedules."""

from __future__ import annotations

from typing import Any

from layercli.core.registry import Registry
from layercli.core.registry import serialize as plain

_catalogue = Registry(
    "layercli.optimizers",
    "optimizer",
    {
        "base_optimizer": "Optimizer",
        "adam": "Adam",
        "adamw": "AdamW",
        "adamax": "Adamax",
        "nadam": "Nadam",
        "lamb": "Lamb",
        "lion": "Lion",
        "sgd": "SGD",
        "rmsprop": "RMSprop",
        "adagrad": "Adagrad",
        "adadelta": "Adadelta",
        "adafactor": "Adafactor",
        "ftrl": "Ftrl",
        "muon": "Muon",
        "schedule_free_adamw": "ScheduleFreeAdamW",
        "loss_scale_optimizer": "LossScaleOptimizer",
        "multi_optimizer": "MultiOptimizer OptimizerMap",
    },
    {"gradient_descent": "SGD"},
)

__all__ = [*_catalogue.homes, "deserialize", "get", "parse", "schedules", "serialize"]
deserialize, serialize = _catalogue.deserialize, plain


def get(identifier: Any) -> Any:
    """Return the optimizer that a name, a config, a class or the object itself stands for; None stays None.

    A name may carry settings, as on the command line: ``adam:learning_rate=1e-3``. Raises UsageError.
    """
    if isinstance(identifier, str):
        return parse(identifier)
    return _catalogue.get(identifier)


def parse(text: str) -> Any:
    """Return the optimizer that ``name`` or ``name:setting=value,setting=value`` describes.

    >>> parse("adam:learning_rate=1e-2,beta_1=0.8").beta_1
    0.8
    """
    from layercli.optimizers.cli_settings import settings_in

    name, _, settings = text.partition(":")
    cls = _catalogue.find(name)
    return cls.from_config(settings_in(settings, name, cls))


def __getattr__(name: str) -> Any:
    if name == "schedules":
        import importlib

        return importlib.import_module("layercli.optimizers.learning_rate_schedules")
    return _catalogue.load(name)


def __dir__() -> list[str]:
    return sorted(__all__)
