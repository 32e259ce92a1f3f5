"""Settings of an optimizer written on the command line."""

from __future__ import annotations

import ast
from typing import Any

from layercli.core.registry import DataclassConfig
from layercli.errors import UsageError, nearest


def settings_in(text: str, name: str, cls: type[DataclassConfig]) -> dict[str, object]:
    """Return what ``setting=value,setting=value`` says; raise UsageError for what the optimizer ``name`` has not."""
    known = cls.settings()
    settings: dict[str, object] = {}
    for part in filter(None, text.split(",")):
        setting, equals, value = part.partition("=")
        if not equals:
            raise UsageError(f"{name}: expected setting=value, got {part!r}", hint=f"for example {known[0]}=0.001")
        if setting not in known:
            raise UsageError(f"{name} has no argument {setting!r}", hint=nearest(setting, known, "arguments"))
        settings[setting] = value_of(value, f"{name}: {setting}")
    return settings


def value_of(text: str, what: str) -> Any:
    """Return the number, boolean, None or word in ``text``."""
    named = {"true": True, "false": False, "none": None}
    if text.lower() in named:
        return named[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        raise UsageError(f"{what} is a number, true, false or none, got {text!r}") from None
