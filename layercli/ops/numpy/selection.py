"""Selection among several tensors by conditions."""

from __future__ import annotations

from collections.abc import Sequence

from layercli.core.types import Tensor, TensorLike
from layercli.errors import UsageError
from layercli.ops.core.conversion import convert_to_tensor
from layercli.ops.numpy.logic import where


def select(condlist: Sequence[TensorLike], choicelist: Sequence[TensorLike], default: object = 0) -> Tensor:
    """Return, elementwise, the choice of the first true condition, or ``default`` where none is true.

    Raises UsageError where the numbers of conditions and choices differ.
    """
    if not condlist or len(condlist) != len(choicelist):
        raise UsageError(f"select expects one choice per condition, got {len(choicelist)} and {len(condlist)}")
    out: Tensor | float = default if isinstance(default, (bool, int, float)) else convert_to_tensor(default)
    for condition, choice in reversed(list(zip(condlist, choicelist, strict=True))):
        out = where(convert_to_tensor(condition), convert_to_tensor(choice), out)
    return convert_to_tensor(out)
