"""A weight file as a Source: safetensors, npz, npy, h5, torch.save's, gguf, or an index of several files."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layercli.core.types import TensorTree, Tree
from layercli.errors import FileError, FormatError, LayercliError, UsageError
from layercli.formats import strict_json
from layercli.formats.weight_file import WeightFile
from layercli.sources.source import Source

if TYPE_CHECKING:
    from layercli.inspect.cost_graph import CostGraph
    from layercli.inspect.model_graph import ModelGraph
    from layercli.inspect.model_loader import ModelSource
    from layercli.inspect.summary import Summary
    from layercli.inspect.variables import Variables

LONGEST_CONFIG = 20_000_000


class WeightsSource(Source):
    """The entries of a weight file, which does not describe a computation; ``config`` is the config.json of its folder."""

    def __init__(self, file: WeightFile, name: str, config: Mapping[str, object] | None = None) -> None:
        super().__init__(name, name)
        self.file = file
        self.config = config
        self.notes += getattr(file, "notes", [])
        if arrays := getattr(file, "arrays", []):
            more = f" and {len(arrays) - 1} more NumPy arrays are" if len(arrays) > 1 else ", a NumPy array, is"
            self.notes.append(f"{arrays[0]!r}{more} left out: only tensors are listed")

    def refusal(self) -> LayercliError:
        """Return the error for requests that need a model."""
        if (refused := getattr(self.file, "refusal", None)) is not None:
            return FileError(f"{self.name} {refused[0]}", hint=refused[1])
        hint = f"give them to one: MODEL --weights {shlex.quote(self.name)}"
        return FileError(f"{self.name} holds weights, not a model", hint=hint)

    def trained(self) -> ModelSource:
        """Raise the error for what needs a model."""
        raise self.refusal()

    def inputs(self, shapes: Sequence[str] = (), sizes: Sequence[str] = ()) -> None:
        """Raise UsageError for any shape or size."""
        if [*shapes, *sizes]:
            raise self.refusal() if hasattr(self.file, "refusal") else no_settings(self.name)

    def graph(self, inputs: Tree = None) -> ModelGraph:
        """Return the modules implied by the names, and their parameters."""
        from layercli.inspect.weight_summary import weights_graph

        return weights_graph(self.file, self.config)

    def cost_graph(self, inputs: TensorTree = None, dtype: str | None = None, *, training: bool = False) -> CostGraph:
        """Return the graph that ``cost`` is computed from; training needs a model."""
        if training:
            raise self.refusal()
        return super().cost_graph(inputs, dtype)

    def summary(self, inputs: TensorTree = None) -> Summary:
        """Return a row for each module implied by the names."""
        from layercli.inspect.weight_summary import summarize_file

        return summarize_file(self.file, self.config)

    def variables(self, inputs: TensorTree = None, *, seed: int = 0) -> Variables:
        """Return the entries."""
        from layercli.inspect import variables

        return variables.of_file(self.file, self.config)


def config_beside(file: Path) -> dict[str, Any] | None:
    """Return the config.json in the folder of a file, which may say how its weights are quantized; None without one."""
    path = file.parent / "config.json"
    try:
        if not path.is_file() or path.stat().st_size > LONGEST_CONFIG:
            return None
        found = strict_json.parse_config(path, path.read_bytes())
    except (OSError, FormatError):
        return None
    return found if isinstance(found, dict) else None


def no_settings(name: str) -> UsageError:
    """Return the error for arguments and shapes given to a weight file."""
    return UsageError(f"{name} holds weights: it takes no arguments and no shape")
