"""Save and load models, and register the classes and functions that files name: Keras's ``saving``.

    @saving.register_keras_serializable(package="mine")
    class Net(Model): ...

A file then names it ``mine>Net``, and load_model finds it. Nothing that a file names is ever imported: a name is looked
up among what was registered, and among ``custom_objects``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from layercli.core.backend import get_backend
from layercli.core.custom_objects import (
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)

if TYPE_CHECKING:
    from layercli.core.model import Model

__all__ = [
    "custom_object_scope",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "load_model",
    "register_keras_serializable",
    "save_model",
]


def load_model(
    path: str | os.PathLike[str], custom_objects: Mapping[str, Any] | None = None, compile: bool = True
) -> Model:
    """Return the model in a ``.keras`` file; with ``compile`` it is compiled and its optimizer's state restored.

    Only layers of a fixed list, those in ``custom_objects`` and those registered with ``layercli.saving`` are created; nothing in
    the file is executed. FormatError if the file is damaged or holds something layercli does not create, such as code.
    """
    return get_backend().load_model(path, custom_objects, compile)


def save_model(model: Model, filepath: str | os.PathLike[str]) -> None:
    """Write the model to a ``.keras`` file, like its ``save`` method."""
    model.save(filepath)
