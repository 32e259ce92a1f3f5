"""Conditional execution: ``cond`` and ``switch``.

With a known predicate only the chosen function is called. While a model is described, all functions are called, as the
predicate has no value yet; in a functional model all are computed and one result is selected.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from layercli.core import dims, tree
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.operation import spec_of
from layercli.core.spec import Spec
from layercli.core.types import Tensor, TensorLike
from layercli.core.variable import Variable
from layercli.errors import ShapeError, UsageError
from layercli.lazy import torch
from layercli.ops.core.function_tracing import tensors
from layercli.ops.numpy.clipping import clip
from layercli.ops.numpy.logic import equal, where


def cond(pred: TensorLike, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """Return true_fn() where the boolean ``pred`` is true, else false_fn().

    Both functions return tensors, or trees of tensors, of the same shapes and dtypes; ShapeError otherwise.
    """
    pred = pred.value if isinstance(pred, Variable) else pred
    if isinstance(pred, SymbolicTensor):
        return _one("cond", pred, tensors(true_fn()), tensors(false_fn()))
    if isinstance(pred, torch.Tensor) and torch.compiler.is_compiling():
        return torch.cond(pred, true_fn, false_fn, ())
    return true_fn() if pred else false_fn()


def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """Return branches[index](*operands); ``index`` is clamped to the branches that exist.

    All branches return tensors of the same shapes and dtypes; ShapeError otherwise.
    """
    if not branches:
        raise UsageError("switch expects at least one branch, got none")
    index = index.value if isinstance(index, Variable) else index
    if not isinstance(index, SymbolicTensor):
        return branches[min(max(int(index), 0), len(branches) - 1)](*operands)
    index = clip(index, 0, len(branches) - 1)
    *results, out = [tensors(branch(*operands)) for branch in branches]
    for i, result in reversed(list(enumerate(results))):
        out = _one("switch", equal(index, i), result, out)
    return out


def _one(name: str, chosen: Any, left: Tensor, right: Tensor) -> Any:
    """Return the leaves of the tree ``left`` where ``chosen`` is true, else those of ``right``; ShapeError for unequal
    specs.
    """
    pairs = list(zip(tree.flatten(left), tree.flatten(right), strict=False))
    alike = tree.structure(left) == tree.structure(right) and all(_alike(a, b) for a, b in pairs)
    if not alike:
        shown = [", ".join(str(spec_of(x)) for x in tree.flatten(each)) for each in (left, right)]
        raise ShapeError(
            f"{name} expects functions that return the same shapes and dtypes, got {shown[0]} and {shown[1]}"
        )
    return tree.pack_sequence_as(left, [None if a is None else where(chosen, a, b) for a, b in pairs])


def _alike(left: object, right: object) -> bool:
    a, b = spec_of(left), spec_of(right)
    if not isinstance(a, Spec) or not isinstance(b, Spec):
        return a is None and b is None
    return a.dtype == b.dtype and a.rank == b.rank and all(map(dims.may_equal, a.shape, b.shape))
