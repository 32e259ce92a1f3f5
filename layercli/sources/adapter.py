"""A folder with an adapter, ``adapter_config.json`` and its weights: the changes of a base model, without the model."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from layercli.errors import FileError, LayercliError, UsageError
from layercli.formats.detect import open_weights
from layercli.inspect.adapter import Adapter, adapter_of
from layercli.inspect.layer_call import described
from layercli.inspect.summary import Summary
from layercli.sources import huggingface
from layercli.sources.source import Source
from layercli.sources.weights import WeightsSource

CONFIG = "adapter_config.json"
WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")


def is_adapter(folder: str) -> bool:
    """Whether ``folder`` has the config of an adapter and none of a model."""
    return os.path.isfile(os.path.join(folder, CONFIG)) and not huggingface.is_folder(folder)


class AdapterSource(WeightsSource):
    """The tensors of an adapter, with what its config says."""

    def __init__(self, folder: Path, text: str) -> None:
        self.adapter_config = huggingface.read_config(folder / CONFIG)
        found = next((folder / name for name in WEIGHTS if (folder / name).exists()), None)
        if found is None:
            raise FileError(f"{folder} has {CONFIG} and no {WEIGHTS[0]}")
        super().__init__(open_weights(found), text)
        self.folder = folder

    def refusal(self) -> LayercliError:
        """Return the error for requests that need a model."""
        return UsageError(
            f"{self.name} is an adapter, which changes a model and is none", hint="merge it into its base model first"
        )

    def summary(self, inputs: Any = None) -> Summary:
        """Return a row for each module that it changes, with its rank, its targets and its share of the base."""
        report = super().summary(inputs)
        report.adapter = self.adapter(report.totals.parameters)
        return report

    def adapter(self, parameters: int) -> Adapter:
        """Return what the config says, beside the base model if it is a folder on this machine."""
        found = adapter_of(self.adapter_config, self.file.entries.values(), parameters)
        for place in (found.base, self.folder / found.base) if found.base else ():
            if huggingface.is_folder(os.fspath(place)):
                model = huggingface.open(os.fspath(place)).known()
                described(model)
                return replace(found, base_parameters=sum(int(variable.size) for variable in model.variables))
        return found


def adapter_source(text: str, settings: Mapping[str, object]) -> Source:
    """Return the Source of a folder with an adapter."""
    if settings:
        raise UsageError(f"{text} is an existing adapter: it takes no arguments")
    return AdapterSource(Path(text), text)
