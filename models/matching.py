"""Match a model's variables with the tensors of a checkpoint: missing, unexpected, or of another shape."""

from __future__ import annotations

from collections.abc import Mapping

from layercli.core.variable import Variable
from layercli.dataclass import dataclass
from layercli.models.pretrained import Pretrained, PretrainedStored, stored_variables

Shape = tuple[int, ...]


@dataclass(frozen=True)
class MatchingPlace:
    """The names in the file that hold a variable, in order."""

    variable: Variable
    stored: PretrainedStored
    names: tuple[str, ...]


@dataclass(frozen=True)
class Match:
    """The names for each variable found in the file, by its path, and the mismatches.

    ``missing`` and ``unexpected`` are names in the checkpoint; ``other_shape`` are names with the file's and the model's shape.
    """

    places: dict[str, MatchingPlace]
    missing: list[str]
    unexpected: list[str]
    other_shape: list[tuple[str, Shape, Shape]]

    @property
    def faults(self) -> list[str]:
        """One sentence for each kind of mismatch."""
        shapes = [
            f"{name} has the shape {found}, and config.json asks for {asked}" for name, found, asked in self.other_shape
        ]
        return [
            *([f"{shapes[0]}{more(shapes)}"] if shapes else []),
            *([f"the weights have no {self.missing[0]}{more(self.missing)}"] if self.missing else []),
            *([f"config.json says nothing of {self.unexpected[0]}{more(self.unexpected)}"] if self.unexpected else []),
        ]


def match(model: Pretrained, shapes: Mapping[str, Shape]) -> Match:
    """Match the variables of a built model with a file that holds tensors of these ``shapes`` by name."""
    places: dict[str, MatchingPlace] = {}
    missing: list[str] = []
    other: list[tuple[str, Shape, Shape]] = []
    taken: set[str] = set()
    for path, (variable, stored) in stored_variables(model).items():
        here, wanted = stored.names, stored.shape(variable)
        if set(map(shapes.get, here)) != {wanted}:
            found = [name_in(shapes, model, stored, name) for name in here]
            missing += [name for name, own in zip(here, found, strict=True) if own is None]
            here = tuple([name for name in found if name is not None])
            other += [(name, shapes[name], wanted) for name in here if shapes[name] != wanted]
        taken.update(here)
        if len(here) == len(stored.names):
            places[path] = MatchingPlace(variable, stored, here)
    unexpected: list[str] = []
    if len(taken) < len(shapes):
        unexpected = [name for name in shapes if name not in taken and not is_ignored(model, name)]
    return Match(places, missing, unexpected, other)


def name_in(shapes: Mapping[str, Shape], model: Pretrained, stored: PretrainedStored, name: str) -> str | None:
    """Return the name that the file has for ``name``; None if it has none."""
    return next((each for each in [name, *alternatives(model, stored, name)] if each in shapes), None)


def alternatives(model: Pretrained, stored: PretrainedStored, name: str) -> list[str]:
    """Return the possible names of ``name``, the usual name of a part of a variable, which comes first.

    Files of a base model have no prefix; files with a head have it, whichever model is built from them.
    """
    module = name.rpartition(".")[0]
    names = [name, *(f"{module}.{old}" for old in stored.replaced)] if len(stored.names) == 1 else [name]
    bare = [each.removeprefix(model.prefix) for each in names]
    return list(dict.fromkeys([*names, *bare, *(model.base_prefix + each for each in bare), *model.other_names(name)]))


def is_ignored(model: Pretrained, name: str) -> bool:
    """Whether a tensor of that name is never read: it is tied, or follows from the config."""
    return name in model.ties or any(part in name for part in model.ignored)


def more(names: list[str]) -> str:
    """Return the number of further items as text."""
    return f" (and {len(names) - 1:,} more)" if len(names) > 1 else ""
