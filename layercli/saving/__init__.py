"""Save and load models, and register the classes and functions that files name: Keras's ``saving``.

    @saving.register_keras_serializable(package="mine")
    class Net(Model): ...

A file then names it ``mine>Net``, and load_model finds it. Nothing that a file names is ever imported: a name is looked
up among what was registered, and among ``custom_objects``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layercli.core.custom_objects import (
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)

if TYPE_CHECKING:
    from layercli.runtime.execution.model_saving import load_model

__all__ = [
    "custom_object_scope",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "load_model",
    "register_keras_serializable",
]


def __getattr__(name: str) -> Any:
    if name == "load_model":
        from layercli.runtime.execution.model_saving import load_model

        return load_model
    raise AttributeError(f"layercli.saving has no {name!r}")
