"""The decorator ``dataclass`` of layercli against the standard one, on the same class bodies."""

from __future__ import annotations

import dataclasses
import inspect
from typing import ClassVar

import pytest

from layercli import dataclass as ours


def family(dataclass):
    """Return classes that use what layercli uses: defaults, factories, class variables, inheritance, own methods."""

    @dataclass(frozen=True)
    class Base:
        """A base."""

        counted: ClassVar[int] = 3
        a: int
        b: str = "x"

    @dataclass(frozen=True)
    class Sub(Base):
        """Further fields."""

        c: list[int] = dataclasses.field(default_factory=list, compare=False)
        d: float = dataclasses.field(default=2.0, repr=False, kw_only=True)
        e: int = dataclasses.field(default=7, init=False)

        def __post_init__(self):
            object.__setattr__(self, "derived", self.a + 1)

    @dataclass
    class Changing:
        """Can be changed."""

        a: int
        own: object = None

    class Descriptor:
        def __get__(self, instance, owner):
            return "of the class" if instance is None else vars(instance)["_held"]

        def __set__(self, instance, value):
            vars(instance)["_held"] = [value]

    @dataclass(frozen=True)
    class Own:
        """With a comparison of its own, which leaves the hash."""

        a: int = 0

        def __eq__(self, other):
            return isinstance(other, Own)

    @dataclass(eq=False)
    class Held:
        """With a descriptor, which gives the default."""

        a: str = Descriptor()

    @dataclass(eq=False, repr=False)
    class Plain:
        """With neither comparison nor text."""

        a: int = 0

        def __init__(self, a):
            self.a = 2 * a

        def __str__(self):
            return f"plain {self.a}"

    @dataclass(frozen=True)
    class Empty:
        """No field."""

    @dataclass(frozen=True, slots=True)
    class Slots:
        """Made by the standard decorator."""

        a: int = 1

    return Base, Sub, Changing, Plain, Empty, Slots, Held, Own


def answer(call):
    """Return what a call returns, or its error."""
    try:
        return call()
    except Exception as error:
        return type(error), str(error)


def change(value, name):
    """Set an attribute."""
    setattr(value, name, 5)
    return dict(vars(value))


def behaviour(classes):
    """Return all that can be asked of the classes and their objects, as text."""
    base, sub, changing, plain, empty, slots, held, compared = classes
    made = [
        base(1),
        base(1, b="y"),
        sub(2, "z", [1], d=3.0),
        changing(1),
        plain(4),
        empty(),
        slots(3),
        held(),
        compared(2),
    ]
    for cls, value in zip((base, base, sub, changing, plain, empty, slots, held, compared), made, strict=True):
        yield str(inspect.signature(cls)), inspect.get_annotations(cls.__init__), cls.__init__.__qualname__
        yield cls.__doc__, cls.__match_args__, vars(cls).get("b"), vars(cls).get("c")
        yield [(f.name, f.type, f.init, f.repr, f.compare, f.kw_only) for f in dataclasses.fields(cls)]
        yield "" if cls is plain else repr(value), "" if cls in (plain, held) else answer(lambda v=value: hash(v))
        yield answer(lambda v=value: dataclasses.asdict(v)), answer(lambda v=value: str(dataclasses.replace(v, a=9)))
        yield [value == other for other in made], cls.__dataclass_params__.frozen
        yield answer(lambda v=value: change(v, "a")), answer(lambda v=value: change(v, "other"))
        yield (
            answer(lambda v=value: delattr(v, "a")),
            answer(lambda c=cls: c(1, 2, 3, 4, 5)),
            answer(lambda c=cls: c(z=1)),
        )
    yield answer(lambda: sub(1).derived), base(1) == sub(1), hash(base(float("nan"))) is None, sub(1) == sub(1, c=[4])
    endless = changing(1)
    endless.own = endless
    yield repr(endless)
    own = dataclasses.make_dataclass("Own", [("f", int, 3)], bases=(base,), frozen=True)
    yield repr(own(1)), answer(lambda: dataclasses.dataclass(type("Other", (base,), {"__annotations__": {}})))


def test_all_is_as_of_the_standard_decorator():
    assert list(behaviour(family(ours.dataclass))) == list(behaviour(family(dataclasses.dataclass)))


def test_a_mutable_default_is_refused():
    with pytest.raises(ValueError, match=r"^Wrong\.a has a mutable default; use default_factory$"):
        ours.dataclass(type("Wrong", (), {"__annotations__": {"a": "list"}, "a": []}))


def test_a_default_before_a_field_without_one_is_refused():
    with pytest.raises(TypeError, match=r"^Wrong has a field without a default after one with a default$"):
        ours.dataclass(type("Wrong", (), {"__annotations__": {"a": "int", "b": "int"}, "a": 1}))


def test_torch_compiles_the_constructor_of_a_frozen_class():
    torch = pytest.importorskip("torch")

    @ours.dataclass(frozen=True)
    class Scale:
        by: float
        held: list[float] = dataclasses.field(default_factory=list)

    compiled = torch.compile(lambda x: x * Scale(2.0).by, backend="eager", fullgraph=True)
    assert compiled(torch.ones(2)).tolist() == [2.0, 2.0]
