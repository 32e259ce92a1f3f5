"""The named sizes of an ONNX graph: ``batch``, ``T``, and exporter formulas such as ``2*batch`` or ``T + 1``."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from operator import add, floordiv, mul, sub
from typing import Any, TypeAlias, TypeGuard

from layercli.core import dims
from layercli.core.dims import UNKNOWN, Dim, Size
from layercli.core.spec import Shape

LONGEST, MOST_TERMS = 200, 64
"""The maximum length of a formula's text and the maximum number of its terms, because files are untrusted."""
OPERATORS: dict[type, Callable[[Any, Any], Any]] = {ast.Add: add, ast.Sub: sub, ast.Mult: mul, ast.FloorDiv: floordiv}


BATCH_NAMES = {"b", "n", "bs", "batch", "batchsize", "nbatch", "batchdim", "batchaxis"}
"""What files call their batch, in lower case and without underscores."""

FileSize: TypeAlias = int | str | None
"""A size in a file: a number, a name or a formula, or unknown."""


def sizes_in(shape: Any) -> list[FileSize]:
    """Return the sizes in a TensorShapeProto."""
    return [size.dim_value if size.HasField("dim_value") else size.dim_param or None for size in shape.dim]


class Names:
    """Maps the file's names of sizes to ours: the batch is the first axis of an input, or the axis that is called so."""

    def __init__(self, inputs: Iterable[Sequence[FileSize]]) -> None:
        shapes = [list(sizes) for sizes in inputs]
        first = next((x[0] for x in shapes if x and is_name(x[0])), None)
        named = next((size for x in shapes for size in x[1:] if is_name(size) and is_batch_name(size)), None)
        self.batch = first if named is None or (first is not None and is_batch_name(first)) else named

    def of(self, name: str) -> str:
        """Return our name for a name in the file: the batch has its own, and any other size with that name gets another."""
        if name == self.batch:
            return dims.BATCH
        return f"{name}_" if name == dims.BATCH and self.batch else name

    def shape(self, sizes: Sequence[FileSize], end: bool = False) -> Shape:
        """Return the sizes in our names; at an ``end`` of the graph an unnamed first size is the batch."""
        found = [self.size(size) for size in sizes]
        if end and found and found[0] == UNKNOWN and self.batch is None:
            found[0] = Dim.named(dims.BATCH)
        return tuple(found)

    def size(self, size: FileSize) -> Size:
        """Return a size from the file: a number, a formula of its names, or unknown."""
        if isinstance(size, int):
            return int(size) if size >= 0 else UNKNOWN
        return UNKNOWN if size is None else self.formula(size)

    def formula(self, text: str) -> Size:
        """Parse arithmetic on names; return unknown for any other text."""
        if text.isidentifier():
            return Dim.named(self.of(text))
        try:
            found = self._value(ast.parse(text, mode="eval").body) if len(text) <= LONGEST else UNKNOWN
            return UNKNOWN if isinstance(found, int) and found < 0 else found  # "-1" is how some say so
        except (SyntaxError, ValueError, ArithmeticError, RecursionError, MemoryError):
            return UNKNOWN

    def _value(self, node: ast.expr) -> Size:
        match node:
            case ast.Name(id=name):
                return Dim.named(self.of(name))
            case ast.Constant(value=int() as number) if not isinstance(number, bool):
                return number
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                return -self._value(inner)
            case ast.Call(func=ast.Name(id="floor"), args=[ast.BinOp(left=left, op=ast.Div(), right=right)]):
                return self._value(left) // self._value(right)
            case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=2)):
                return self._product(mul, left, left)
            case ast.BinOp(left=left, op=operator, right=right) if type(operator) in OPERATORS:
                return self._product(OPERATORS[type(operator)], left, right)
        return UNKNOWN

    def _product(self, operator: Callable[[Any, Any], Any], left: ast.expr, right: ast.expr) -> Size:
        size: Size = operator(self._value(left), self._value(right))
        too_many = isinstance(size, Dim) and size.terms is not None and len(size.terms) > MOST_TERMS
        return UNKNOWN if too_many else size


def is_name(size: FileSize) -> TypeGuard[str]:
    """Whether a size of the file has a name."""
    return isinstance(size, str) and size.isidentifier()


def is_batch_name(name: str) -> bool:
    """Whether a file means its batch by a name."""
    return name.lower().replace("_", "") in BATCH_NAMES
