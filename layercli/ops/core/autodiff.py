"""Control of gradients: stop_gradient, custom_gradient, and the Jacobian-vector product jvp."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from layercli.core import tree
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.operation import Op
from layercli.core.spec import Spec
from layercli.core.types import Tensor, TensorLike
from layercli.core.variable import Variable
from layercli.dataclass import dataclass
from layercli.errors import UsageError
from layercli.lazy import torch


@dataclass(frozen=True)
class StopGradient(Op):
    """out = x, detached from the gradient: a view of x."""

    def spec(self, x: Spec) -> Spec:
        """Return x's spec."""
        return x

    def run(self, x: Tensor) -> Tensor:
        """Return torch's detach."""
        return x.detach()


def stop_gradient(variable: object) -> Tensor:
    """Return the value of ``variable``, a tensor or a Variable, detached from the gradient."""
    return StopGradient()(variable)


def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with the value and the gradient that f(*args) = (out, gradient) returns.

    ``gradient(upstream)`` takes the gradient with respect to out and returns the gradient with respect to each
    argument: a tensor for one argument, else a tuple.
    """

    def function(*args: object, **kwargs: object) -> Any:
        given = [x.value if isinstance(x, Variable) else x for x in args]
        if any(isinstance(x, SymbolicTensor) for x in tree.flatten((given, kwargs))):
            return f(*given, **kwargs)[0]
        return _with_gradient().apply(f, kwargs, *given)

    return function


def jvp(
    fun: Callable[..., object], primals: Sequence[TensorLike], tangents: Sequence[TensorLike], has_aux: bool = False
) -> tuple[Tensor, ...]:
    """Return fun(*primals) and its Jacobian-vector product with ``tangents``: the directional derivative.

    With ``has_aux`` fun returns a pair (out, aux); aux is not differentiated and is returned as the third result.
    Raises UsageError for symbolic tensors.
    """
    if any(isinstance(x, SymbolicTensor) for x in tree.flatten([list(primals), list(tangents)])):
        raise UsageError("jvp expects tensors that have values, got symbolic ones")
    given: Any = torch.func.jvp(fun, tuple(primals), tuple(tangents), has_aux=has_aux)
    return tuple(given)


@cache
def _with_gradient() -> Any:
    """Return the autograd function whose gradient its first argument defines."""

    class WithGradient(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, f: Any, kwargs: Any, *args: Any) -> Any:
            out, ctx.gradient = f(*args, **kwargs)
            return out

        @staticmethod
        def backward(ctx: Any, *upstream: Any) -> Any:
            found = ctx.gradient(*upstream)
            return None, None, *(found if isinstance(found, (list, tuple)) else (found,))

    return WithGradient
