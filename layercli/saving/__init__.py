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
from layercli.core.paths import path_text
from layercli.core.refusals import refused
from layercli.core.types import ConfigLike

if TYPE_CHECKING:
    from layercli.core.model import Model
    from layercli.saving.file_editor import KerasFileEditor

__all__ = [
    "CustomObjectScope",
    "KerasFileEditor",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "load_model",
    "load_weights",
    "register_keras_serializable",
    "save_model",
    "save_weights",
    "serialize_keras_object",
]


CustomObjectScope = custom_object_scope


def load_model(
    filepath: str | os.PathLike[str],
    custom_objects: Mapping[str, object] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Model:
    """Return the model in a ``.keras`` file; with ``compile`` it is compiled and its optimizer's state restored.

    Only layers of a fixed list, those in ``custom_objects`` and those registered with ``layercli.saving`` are created; nothing in
    the file is executed, also not with ``safe_mode=False``.
    FormatError if the file is damaged or holds something layercli does not create, such as code.
    """
    return get_backend().load_model(path_text(filepath), custom_objects, compile)


def save_model(
    model: Model, filepath: str | os.PathLike[str], overwrite: bool = True, zipped: bool | None = None, **kwargs: Any
) -> None:
    """Write the model to a ``.keras`` file, like its ``save`` method."""
    model.save(filepath, overwrite, zipped, **kwargs)


def save_weights(
    model: Model, filepath: str | os.PathLike[str], overwrite: bool = True, max_shard_size: float | None = None
) -> None:
    """Write the model's variables, like its ``save_weights`` method."""
    model.save_weights(filepath, overwrite, max_shard_size)


def load_weights(model: Model, filepath: str | os.PathLike[str], skip_mismatch: bool = False, **kwargs: Any) -> None:
    """Load the model's variables, like its ``load_weights`` method."""
    model.load_weights(filepath, skip_mismatch, **kwargs)


def serialize_keras_object(obj: object) -> object:
    """Return an object as plain data by Keras's names: see saving/objects.py."""
    from layercli.saving import objects

    return objects.serialize_keras_object(obj)


def deserialize_keras_object(
    config: ConfigLike, custom_objects: Mapping[str, object] | None = None, safe_mode: bool = True
) -> Any:
    """Return the object that ``serialize_keras_object`` described; nothing is imported or executed for a name."""
    from layercli.saving import objects

    return objects.deserialize_keras_object(config, custom_objects, safe_mode)


if not TYPE_CHECKING:  # a type checker would take any name

    def __getattr__(name: str) -> Any:
        if name == "KerasFileEditor":
            from layercli.saving.file_editor import KerasFileEditor

            return KerasFileEditor
        return refused(__name__, name)


def __dir__() -> list[str]:
    return sorted(__all__)
