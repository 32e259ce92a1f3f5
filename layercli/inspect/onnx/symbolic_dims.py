"""The named sizes of an ONNX graph: ``batch``, ``T``, and exporter formulas such as ``2*batch`` or ``T + 1``."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from operator import add, floordiv, mul, sub
from typing import Any

from layercli.core import dims
from layercli.core.dims import UNKNOWN, Dim, Size
from layercli.core.spec import Shape

LONGEST, MOST_TERMS = 200, 64
"""The maximum length of a formula's text and the maximum number of its terms, because files are untrusted."""
OPERATORS: dict[type, Callable[[Any, Any], Any]] = {ast.Add: add, ast.Sub: sub, ast.Mult: mul, ast.FloorDiv: floordiv}


class Names:
    """Maps the file's names of sizes to ours: the name of an input's first axis is the batch."""

    def __init__(self, inputs: Iterable[Any]) -> None:
        first = [x.dim[0] for x in (x.type.tensor_type.shape for x in inputs) if x.dim]
        named = next((size.dim_param for size in first if size.dim_param.isidentifier()), None)
        self.batch = named if named not in (None, dims.BATCH) else None

    def of(self, name: str) -> str:
        """Return our name for a name in the file: the batch has its own, and any other size with that name gets another."""
        if name == self.batch:
            return dims.BATCH
        return f"{name}_" if name == dims.BATCH and self.batch else name

    def shape(self, sizes: Any, end: bool = False) -> Shape:
        """Return the sizes of a TensorShapeProto; at an ``end`` of the graph an unnamed first size is the batch."""
        found = [self.size(size) for size in sizes.dim]
        if end and found and found[0] == UNKNOWN and self.batch is None:
            found[0] = Dim.named(dims.BATCH)
        return tuple(found)

    def size(self, size: Any) -> Size:
        """Return a size from the file: a number, a formula of its names, or unknown."""
        if size.HasField("dim_value"):
            return int(size.dim_value) if size.dim_value >= 0 else UNKNOWN
        return self.formula(size.dim_param)

    def formula(self, text: str) -> Size:
        """Parse arithmetic on names; return unknown for any other text."""
        if text.isidentifier():
            return Dim.named(self.of(text))
        try:
            return self._value(ast.parse(text, mode="eval").body) if len(text) <= LONGEST else UNKNOWN
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
