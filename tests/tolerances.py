"""How far two correct results may differ: what the arithmetic allows, on any processor.

A result of ``terms`` products or sums is rounded that many times, in an order that the kernel and the processor choose. Each
rounding errs by at most half of eps of the scale of the whole; together they go as a random walk, with ``sqrt(terms)``. Four
standard deviations of it, but at least 16 eps for the functions inside (exp, tanh, rsqrt, ...), is what is allowed.
"""

from __future__ import annotations

import numpy as np

__all__ = ["assert_close", "bound"]

EPS = {"float64": 2.0**-52, "complex128": 2.0**-52, "float16": 2.0**-10, "bfloat16": 2.0**-7}
"""The distance from 1 to the next number; of every other type it is float32's."""


def bound(terms=1, dtype="float32"):
    """Return the largest difference, as a part of the scale, of two results of ``terms`` roundings."""
    return EPS.get(str(dtype).removeprefix("torch."), 2.0**-23) * max(16.0, 4 * float(terms) ** 0.5)


def assert_close(got, want, terms=1, dtype=None, scale=None, tolerance=None, what="output"):
    """Assert max|got - want| <= tolerance * scale, shapes and places of non-finite values being the same.

    The tolerance is that of ``terms`` roundings in ``dtype`` (that of ``got``) if it is not given, the scale is max|want|.
    """
    got, want = np.asarray(got), np.asarray(want)
    assert got.shape == want.shape, f"{what}: {got.shape} is not {want.shape}"
    if not want.size:
        return
    tolerance = bound(terms, dtype or got.dtype) if tolerance is None else tolerance
    if np.iscomplexobj(want):
        got, want = (np.stack([x.real, x.imag]) for x in (got, want))
    assert np.array_equal(np.isfinite(got), np.isfinite(want)), f"{what}: not finite in other places"
    finite = np.isfinite(want)
    got, want = (np.where(finite, x, 0).astype("float64") for x in (got, want))
    scale = max(np.abs(want).max() if scale is None else scale, 1e-30)
    difference = np.abs(got - want).max()
    assert difference <= tolerance * scale, (
        f"{what}: {difference / scale:.2g} of the scale apart, {tolerance:.2g} allowed"
    )
