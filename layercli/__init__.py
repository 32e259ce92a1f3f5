"""layercli: open a neural network model, see what is in it, run it, and know whether the GPU can be trusted.

The names are Keras's: ``layercli.layers.Dense``, ``layercli.Model``, ``layercli.Sequential``, ``layercli.Input``. Each is
imported when first used, so that ``import layercli`` costs nothing and looking at a model never loads torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from layercli.version import __version__

if TYPE_CHECKING:
    from layercli import (
        activations,
        callbacks,
        constraints,
        distributed,
        errors,
        gpu,
        initializers,
        layers,
        losses,
        metrics,
        models,
        ops,
        optimizers,
        random,
        regularizers,
        saving,
        tf,
    )
    from layercli.core.layer import Layer
    from layercli.core.model import Model
    from layercli.core.sequential import Sequential
    from layercli.core.variable import Variable
    from layercli.files.image_folder import image_dataset_from_directory
    from layercli.layers.input import Input
    from layercli.runtime.saving import load_model

MODULES = (
    "activations", "callbacks", "constraints", "distributed", "errors", "gpu", "initializers", "layers", "losses", "metrics",
    "models", "ops", "optimizers", "random", "regularizers", "saving", "tf",
)  # fmt: skip
NAMES = {
    "Input": "layercli.layers.input",
    "Layer": "layercli.core.layer",
    "Model": "layercli.core.model",
    "Sequential": "layercli.core.sequential",
    "Variable": "layercli.core.variable",
    "image_dataset_from_directory": "layercli.files.image_folder",
    "load_model": "layercli.runtime.saving",
}

__all__ = [
    "Input",
    "Layer",
    "Model",
    "Sequential",
    "Variable",
    "__version__",
    "activations",
    "callbacks",
    "constraints",
    "distributed",
    "errors",
    "gpu",
    "image_dataset_from_directory",
    "initializers",
    "layers",
    "load_model",
    "losses",
    "metrics",
    "models",
    "ops",
    "optimizers",
    "random",
    "regularizers",
    "saving",
    "tf",
]


def __getattr__(name: str) -> Any:
    if name in NAMES:
        globals()[name] = getattr(import_module(NAMES[name]), name)
        return globals()[name]
    if name in MODULES:
        return import_module(f"layercli.{name}")
    raise AttributeError(f"layercli has no {name!r}")


def __dir__() -> list[str]:
    return __all__
