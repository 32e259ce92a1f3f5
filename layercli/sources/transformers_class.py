"""The class of transformers for a Hugging Face folder, on parameters without values: for families that layercli does not have."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from layercli.core.types import ConfigLike
from layercli.errors import FormatError, LayercliError, MissingPackageError, UsageError
from layercli.models.reading import shown
from layercli.sources.huggingface import CONFIG, is_folder, read_config
from layercli.sources.torch_module import ModuleSource

LIBRARY = "transformers"
CODE_KEYS = ("auto_map", "trust_remote_code", "custom_pipelines", "quantization_config")
"""Entries of a config that name code outside transformers, or layers of other packages."""
KERNELS = "implementation"
"""The end of entries that choose kernels, which may be packages to fetch."""


def library_source(text: str, library: str, settings: Mapping[str, object] | None = None) -> ModuleSource:
    """Return the class that a folder's config names in transformers, made from that config; no code of the folder is run.

    UsageError for another library, and for anything but a folder; MissingPackageError without transformers; FormatError for
    a config that transformers has no class for.
    """
    if library != LIBRARY:
        raise UsageError(f"--library takes {LIBRARY}, got {library}")
    if settings:
        raise UsageError(f"{text} is an existing model: it takes no arguments")
    if not is_folder(text):
        raise UsageError(f"--library is for Hugging Face folders, and {text} is none")
    folder = Path(text) if os.path.isdir(text) else Path(text).parent
    config = read_config(folder / CONFIG)
    cls, made = class_of(config)

    def make() -> Any:
        try:
            return cls._from_config(made).eval()
        except LayercliError:
            raise
        except Exception as error:  # whatever its constructors raise for sizes that do not fit
            raise FormatError(
                f"{folder / CONFIG} is refused by {cls.__name__} of transformers: {in_one_line(error)}"
            ) from error

    from layercli.runtime.analysis.module_building import built_without_values

    return ModuleSource(built_without_values(make), folder.resolve().name, text, make)


def class_of(config: ConfigLike) -> tuple[Any, Any]:
    """Return the class of transformers for a config, and the config as an object of transformers."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        import transformers
        from transformers.models.auto.configuration_auto import CONFIG_MAPPING
    except ImportError:
        raise MissingPackageError(
            f"--library {LIBRARY} needs transformers, which is not installed", hint="pip install transformers"
        ) from None
    kind, names = config.get("model_type"), config.get("architectures")
    if not isinstance(kind, str) or kind not in CONFIG_MAPPING:
        raise FormatError(f"transformers {transformers.__version__} has no model_type {shown(kind)}")
    try:
        made = CONFIG_MAPPING[kind].from_dict(without_code(config))
    except Exception as error:  # its checks raise classes of their own
        raise FormatError(f"transformers refuses the config: {in_one_line(error)}") from error
    name = names[0] if isinstance(names, list) and names else None
    found = getattr(transformers, name, None) if isinstance(name, str) and name.isidentifier() else None
    if found is None:
        found = transformers.AutoModel._model_mapping.get(type(made), None)
    if not isinstance(found, type) or not issubclass(found, transformers.PreTrainedModel):
        raise FormatError(f"transformers {transformers.__version__} has no class {shown(name)} for {shown(kind)}")
    return found, made


def in_one_line(error: Exception) -> str:
    """Return the message of an error with its lines joined."""
    return " ".join(str(error).split())


def without_code(value: object) -> Any:
    """Return a config without the entries, at any depth, that name code to run or kernels to fetch."""
    if isinstance(value, dict):
        kept = {key: each for key, each in value.items() if key not in CODE_KEYS and KERNELS not in key}
        return {key: without_code(each) for key, each in kept.items()}
    return [without_code(each) for each in value] if isinstance(value, list) else value
