"""Linear algebra, as Keras's ``ops.linalg``."""

from __future__ import annotations

from typing import Any

from layercli import ops

NAMES = (
    "cholesky cholesky_inverse det eig eigh inv jvp lstsq lu_factor matrix_rank norm pinv qr solve solve_triangular svd"
)
"""What is there; all of it is in ``ops`` as well."""

__all__ = NAMES.split()  # the table is the one list


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"layercli.ops.linalg has no operation {name!r}")
    return getattr(ops, name)


def __dir__() -> list[str]:
    return __all__
