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
        applications,
        backend,
        callbacks,
        config,
        constraints,
        datasets,
        distillation,
        distributed,
        distribution,
        dtype_policies,
        errors,
        export,
        gpu,
        initializers,
        layers,
        losses,
        metrics,
        mixed_precision,
        models,
        ops,
        optimizers,
        preprocessing,
        quantizers,
        random,
        regularizers,
        saving,
        testing,
        tf,
        tree,
        utils,
        visualization,
        wrappers,
    )
    from layercli.core.device import device
    from layercli.core.dtypes import DTypePolicy
    from layercli.core.functional import Function
    from layercli.core.input_spec import InputSpec
    from layercli.core.keras_operation import Operation
    from layercli.core.keras_tensor import KerasTensor
    from layercli.core.layer import Layer
    from layercli.core.model import Model
    from layercli.core.name_scope import name_scope
    from layercli.core.rematerialization import RematScope, remat
    from layercli.core.sequential import Sequential
    from layercli.core.stateless_scope import StatelessScope, SymbolicScope
    from layercli.core.variable import Variable
    from layercli.dtype_policies import FloatDTypePolicy
    from layercli.formats.image_dataset import image_dataset_from_directory
    from layercli.initializers import Initializer
    from layercli.layers.core.input_layer import Input
    from layercli.losses import Loss
    from layercli.metrics import Metric
    from layercli.optimizers import Optimizer
    from layercli.quantizers import Quantizer
    from layercli.regularizers import Regularizer
    from layercli.saving import load_model
    from layercli.sources import open
    from layercli.sources.diff import diff
    from layercli.sources.summary import summary

MODULES = (
    "activations", "applications", "backend", "callbacks", "config", "constraints", "datasets", "distillation", "distributed",
    "distribution", "dtype_policies", "errors", "export", "gpu", "initializers", "layers", "losses", "metrics",
    "mixed_precision", "models", "ops", "optimizers", "preprocessing", "quantizers", "random", "regularizers", "saving",
    "testing", "tf", "tree", "utils", "visualization", "wrappers",
)  # fmt: skip
NAMES = {
    "DTypePolicy": "layercli.core.dtypes",
    "Function": "layercli.core.functional",
    "FloatDTypePolicy": "layercli.dtype_policies",
    "Initializer": "layercli.initializers",
    "Input": "layercli.layers.core.input_layer",
    "InputSpec": "layercli.core.input_spec",
    "KerasTensor": "layercli.core.keras_tensor",
    "Layer": "layercli.core.layer",
    "Loss": "layercli.losses",
    "Metric": "layercli.metrics",
    "Model": "layercli.core.model",
    "Operation": "layercli.core.keras_operation",
    "Optimizer": "layercli.optimizers",
    "Quantizer": "layercli.quantizers",
    "Regularizer": "layercli.regularizers",
    "RematScope": "layercli.core.rematerialization",
    "Sequential": "layercli.core.sequential",
    "StatelessScope": "layercli.core.stateless_scope",
    "SymbolicScope": "layercli.core.stateless_scope",
    "Variable": "layercli.core.variable",
    "device": "layercli.core.device",
    "diff": "layercli.sources.diff",
    "image_dataset_from_directory": "layercli.formats.image_dataset",
    "load_model": "layercli.saving",
    "name_scope": "layercli.core.name_scope",
    "open": "layercli.sources",
    "remat": "layercli.core.rematerialization",
    "summary": "layercli.sources.summary",
}

__all__ = [
    "DTypePolicy",
    "FloatDTypePolicy",
    "Function",
    "Initializer",
    "Input",
    "InputSpec",
    "KerasTensor",
    "Layer",
    "Loss",
    "Metric",
    "Model",
    "Operation",
    "Optimizer",
    "Quantizer",
    "Regularizer",
    "RematScope",
    "Sequential",
    "StatelessScope",
    "SymbolicScope",
    "Variable",
    "__version__",
    "activations",
    "applications",
    "backend",
    "callbacks",
    "config",
    "constraints",
    "datasets",
    "device",
    "diff",
    "distillation",
    "distributed",
    "distribution",
    "dtype_policies",
    "errors",
    "export",
    "gpu",
    "image_dataset_from_directory",
    "initializers",
    "layers",
    "load_model",
    "losses",
    "metrics",
    "mixed_precision",
    "models",
    "name_scope",
    "open",
    "ops",
    "optimizers",
    "preprocessing",
    "quantizers",
    "random",
    "regularizers",
    "remat",
    "saving",
    "summary",
    "testing",
    "tf",
    "tree",
    "utils",
    "visualization",
    "wrappers",
]


if not TYPE_CHECKING:  # a type checker would take any name

    def __getattr__(name: str) -> Any:
        if name in NAMES:
            globals()[name] = getattr(import_module(NAMES[name]), name)
            return globals()[name]
        if name in MODULES:
            return import_module(f"layercli.{name}")
        from layercli.core.refusals import refused

        return refused(__name__, name)


def __dir__() -> list[str]:
    return __all__
