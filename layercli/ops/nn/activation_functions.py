"""Activation functions with the names, arguments and defaults of ``keras.activations``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from layercli.core.types import Tensor, TensorLike
from layercli.ops.core.shape import ndim
from layercli.ops.nn import activations as ops
from layercli.ops.numpy.arithmetic import subtract
from layercli.ops.numpy.elementwise import Unary
from layercli.ops.numpy.reductions import logsumexp

Activation = Callable[[Any], Any]


def linear(x: Tensor) -> Tensor:
    """Return x unchanged."""
    return x


def relu(x: TensorLike, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Tensor:
    """Return x where x > threshold, else negative_slope * (x - threshold), clipped to at most ``max_value``."""
    return ops.Relu(negative_slope, max_value, threshold)(x)


def relu_(x: TensorLike) -> Tensor:
    """Return max(x, 0), computed in place on tensors: only for an x that is not used again."""
    return ops.ReluInPlace()(x)


def apply_inplace(activation: Activation, x: TensorLike) -> Tensor:
    """Return activation(x), computed in place where possible: only for an x that is not used again."""
    return relu_(x) if activation is relu else activation(x)


def relu6(x: TensorLike) -> Tensor:
    """Return min(max(x, 0), 6)."""
    return Unary("relu6")(x)


def sigmoid(x: TensorLike) -> Tensor:
    """Return 1 / (1 + exp(-x))."""
    return Unary("sigmoid")(x)


def tanh(x: TensorLike) -> Tensor:
    """Return (exp(x) - exp(-x)) / (exp(x) + exp(-x))."""
    return Unary("tanh")(x)


def leaky_relu(x: TensorLike, negative_slope: float = 0.2) -> Tensor:
    """Return x where x > 0, else negative_slope * x."""
    return ops.ActivationFunction("leaky_relu", (negative_slope,))(x)


def elu(x: TensorLike, alpha: float = 1.0) -> Tensor:
    """Return x where x > 0, else alpha * (exp(x) - 1)."""
    return ops.ActivationFunction("elu", (alpha,))(x)


def celu(x: TensorLike, alpha: float = 1.0) -> Tensor:
    """Return x where x > 0, else alpha * (exp(x / alpha) - 1)."""
    return ops.ActivationFunction("celu", (alpha,))(x)


def selu(x: TensorLike) -> Tensor:
    """Return 1.0507 * elu(x, 1.6733); it keeps mean 0 and variance 1 across layers."""
    return ops.ActivationFunction("selu")(x)


def gelu(x: TensorLike, approximate: bool = False) -> Tensor:
    """Return x * P(X <= x) for a standard normal X; ``approximate`` replaces the error function by a tanh."""
    return ops.ActivationFunction("gelu", (bool(approximate),))(x)


def silu(x: TensorLike) -> Tensor:
    """Return x * sigmoid(x)."""
    return ops.ActivationFunction("silu")(x)


def swish(x: TensorLike) -> Tensor:
    """Return x * sigmoid(x); the same as ``silu``."""
    return silu(x)


def hard_swish(x: TensorLike) -> Tensor:
    """Return x * hard_sigmoid(x); the same as ``hard_silu``."""
    return hard_silu(x)


def mish(x: TensorLike) -> Tensor:
    """Return x * tanh(softplus(x))."""
    return ops.ActivationFunction("mish")(x)


def softplus(x: TensorLike) -> Tensor:
    """Return log(exp(x) + 1)."""
    return ops.ActivationFunction("softplus")(x)


def softsign(x: TensorLike) -> Tensor:
    """Return x / (|x| + 1)."""
    return ops.ActivationFunction("softsign")(x)


def exponential(x: TensorLike) -> Tensor:
    """Return exp(x)."""
    return ops.ActivationFunction("exponential")(x)


def hard_sigmoid(x: TensorLike) -> Tensor:
    """Return relu6(x + 3) / 6."""
    return ops.ActivationFunction("hard_sigmoid")(x)


def hard_silu(x: TensorLike) -> Tensor:
    """Return x * hard_sigmoid(x)."""
    return ops.ActivationFunction("hard_silu")(x)


def hard_tanh(x: TensorLike) -> Tensor:
    """Return min(max(x, -1), 1)."""
    return ops.ActivationFunction("hard_tanh")(x)


def hard_shrink(x: TensorLike, threshold: float = 0.5) -> Tensor:
    """Return x where |x| > threshold, else 0."""
    return ops.ActivationFunction("hard_shrink", (threshold,))(x)


def soft_shrink(x: TensorLike, threshold: float = 0.5) -> Tensor:
    """Return x - threshold where x > threshold, x + threshold where x < -threshold, else 0."""
    return ops.ActivationFunction("soft_shrink", (threshold,))(x)


def tanh_shrink(x: TensorLike) -> Tensor:
    """Return x - tanh(x)."""
    return ops.ActivationFunction("tanh_shrink")(x)


def log_sigmoid(x: TensorLike) -> Tensor:
    """Return log(sigmoid(x))."""
    return ops.ActivationFunction("log_sigmoid")(x)


def squareplus(x: TensorLike, b: float = 4) -> Tensor:
    """Return (x + sqrt(x^2 + b)) / 2."""
    return ops.ActivationFunction("squareplus", (b,))(x)


def sparse_plus(x: TensorLike) -> Tensor:
    """Return 0 where x <= -1, (x + 1)^2 / 4 where -1 < x < 1, x where x >= 1."""
    return ops.ActivationFunction("sparse_plus")(x)


def sparse_sigmoid(x: TensorLike) -> Tensor:
    """Return 0 where x <= -1, (x + 1) / 2 where -1 < x < 1, 1 where x >= 1."""
    return ops.ActivationFunction("sparse_sigmoid")(x)


def threshold(x: TensorLike, threshold: float, default_value: float) -> Tensor:
    """Return x where x > threshold, else ``default_value``."""
    return ops.ActivationFunction("threshold", (threshold, default_value))(x)


def softmax(x: TensorLike, axis: Any = -1) -> Tensor:
    """Return exp(x) / sum(exp(x)) along ``axis``, one axis or several that are treated as one; None for all."""
    if axis is None:
        axis = range(ndim(x)) or -1
    return ops.SoftmaxActivation(tuple(axis) if isinstance(axis, Iterable) else (axis,))(x)


def log_softmax(x: TensorLike, axis: Any = -1) -> Tensor:
    """Return x - log(sum(exp(x))) along ``axis``, one axis or several that are treated as one; None for all."""
    if axis is None or isinstance(axis, Iterable):
        return subtract(x, logsumexp(x, axis, keepdims=True))
    return ops.LogSoftmax(axis)(x)


def sparsemax(x: TensorLike, axis: int = -1) -> Tensor:
    """Return max(x - tau, 0) along ``axis``, with tau such that the sum is 1."""
    return ops.Sparsemax(axis)(x)


def glu(x: TensorLike, axis: int = -1) -> Tensor:
    """Return a * sigmoid(b), where a and b are the halves of x along ``axis``."""
    return ops.Glu(axis)(x)


ALL: tuple[Callable[..., Any], ...] = (
    linear, relu, relu6, sigmoid, tanh, leaky_relu, elu, celu, selu, gelu, silu, mish, softplus, softsign, exponential,
    hard_sigmoid, hard_silu, hard_tanh, hard_shrink, soft_shrink, tanh_shrink, log_sigmoid, squareplus, sparse_plus,
    sparse_sigmoid, threshold, softmax, log_softmax, sparsemax, glu,
)  # fmt: skip
