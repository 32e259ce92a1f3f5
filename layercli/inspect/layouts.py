"""The order of a tensor's axes in two models: HWIO against OIHW, a kernel against its transpose."""

from __future__ import annotations

from functools import lru_cache
from itertools import permutations

Order = tuple[int, ...]
NAMED: dict[Order, str] = {
    (1, 0): "transposed",
    (3, 2, 0, 1): "HWIO -> OIHW",
    (2, 3, 1, 0): "OIHW -> HWIO",
    (3, 0, 1, 2): "HWIO -> OHWI",
    (1, 2, 3, 0): "OHWI -> HWIO",
    (0, 3, 1, 2): "OHWI -> OIHW",
    (0, 2, 3, 1): "OIHW -> OHWI",
    (2, 1, 0): "WIO -> OIW",
    (4, 3, 0, 1, 2): "DHWIO -> OIDHW",
    (2, 3, 4, 1, 0): "OIDHW -> DHWIO",
}
"""What the orders of kernels are called, by ``b = a.transpose(order)``; the first is the likeliest."""
MOST_AXES = 5


def is_identity(order: Order) -> bool:
    """Whether nothing changes its place."""
    return order == tuple(range(len(order)))


@lru_cache(maxsize=4096)
def orders(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[Order, ...]:
    """Return the orders of axes that turn shape ``a`` into shape ``b``, the likeliest first; none where there is no such.

    >>> orders((3, 3, 16, 32), (32, 16, 3, 3))
    ((3, 2, 0, 1), (3, 2, 1, 0))
    >>> orders((4, 4), (4, 4))
    ((0, 1), (1, 0))
    """
    if sorted(a) != sorted(b):
        return ()
    own = tuple(range(len(a)))
    if len(a) > MOST_AXES:
        return (own,) if a == b else ()
    known = [order for order in NAMED if len(order) == len(a)]
    every = dict.fromkeys([own, *known, *permutations(own)])
    return tuple(order for order in every if tuple(a[axis] for axis in order) == b)


def show_order(order: Order) -> str:
    """Return the name of an order of axes."""
    return NAMED.get(order, f"axes {','.join(map(str, order))}")
