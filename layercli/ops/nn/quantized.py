"""Products of integers: the inputs are rounded to int8, multiplied with an int8 kernel, and the sums divided by the scales."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from string import ascii_letters
from typing import Any

from layercli.core.dims import Size
from layercli.core.operation import Op
from layercli.core.spec import Spec
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.lazy import F, torch
from layercli.ops.numpy.einsum import Einsum

RANGE = (-127, 127)
EPSILON = 1e-07


def rounded(
    x: Tensor, axes: Sequence[int], value_range: Sequence[int] = RANGE, epsilon: float = EPSILON, dtype: str = "int8"
) -> tuple[Tensor, Tensor]:
    """Return the integers round(x * scale), and scale = value_range[1] / (max |x| + epsilon) along ``axes``, kept with size 1."""
    most = x.abs().amax(list(axes), keepdim=True) + epsilon
    scale = torch.full_like(most, value_range[1]) / most  # torch multiplies a number by the reciprocal
    return (x * scale).round().clamp(*value_range).to(getattr(torch, dtype)), scale


def aligned(x: Tensor, letters: str, wanted: str) -> Tensor:
    """Return x, whose axes are ``letters``, with the axes ``wanted``; axes that only one of the two has are of size 1."""
    kept = [letter for letter in wanted if letter in letters]
    x = x.reshape([size for letter, size in zip(letters, x.shape, strict=True) if letter in wanted])
    order = [letter for letter in letters if letter in wanted]
    x = x.permute([order.index(letter) for letter in kept])
    return x[tuple(slice(None) if letter in letters else None for letter in wanted)]


def spelled_out(equation: str, rank: int) -> tuple[str, str, str]:
    """Return the letters of x of that rank, of the kernel and of out, with letters in place of ``...``."""
    x, kernel, out = Einsum(equation).terms
    free = [letter for letter in ascii_letters if letter not in equation]
    dots = "".join(free[: rank - len(x.replace("...", ""))])
    return x.replace("...", dots), kernel, out.replace("...", dots)


def integer_product(x: Tensor, kernel: Tensor, terms: tuple[str, str, str]) -> Tensor:
    """Return the einsum of two int8 tensors, exact: as one matrix product by torch's int8 kernel where it is one."""
    letters, of_kernel, out = terms
    summed = [letter for letter in letters if letter not in out]
    rows = [letter for letter in letters if letter in out]
    columns = [letter for letter in of_kernel if letter in out]
    one = {*summed} == {letter for letter in of_kernel if letter not in out} and not {*rows} & {*columns}
    if not one or not x.numel() or not kernel.numel():
        equation = f"{letters},{of_kernel}->{out}"
        return torch.einsum(equation, x.double(), kernel.double())  # exact: the sums are below 2**53
    left = x.permute([letters.index(letter) for letter in rows + summed])
    right = kernel.permute([of_kernel.index(letter) for letter in summed + columns])
    shape = (*left.shape[: len(rows)], *right.shape[len(summed) :])
    inner = right.shape[: len(summed)].numel()
    product = matrix_product(left.reshape(-1, inner), right.reshape(inner, -1))
    return product.reshape(shape).permute([(rows + columns).index(letter) for letter in out])


def matrix_product(x: Tensor, y: Tensor) -> Tensor:
    """Return the product of two int8 matrices as int32; a GPU's kernel takes more than 16 rows, and sizes that 8 divides."""
    rows, columns = x.shape[0], y.shape[1]
    if x.device.type == "cuda":
        inner = -x.shape[1] % 8 if x.shape[1] > 16 else 16 - x.shape[1]
        x = F.pad(x, (0, inner, 0, max(0, 17 - rows)))
        y = F.pad(y, (0, -columns % 8, 0, inner))
    product: Tensor = torch._int_mm(x.contiguous(), y)
    return product[:rows, :columns]


@dataclass(frozen=True)
class QuantizedEinsum(Op):
    """out = einsum(x, kernel) / scale by products of integers: ``QuantizedEinsum("ab,bc->ac")(x, kernel, scale)``.

    x is rounded to int8, with one scale for all values that are summed with each other; kernel is int8, and ``scale`` broadcasts
    to out. The gradient for x is that of einsum(x, kernel / scale), as in Keras; the others have none.
    """

    equation: str
    value_range: tuple[int, int] = RANGE
    epsilon: float = EPSILON

    def spec(self, x: Spec, kernel: Spec, scale: Spec) -> Spec:
        """Return the shape by the letters; ShapeError where they do not fit the shapes."""
        return Spec(Einsum(self.equation).spec(x, Spec(kernel.shape, x.dtype)).shape, x.dtype)

    def macs(self, x: Spec, kernel: Spec, scale: Spec) -> Size:
        """Return those of the einsum."""
        return Einsum(self.equation).macs(x, Spec(kernel.shape, x.dtype))

    def run(self, x: Tensor, kernel: Tensor, scale: Tensor) -> Tensor:
        """Return torch's product of int8, divided by both scales."""
        found: Tensor = _function().apply(self, x, kernel, scale)
        return found

    def forward(self, x: Tensor, kernel: Tensor, scale: Tensor) -> Tensor:
        """Return the outputs."""
        terms = letters, _, out = spelled_out(self.equation, x.ndim)
        axes = [axis for axis, letter in enumerate(letters) if letter not in out]
        integers, of_x = rounded(x, axes, self.value_range, self.epsilon)
        return integer_product(integers, kernel, terms).to(x.dtype) / (scale * aligned(of_x, letters, out))

    def gradient(self, upstream: Tensor, kernel: Tensor, scale: Tensor, rank: int) -> Tensor:
        """Return the gradient for x of that rank."""
        letters, of_kernel, out = spelled_out(self.equation, rank)
        scale = scale[(None,) * (upstream.ndim - scale.ndim)]
        weight = kernel.to(upstream.dtype) / aligned(scale, out, of_kernel)
        return torch.einsum(f"{out},{of_kernel}->{letters}", upstream, weight)


@cache
def _function() -> Any:
    """Return torch's function of the op with its gradient."""

    class Product(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, op: QuantizedEinsum, x: Tensor, kernel: Tensor, scale: Tensor) -> Any:
            ctx.op, ctx.rank = op, x.ndim
            ctx.save_for_backward(kernel, scale)
            return op.forward(x, kernel, scale)

        @staticmethod
        def backward(ctx: Any, *upstream: Any) -> Any:
            return None, ctx.op.gradient(*upstream, *ctx.saved_tensors, ctx.rank), None, None

    return Product


@dataclass(frozen=True)
class RoundTrip(Op):
    """out = round(x * scale) / scale, the scale of int8 along ``axes``; the gradient is that of x."""

    axes: tuple[int, ...]
    value_range: tuple[int, int] = RANGE
    epsilon: float = EPSILON

    def spec(self, x: Spec) -> Spec:
        """Return the Spec of x."""
        return x

    def run(self, x: Tensor) -> Tensor:
        """Return x plus what rounding changes, which has no gradient."""
        with torch.no_grad():
            integers, scale = rounded(x, self.axes, self.value_range, self.epsilon)
            change = integers.to(x.dtype) / scale - x
        return x + change
