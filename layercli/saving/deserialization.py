"""From a config of Keras's to a model: only classes of a fixed list are made, and nothing a file names is ever imported."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import layercli.layers
from layercli import dtype_policies
from layercli.core import custom_objects as saving
from layercli.core import dtypes, tree
from layercli.core.functional import Functional
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.layer import Layer
from layercli.core.model import Model
from layercli.core.sequential import Sequential
from layercli.core.spec import Spec
from layercli.core.text import spec_dtype
from layercli.core.types import Config
from layercli.errors import FormatError, LayercliError, UnknownClassError
from layercli.formats.strict_json import parse
from layercli.layers.core.input_layer import Input
from layercli.saving.functional_deserialization import MODELS, UNFIT, Drawing
from layercli.saving.serialization import APPLICATIONS

PATTERN = re.compile(r"[\w./*-]*")
"""The expressions for paths of layers that a file may have: others could take forever to match."""
PRETRAINED = "layercli.models.pretrained"
DROPPED = frozenset({"quantization_config", "optional", "sparse", "ragged", "seed"})
"""Settings that say nothing where they are None or false."""


class QuantizedError(FormatError):
    """The file holds quantized layers, which are not made; its variables can be listed."""


class Reader:
    """Makes the models and layers that configs describe; ``objects`` are the caller's own classes and functions, by name."""

    def __init__(self, where: str, objects: Mapping[str, Any] | None = None) -> None:
        self.where = where
        self.objects = dict(objects or {})
        self.shared: dict[int, Layer] = {}

    def model(self, described: Any) -> Model:
        """Return the model of a file's config, built as it was."""
        made = self.made(described)
        if not isinstance(made, Model):
            raise FormatError(f"{self.where} holds a {described['class_name']}, which is not a model")
        if not made.built:
            self._build(made, described.get("build_config"))
        return made

    def made(self, described: object) -> Layer:
        """Return the layer or model that a dict of ``class_name`` and ``config`` describes; twice the same one if it says so."""
        if not isinstance(described, dict) or not isinstance(described.get("class_name"), str):
            raise FormatError(f"{self.where} describes a layer without its class_name")
        place = described.get("shared_object_id")
        if not isinstance(place, int):
            return self._made(described)
        if place not in self.shared:
            self.shared[place] = self._made(described)
        return self.shared[place]

    def _made(self, described: dict[str, object]) -> Layer:
        name, settings = described["class_name"], described.get("config")
        if not isinstance(settings, dict):
            raise FormatError(f"{self.where} describes a {name} without its config")
        own = self.own(described)
        if own is None and name == "Sequential":
            return self.stack(settings)
        if own is None and name in MODELS:
            return self.drawn(settings)
        kind = own if isinstance(own, type) and issubclass(own, Layer) else self._class(described)
        plain = {key: self.plain(value) for key, value in settings.items()}
        try:
            layer: Layer = kind.from_config(self._known(kind, plain))
            layer._named = False  # whoever made the file
        except LayercliError as error:
            raise FormatError(f"{self.where}: {name} {settings.get('name')!r}: {error}") from error
        except UNFIT as error:
            raise FormatError(
                f"{self.where}: a {name} cannot be made of its settings {', '.join(map(repr, settings))}: {error}",
                hint=f"give {name} a from_config that takes what its get_config gave",
            ) from error
        return layer

    def own(self, described: Mapping[str, object]) -> Any:
        """Return the caller's own class or function that a config names, or None: looked up, by its full name first."""
        for key in ("registered_name", "class_name"):
            name = described.get(key)
            if isinstance(name, str) and (key == "registered_name" or not self._of_keras(described)):
                found = saving.get_registered_object(name, self.objects)
                if found is not None:
                    return found
        name = str(described.get("class_name"))
        return saving.get_registered_object(name, self.objects) if name not in layercli.layers.__all__ else None

    def _of_keras(self, described: Mapping[str, object]) -> bool:
        module = described.get("module")
        if module is None:
            return not described.get("registered_name")
        return str(module).split(".")[0] in ("keras", "tf_keras", "tensorflow")

    def _class(self, described: Mapping[str, object]) -> type[Layer]:
        name, module = str(described["class_name"]), str(described.get("module"))
        found = None
        if self._of_keras(described) and name in layercli.layers.__all__:
            found = getattr(layercli.layers, name)
        elif (home := APPLICATIONS.get(module, module)) in named_modules():
            found = vars(import_module(home)).get(name)
            found = found if getattr(found, "__module__", None) == home else None
        if not (isinstance(found, type) and issubclass(found, Layer)):
            raise UnknownClassError(
                f"{self.where} holds a {name}, which layercli does not make from a file",
                hint=f"a class of your own is given as custom_objects={{{name!r}: {name}}}, or --custom FILE.py:{name}",
            )
        return found

    def _known(self, kind: type[Layer], settings: Config) -> dict[str, Any]:
        """Return the settings without those that are not ours and say nothing."""
        if not kind._declares_fields:
            return settings
        own = kind._fields
        return {key: value for key, value in settings.items() if value or key not in DROPPED or key in own}

    def plain(self, value: object) -> Any:
        """Return a setting with the layers, dtypes, functions and objects of one's own that it describes."""
        if isinstance(value, list | tuple):
            return type(value)(map(self.plain, value))
        if not isinstance(value, dict):
            return value
        name = value.get("class_name")
        if name is None:
            return {key: self.plain(item) for key, item in value.items()}
        if name == "DTypePolicy":
            return dtypes.DTypePolicy.named(value["config"]["name"]).name
        if str(name).endswith(("DTypePolicy", "DTypePolicyMap")):
            return self.policy(value)
        if name == "function":
            named = {"registered_name": value.get("registered_name"), "class_name": value.get("config")}
            found = self.own(named)
            return value.get("config") if found is None else found
        own = self.own(value)
        module = str(value.get("module"))
        home = APPLICATIONS.get(module, module)
        is_named = home in named_modules() and name in vars(import_module(home))
        if (
            name in MODELS
            or module.startswith("keras.layers")
            or is_named
            or (isinstance(own, type) and issubclass(own, Layer))
        ):
            return self.made(value)
        settings = value.get("config") or {}
        return {"class_name": name, "config": settings} if own is None else own.from_config(settings)

    def policy(self, value: dict[str, Any]) -> dtypes.DTypePolicy:
        """Return the policy of a quantized layer, or policies by path; QuantizedError for one whose layers are not made."""
        try:
            for path in (value["config"].get("policy_map") or {}) if value["class_name"] == "DTypePolicyMap" else ():
                if not PATTERN.fullmatch(path) or path.count("*") > 2:
                    raise FormatError(f"{self.where} has dtype policies for {path[:40]!r}, which is no path of layers")
        except UNFIT as error:
            raise FormatError(f"{self.where} has dtype policies without their paths") from error
        try:
            return dtype_policies.deserialize(value)
        except LayercliError:
            settings = value.get("config")
            mode = settings.get("mode") if isinstance(settings, dict) else None
            raise QuantizedError(
                f"{self.where} holds layers quantized to {str(mode)[:40]}, which layercli does not run",
                hint="vars lists what is stored",
            ) from None
        except UNFIT as error:
            raise FormatError(f"{self.where} has a dtype policy without its settings") from error

    def compile(self, model: Layer, settings: object) -> None:
        """Compile a model as a config says; not at all where that says nothing, or where it is a layer."""
        if not isinstance(model, Model) or not isinstance(settings, dict):
            return
        if type(model).compile_from_config is not Model.compile_from_config:
            model.compile_from_config(settings)
        elif settings.get("optimizer"):
            model.compile(**self.compiled(settings))

    def compiled(self, settings: Mapping[str, object]) -> dict[str, Any]:
        """Return what a file says a model is compiled with, as ``compile`` takes it; nothing where it does not say."""
        known = ("optimizer", "loss", "loss_weights", "metrics", "weighted_metrics", "steps_per_execution")
        if not settings.get("optimizer"):
            return {}
        return {key: self._with_own(settings[key]) for key in known if settings.get(key) is not None}

    def _with_own(self, value: object) -> Any:
        """Return settings of compile with the caller's own functions and classes in place of their descriptions."""
        if isinstance(value, list):
            return [self._with_own(item) for item in value]
        if not isinstance(value, dict):
            return value
        if value.get("class_name") == "function":
            found = self.plain(value)
            return found if callable(found) else value
        own = self.own(value) if "class_name" in value else None
        if own is not None:
            return own.from_config(value.get("config") or {})
        return {key: self._with_own(item) for key, item in value.items()}

    def _build(self, model: Model, described: object) -> None:
        """Build a model of a class of one's own for the inputs that a file says it was built for."""
        if not isinstance(described, dict):
            return
        try:
            if described.get("inputs") is not None:
                model(*tree.map_structure(SymbolicTensor, [self._spec(each) for each in described["inputs"]]))
            elif described.get("input_shape") is not None:
                model.build(described["input_shape"])
            elif isinstance(described.get("shapes_dict"), dict):
                model.build(**described["shapes_dict"])
        except LayercliError as error:
            raise FormatError(f"{self.where}: {error}", hint=error.hint) from error

    def _spec(self, described: object) -> Any:
        match described:
            case {"shape": list(shape), "dtype": str(dtype)}:
                return Spec(Input(batch_shape=shape).spec.shape, spec_dtype(dtype))
            case list():
                return [self._spec(each) for each in described]
            case dict():
                return {key: self._spec(each) for key, each in described.items()}
        raise FormatError(f"{self.where} has inputs that are no shapes and dtypes")

    def stack(self, settings: Config, kind: type[Sequential] = Sequential) -> Sequential:
        """Return the stack of these settings."""
        described = self.configs(settings, "layers")
        layers: list[Any] = [
            self.input(each) if each.get("class_name") == "InputLayer" else self.made(each) for each in described
        ]
        shape = settings.get("build_input_shape")
        if layers and not isinstance(layers[0], SymbolicTensor) and isinstance(shape, list):
            layers.insert(0, Input(batch_shape=shape))
        try:
            return self._settled(kind(layers, name=settings.get("name")), settings)  # type: ignore[no-any-return]  # as given
        except LayercliError as error:
            raise FormatError(f"{self.where}: {error}", hint=error.hint) from error

    def input(self, described: Any) -> SymbolicTensor:
        """Return the input that the config of an InputLayer describes."""
        settings = described.get("config")
        if not isinstance(settings, dict):
            raise FormatError(f"{self.where} describes an InputLayer without its config")
        shape = settings.get("batch_shape") or settings.get("batch_input_shape")
        if not isinstance(shape, list):
            raise FormatError(f"{self.where} has an input without a batch_shape")
        return Input(batch_shape=shape, dtype=self.plain(settings.get("dtype")), name=settings.get("name"))

    def _settled(self, model: Any, settings: Config) -> Any:
        model._named = False  # whoever made the file
        if settings.get("trainable") is False:
            model.trainable = False
        return model

    def configs(self, settings: Config, key: str) -> list[Any]:
        """Return the list of configs that settings hold."""
        found = settings.get(key)
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise FormatError(f"{self.where} has {key} that are not a list of configs")
        return found

    def drawn(self, settings: Config) -> Functional:
        """Return the functional model of these settings."""
        return self._settled(Drawing(self, settings).model(), settings)  # type: ignore[no-any-return]  # as it was given


@cache
def named_modules() -> frozenset[str]:
    """Return the modules of the named models and of the families of Hugging Face, whose classes a file may hold."""
    from layercli.models import NAMED

    return frozenset({place.partition(":")[0] for place in NAMED.values()} | set(APPLICATIONS.values()) | {PRETRAINED})


def model_from_json(json_string: str, custom_objects: Mapping[str, object] | None = None) -> Model:
    """Return a new model of the config that ``to_json`` gave, Keras's too; FormatError where it makes none.

    Only layers of a fixed list are made, and those of ``custom_objects``; nothing in the text is executed.
    """
    where = Path("the JSON")
    reader, described = Reader(str(where), custom_objects), parse(where, json_string.encode(), "a config")
    model = reader.model(described)
    reader.compile(model, described.get("compile_config"))
    return model
