"""One-hot and multi-hot encodings of class ids."""

from __future__ import annotations

from layercli.core import dtypes
from layercli.core.operation import Op, spec_of
from layercli.core.spec import Spec
from layercli.core.types import DTypeLike, Tensor, TensorLike
from layercli.dataclass import dataclass
from layercli.errors import DTypeError, UsageError
from layercli.lazy import torch
from layercli.ops.core.axes import axis_of, whole
from layercli.ops.core.shape import ndim
from layercli.ops.nn.category_encoding import check_below
from layercli.ops.numpy import reductions


@dataclass(frozen=True)
class OneHot(Op):
    """out[..., c, ...] = 1 where x is c, else 0, for ``num_classes`` classes along a new axis ``axis`` of the result.

    A negative id gives zeros. One of ``num_classes`` or more is an error on the CPU; on a GPU, where the values are not looked at,
    and in a graph it gives zeros.
    """

    num_classes: int
    axis: int = -1
    dtype: str = "float32"

    def spec(self, x: Spec) -> Spec:
        """Return x's shape with the classes inserted; DTypeError where x is complex."""
        if dtypes.rank(x.dtype) > 2:
            raise DTypeError(f"expects x of integers (x = {x})")
        axis = axis_of(x, self.axis, added=1)
        return Spec((*x.shape[:axis], self.num_classes, *x.shape[axis:]), self.dtype)

    def run(self, x: Tensor) -> Tensor:
        """Return the comparison of x with each class; a float counts as the integer it starts with, a boolean as 0 or 1."""
        if x.is_complex():
            self.spec(spec_of(x))
        if x.is_floating_point():
            x = x.long()
        check_below(x, self.num_classes)
        classes = torch.arange(self.num_classes, device=x.device)
        after = range(self.axis % (x.ndim + 1), x.ndim)
        return (x.unsqueeze(self.axis) == classes.reshape(-1, *(1 for _ in after))).to(getattr(torch, self.dtype))


def one_hot(
    x: TensorLike, num_classes: int, axis: int = -1, dtype: DTypeLike | None = None, sparse: bool = False
) -> Tensor:
    """Return 1 at the class that each integer of x names, else 0, along a new axis ``axis`` of ``num_classes``.

    The dtype is float32 by default; a negative id gives zeros. Raises UsageError where ``sparse`` is true, and for
    a negative ``num_classes``; ValueRangeError for an id of ``num_classes`` or more, on the CPU.
    """
    if sparse:
        raise UsageError("one_hot expects sparse to be false: layercli has no sparse tensors")
    if whole(num_classes, "num_classes") < 0:
        raise UsageError(f"one_hot expects num_classes of at least 0, got {num_classes}")
    return OneHot(num_classes, axis, "float32" if dtype is None else dtypes.name_of(dtype))(x)


def multi_hot(
    inputs: TensorLike,
    num_classes: int | None = None,
    axis: int = -1,
    dtype: DTypeLike | None = None,
    sparse: bool = False,
) -> Tensor:
    """Return 1 at each class in a sample of ``inputs``, integers (batch, n) or (n,), else 0: (batch, num_classes).

    It is the maximum of ``one_hot`` over the second axis, or over the only axis. Raises UsageError without
    ``num_classes``.
    """
    if num_classes is None:
        raise UsageError("multi_hot expects num_classes")
    hot = one_hot(inputs, num_classes, axis, dtype, sparse)
    return reductions.Reduction("max", 1 if ndim(inputs) > 1 else 0)(hot)
