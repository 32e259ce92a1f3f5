"""The named models with their arguments."""

from __future__ import annotations

import importlib

from layercli.core.fields import serialize
from layercli.core.types import Config, JSONObject
from layercli.dataclass import dataclass
from layercli.inspect.model_arguments import settings_of
from layercli.inspect.model_loader import named_models


@dataclass(frozen=True)
class NamedModel:
    """A named model: a one-line description, its arguments with defaults, and its location."""

    name: str
    line: str
    settings: Config
    source: str


@dataclass(frozen=True)
class NamedModels:
    """All named models."""

    entries: list[NamedModel]

    def to_json(self) -> JSONObject:
        """Return the document ``layercli models --format json`` prints."""
        rows = [
            {"name": e.name, "description": e.line, "settings": e.settings, "source": e.source} for e in self.entries
        ]
        return {"schema": "layercli.models/1", "models": rows}


def catalogue() -> NamedModels:
    """Return the named models, layercli's and those other packages register."""
    return NamedModels([entry(name, location) for name, location in named_models().items()])


def entry(name: str, location: str) -> NamedModel:
    """Return the description of one named model; for a model of another package, possibly that it cannot be loaded."""
    module, _, attribute = location.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except Exception as error:
        if module.startswith("layercli."):
            raise
        return NamedModel(name, f"cannot be loaded: {type(error).__name__}: {error}", {}, location)
    settings = {key: serialize(default) for key, default in settings_of(found).items()}
    line = (found.__doc__ or "").strip().partition("\n")[0].replace("``", "")
    return NamedModel(name, line, settings, location)
