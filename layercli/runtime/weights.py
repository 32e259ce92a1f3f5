"""The values of a weight file into a model's variables, by path."""

from __future__ import annotations

from layercli.core.layer import Layer
from layercli.core.variable import Variable
from layercli.errors import FormatError, nearest
from layercli.files.weights import WeightFile


def load(model: Layer, file: WeightFile) -> None:
    """Set every variable of ``model`` from ``file``, whose names are the variables' paths with ``/`` or ``.`` between.

    Shapes are logical. FormatError names a variable the file lacks, one too many, or one of another shape; nothing is set
    unless all fit.
    """
    variables = model.named_variables()
    names = {entry.replace(".", "/"): entry for entry in file.entries}
    missing = [path for path in variables if path.replace(".", "/") not in names]
    if missing:
        raise FormatError(f"{file.file} has no {missing[0]}{_more(missing)}", hint=nearest(missing[0], list(names)))
    extra = sorted(names.keys() - {path.replace(".", "/") for path in variables})
    if extra:
        raise FormatError(f"{file.file} has {extra[0]}{_more(extra)}, which {model.name} has not")
    entries = {path: names[path.replace(".", "/")] for path in variables}
    for path, variable in variables.items():
        _check(file, entries[path], path, variable)
    for path, variable in variables.items():
        variable.assign(file.read(entries[path]))


def _check(file: WeightFile, entry: str, path: str, variable: Variable) -> None:
    found = file.entries[entry].shape
    if found != variable.shape:
        raise FormatError(f"{path} in {file.file} has the shape {found}, the model's is {variable.shape}")


def _more(names: list[str]) -> str:
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""
