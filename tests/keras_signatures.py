"""Keras's public names, and the signatures of its functions and constructors, as plain data in tests/reference/.

Run as a script it writes the records anew from the Keras that is installed.
"""

from __future__ import annotations

import inspect
import json
import os
import types
from pathlib import Path

RECORD = Path(__file__).parent / "reference" / "signatures.json"
NAMES_RECORD = RECORD.with_name("names.json")
NAMESPACES = (
    "ops", "ops.image", "ops.linalg", "ops.nn", "ops.numpy", "activations", "random", "initializers", "losses", "metrics",
    "quantizers",
    "applications", "applications.convnext", "applications.densenet", "applications.efficientnet",
    "applications.efficientnet_v2", "applications.imagenet_utils", "applications.inception_resnet_v2",
    "applications.inception_v3", "applications.mobilenet", "applications.mobilenet_v2", "applications.mobilenet_v3",
    "applications.nasnet", "applications.resnet", "applications.resnet50", "applications.resnet_v2",
    "applications.vgg16", "applications.vgg19", "applications.xception",
    "backend", "callbacks", "config", "constraints", "datasets.boston_housing", "datasets.california_housing",
    "datasets.cifar10", "datasets.cifar100", "datasets.fashion_mnist", "datasets.imdb", "datasets.mnist", "datasets.reuters",
    "dtype_policies", "mixed_precision", "models", "optimizers", "optimizers.schedules", "preprocessing",
    "preprocessing.image", "preprocessing.sequence", "regularizers", "saving", "tree", "utils", "wrappers",
)  # fmt: skip


def signature(function):
    """Return the arguments as [name, kind, default] each; the default is text, and None where there is none."""
    return [
        [p.name, p.kind.description, None if p.default is p.empty else repr(p.default)]
        for p in inspect.signature(function).parameters.values()
    ]


def of_namespace(namespace):
    """Return the signature of each public function and class of a module."""
    public = {name: getattr(namespace, name) for name in dir(namespace) if not name.startswith("_")}
    return {name: signature(f) for name, f in public.items() if callable(f) and not inspect.ismodule(f)}


def of_keras():
    """Return the signatures of all NAMESPACES, asked of Keras itself."""
    os.environ.setdefault("KERAS_BACKEND", "jax")
    import keras

    found = {"keras": {"version": keras.__version__}}
    for path in NAMESPACES:
        module = keras
        for name in path.split("."):
            module = getattr(module, name)
        found[path] = of_namespace(module)
    return found


def names_of(module, path="keras"):
    """Return the public names of a namespace and of those in it, by the path of each."""
    names = [name for name in dir(module) if not name.startswith("_") and (path, name) != ("keras", "src")]
    inner = [name for name in names if isinstance(getattr(module, name), types.ModuleType)]
    found = {path: [name for name in names if name not in inner]}
    for name in inner:
        found |= names_of(getattr(module, name), f"{path}.{name}")
    return found


def names_of_keras():
    """Return the names in all namespaces, asked of Keras itself."""
    os.environ.setdefault("KERAS_BACKEND", "jax")
    import keras

    return names_of(keras)


def names_text(names):
    """Return the record as JSON, one namespace a line."""
    return "{\n" + ",\n".join(f"{json.dumps(path)}: {json.dumps(found)}" for path, found in names.items()) + "}\n"


def text(signatures):
    """Return the record as JSON, one function a line."""
    lines = [
        f"{json.dumps(path)}: {{\n"
        + ",\n".join(f"{json.dumps(name)}: {json.dumps(s)}" for name, s in found.items())
        + "}"
        for path, found in signatures.items()
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    RECORD.write_text(text(of_keras()))
    NAMES_RECORD.write_text(names_text(names_of_keras()))
