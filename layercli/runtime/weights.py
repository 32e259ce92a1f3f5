"""The values of a weight file into a model's variables, by path."""

from __future__ import annotations

from typing import Any

from torch import nn

from layercli.core.layer import Layer
from layercli.errors import FormatError, nearest
from layercli.files.weights import WeightFile
from layercli.runtime import tensors


def load(model: Layer, file: WeightFile) -> None:
    """Set every variable of ``model`` from ``file``, whose names are the variables' paths with ``/`` or ``.`` between.

    Shapes are logical. FormatError names a variable the file lacks, one too many, or one of another shape; nothing is set
    unless all fit.
    """
    variables = model.named_variables()
    entries = matched(file, list(variables), model.name)
    for path, variable in variables.items():
        _check(file, entries[path], path, variable.shape)
    for path, variable in variables.items():
        variable.assign(file.read(entries[path]))


def load_state(module: nn.Module, file: WeightFile) -> None:
    """Set the state of a torch module from ``file``, whose names are those of its ``state_dict``; errors as ``load``'s."""
    state = module.state_dict()
    entries = matched(file, list(state), type(module).__name__)
    for path, tensor in state.items():
        _check(file, entries[path], path, tuple(tensor.shape))
    module.load_state_dict({path: tensors.as_tensor(file.read(entries[path])) for path in state})


def matched(file: WeightFile, wanted: list[str], owner: str) -> dict[str, str]:
    """Return the entry of ``file`` for each path; FormatError where one lacks or one is left over."""
    names = {entry.replace(".", "/"): entry for entry in file.entries}
    missing = [path for path in wanted if path.replace(".", "/") not in names]
    if missing:
        raise FormatError(f"{file.file} has no {missing[0]}{_more(missing)}", hint=nearest(missing[0], list(names)))
    extra = sorted(names.keys() - {path.replace(".", "/") for path in wanted})
    if extra:
        raise FormatError(f"{file.file} has {extra[0]}{_more(extra)}, which {owner} has not")
    return {path: names[path.replace(".", "/")] for path in wanted}


def _check(file: WeightFile, entry: str, path: str, shape: tuple[Any, ...]) -> None:
    found = file.entries[entry].shape
    if found != shape:
        raise FormatError(f"{path} in {file.file} has the shape {found}, the model's is {shape}")


def _more(names: list[str]) -> str:
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""
