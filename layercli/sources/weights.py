"""A weight file as a Source: safetensors, npz, npy, h5, torch.save's, gguf, or an index of several files."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from layercli.errors import FileError, LayercliError, UsageError
from layercli.formats.weight_file import WeightFile
from layercli.inspect.model_graph import ModelGraph
from layercli.sources.source import Source

if TYPE_CHECKING:
    from layercli.inspect.model_loader import ModelSource
    from layercli.inspect.summary import Summary
    from layercli.inspect.variables import Variables


class WeightsSource(Source):
    """The entries of a weight file, which does not describe a computation."""

    def __init__(self, file: WeightFile, name: str) -> None:
        super().__init__(name, name)
        self.file = file

    def refusal(self) -> LayercliError:
        """Return the error for requests that need a model."""
        hint = f"give them to one: MODEL --weights {shlex.quote(self.name)}"
        return FileError(f"{self.name} holds weights, not a model", hint=hint)

    def trained(self) -> ModelSource:
        """Raise the error for what needs a model."""
        raise self.refusal()

    def inputs(self, shapes: Sequence[str] = (), sizes: Sequence[str] = ()) -> None:
        """Raise UsageError for any shape or size."""
        if [*shapes, *sizes]:
            raise no_settings(self.name)

    def graph(self, inputs: Any = None) -> ModelGraph:
        """Return the modules implied by the names, and their parameters."""
        from layercli.inspect.weight_summary import weights_graph

        return weights_graph(self.file)

    def summary(self, inputs: Any = None) -> Summary:
        """Return a row for each module implied by the names."""
        from layercli.inspect.weight_summary import summarize_file

        return summarize_file(self.file)

    def variables(self, inputs: Any = None, *, seed: int = 0) -> Variables:
        """Return the entries."""
        from layercli.inspect import variables

        return variables.of_file(self.file)


def no_settings(name: str) -> UsageError:
    """Return the error for arguments and shapes given to a weight file."""
    return UsageError(f"{name} holds weights: it takes no arguments and no shape")
