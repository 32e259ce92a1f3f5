"""Parse a pickle as data: calls that it asks for are recorded and never executed.

A pickle is a program for a stack machine; it may name any function and have it called with any arguments. This parser knows
only the instructions: a name stays a name (``Name``), a call is recorded (``PickledCall``), a persistent object is its key
(``Reference``), and a dict is a list of pairs (``Pairs``), so that no key is ever hashed. No instruction can import, call or
change anything in Python, and the memory of all of them is bounded by the file's length.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from layercli.errors import FormatError
from layercli.formats.pickled_values import Name, Pairs, PickledCall, Reference

if TYPE_CHECKING:
    from mmap import mmap


DICTS = {"builtins.dict", "collections.OrderedDict", "collections.defaultdict", "collections.Counter"}
"""Calls that return a dict."""


class Damaged(Exception):
    """The pickle is invalid."""


def load(where: str, raw: bytes, check: Callable[[str], None]) -> Any:
    """Return what the pickle ``raw`` describes; ``check`` raises for a name that is not allowed.

    ``where`` names the pickle in errors. FormatError if it is damaged, or has an instruction that a pickle of numbers,
    strings, lists, dicts and names does not need.
    """
    return load_at(where, raw, 0, check)[0]


def load_at(where: str, raw: bytes | mmap, start: int, check: Callable[[str], None]) -> tuple[object, Machine]:
    """Return what the pickle at ``start`` describes, and the machine that has read it; ``raw`` may go on after it."""
    machine = Machine(where, raw, check, start)
    try:
        return machine.run(), machine
    except (Damaged, IndexError, KeyError, UnicodeDecodeError, struct.error):
        raise FormatError(f"{where} has a damaged pickle, at byte {machine.position:,}", code="bad-header") from None


class Machine:
    """The stack, its marks, the memo, and the read position."""

    def __init__(self, where: str, raw: bytes | mmap, check: Callable[[str], None], start: int = 0) -> None:
        self.where = where
        self.raw = raw
        self.check = check
        self.position = start
        self.stack: list[object] = []
        self.below: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        self.copied = 0
        self.references: list[Reference] = []
        self.states: dict[int, tuple[Any, Any]] = {}  # by identity; the owner is kept, so that no other gets its number

    def run(self) -> Any:
        """Execute the instructions up to the last one, and return the top of the stack.

        Those of the memo, of small numbers and of tuples, most of all, are executed here: a call for each takes twice the time.
        """
        raw, steps, memo, uint = self.raw, BY_NUMBER, self.memo, UINT.unpack_from
        position = self.position
        try:
            while (code := raw[position]) != STOP:
                position += 1
                if code == PUT:
                    memo[uint(raw, position)[0]] = self.stack[-1]
                    position += 4
                elif code == SMALL:
                    self.stack.append(raw[position])
                    position += 1
                elif code == GET_BYTE:
                    self.stack.append(memo[raw[position]])
                    position += 1
                elif code == MARK:
                    self.below.append(self.stack)
                    self.stack = []
                elif code == TUPLE:
                    row, self.stack = self.stack, self.below.pop()
                    self.stack.append(tuple(row))
                elif code == GET:
                    self.stack.append(memo[uint(raw, position)[0]])
                    position += 4
                elif code == PUT_BYTE:
                    memo[raw[position]] = self.stack[-1]
                    position += 1
                else:
                    self.position = position
                    steps[code](self)
                    position = self.position
        finally:
            self.position = max(position, self.position)
        return self.stack.pop()

    def take(self, count: int) -> bytes:
        """Read the next ``count`` bytes."""
        taken = self.raw[self.position : self.position + count]
        if len(taken) < count:
            raise Damaged
        self.position += count
        return taken

    def number(self, form: struct.Struct) -> Any:
        """Read the next number."""
        found = form.unpack_from(self.raw, self.position)[0]
        self.position += form.size
        return found

    def line(self) -> str:
        """Read the text up to the end of the line."""
        end = self.raw.find(b"\n", self.position)
        if end < 0:
            raise Damaged
        text = self.take(end - self.position).decode()
        self.position += 1
        return text

    def push(self, value: object) -> None:
        """Put ``value`` on the stack."""
        self.stack.append(value)

    def row(self) -> list[Any]:
        """Pop the values since the last mark."""
        row, self.stack = self.stack, self.below.pop()
        return row

    def name(self, module: object, name: object) -> None:
        """Push a name if it is allowed."""
        if not isinstance(module, str) or not isinstance(name, str):
            raise Damaged
        text = f"{'builtins' if module == '__builtin__' else module}.{name}"
        self.check(text)
        self.push(Name(text))

    def call(self, function: Any, args: object) -> None:
        """Push the record of a call, or an empty dict if it creates one."""
        if not isinstance(function, Name) or not isinstance(args, tuple):
            raise Damaged
        self.push(self.dict_of(args) if function.text in DICTS else PickledCall(function.text, args))

    def dict_of(self, args: tuple[object, ...]) -> Pairs:
        """Return the dict that a call gives: copies of pairs are no more than the pickle has bytes."""
        if not args:
            return Pairs()
        found = pairs_of(args)
        self.copied += len(found)
        if self.copied > len(self.raw):
            raise FormatError(f"{self.where} copies more dicts than its {len(self.raw):,} bytes can hold")
        return Pairs(found)

    def extend(self, values: Sequence[object]) -> None:
        """Append ``values`` to the list on the stack; do nothing for a recorded call."""
        target = self.stack[-1]
        if isinstance(target, list):
            target.extend(values)
        elif not isinstance(target, PickledCall):
            raise Damaged

    def update(self, values: list[Any]) -> None:
        """Add keys and values to the dict on the stack; do nothing for a recorded call."""
        target = self.stack[-1]
        if len(values) % 2:
            raise Damaged
        if isinstance(target, Pairs):
            target.pairs.extend(zip(values[::2], values[1::2], strict=True))
        elif not isinstance(target, PickledCall):
            raise Damaged

    def drop(self) -> None:
        """Pop a value, or a mark if there is no value above it."""
        if self.stack:
            self.stack.pop()
        else:
            self.row()

    def refer(self) -> None:
        """Push an object stored outside the pickle, by the key on the stack."""
        found = Reference(self.stack[-1])
        self.references.append(found)
        self.stack[-1] = found

    def state(self) -> None:
        """Pop the state of the object below it, and keep it beside: tensors have none, arrays are all state."""
        state, owner = self.stack.pop(), self.stack[-1]
        if not isinstance(owner, (PickledCall, Pairs)):
            raise Damaged
        self.states[id(owner)] = owner, state


def pairs_of(args: tuple[object, ...]) -> list[tuple[object, object]]:
    """Return the pairs of a dict made from another dict or from a list of pairs."""
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
    """Return the instruction that pushes a string, after its length."""
    length, size = form.unpack_from, form.size

    def step(m: Machine) -> None:
        start = m.position + size
        end = start + length(m.raw, m.position)[0]
        m.position = start
        if end > len(m.raw):
            raise Damaged
        m.position = end
        m.stack.append(m.raw[start:end].decode(encoding))

    return step


def raw(form: struct.Struct) -> Step:
    """Return the instruction that pushes bytes, after their length."""
    return lambda m: m.push(m.take(m.number(form)))


def several(count: int) -> Step:
    """Return the instruction that makes a tuple of the top values."""

    def step(m: Machine) -> None:
        stack = m.stack
        if len(stack) < count:
            raise Damaged
        stack[-count:] = [tuple(stack[-count:])]

    return step


def turned(then: Callable[[Machine, Any, Any], object]) -> Step:
    """Return the instruction that pops two values and passes them on in the order they were pushed."""

    def step(m: Machine) -> None:
        second, first = m.stack.pop(), m.stack.pop()
        then(m, first, second)

    return step


def called_with_names(m: Machine) -> None:
    """Push the record of a call with keyword arguments, which are discarded."""
    m.stack.pop()
    args, function = m.stack.pop(), m.stack.pop()
    m.call(function, args)


def pushed(form: struct.Struct) -> Step:
    """Return the instruction that pushes a number."""
    return lambda m: m.stack.append(m.number(form))


def unknown(code: int) -> Step:
    """Return what refuses an instruction that a pickle of numbers, strings, lists, dicts and names does not need."""

    def refuse(m: Machine) -> None:
        text = f"{m.where} has the pickle instruction {bytes([code])!r}, which no file of tensors needs"
        raise FormatError(text, code="unsafe")

    return refuse


STEPS: dict[bytes, Step] = {
    b"\x80": lambda m: m.take(1),  # the version of the protocol
    b"\x95": lambda m: m.take(8),  # the length of a frame, for stream readers
    b"N": lambda m: m.push(None),
    b"\x88": lambda m: m.push(True),
    b"\x89": lambda m: m.push(False),
    b"M": pushed(SHORT),
    b"J": pushed(INT),
    b"\x8a": lambda m: m.push(int.from_bytes(m.take(m.number(BYTE)), "little", signed=True)),
    b"G": pushed(FLOAT),
    b"U": text(BYTE, "latin-1"),
    b"T": text(UINT, "latin-1"),
    b"\x8c": text(BYTE, "utf-8"),
    b"X": text(UINT, "utf-8"),
    b"\x8d": text(LONG, "utf-8"),
    b"C": raw(BYTE),
    b"B": raw(UINT),
    b"\x8e": raw(LONG),
    b"\x96": raw(LONG),
    b")": lambda m: m.stack.append(()),
    b"\x85": several(1),
    b"\x86": several(2),
    b"\x87": several(3),
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
    b"0": Machine.drop,
    b"1": Machine.row,
    b"\x94": lambda m: m.memo.update({len(m.memo): m.stack[-1]}),
    b"c": lambda m: m.name(m.line(), m.line()),
    b"\x93": turned(Machine.name),
    b"R": turned(Machine.call),
    b"\x81": turned(Machine.call),
    b"\x92": called_with_names,
    b"b": Machine.state,
    b"Q": Machine.refer,
}
"""The function of each instruction but those of ``Machine.run``. Those of the oldest protocols and of extension registries are
left out."""

STOP, PUT_BYTE, PUT, GET_BYTE, GET, SMALL, MARK, TUPLE = b".qrhjK(t"
BY_NUMBER = [STEPS.get(bytes([code])) or unknown(code) for code in range(256)]
"""The same functions by the number of the instruction, and those that refuse any other."""
