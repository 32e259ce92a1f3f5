"""A pickle as data: what it says is to be made is noted, and nothing is ever made.

A pickle is a program for a machine with a stack; it may name any function and have it called with any arguments. This machine
knows the instructions alone: a name stays a name (``Name``), a call a note of one (``Call``), an object from elsewhere its
number (``Reference``), and a dict a list of pairs (``Pairs``), so that no key is ever hashed. There is no instruction by which
the file could import, call or change something of Python's, and none whose memory is not bounded by the file's own length.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from layercli.errors import FormatError


@dataclass(frozen=True, eq=False)
class Name:
    """The name of something in Python, ``collections.OrderedDict``."""

    text: str


@dataclass(frozen=True, eq=False)
class PickledCall:
    """A call that the pickle asks for."""

    of: str
    args: tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class Reference:
    """An object that is stored beside the pickle."""

    id: Any


@dataclass(frozen=True, eq=False)
class Pairs:
    """A dict: its keys and values in a row."""

    pairs: list[tuple[Any, Any]] = field(default_factory=list)


DICTS = {"builtins.dict", "collections.OrderedDict", "collections.defaultdict", "collections.Counter"}
"""Calls that give a dict."""


class Damaged(Exception):
    """What the pickle says cannot be followed."""


def load(where: str, raw: bytes, check: Callable[[str], None]) -> Any:
    """Return what the pickle ``raw`` describes; ``check`` raises for a name that it may not have.

    ``where`` is what to call the pickle in an error. FormatError where it is damaged, or has an instruction that no pickle
    of numbers, texts, lists, dicts and names needs.
    """
    machine = Machine(where, raw, check)
    try:
        return machine.run()
    except (Damaged, IndexError, KeyError, UnicodeDecodeError):
        raise FormatError(f"{where} has a damaged pickle, at byte {machine.position:,}") from None


class Machine:
    """The stack, the marks in it, the memo, and how far the pickle is read."""

    def __init__(self, where: str, raw: bytes, check: Callable[[str], None]) -> None:
        self.where = where
        self.raw = raw
        self.check = check
        self.position = 0
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        """Follow the instructions up to the one that ends the pickle, and return what is left on the stack."""
        while (code := self.take(1)) != b".":
            step = STEPS.get(code)
            if step is None:
                raise FormatError(f"{self.where} has the pickle instruction {code!r}, which no file of tensors needs")
            step(self)
        return self.stack.pop()

    def take(self, count: int) -> bytes:
        """Return the next ``count`` bytes."""
        end = self.position + count
        if end > len(self.raw):
            raise Damaged
        taken = self.raw[self.position : end]
        self.position = end
        return taken

    def number(self, form: struct.Struct) -> Any:
        """Return the number that comes next."""
        return form.unpack(self.take(form.size))[0]

    def line(self) -> str:
        """Return the text up to the end of the line."""
        end = self.raw.find(b"\n", self.position)
        if end < 0:
            raise Damaged
        text = self.take(end - self.position).decode()
        self.position += 1
        return text

    def push(self, value: Any) -> None:
        """Put ``value`` on the stack."""
        self.stack.append(value)

    def mark(self) -> None:
        """Begin a row of values."""
        self.below.append(self.stack)
        self.stack = []

    def row(self) -> list[Any]:
        """Return the values since the last mark, and take them off."""
        row, self.stack = self.stack, self.below.pop()
        return row

    def name(self, module: Any, name: Any) -> None:
        """Push a name that is allowed."""
        if not isinstance(module, str) or not isinstance(name, str):
            raise Damaged
        text = f"{'builtins' if module == '__builtin__' else module}.{name}"
        self.check(text)
        self.push(Name(text))

    def call(self, function: Any, args: Any) -> None:
        """Push the note of a call, or the dict that it gives."""
        if not isinstance(function, Name) or not isinstance(args, tuple):
            raise Damaged
        self.push(Pairs(pairs_of(args)) if function.text in DICTS else PickledCall(function.text, args))

    def extend(self, values: list[Any]) -> None:
        """Put ``values`` at the end of the list on the stack; one that is only noted is left as it is."""
        target = self.stack[-1]
        if isinstance(target, list):
            target.extend(values)
        elif not isinstance(target, PickledCall):
            raise Damaged

    def update(self, values: list[Any]) -> None:
        """Put keys and values, in turn, into the dict on the stack; one that is only noted is left as it is."""
        target = self.stack[-1]
        if len(values) % 2:
            raise Damaged
        if isinstance(target, Pairs):
            target.pairs.extend(zip(values[::2], values[1::2], strict=True))
        elif not isinstance(target, PickledCall):
            raise Damaged

    def drop(self) -> None:
        """Take a value off, or a mark where there is none above it."""
        if self.stack:
            self.stack.pop()
        else:
            self.row()

    def state(self) -> None:
        """Take off the state of the object below it, which is not kept: it is no tensor's."""
        self.stack.pop()
        if not isinstance(self.stack[-1], (PickledCall, Pairs)):
            raise Damaged


def pairs_of(args: tuple[Any, ...]) -> list[tuple[Any, Any]]:
    """Return the pairs that a dict is made of: those of another, or a list of them."""
    found = args[-1] if args else None
    if isinstance(found, Pairs):
        return list(found.pairs)
    if not isinstance(found, list):
        return []
    if not all(isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in found):
        raise Damaged
    return [tuple(pair) for pair in found]


BYTE, SHORT, INT = struct.Struct("<B"), struct.Struct("<H"), struct.Struct("<i")
UINT, LONG, FLOAT = struct.Struct("<I"), struct.Struct("<Q"), struct.Struct(">d")

Step = Callable[[Machine], object]


def text(form: struct.Struct, encoding: str) -> Step:
    """Return the instruction that pushes a text, after its length."""
    return lambda m: m.push(m.take(m.number(form)).decode(encoding))


def raw(form: struct.Struct) -> Step:
    """Return the instruction that pushes bytes, after their length."""
    return lambda m: m.push(m.take(m.number(form)))


def several(count: int) -> Step:
    """Return the instruction that makes a tuple of the last values."""

    def step(m: Machine) -> None:
        values = [m.stack.pop() for _ in range(count)]
        m.push(tuple(reversed(values)))

    return step


def turned(then: Callable[[Machine, Any, Any], object]) -> Step:
    """Return the instruction that takes two values off and hands them on in the order they were put there."""

    def step(m: Machine) -> None:
        second, first = m.stack.pop(), m.stack.pop()
        then(m, first, second)

    return step


def called_with_names(m: Machine) -> None:
    """Push the note of a call with arguments by name, which are not kept."""
    m.stack.pop()
    args, function = m.stack.pop(), m.stack.pop()
    m.call(function, args)


def memoized(form: struct.Struct) -> Step:
    """Return the instruction that pushes what was put under a number."""
    return lambda m: m.push(m.memo[m.number(form)])


def memoize(form: struct.Struct) -> Step:
    """Return the instruction that puts the last value under a number."""
    return lambda m: m.memo.update({m.number(form): m.stack[-1]})


STEPS: dict[bytes, Step] = {
    b"\x80": lambda m: m.take(1),  # the version of the protocol
    b"\x95": lambda m: m.take(8),  # the length of what follows, for readers of streams
    b"N": lambda m: m.push(None),
    b"\x88": lambda m: m.push(True),
    b"\x89": lambda m: m.push(False),
    b"K": lambda m: m.push(m.number(BYTE)),
    b"M": lambda m: m.push(m.number(SHORT)),
    b"J": lambda m: m.push(m.number(INT)),
    b"\x8a": lambda m: m.push(int.from_bytes(m.take(m.number(BYTE)), "little", signed=True)),
    b"G": lambda m: m.push(m.number(FLOAT)),
    b"U": text(BYTE, "latin-1"),
    b"T": text(UINT, "latin-1"),
    b"\x8c": text(BYTE, "utf-8"),
    b"X": text(UINT, "utf-8"),
    b"\x8d": text(LONG, "utf-8"),
    b"C": raw(BYTE),
    b"B": raw(UINT),
    b"\x8e": raw(LONG),
    b"\x96": raw(LONG),
    b")": lambda m: m.push(()),
    b"\x85": several(1),
    b"\x86": several(2),
    b"\x87": several(3),
    b"t": lambda m: m.push(tuple(m.row())),
    b"]": lambda m: m.push([]),
    b"l": lambda m: m.push(m.row()),
    b"a": lambda m: m.extend([m.stack.pop()]),
    b"e": lambda m: m.extend(m.row()),
    b"}": lambda m: m.push(Pairs()),
    b"s": turned(lambda m, key, value: m.update([key, value])),
    b"u": lambda m: m.update(m.row()),
    b"\x8f": lambda m: m.push([]),  # a set
    b"\x90": lambda m: m.extend(m.row()),
    b"\x91": lambda m: m.push(m.row()),
    b"(": Machine.mark,
    b"0": Machine.drop,
    b"1": Machine.row,
    b"q": memoize(BYTE),
    b"r": memoize(UINT),
    b"\x94": lambda m: m.memo.update({len(m.memo): m.stack[-1]}),
    b"h": memoized(BYTE),
    b"j": memoized(UINT),
    b"c": lambda m: m.name(m.line(), m.line()),
    b"\x93": turned(Machine.name),
    b"R": turned(Machine.call),
    b"\x81": turned(Machine.call),
    b"\x92": called_with_names,
    b"b": Machine.state,
    b"Q": lambda m: m.push(Reference(m.stack.pop())),
}
"""What each instruction does. Missing are those that nothing needs: of the oldest protocols, and of registries."""
