"""Groups of options shared by several commands, each declared once as a dataclass."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any


def grouped(command: Callable[..., Any]) -> Callable[..., Any]:
    """Return the command with each argument annotated with a dataclass replaced by options for its fields."""
    hints = typing.get_type_hints(command, include_extras=True)
    parameters: list[inspect.Parameter] = []
    groups: dict[str, type] = {}
    for name, parameter in inspect.signature(command).parameters.items():
        if is_dataclass(group := hints[name]):
            groups[name] = group  # type: ignore[assignment]  # the class of it
            parameters += options_of(group)  # type: ignore[arg-type]
        else:
            parameters.append(parameter.replace(annotation=hints[name], kind=parameter.KEYWORD_ONLY))

    @functools.wraps(command)
    def call(**given: Any) -> Any:
        for name, group in groups.items():
            given[name] = group(**{each.name: given.pop(each.name) for each in fields(group)})
        return command(**given)

    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what typer reads
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return call


def options_of(group: type) -> list[inspect.Parameter]:
    """Return the parameters for the fields of a group."""
    hints = typing.get_type_hints(group, include_extras=True)
    keyword = inspect.Parameter.KEYWORD_ONLY
    return [
        inspect.Parameter(each.name, keyword, default=default_of(each), annotation=hints[each.name])
        for each in fields(group)
    ]


def default_of(option: Field[Any]) -> Any:
    """Return the default of an option."""
    if option.default_factory is not MISSING:
        return option.default_factory()
    return option.default
