"""Load the values of a weight file into a model's variables, by path."""

from __future__ import annotations

from typing import Any

from torch import nn

from layercli.core.layer import Layer
from layercli.core.variable import Variable
from layercli.errors import FormatError, nearest, with_and
from layercli.formats.torch_checkpoint import TorchFile
from layercli.formats.weight_file import WeightFile
from layercli.inspect.checkpoint_parts import ATTRIBUTE, without_wrappers
from layercli.runtime.execution import tensors


def load(model: Layer, file: WeightFile) -> None:
    """Set every variable of ``model`` from ``file``, whose names are the variables' paths, separated by ``/`` or ``.``.

    Shapes are logical, except in a ``state_dict`` saved by ``torch.save``, where they are the layer module's. FormatError
    names a variable that is missing, unexpected or of another shape; nothing is set unless all fit.
    """
    variables = model.named_variables()
    entries = matched(file, list(variables), model.name)
    stored = isinstance(file, TorchFile)
    for path, variable in variables.items():
        shape = in_layer_module(variable.shape, variable) if stored else variable.shape
        _check(file, entries[path], path, shape, variable.dtype)
    for path, variable in variables.items():
        value = file.read(entries[path])
        variable.assign(value.transpose(variable._logical) if stored and variable._logical else value)


def in_layer_module(shape: tuple[object, ...], variable: Variable) -> tuple[object, ...]:
    """Return a variable's shape in the axis order of the layer module."""
    return tuple(shape[axis] for axis in variable.layout or range(len(shape)))


def load_state(module: nn.Module, file: WeightFile) -> None:
    """Set the state of a torch module from ``file``, whose names are those of its ``state_dict``; raises as ``load`` does."""
    state = module.state_dict()
    entries = matched(file, list(state), type(module).__name__)
    for path, tensor in state.items():
        _check(file, entries[path], path, tuple(tensor.shape), tensors.name_of(tensor.dtype))
    module.load_state_dict({path: tensors.as_tensor(file.read(entries[path])) for path in state})


def matched(file: WeightFile, wanted: list[str], owner: str) -> dict[str, str]:
    """Return the entry of ``file`` for each path; FormatError if one is missing or unexpected.

    In a checkpoint the entries are those of the one part whose names match exactly.
    """
    paths = {path.replace(".", "/"): path for path in wanted}
    names = fitting(file, paths.keys(), owner)
    missing = [path for name, path in paths.items() if name not in names]
    if missing:
        raise FormatError(f"{file.file} has no {missing[0]}{_more(missing)}", hint=nearest(missing[0], list(names)))
    extra = sorted(names.keys() - paths.keys())
    if extra:
        raise FormatError(f"{file.file} has {extra[0]}{_more(extra)}, which {owner} has not")
    return {path: names[name] for name, path in paths.items()}


def fitting(file: WeightFile, wanted: Any, owner: str) -> dict[str, str]:
    """Return the entries of ``file`` by path, separated by ``/``; in a checkpoint those of the matching part.

    If no part matches, return the one that matches best; FormatError if several match.
    """
    if not isinstance(file, TorchFile) or not file.parts:
        return bare({entry.replace(".", "/"): entry for entry in file.entries}, wanted)
    parts = {part: bare(part_of(file, part), wanted) for part in file.parts}
    fit = [part for part, names in parts.items() if names.keys() == wanted]
    if len(fit) > 1:
        raise FormatError(
            f"{file.file} holds the state of {owner} {len(fit)} times: under {with_and(fit)}",
            hint=f"save the one that is meant alone: torch.save(checkpoint[{fit[0]!r}], FILE)",
        )
    return max(parts.values(), key=lambda names: (names.keys() == wanted, len(names.keys() & wanted)))


def part_of(file: TorchFile, part: str) -> dict[str, str]:
    """Return the entries in one dict of a checkpoint, by their paths in it."""
    inside = f"{part}/" if part else ""
    return {entry[len(inside) :].replace(".", "/"): entry for entry in file.entries if entry.startswith(inside)}


def bare(names: dict[str, str], wanted: Any) -> dict[str, str]:
    """Return the entries without what wrappers of a whole module, or a LightningModule, add to names, unless the model has it."""
    if without_wrappers(path.replace("/", ".") for path in wanted)[1]:
        return names
    found, _ = without_wrappers(name.replace("/", ".") for name in names)
    outer = ATTRIBUTE if all(name.startswith(ATTRIBUTE) for name in found) else ""
    held = {name.replace(".", "/"): entry for name, entry in zip(found, names.values(), strict=True)}
    inside = {name[len(outer) :]: entry for name, entry in held.items()}
    return inside if inside.keys() == wanted else held


def _check(file: WeightFile, entry: str, path: str, shape: tuple[object, ...], dtype: str) -> None:
    found = file.entries[entry]
    if found.shape != shape:
        raise FormatError(f"{path} in {file.file} has the shape {found.shape}, the model's is {shape}")
    check_real(str(file.file), path, found.dtype, dtype)


def check_real(where: str, path: str, found: str, wanted: str) -> None:
    """Raise FormatError where complex values would lose their imaginary part in a variable of the dtype ``wanted``."""
    if found.startswith("complex") and not wanted.startswith("complex"):
        raise FormatError(f"{path} in {where} is {found}, the model's is {wanted}", code="bad-dtype")


def _more(names: list[str]) -> str:
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""
