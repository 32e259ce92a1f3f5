"""Optimizers: Keras's update rules on torch parameters, their settings, state and learning-rate schedules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layercli.core.registry import Registry
from layercli.core.registry import serialize as plain

if TYPE_CHECKING:  # for type checkers and editors; a test holds it to the table below
    from layercli.optimizers import schedules as schedules
    from layercli.optimizers.adadelta import Adadelta as Adadelta
    from layercli.optimizers.adafactor import Adafactor as Adafactor
    from layercli.optimizers.adagrad import Adagrad as Adagrad
    from layercli.optimizers.adam import Adam as Adam
    from layercli.optimizers.adamax import Adamax as Adamax
    from layercli.optimizers.adamw import AdamW as AdamW
    from layercli.optimizers.base_optimizer import Optimizer as Optimizer
    from layercli.optimizers.ftrl import Ftrl as Ftrl
    from layercli.optimizers.lamb import Lamb as Lamb
    from layercli.optimizers.lion import Lion as Lion
    from layercli.optimizers.loss_scale_optimizer import LossScaleOptimizer as LossScaleOptimizer
    from layercli.optimizers.multi_optimizer import MultiOptimizer as MultiOptimizer
    from layercli.optimizers.multi_optimizer import OptimizerMap as OptimizerMap
    from layercli.optimizers.muon import Muon as Muon
    from layercli.optimizers.nadam import Nadam as Nadam
    from layercli.optimizers.rmsprop import RMSprop as RMSprop
    from layercli.optimizers.schedule_free_adamw import ScheduleFreeAdamW as ScheduleFreeAdamW
    from layercli.optimizers.sgd import SGD as SGD

_registry = Registry(
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

__all__ = [*_registry.module_of, "deserialize", "get", "parse", "schedules", "serialize"]
deserialize = _registry.deserialize


def serialize(optimizer: object) -> Any:
    """Return an optimizer as plain data, ``{"class_name": ..., "config": ...}``."""
    return plain(optimizer)


def get(identifier: object) -> Any:
    """Return the optimizer that a name, a config, a class or the object itself stands for; None stays None.

    A name may carry settings, as on the command line: ``adam:learning_rate=1e-3``. Raises UsageError.
    """
    if isinstance(identifier, str):
        return parse(identifier)
    return _registry.get(identifier)


def parse(text: str) -> Any:
    """Return the optimizer that ``name`` or ``name:setting=value,setting=value`` describes.

    >>> parse("adam:learning_rate=1e-2,beta_1=0.8").beta_1
    0.8
    """
    from layercli.optimizers.cli_settings import settings_in

    name, _, settings = text.partition(":")
    cls = _registry.find(name)
    return cls.from_config(settings_in(settings, name, cls))


if not TYPE_CHECKING:  # a type checker would take any name

    def __getattr__(name: str) -> Any:
        if name == "schedules":
            import importlib

            return importlib.import_module("layercli.optimizers.schedules")
        return _registry.load(name)


def __dir__() -> list[str]:
    return sorted(__all__)
