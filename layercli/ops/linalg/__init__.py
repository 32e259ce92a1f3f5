"""Linear algebra, as Keras's ``ops.linalg``."""

from __future__ import annotations

from layercli.core.namespace import keep_functions
from layercli.ops.namespace import finder

NAMES = (
    "cholesky cholesky_inverse det eig eigh inv jvp lstsq lu_factor matrix_rank norm pinv qr solve solve_triangular svd"
)
"""The operations of this namespace; ``ops`` has them as well."""

__all__ = NAMES.split()  # NAMES is the only list
__getattr__ = finder(__name__, __all__)


def __dir__() -> list[str]:
    return __all__


keep_functions(__name__)
