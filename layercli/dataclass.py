"""The decorator ``dataclass``: the standard one, without the time it takes when a class is made.

The standard one compiles up to six functions for each class: 0.7 ms, and a summary imports 150 classes, a third of its time.
Here constructors that differ only in the names of their fields share one code, and the other methods need no compiler.
Fields, signatures, texts, hashes and errors are the standard ones, and ``dataclasses.fields``, ``replace`` and ``asdict`` work.
"""

from __future__ import annotations

import dataclasses
import inspect
import reprlib
import sys
from collections.abc import Callable, Iterable
from dataclasses import MISSING, Field, FrozenInstanceError
from functools import cache
from operator import attrgetter
from types import CellType, CodeType, FunctionType
from typing import TYPE_CHECKING, Any


@dataclasses.dataclass(init=False, repr=False, eq=False)
class _Changing:
    sample: None


@dataclasses.dataclass(init=False, repr=False, eq=False, frozen=True)
class _Frozen:
    pass


PARAMETERS = {kind is _Frozen: vars(kind)["__dataclass_params__"] for kind in (_Changing, _Frozen)}
"""What tells others whether a class is frozen: torch.compile, and the standard decorator of a subclass."""
ORDINARY = getattr(dataclasses.fields(_Changing)[0], "_field_type")  # noqa: B009  # type checkers do not know it
"""What tells ``dataclasses.fields`` a field from a class variable."""
OPTIONS = frozenset({"init", "repr", "eq", "frozen"})


def added(cls: Any, *, init: bool = True, repr: bool = True, eq: bool = True, frozen: bool = False) -> Any:
    """Add the methods of a dataclass to ``cls`` and return it."""
    fields = fields_of(cls)
    methods: dict[str, object] = {"__match_args__": tuple(f.name for f in fields.values() if f.init and not f.kw_only)}
    if init:
        methods["__init__"] = constructor_of(cls, fields.values(), frozen)
    if repr:
        methods["__repr__"] = repr_of(tuple(f.name for f in fields.values() if f.repr))
    if eq:
        methods["__eq__"] = equality(values_of([f.name for f in fields.values() if f.compare]))
        hashed = values_of([f.name for f in fields.values() if (f.compare if f.hash is None else f.hash)])
        methods["__hash__"] = hash_of(hashed) if frozen else None
    if frozen:
        methods["__setattr__"], methods["__delattr__"] = setter_of(cls, tuple(fields)), deleter_of(cls, tuple(fields))
    own = {
        name
        for name, value in vars(cls).items()
        if value is not None or name != "__hash__" or "__eq__" not in vars(cls)
    }
    for name, method in methods.items():
        if name not in own:  # Python adds None as the hash where a class has its own __eq__
            setattr(cls, name, method)
    cls.__dataclass_fields__ = fields
    cls.__dataclass_params__ = PARAMETERS[frozen]
    return cls


def fields_of(cls: type) -> dict[str, Field[Any]]:
    """Return the fields of the base classes and of ``cls``, whose attributes become the defaults."""
    fields: dict[str, Field[Any]] = {}
    for base in reversed(cls.__mro__[1:]):
        fields |= getattr(base, "__dataclass_fields__", {})
    for name, annotation in inspect.get_annotations(cls).items():
        if not str(annotation).startswith(("ClassVar", "typing.ClassVar")):
            fields[name] = field_of(cls, name, annotation)
    return fields


def field_of(cls: type, name: str, annotation: object) -> Field[Any]:
    """Return one field that the class declares."""
    given: Any = getattr(cls, name, MISSING)  # of a descriptor, what it returns for the class
    found: Any = given if isinstance(given, Field) else dataclasses.field(default=given)
    if found.default is MISSING and found is given:
        delattr(cls, name)
    elif found is given:
        setattr(cls, name, found.default)
    if found.default.__class__.__hash__ is None:
        raise ValueError(f"{cls.__name__}.{name} has a mutable default; use default_factory")
    found.name, found.type, found._field_type = name, annotation, ORDINARY
    found.kw_only = found.kw_only is True
    return found  # type: ignore[no-any-return]  # a Field


class _Factory:
    def __repr__(self) -> str:
        return "<factory>"


FACTORY = _Factory()
"""The default of an argument whose value a default_factory makes."""


def constructor_of(cls: type, fields: Iterable[Field[Any]], frozen: bool) -> FunctionType:
    """Return the constructor: it sets each field, then calls ``__post_init__`` if there is one."""
    used = sorted((f for f in fields if f.init or f.default_factory is not MISSING), key=attrgetter("kw_only"))
    kinds = tuple((f.init, f.default_factory is not MISSING, f.kw_only) for f in used)
    code = code_of(kinds, frozen, hasattr(cls, "__post_init__"))
    names = {f"field_{i}": f.name for i, f in enumerate(used)}
    code = code.replace(
        co_varnames=tuple(names.get(name, name) for name in code.co_varnames),
        co_names=tuple(names.get(name, name) for name in code.co_names),
        co_consts=tuple(names.get(each, each) for each in code.co_consts),
        co_qualname=f"{cls.__qualname__}.__init__",
    )
    held = {f"make_{i}": f.default_factory for i, f in enumerate(used)} | {"factory": FACTORY, "object": object}
    closure = tuple(CellType(held[name]) for name in code.co_freevars)
    defaults = {f.name: f.default if f.default_factory is MISSING else FACTORY for f in used if f.init}
    positional = [defaults[f.name] for f in used if f.init and not f.kw_only]
    given = tuple(value for value in positional if value is not MISSING)
    if MISSING in positional[len(positional) - len(given) :]:
        raise TypeError(f"{cls.__name__} has a field without a default after one with a default")
    made = FunctionType(code, vars(sys.modules[cls.__module__]), "__init__", given, closure)
    by_name = [f.name for f in used if f.kw_only and defaults[f.name] is not MISSING]
    made.__kwdefaults__ = {name: defaults[name] for name in by_name} or None
    made.__annotations__ = {f.name: f.type for f in used if f.init} | {"return": None}
    return made


@cache
def code_of(kinds: tuple[tuple[bool, bool, bool], ...], frozen: bool, calls_post_init: bool) -> CodeType:
    """Return the code of a constructor whose fields are named ``field_0`` and so on: classes that differ in names share it.

    ``kinds`` says of each field whether it is an argument, has a default_factory, and is given by name only.
    """
    taken, body = ["self"], []
    for i, (argument, makes, by_name) in enumerate(kinds):
        name = f"field_{i}"
        if argument:
            taken += ["*"] * (by_name and "*" not in taken) + [name]
        value = f"make_{i}()" + f" if {name} is factory else {name}" * argument if makes else name
        body.append(f"object.__setattr__(self, {name!r}, {value})" if frozen else f"self.{name} = {value}")
    body += ["self.__post_init__()"] if calls_post_init else ["pass"]
    outer = ", ".join(["object", "factory", *(f"make_{i}" for i in range(len(kinds)))])
    text = f"def outer({outer}):\n def __init__({', '.join(taken)}):\n  " + "\n  ".join(body)
    made = next(each for each in compile(text, __file__, "exec").co_consts if isinstance(each, CodeType))
    return next(each for each in made.co_consts if isinstance(each, CodeType))


def values_of(names: list[str]) -> Callable[[object], tuple[object, ...]]:
    """Return the function that returns the values of these attributes."""
    if len(names) == 1:
        value = attrgetter(names[0])
        return lambda self: (value(self),)
    return attrgetter(*names) if names else lambda self: ()


def repr_of(names: tuple[str, ...]) -> Callable[[object], str]:
    """Return the method that shows an object with these fields."""

    @reprlib.recursive_repr()
    def __repr__(self: object) -> str:
        return f"{self.__class__.__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"

    return __repr__


def equality(values: Callable[[object], tuple[object, ...]]) -> Callable[[object, object], bool]:
    """Return the method that compares these values of two objects of one class."""

    def __eq__(self: object, other: object) -> bool:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    return __eq__


def hash_of(values: Callable[[object], tuple[object, ...]]) -> Callable[[object], int]:
    """Return the method that hashes these values of an object."""

    def __hash__(self: object) -> int:
        return hash(values(self))

    return __hash__


def setter_of(cls: Any, fields: tuple[str, ...]) -> Callable[[Any, str, object], None]:
    """Return the method that refuses to set a field."""

    def __setattr__(self: Any, name: str, value: object) -> None:
        if type(self) is cls or name in fields:
            raise FrozenInstanceError(f"cannot assign to field {name!r}")
        super(cls, self).__setattr__(name, value)

    return __setattr__


def deleter_of(cls: Any, fields: tuple[str, ...]) -> Callable[[Any, str], None]:
    """Return the method that refuses to delete a field."""

    def __delattr__(self: Any, name: str) -> None:
        if type(self) is cls or name in fields:
            raise FrozenInstanceError(f"cannot delete field {name!r}")
        super(cls, self).__delattr__(name)

    return __delattr__


if TYPE_CHECKING:
    from dataclasses import (
        dataclass as dataclass,  # "as" is how a type checker knows that others may import it from here
    )
else:

    def dataclass(cls: type | None = None, /, **options: bool) -> Any:
        """Make a class a dataclass, with the options of ``dataclasses.dataclass``; for slots and order it is that one."""
        make = added if OPTIONS.issuperset(options) else dataclasses.dataclass
        return make(cls, **options) if cls is not None else lambda cls: make(cls, **options)
