"""The arguments of a torch module's ``forward`` as the command line gives them: shapes and files by name, and flags."""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

import torch
from torch import nn

from layercli.core.spec import Spec
from layercli.dataclass import dataclass
from layercli.errors import UsageError, nearest
from layercli.inspect.input_names import Arguments
from layercli.inspect.model_arguments import parse_setting
from layercli.inspect.shape_parser import fill, parse_sizes, shapes_by_name
from layercli.runtime.execution.forward_signature import (
    POSITIONAL,
    forward_parameters,
    module_arguments,
    takes_any,
    unwrapped,
)
from layercli.runtime.execution.grouped_inputs import annotations_of_forward


@dataclass(frozen=True)
class ForwardArguments:
    """What is given to ``forward``: flags are values that are not tensors; shapes and files are written with names.

    ``taken`` are the names that inputs may have: the arguments that no flag gives, and entries such as ``batch.x``.
    """

    name: str
    module: nn.Module
    taken: Arguments
    shapes: list[str]
    files: list[str]
    flags: dict[str, Any] = field(default_factory=dict)

    def specs(self, sizes: Sequence[str], dtype: str = "float32") -> dict[str, Spec]:
        """Return the Specs of the inputs given as shapes; ``dtype`` is that of a shape without one."""
        found: dict[str, Spec] = fill(
            shapes_by_name(self.name, self.shapes, {}, self.taken.names, dtype), parse_sizes(sizes)
        )
        return found

    def check(self, given: Mapping[str, Any]) -> None:
        """Raise UsageError if a required argument has neither an input nor a flag."""
        held = {*given, *self.flags, *map(owner_of, [*given, *self.flags])}
        module_arguments(self.module, len(self.shapes) + len(self.files)).check(self.name, held, flags=True)


def forward_arguments(
    name: str, module: nn.Module, shapes: Sequence[str], files: Sequence[str], flags: Sequence[str]
) -> ForwardArguments:
    """Return what the command line gives to the module ``name``; UsageError if ``forward`` has no such argument.

    ``batch.x=2,4`` is the entry ``x`` of the argument ``batch``; if ``forward`` takes one argument, the names of the
    entries suffice.
    """
    given = with_dtypes(module, dict(map(parse_setting, flags)))
    own = module_arguments(module, len(shapes) + len(files))
    others = other_keywords(module, own, [*named(shapes), *named(files), *given])
    known = Arguments([*own.names, *others], {*own.optional, *others})
    check_flags(name, module, given)
    owner = single_owner(module, known, [*shapes, *files], given)
    shapes, files = [owner + text for text in shapes], [owner + text for text in files]
    entries = [each for each in dict.fromkeys([*named(shapes), *named(files)]) if "." in each]
    open_names = [*known.names, *(each for each in entries if owner_of(each) in known.names)]
    free = [each for each in open_names if each not in given]
    optional = {*known.optional, *entries, *map(owner_of, entries)}
    return ForwardArguments(name, module, Arguments(free, optional), shapes, files, given)


def with_dtypes(module: nn.Module, flags: Mapping[str, object]) -> dict[str, object]:
    """Return flags with the dtypes of torch that they name: ``torch.float16``, or ``float16`` for an argument of that type."""
    annotations = annotations_of_forward(unwrapped(module))

    def converted(name: str, value: object) -> object:
        if not isinstance(value, str) or not (value.startswith("torch.") or _is_dtype(annotations.get(name))):
            return value
        found = getattr(torch, value.removeprefix("torch."), None)
        return found if isinstance(found, torch.dtype) else value

    return {name: converted(name, value) for name, value in flags.items()}


def _is_dtype(annotation: object) -> bool:
    return torch.dtype in (annotation, *typing.get_args(annotation))


def owner_of(name: str) -> str:
    """Return the argument that an entry such as ``batch.x`` belongs to."""
    return name.partition(".")[0]


def named(texts: Sequence[str]) -> list[str]:
    """Return the names in texts such as ``x=2,4``."""
    return [text.partition("=")[0] for text in texts if "=" in text]


def other_keywords(module: nn.Module, taken: Arguments, names: Sequence[str]) -> list[str]:
    """Return those of the given names that only ``**kwargs`` takes."""
    if not takes_any(module):
        return []
    owners = dict.fromkeys(map(owner_of, names))
    return [each for each in owners if each not in taken.names and each.isidentifier()]


def check_flags(name: str, module: nn.Module, flags: Mapping[str, object]) -> None:
    """Raise UsageError for a flag that is no argument of ``forward``."""
    known = forward_parameters(module)
    for flag in flags:
        if owner_of(flag) not in known and not takes_any(module):
            raise UsageError(
                f"forward of {name} has no argument {flag!r}",
                hint=nearest(flag, list(known)) or f"its arguments: {', '.join(known)}",
            )


def flags_for(module: nn.Module, flags: Mapping[str, object]) -> dict[str, object]:
    """Return those of another model's flags that the ``forward`` of a torch module takes."""
    known, others = forward_parameters(module), takes_any(module)
    return with_dtypes(module, {flag: value for flag, value in flags.items() if others or owner_of(flag) in known})


def single_owner(module: nn.Module, taken: Arguments, texts: Sequence[str], flags: Mapping[str, object]) -> str:
    """Return the prefix ``batch.`` if the named entries belong to the single argument ``batch``, else an empty text."""
    positional = [p.name for p in forward_parameters(module).values() if p.kind in POSITIONAL]
    needed = [each for each in positional if each not in taken.optional and each not in flags]
    names = named(texts)
    if len(needed) != 1 or len(names) < len(texts) or not names or takes_any(module):
        return ""
    return "" if any(each in taken.names or "." in each for each in names) else f"{needed[0]}."
