"""Invariants of operations whose outputs are not unique: functions of inputs and outputs that every correct result
satisfies.
"""

from __future__ import annotations

from typing import Any


def eigenvectors(inputs: tuple[Any, ...], outputs: Any) -> list[Any]:
    """Return V diag(w) V^-1, the power sums of the eigenvalues w, and the norms of the columns of V.

    Eigenvectors are unique up to a complex factor, eigenvalues up to their order, on which the power sums do not
    depend.
    """
    values, vectors = outputs
    sums = [(values**power).sum(-1) for power in range(1, values.shape[-1] + 1)]
    return [(vectors * values.unsqueeze(-2)) @ vectors.inverse(), *sums, vectors.abs().square().sum(-2)]


def symmetric_eigenvectors(inputs: tuple[Any, ...], outputs: Any) -> list[Any]:
    """Return the eigenvalues, which are ascending, V diag(w) V^T and V^T V; only the signs of V's columns are free."""
    values, vectors = outputs
    return [values, (vectors * values.unsqueeze(-2)) @ vectors.mT, vectors.mT @ vectors]


def singular_vectors(inputs: tuple[Any, ...], outputs: Any) -> list[Any]:
    """Return s, u diag(s) v, u^T u and v v^T: signs of columns are free, and so is the basis of the null space."""
    left, values, right = outputs
    inner = values.shape[-1]
    product = (left[..., :inner] * values.unsqueeze(-2)) @ right[..., :inner, :]
    return [values, product, left.mT @ left, right @ right.mT]


def orthogonal_triangular(inputs: tuple[Any, ...], outputs: Any) -> list[Any]:
    """Return q @ r, q^T q and the part of r below its diagonal; the signs of q's columns are free."""
    q, r = outputs
    return [q @ r, q.mT @ q, r.tril(-1)]


def unordered_top(inputs: tuple[Any, ...], outputs: Any) -> list[Any]:
    """Return the sorted values and the sorted entries of x at the indices; equal values may be exchanged."""
    values, indices = outputs
    return [values.sort(-1).values, inputs[0].gather(-1, indices.long()).sort(-1).values]
