"""Linear algebra, as Keras's ``ops.linalg``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layercli.core.namespace import keep_functions
from layercli.ops.namespace import finder

if TYPE_CHECKING:  # for type checkers and editors; a test holds it to the names below
    from layercli.ops import cholesky as cholesky
    from layercli.ops import cholesky_inverse as cholesky_inverse
    from layercli.ops import det as det
    from layercli.ops import eig as eig
    from layercli.ops import eigh as eigh
    from layercli.ops import inv as inv
    from layercli.ops import jvp as jvp
    from layercli.ops import lstsq as lstsq
    from layercli.ops import lu_factor as lu_factor
    from layercli.ops import matrix_rank as matrix_rank
    from layercli.ops import norm as norm
    from layercli.ops import pinv as pinv
    from layercli.ops import qr as qr
    from layercli.ops import solve as solve
    from layercli.ops import solve_triangular as solve_triangular
    from layercli.ops import svd as svd

NAMES = (
    "cholesky cholesky_inverse det eig eigh inv jvp lstsq lu_factor matrix_rank norm pinv qr solve solve_triangular svd"
)
"""The operations of this namespace; ``ops`` has them as well."""

__all__ = NAMES.split()  # NAMES is the only list
if not TYPE_CHECKING:  # a type checker would take any name
    __getattr__ = finder(__name__, __all__)


def __dir__() -> list[str]:
    return __all__


keep_functions(__name__)
