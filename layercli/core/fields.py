"""Constructor arguments of layers: declared as fields and checked by their annotations.

    class Dense(Layer):
        units: PositiveInt
        use_bias: bool = True

has the constructor ``Dense(units, use_bias=True, **arguments of every layer)``. A class may have its own ``__init__`` instead;
its arguments are recorded as well.
"""

from __future__ import annotations

import builtins
import inspect
import re
import sys
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from layercli.core import custom_objects
from layercli.core.registry import function, signature_of
from layercli.core.tracking import Trackable
from layercli.core.types import Config
from layercli.core.variable import Variable
from layercli.dataclass import dataclass
from layercli.errors import ArgumentError, ChoiceError, LayercliError, UsageError, nearest, with_and

REQUIRED = inspect.Parameter.empty
WRONG = {TypeError: ArgumentError, NotImplementedError: ChoiceError}
"""The error of a field's value by what its rule raises, else UsageError."""


def argument(*, default: object = REQUIRED, kw_only: bool = False, init: bool = True, alias: str | None = None) -> Any:
    """Describe a constructor argument to type checkers, which treat layers as dataclasses; it has no effect at run time."""
    return default


@dataclass(frozen=True)
class Validator:
    """The description of a valid argument, and the function that checks and converts it.

    That raises ValueError, TypeError, or NotImplementedError for a name that is none of those it takes.
    """

    expected: str
    convert: Callable[[Any], Any]


def fields_of(cls: type) -> Config:
    """Return the fields that a class body declares by annotation, with their defaults.

    An annotation without a default whose type is a Variable, a Layer, a list or dict of them, or a class of torch only declares
    the type of an attribute; it is not a field.
    """
    return {
        name: cls.__dict__.get(name, REQUIRED)
        for name, annotation in inspect.get_annotations(cls).items()
        if not name.startswith("_") and not str(annotation).startswith(("ClassVar", "typing.ClassVar"))
        if name in cls.__dict__ or not is_component_type(annotation, vars(sys.modules.get(cls.__module__, builtins)))
    }


def is_component_type(annotation: object, names: Mapping[str, object]) -> bool:
    """Whether an annotation, as text or not, is or contains the type of a Layer, a Variable, a torch Module or a Tensor."""
    if isinstance(annotation, str):
        words = re.findall(r"[A-Za-z_][\w.]*", annotation)
        return any(
            is_component_type(found, names) for found in (named(word, names) for word in words) if found is not None
        )
    if typing.get_args(annotation):
        return any(is_component_type(each, names) for each in typing.get_args(annotation))
    return isinstance(annotation, type) and any(
        kind in (Trackable, Variable) or (kind.__module__.startswith("torch") and kind.__name__ in ("Module", "Tensor"))
        for kind in annotation.__mro__
    )


def named(dotted: str, names: Mapping[str, Any]) -> Any:
    """Return the object that a name in an annotation refers to: ``Dense``, ``layers.Dense``; None if it does not exist."""
    first, *rest = dotted.split(".")
    found = names.get(first)
    for step in rest:
        found = getattr(found, step, None)
    return found


def by_name(cls: Any, names: Sequence[str], args: tuple[Any, ...]) -> Config:
    """Return the positional arguments of a constructor by name; raise UsageError if there are more than ``names``."""
    if len(args) > len(names):
        plural = "" if len(names) == 1 else "s"
        raise ArgumentError(f"{cls.__name__} takes {len(names)} positional argument{plural}, got {len(args)}")
    return dict(zip(names, args, strict=False))


def bind(cls: Any, fields: Mapping[str, Any], given: dict[str, object], kwargs: Mapping[str, object]) -> dict[str, Any]:
    """Return the checked value of every field for a constructor's arguments; raise UsageError for wrong arguments.

    ``given`` are the positional arguments by name.
    """
    for name, value in kwargs.items():
        if name not in fields:
            raise ArgumentError(f"{cls.__name__} has no argument {name!r}", hint=nearest(name, list(fields)))
        if name in given:
            raise ArgumentError(f"{cls.__name__} got {name} twice")
        given[name] = value
    values = {name: given.get(name, default) for name, default in fields.items()}
    missing = [name for name, value in values.items() if value is REQUIRED]
    if missing:
        raise ArgumentError(f"{cls.__name__} needs {with_and(missing)}")
    return values | {name: checked(cls.__name__, name, values[name], rule) for name, rule in rules_of(cls).items()}


def checked(owner: str, name: str, value: object, rule: Validator) -> Any:
    """Return ``value`` as ``rule`` converts it; raise a UsageError that states what was expected."""
    try:
        return rule.convert(value)
    except LayercliError:
        raise
    except (TypeError, ValueError, NotImplementedError) as error:
        kind = next((each for cause, each in WRONG.items() if isinstance(error, cause)), UsageError)
        raise kind(f"{owner} expects {name} to be {rule.expected}, got {value!r}") from None


def rules_of(cls: Any) -> dict[str, Validator]:
    """Return the Validator of each field whose annotation has one."""
    if "_rules" not in cls.__dict__:
        cls._rules = {
            name: rule
            for declaring in reversed(cls.__mro__)
            if declaring.__dict__.get("_declares_fields")
            for name, hint in inspect.get_annotations(declaring, eval_str=True).items()
            for rule in getattr(hint, "__metadata__", ())
            if isinstance(rule, Validator) and name in cls._fields
        }
    return cls._rules  # type: ignore[no-any-return]  # set above


def types_of(cls: Any) -> dict[str, object]:
    """Return the type of each field as a signature shows it: ``int`` for ``PositiveInt``; no entry for Any."""
    hints = {
        name: hint
        for declaring in reversed(cls.__mro__)
        if declaring.__dict__.get("_declares_fields")
        for name, hint in inspect.get_annotations(declaring, eval_str=True).items()
    }
    plain = {name: hint.__origin__ if hasattr(hint, "__metadata__") else hint for name, hint in hints.items()}
    return {name: hint for name, hint in plain.items() if hint is not Any}


def arguments(init: Callable[..., None], args: tuple[object, ...], kwargs: Mapping[str, object]) -> dict[str, object]:
    """Return a constructor's arguments by name, with defaults; ``**kwargs`` are merged, ``*args`` stay one argument."""
    bound = signature_of(init).bind(None, *args, **kwargs)
    bound.apply_defaults()
    named = dict(list(bound.arguments.items())[1:])
    spread = [p.name for p in signature_of(init).parameters.values() if p.kind is p.VAR_KEYWORD]
    for name in spread:
        named.update(named.pop(name, {}))
    return named


def serialize(value: object) -> Any:
    """Return ``value`` as plain data: numbers, text, lists, tuples, dicts; an object with get_config as a dict."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        return {str(key): serialize(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        held = [serialize(item) for item in value]
        return tuple(held) if isinstance(value, tuple) else held
    if hasattr(value, "get_config"):
        kind = type(value)
        named = {"module": public_module(kind), "class_name": kind.__name__, "config": value.get_config()}
        return named if is_ours(kind) else named | {"registered_name": custom_objects.get_registered_name(kind)}
    if isinstance(value, (types.FunctionType, types.BuiltinFunctionType, type)):
        return value.__name__ if is_ours(value) or isinstance(value, type) else function(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise ArgumentError(
        f"a config cannot hold {value!r}, of type {type(value).__name__}",
        hint="get_config of its owner may return it as numbers, text, lists or dicts, and from_config make it of them",
    )


def is_ours(value: object) -> bool:
    """Return whether a function or a class belongs to layercli."""
    return str(value.__module__).split(".")[0] == "layercli"


def public_module(cls: type) -> str:
    """Return the public module of a class: ``layercli.layers`` for every layer."""
    parts = cls.__module__.split(".")
    return ".".join(parts[:2]) if parts[0] == "layercli" else cls.__module__
