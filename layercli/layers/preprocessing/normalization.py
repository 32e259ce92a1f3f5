"""Normalization by statistics of data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layercli import ops
from layercli.core import dims, dtypes
from layercli.core.layer import Layer
from layercli.core.operation import spec_of
from layercli.core.spec import Shape, show_shape, with_batch_dim
from layercli.core.types import Config, Tensor
from layercli.core.variable import Variable
from layercli.errors import ShapeError, UsageError
from layercli.layers.validators import Bool
from layercli.ops.image.rescale import Standardize


class Normalization(Layer):
    """out = (x - mean) / max(sqrt(variance), 1e-7), with the statistics of the data that ``adapt`` saw, or those given.

    Raises UsageError if only one of mean and variance is given.

    Args:
        axis: The axis, or axes, that have a mean and a variance for each index; None for one mean and variance of all values.
        mean: The mean: a number, or an array of the sizes of axis.
        variance: The variance: a number, or an array of the sizes of axis.
        invert: Whether to apply the inverse, x * sqrt(variance) + mean.
    """

    axis: Any = -1
    mean: Any = None
    variance: Any = None
    invert: Bool = False

    if TYPE_CHECKING:

        def _attributes(self) -> None:  # declared in a method, they are no constructor arguments
            self.input_mean: object
            self.input_variance: object
            self.rank: int
            self.adapted_mean: Variable
            self.adapted_variance: Variable
            self.count: Variable

    supports_masking = True

    def setup(self) -> None:
        """Check the settings."""
        given = self.axis
        self.axis = () if given is None else tuple(given) if isinstance(given, (list, tuple)) else (given,)
        for name in ("mean", "variance"):
            setattr(self, name, vars(self).pop(name))
        if (self.input_mean is None) != (self.input_variance is None):
            raise UsageError("Normalization expects mean and variance, or neither")

    def build(self, input_shape: Shape) -> None:
        """Make mean, variance and count, or hold what was given; and the op."""
        rank = len(input_shape)
        if any(not -rank <= axis < rank for axis in self.axis):
            raise ShapeError(f"expects x with the axes {self.axis}, got one with {rank} axes")
        axes = tuple(sorted(axis % rank for axis in self.axis))
        sizes = tuple(input_shape[axis] for axis in axes)
        if not all(map(dims.known, sizes)):
            raise ShapeError(f"expects x with known sizes along {self.axis}, got {show_shape(input_shape)}")
        self.rank = rank
        self.op = Standardize(axes, self.invert)
        start: tuple[Any, Any] = ("zeros", "ones")
        if self.input_mean is not None:
            start = (
                (lambda shape, dtype: spread(self.input_mean, shape)),
                (lambda shape, dtype: spread(self.input_variance, shape)),
            )
        settings: Config = {"trainable": False, "persistent": self.input_mean is None}
        self.adapted_mean = self.add_weight("mean", sizes, start[0], **settings)
        self.adapted_variance = self.add_weight("variance", sizes, start[1], **settings)
        if self.input_mean is None:
            self.count = self.add_weight("count", (), "zeros", dtype="int32", trainable=False)

    def adapt(self, data: Any) -> None:
        """Take mean and variance from an array, or from batches of arrays, which are iterated once.

        UsageError where there is no data, or the settings hold a mean; ShapeError where the layer was built for other sizes.
        """
        import numpy as np

        if self.input_mean is not None:
            raise UsageError(f"{self.name} has a mean and a variance of its own, so there is nothing to adapt")
        count, mean, squares = 0, np.float64(0), np.float64(0)
        for batch in [data] if hasattr(data, "shape") else data:
            part = np.asarray(batch[0] if isinstance(batch, (tuple, list)) else batch, "float64")
            if not self.built:
                self.build(with_batch_dim((None, *part.shape[1:])))
                self.built = True
            rest = tuple(axis for axis in range(part.ndim) if axis not in self.op.axes)
            size = int(np.prod([part.shape[axis] for axis in rest]))
            own = part.mean(rest)
            apart = own - mean
            squares = squares + part.var(rest) * size + np.square(apart) * (count * size / max(count + size, 1))
            mean, count = mean + apart * size / max(count + size, 1), count + size
        if not count:
            raise UsageError(f"{self.name} got no data to adapt to")
        self.adapted_mean.assign(np.asarray(mean, "float32"))
        self.adapted_variance.assign(np.asarray(squares / count, "float32"))

    def finalize_state(self) -> None:
        """Do nothing: the op reads mean and variance at each call."""

    def call(self, inputs: Tensor) -> Tensor:
        """Return the outputs, in floats."""
        whole = not dtypes.is_floating(spec_of(inputs).dtype)
        x = ops.cast(inputs, self.compute_dtype) if whole else inputs
        return self.op(x, self.adapted_mean, self.adapted_variance)

    def get_config(self) -> Config:
        """Return the settings, mean and variance as they were given."""
        return super().get_config() | {"mean": self.input_mean, "variance": self.input_variance}

    def broadcast(self, variable: Variable) -> Tensor:
        """Return the values of a variable along the layer's axes as a tensor with all axes of an input."""
        sizes = dict(zip(self.op.axes, variable.sizes, strict=True))
        out: Tensor = variable.value.reshape([sizes.get(axis, 1) for axis in range(self.rank)])
        return out


def statistic(name: str) -> property:
    """Return the attribute that is set to what is given, and read as what the layer computes with."""

    def read(layer: Normalization) -> Tensor:
        given = vars(layer)[f"input_{name}"]
        return layer.broadcast(getattr(layer, f"adapted_{name}")) if layer.built else given

    def write(layer: Normalization, value: Tensor) -> None:
        vars(layer)[f"input_{name}"] = value.tolist() if hasattr(value, "tolist") else value

    return property(read, write)


Normalization.mean, Normalization.variance = map(statistic, ("mean", "variance"))  # fields until now


def spread(value: Any, shape: tuple[int, ...]) -> Any:
    """Return numbers as an array of ``shape``; ShapeError where they do not broadcast to it."""
    import numpy as np

    try:
        return np.broadcast_to(np.asarray(value, "float32"), shape).copy()
    except ValueError:
        given = show_shape(np.shape(value))
        raise ShapeError(f"expects a mean and a variance of the shape {show_shape(shape)}, got {given}") from None
