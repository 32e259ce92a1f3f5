"""The names of Keras's that layercli refuses, each with its reason.

A refused name can be imported, as in Keras, where it may lack its library; what is done with it raises one sentence.
"""

from __future__ import annotations

from typing import Any, NoReturn, TypeVar

from layercli.errors import UsageError

__all__ = ["REFUSED", "REFUSED_MEMBERS", "reason_for", "refuse_members", "refused"]

_JAX = "it is JAX's, and layercli computes with PyTorch"
_ORDER = "serialized_variables are the variables in the order of files"

REFUSED = {
    "callbacks.OrbaxCheckpoint": _JAX,
    "config.enable_traceback_filtering": "tracebacks are always whole",
    "config.enable_unsafe_deserialization": "nothing from a file is ever executed",
    "layers.FlaxLayer": _JAX,
    "layers.JaxLayer": _JAX,
    "layers.TFSMLayer": "a SavedModel is TensorFlow's, and layercli computes with PyTorch",
    "legacy": "the formats of Keras 1 and 2 are read by load_model",
    "optimizers.legacy": "the optimizers of Keras 2 are those of layercli.optimizers",
    "utils.legacy": "the formats of Keras 1 and 2 are read by load_model",
}
"""Each name, or namespace with all of its names, by its path below ``keras``."""


REFUSED_MEMBERS = {
    "Layer.add_metric": "a metric is an attribute of the layer",
    "Layer.variable_serialization_spec": _ORDER,
}
"""Each method or attribute of Keras's classes that a script may ask for and that raises one sentence, by its class."""


class Refusal:
    """What stands for a refused name: calling it, subclassing it and asking for what is in it raises UsageError."""

    def __init__(self, path: str, reason: str) -> None:
        self.__doc__ = f"Refused: {reason}."
        self.__name__ = path.rpartition(".")[2]
        self._path, self._reason = path, reason

    def _refuse(self) -> NoReturn:
        raise UsageError(f"layercli has no {self._path}: {self._reason}")

    def __call__(self, *args: object, **kwargs: object) -> NoReturn:
        self._refuse()

    def __mro_entries__(self, bases: tuple[object, ...]) -> NoReturn:
        self._refuse()

    def __instancecheck__(self, value: object) -> bool:
        return False

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return Refusal(f"{self._path}.{name}", self._reason)

    def __repr__(self) -> str:
        return f"<{self._path}, refused: {self._reason}>"


def reason_for(path: str) -> str | None:
    """Return why a name is refused, None if it is not."""
    while path not in REFUSED and "." in path:
        path = path.rpartition(".")[0]
    return REFUSED.get(path)


def refused(module: str, name: str) -> Refusal:
    """Return what stands for a name that a module lacks. Raises AttributeError if it is no name of Keras's."""
    path = f"{module}.{name}".removeprefix("layercli.")
    if path not in REFUSED:
        raise AttributeError(f"{module} has no {name!r}")
    return Refusal(path, REFUSED[path])


T = TypeVar("T", bound=type)


def refuse_members(cls: T) -> T:
    """Give a class what stands for the members that REFUSED_MEMBERS lists for it."""
    for path, reason in REFUSED_MEMBERS.items():
        owner, _, name = path.partition(".")
        if owner == cls.__name__:
            setattr(cls, name, Refusal(path, reason))
    return cls
