"""Input and InputLayer: the inputs of functional and Sequential models."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from layercli.core import dims, naming
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.layer import Layer
from layercli.core.spec import Spec, with_batch_dim
from layercli.core.text import spec_dtype
from layercli.core.types import DTypeLike, Tensor
from layercli.errors import ArgumentError, UsageError
from layercli.layers.validators import Bool


def Input(
    shape: Any = None,
    batch_size: Any = None,
    dtype: DTypeLike | None = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Any = None,
    name: str | None = None,
    tensor: SymbolicTensor | None = None,
    optional: bool = False,
) -> SymbolicTensor:
    """Return a symbolic tensor of ``shape`` (without the batch): sizes, ``None`` for unknown, or names such as ``"T"``.

    ``tensor`` is returned as it is. ``optional`` is accepted as in Keras. UsageError for ``sparse`` and ``ragged``.

    >>> print(Input(("T", 512)).spec)
    float32[None, T, 512]
    """
    from layercli.core import dtypes

    if sparse or ragged:
        raise UsageError("Input has no sparse and no ragged tensors here: layercli computes dense ones")
    if tensor is not None:
        return tensor
    if batch_shape is not None and (shape is not None or batch_size is not None):
        raise UsageError("Input takes shape and batch_size, or batch_shape, not both")
    if not isinstance(given := shape if batch_shape is None else batch_shape, Iterable) or isinstance(given, str):
        raise ArgumentError(f"Input expects shape to be a tuple of sizes, got {given!r}")
    whole = (batch_size, *shape) if batch_shape is None else tuple(batch_shape)
    wanted = dtypes.default_policy().compute if dtype is None else spec_dtype(dtype)
    return SymbolicTensor(Spec(with_batch_dim(whole), wanted), name=name or naming.auto_name("InputLayer"))


class InputLayer(Layer):
    """The input of a Sequential model: ``Sequential([InputLayer(shape=(4,)), ...])``. Its ``output`` is a symbolic tensor.

    Raises UsageError unless exactly one of shape, batch_shape and input_tensor is given.

    Args:
        shape: The shape without the batch.
        batch_size: The size of the batch; None for any.
        ragged: Must be false: ragged tensors are not supported.
        batch_shape: The shape with the batch.
        input_tensor: A symbolic tensor to use as the output.
        optional: Accepted for Keras's sake.
    """

    shape: Any = None
    batch_size: Any = None
    sparse: Any = None
    ragged: Any = None
    batch_shape: Any = None
    input_tensor: Any = None
    optional: Bool = False

    takes_text = True
    _positional = (
        "shape", "batch_size", "dtype", "sparse", "ragged", "batch_shape", "input_tensor", "optional", "name",
    )  # fmt: skip

    def setup(self) -> None:
        """Make the output."""
        if self.sparse or self.ragged:
            raise UsageError("InputLayer has no sparse and no ragged tensors here: layercli computes dense ones")
        given = [self.shape, self.batch_shape, self.input_tensor]
        if sum(value is not None for value in given) != 1:
            raise UsageError("InputLayer expects shape, batch_shape or input_tensor, and one of them alone")
        if self.input_tensor is None:
            self.output = Input(self.shape, self.batch_size, self.dtype, name=self.name, batch_shape=self.batch_shape)
        else:
            self.output, self.input_tensor = self.input_tensor, None
        self.begins_with = self.output
        self.shape = self.batch_size = None
        self.batch_shape = tuple(size if dims.known(size) else None for size in self.output.shape)
        self.built = True

    def call(self, inputs: Tensor) -> Tensor:
        """Return the inputs."""
        return inputs
