"""The decorator ``dataclass``: the standard one, without the time it takes when a class is made.

The standard one compiles up to six functions for each class: 0.7 ms, and a summary imports 150 classes, a third of its time.
Here only the constructor is compiled, as a call of it must be fast; the other methods are closures.
Fields, signatures, texts, hashes and errors are the standard ones, and ``dataclasses.fields``, ``replace`` and ``asdict`` work.
"""

from __future__ import annotations

import dataclasses
import inspect
import reprlib
import sys
from collections.abc import Callable, Iterable
from dataclasses import MISSING, Field, FrozenInstanceError
from operator import attrgetter
from types import FunctionType
from typing import TYPE_CHECKING, Any


@dataclasses.dataclass(repr=False, eq=False)
class _Mutable:
    sample: list[object] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(init=False, repr=False, eq=False, frozen=True)
class _Frozen:
    pass


PARAMETERS = {kind is _Frozen: vars(kind)["__dataclass_params__"] for kind in (_Mutable, _Frozen)}
"""The ``__dataclass_params__`` of frozen and other classes, which torch.compile and the standard decorator of a subclass read."""
INSTANCE_FIELD = getattr(dataclasses.fields(_Mutable)[0], "_field_type")  # noqa: B009  # type checkers do not know it
"""The mark by which ``dataclasses.fields`` distinguishes a field from a class variable."""
OPTIONS = frozenset({"init", "repr", "eq", "frozen"})


def add_methods(cls: Any, *, init: bool = True, repr: bool = True, eq: bool = True, frozen: bool = False) -> Any:
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
    found.name, found.type, found._field_type = name, annotation, INSTANCE_FIELD
    found.kw_only = found.kw_only is True
    return found  # type: ignore[no-any-return]  # a Field


FACTORY = _Mutable.__init__.__defaults__[0]  # type: ignore[index]
"""The default of an argument whose value a default_factory makes: the standard marker, which torch.compile supports."""


def constructor_of(cls: type, fields: Iterable[Field[Any]], frozen: bool) -> FunctionType:
    """Return the constructor: it sets each field, then calls ``__post_init__`` if there is one."""
    used = sorted((f for f in fields if f.init or f.default_factory is not MISSING), key=attrgetter("kw_only"))
    given: dict[str, object] = {"_object": object, "_factory": FACTORY}
    positional: list[str] = ["self"]
    by_name: list[str] = []
    body: list[str] = []
    for f in used:
        name, default = f.name, f.default if f.default_factory is MISSING else FACTORY
        value = name
        if default is FACTORY:
            given[f"_make_{name}"] = f.default_factory
            value = f"_make_{name}() if {name} is _factory else {name}" if f.init else f"_make_{name}()"
        if f.init and default is MISSING:
            (by_name if f.kw_only else positional).append(name)
        elif f.init:
            given[f"_default_{name}"] = default
            (by_name if f.kw_only else positional).append(f"{name}=_default_{name}")
        body.append(f"_object.__setattr__(self, {name!r}, {value})" if frozen else f"self.{name} = {value}")
    body.append("self.__post_init__()" if hasattr(cls, "__post_init__") else "pass")
    with_default = ["=" in each for each in positional]
    if with_default != sorted(with_default):
        raise TypeError(f"{cls.__name__} has a field without a default after one with a default")
    arguments = ", ".join([*positional, *["*"] * bool(by_name), *by_name])
    made = defined(f"def __init__({arguments}):", body, given, vars(sys.modules[cls.__module__]))
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    made.__annotations__ = {f.name: f.type for f in used if f.init} | {"return": None}
    return made


def defined(head: str, body: list[str], given: dict[str, object], scope: dict[str, Any]) -> FunctionType:
    """Return the function with this head and body, of a module's scope, in which the names of ``given`` have values."""
    outer = f"def outer({', '.join(given)}):"
    made: dict[str, Any] = {}
    exec("\n".join([outer, f" {head}", *(f"  {line}" for line in body), " return __init__"]), scope, made)
    return made["outer"](**given)  # type: ignore[no-any-return]  # a function


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
        make = add_methods if OPTIONS.issuperset(options) else dataclasses.dataclass
        return make(cls, **options) if cls is not None else lambda cls: make(cls, **options)
