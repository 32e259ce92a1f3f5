"""Digests of what is asked of a reference: of values by their content, of functions by their source and what they close over.

A digest is equal only for equal content. What cannot be described so raises Undescribed, and is then never looked up.
"""

from __future__ import annotations

import ast
import builtins
import dis
import hashlib
import linecache
import types
from functools import cache, partial

import numpy as np

__all__ = ["Undescribed", "digest", "names_of", "source_digest"]


class Undescribed(Exception):
    """A value of which no digest can be made: nothing recorded can be said to belong to it."""


def digest(value) -> str:
    """Return a digest of ``value``."""
    found = hashlib.sha256()
    _feed(value, found.update, ())
    return found.hexdigest()[:32]


def source_digest(path, name) -> str:
    """Return a digest of the function ``name`` of a Python file and of those that it calls: comments do not count."""
    tree = ast.parse(path.read_text())
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    used, left = set(), {name}
    while left:
        used |= left
        named = {n.id for each in left for n in ast.walk(functions[each]) if isinstance(n, ast.Name)}
        left = (named & functions.keys()) - used
    rest = [node for node in tree.body[1:] if not isinstance(node, ast.FunctionDef)]  # the first is the docstring
    text = "\n".join(map(ast.unparse, [*rest, *(functions[each] for each in sorted(used))]))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


SCALARS = (type(None), bool, int, float, complex, str, bytes, types.EllipsisType)


def _feed(value, put, above):
    """Hand the bytes that say what ``value`` is to ``put``; ``above`` are the functions that it is a part of."""
    if (own := getattr(type(value), "_digest_", None)) is not None:
        put(f"node {own(value)};".encode())
    elif isinstance(value, SCALARS):
        put(f"{type(value).__name__} {value!r};".encode())
    elif isinstance(value, np.ndarray | np.generic) and value.dtype != object:
        put(f"array {value.dtype} {value.shape};".encode() + np.ascontiguousarray(value).tobytes())
    elif isinstance(value, np.dtype):
        put(f"dtype {value};".encode())
    elif isinstance(value, tuple | list):
        put(f"{type(value).__name__} {len(value)};".encode())
        for each in value:
            _feed(each, put, above)
    elif isinstance(value, dict):
        put(f"dict {len(value)};".encode())
        for key, each in value.items():
            _feed(key, put, above)
            _feed(each, put, above)
    elif isinstance(value, set | frozenset):
        put(f"set {sorted(map(digest, value))};".encode())
    elif isinstance(value, slice):
        _feed((value.start, value.stop, value.step), put, above)
        put(b"slice;")
    elif isinstance(value, types.ModuleType):
        put(f"module {value.__name__};".encode())
    elif isinstance(value, partial):
        _feed(("partial", value.func, value.args, value.keywords), put, above)
    elif isinstance(value, types.FunctionType):
        _feed_function(value, put, above)
    elif isinstance(value, types.BuiltinFunctionType) and isinstance(value.__self__, types.ModuleType | None):
        put(f"builtin {value.__module__}.{value.__name__};".encode())
    elif isinstance(value, type) and not value.__module__.startswith(("test", "keras_parity")):
        put(f"class {value.__module__}.{value.__qualname__};".encode())
    elif type(value).__module__ == "torch" and type(value).__name__ == "Tensor":
        _feed(("torch", value.detach().numpy()), put, above)
    else:
        raise Undescribed(type(value).__name__)


def _feed_function(function, put, above):
    if function in above:
        put(f"recursion {above.index(function)};".encode())
        return
    above = (*above, function)
    code = function.__code__
    if _writes(code):
        raise Undescribed(f"{function.__name__} changes something")
    put(f"function {_source_of(code)};".encode())
    _feed((function.__defaults__, function.__kwdefaults__), put, above)
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        put(f"cell {name};".encode())
        _feed(cell.cell_contents, put, above)
    for name in sorted(names_of(code)):
        if name in function.__globals__:
            put(f"global {name};".encode())
            _feed(function.__globals__[name], put, above)
        elif not hasattr(builtins, name):
            put(f"attribute {name};".encode())


def _codes(code):
    yield code
    for each in code.co_consts:
        if isinstance(each, types.CodeType):
            yield from _codes(each)


def names_of(code):
    """Return the names that a function and those inside of it look up among globals."""
    return {
        step.argval
        for each in _codes(code)
        for step in dis.get_instructions(each)
        if step.opname.startswith("LOAD_GLOBAL")
    }


WRITING = {"append", "extend", "insert", "setdefault", "pop", "clear"}


def _writes(code):
    """Whether a function may change what it does not own: then it must be called, not looked up."""
    return any(
        step.opname in ("STORE_SUBSCR", "STORE_GLOBAL", "STORE_ATTR", "DELETE_SUBSCR")
        or (step.opname == "STORE_DEREF" and step.argval in each.co_freevars)
        or step.argval in WRITING
        for each in _codes(code)
        for step in dis.get_instructions(each)
        if isinstance(step.argval, str) or step.opname.endswith("SUBSCR")
    )


@cache
def _functions_of(file):
    """Return the functions and lambdas in a file, as nodes of its tree."""
    tree = ast.parse("".join(linecache.getlines(file)))
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.Lambda)]


@cache
def _source_of(code):
    """Return the statements of a function, found by the places of its instructions: a line may hold several lambdas."""
    places = [p for p in code.co_positions() if p[0] and p[2] is not None and p[1] is not None and p[0] == p[0]]
    if code.co_name != "<lambda>":
        found = [
            node
            for node in _functions_of(code.co_filename)
            if isinstance(node, ast.FunctionDef)
            and node.name == code.co_name
            and min([node.lineno, *(d.lineno for d in node.decorator_list)]) == code.co_firstlineno
        ]
    else:
        inside = [(p[0], p[2]) for p in places if (p[0], p[2]) != (code.co_firstlineno, 0)]
        ends = [(p[1], p[3]) for p in places if (p[0], p[2]) != (code.co_firstlineno, 0)]
        found = [
            node
            for node in _functions_of(code.co_filename)
            if isinstance(node, ast.Lambda)
            and inside
            and (node.body.lineno, node.body.col_offset) <= min(inside)
            and max(ends) <= (node.body.end_lineno, node.body.end_col_offset)
        ]
        spans = [
            (n.end_lineno - n.lineno, n.end_col_offset - n.col_offset if n.end_lineno == n.lineno else 0) for n in found
        ]
        found = [n for n, span in zip(found, spans, strict=True) if span == min(spans)]
    if len(found) != 1:
        raise Undescribed(f"{code.co_name}, of which the source is not found")
    return ast.unparse(found[0])
