"""From a config of Keras's to a model: only classes of a fixed list are made, and nothing a file names is ever imported."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import layercli.layers
from layercli.core import dtypes, tree
from layercli.core.layer import Layer
from layercli.core.model import Functional, Model
from layercli.core.sequential import Sequential
from layercli.core.symbolic import SymbolicTensor
from layercli.errors import FormatError, LayercliError
from layercli.layers.input import Input

MODELS = ("Sequential", "Functional", "Model")
TENSOR = "__keras_tensor__"
DROPPED = frozenset({"quantization_config", "lora_rank", "lora_alpha", "optional", "sparse", "ragged"})
"""Settings that say nothing where they are None or false."""


class Reader:
    """Makes the models and layers that configs describe; ``classes`` are the caller's own, by name."""

    def __init__(self, where: str, classes: Mapping[str, type[Layer]] | None = None) -> None:
        self.where = where
        self.classes = dict(classes or {})

    def model(self, described: Any) -> Model:
        """Return the model of a file's config."""
        made = self.made(described)
        if not isinstance(made, Model):
            raise FormatError(f"{self.where} holds a {described['class_name']}, which is not a model")
        return made

    def made(self, described: Any) -> Layer:
        """Return the layer or model that a dict of ``class_name`` and ``config`` describes."""
        if not isinstance(described, dict) or not isinstance(described.get("class_name"), str):
            raise FormatError(f"{self.where} describes a layer without its class_name")
        name, settings = described["class_name"], described.get("config")
        if not isinstance(settings, dict):
            raise FormatError(f"{self.where} describes a {name} without its config")
        if name == "Sequential":
            return self._stack(settings)
        if name in MODELS:
            return self._drawn(settings)
        kind = self._class(name)
        plain = {key: self._plain(value) for key, value in settings.items()}
        try:
            layer: Layer = kind.from_config(self._known(kind, plain))
        except LayercliError as error:
            raise FormatError(f"{self.where}: {name} {settings.get('name')!r}: {error}") from error
        return layer

    def _class(self, name: str) -> type[Layer]:
        if name in self.classes:
            return self.classes[name]
        found = getattr(layercli.layers, name, None) if name in layercli.layers.__all__ else None
        if not (isinstance(found, type) and issubclass(found, Layer)):
            raise FormatError(
                f"{self.where} holds a {name}, which layercli does not make from a file",
                hint="a class of your own is given as custom_objects={name: class}",
            )
        return found

    def _known(self, kind: type[Layer], settings: dict[str, Any]) -> dict[str, Any]:
        """Return the settings without those that are not ours and say nothing."""
        known = {"name", "trainable", "dtype", "activity_regularizer", *kind._fields}
        if not kind._declares_fields:
            return settings
        return {key: value for key, value in settings.items() if key in known or value or key not in DROPPED}

    def _plain(self, value: Any) -> Any:
        """Return a setting with the layers, dtypes and functions it describes."""
        if isinstance(value, list):
            return [self._plain(item) for item in value]
        if not isinstance(value, dict):
            return value
        name = value.get("class_name")
        if name is None:
            return {key: self._plain(item) for key, item in value.items()}
        if name == "DTypePolicy":
            return dtypes.Policy.named(value["config"]["name"]).name
        if name == "function":
            return value.get("config")
        if name in (*MODELS, *self.classes) or str(value.get("module")).startswith("keras.layers"):
            return self.made(value)
        return {"class_name": name, "config": value.get("config") or {}}

    def _stack(self, settings: dict[str, Any]) -> Sequential:
        described = self._list(settings, "layers")
        layers: list[Any] = [
            self._input(each) if each.get("class_name") == "InputLayer" else self.made(each) for each in described
        ]
        shape = settings.get("build_input_shape")
        if layers and not isinstance(layers[0], SymbolicTensor) and isinstance(shape, list):
            layers.insert(0, Input(batch_shape=shape))
        return self._settled(Sequential(layers, name=settings.get("name")), settings)  # type: ignore[no-any-return]  # as given

    def _input(self, described: Any) -> SymbolicTensor:
        settings = described.get("config") or {}
        shape = settings.get("batch_shape") or settings.get("batch_input_shape")
        if not isinstance(shape, list):
            raise FormatError(f"{self.where} has an input without a batch_shape")
        return Input(batch_shape=shape, dtype=self._plain(settings.get("dtype")), name=settings.get("name"))

    def _settled(self, model: Any, settings: dict[str, Any]) -> Any:
        if settings.get("trainable") is False:
            model.trainable = False
        return model

    def _list(self, settings: dict[str, Any], key: str) -> list[Any]:
        found = settings.get(key)
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise FormatError(f"{self.where} has {key} that are not a list of configs")
        return found

    def _drawn(self, settings: dict[str, Any]) -> Functional:
        return self._settled(_Drawing(self, settings).model(), settings)  # type: ignore[no-any-return]  # as it was given


class _Drawing:
    """A drawn model as its calls are made again, each as soon as what it needs is there."""

    def __init__(self, reader: Reader, settings: dict[str, Any]) -> None:
        self.reader = reader
        self.settings = settings
        self.described = reader._list(settings, "layers")
        self.made: dict[str, Any] = {}
        self.outputs: dict[str, list[Any]] = defaultdict(list)
        self.first: dict[str, int] = defaultdict(int)
        self.offsets()

    def offsets(self) -> None:
        """Find where the numbers of each model's calls begin: at 0, or in files of some versions at 1."""
        used: dict[str, list[int]] = defaultdict(list)
        for history in histories(self.described):
            used[history[0]].append(history[1])
        for each in self.described:
            if each.get("class_name") in MODELS:
                self.first[self.name_of(each)] = min(used[self.name_of(each)], default=0)

    def name_of(self, described: Any) -> str:
        """Return the name of a layer of the graph."""
        return str(described.get("name") or (described.get("config") or {}).get("name"))

    def model(self) -> Functional:
        """Return the model."""
        pending: dict[str, list[Any]] = {}
        for each in self.described:
            name = self.name_of(each)
            if each.get("class_name") == "InputLayer":
                self.outputs[name] = [self.reader._input(each)]
                continue
            self.made[name] = self.reader.made(each)
            pending[name] = self.reader._list(each, "inbound_nodes")
        while any(pending.values()):
            progress = False
            for name, calls in pending.items():
                while calls and self.ready(calls[0]):
                    self.call(name, calls.pop(0))
                    progress = True
            if not progress:
                raise self.damaged("calls that wait for each other")
        ends = [tree_of(self.settings.get(key), self.tensor) for key in ("input_layers", "output_layers")]
        return Functional(ends[0], ends[1], name=self.settings.get("name"))

    def ready(self, call: Any) -> bool:
        """Return whether everything a call takes is there."""
        return all(self.place(history) < len(self.outputs[history[0]]) for history in histories(call))

    def place(self, history: Any) -> int:
        """Return which of its layer's calls a tensor comes from."""
        return int(history[1]) - self.first[history[0]]

    def call(self, name: str, call: Any) -> None:
        """Make a call again."""
        if not isinstance(call.get("args"), list) or not isinstance(call.get("kwargs"), dict):
            raise self.damaged(f"a call of {name!r} without args and kwargs")
        args, kwargs = self.filled(call["args"]), self.filled(call["kwargs"])
        kwargs = {key: value for key, value in kwargs.items() if value is not None}
        self.outputs[name].append(self.made[name](*args, **kwargs))

    def filled(self, value: Any) -> Any:
        """Return arguments with the tensors they speak of."""
        if isinstance(value, dict) and value.get("class_name") == TENSOR:
            return self.tensor(value["config"]["keras_history"])
        if isinstance(value, dict):
            return {key: self.filled(item) for key, item in value.items()}
        return [self.filled(item) for item in value] if isinstance(value, list) else value

    def tensor(self, history: Any) -> Any:
        """Return the tensor of a layer's name, a call of it, and an output of that."""
        found = self.outputs.get(history[0], [])
        if not 0 <= self.place(history) < len(found):
            raise self.damaged(f"the output {history!r}, which nothing gives")
        leaves = tree.leaves(found[self.place(history)])
        if not 0 <= int(history[2]) < len(leaves):
            raise self.damaged(f"the output {history!r}, which nothing gives")
        return leaves[int(history[2])]

    def damaged(self, what: str) -> FormatError:
        """Return the error for a graph that cannot be."""
        return FormatError(f"{self.reader.where} has a graph with {what}")


def histories(value: Any) -> list[Any]:
    """Return where every tensor among some arguments comes from."""
    if isinstance(value, dict) and value.get("class_name") == TENSOR:
        return [checked(value.get("config", {}).get("keras_history"))]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [history for item in items for history in histories(item)]


def is_history(value: Any) -> bool:
    """Return whether ``value`` is a name and two numbers."""
    return (
        isinstance(value, list)
        and len(value) == 3
        and isinstance(value[0], str)
        and type(value[1]) is type(value[2]) is int
    )


def checked(history: Any) -> Any:
    """Return ``history``; FormatError unless it is one."""
    if not is_history(history):
        raise FormatError(f"{history!r} is no place of a tensor: a layer's name, a call of it, and an output of that")
    return history


def tree_of(value: Any, tensor: Any) -> Any:
    """Return the ends of a graph: a single one, or a list or dict of them; a list of one, as old files have it, is that one."""
    if isinstance(value, dict):
        return {key: tree_of(item, tensor) for key, item in value.items()}
    if isinstance(value, list) and value and not isinstance(value[0], str):
        ends = [tree_of(item, tensor) for item in value]
        return ends[0] if len(ends) == 1 else ends
    return tensor(checked(value))
