"""HashedCrossing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from layercli import ops
from layercli.core import dtypes, fields
from layercli.core.layer import Layer
from layercli.core.operation import spec_of
from layercli.core.text import holds_text, text_array
from layercli.core.types import Config, Tensor
from layercli.errors import ShapeError, UsageError
from layercli.layers.preprocessing.category_encoding import ENCODINGS, check_dense
from layercli.layers.preprocessing.farmhash import MASK, fingerprint64, shifted
from layercli.layers.preprocessing.hashing import integers_for_indices
from layercli.layers.validators import Bool, PositiveInt, one_of
from layercli.ops.core.host_function import HostFunction

if TYPE_CHECKING:
    import numpy as np

KEY = 0xDECAFCAFFE
"""TensorFlow's default key of crossed features."""


class HashedCrossing(Layer):
    """out = the bin of each combination of values of several features x: a hash of all of them modulo num_bins.

    x is a list of at least two arrays of str or integers of one shape: (batch,), (batch, 1) or (). The bins are those of Keras on
    TensorFlow.

    >>> HashedCrossing(num_bins=5)((["A", "B", "A"], [101, 101, 102])).tolist()
    [1, 4, 3]

    Args:
        num_bins: The number of bins.
        output_mode: "int" or "one_hot".
    """

    num_bins: PositiveInt
    output_mode: Annotated[str, one_of("int", "one_hot")] = "int"
    sparse: Bool = False

    takes_text = True
    _positional = ("num_bins", "output_mode", "sparse", "name", "dtype")

    def setup(self) -> None:
        """Make the ops of the settings."""
        check_dense(self)
        args, kwargs = self._init_args
        given = fields.by_name(type(self), self.positional_arguments(), args) | kwargs
        integers_for_indices(self, given.get("dtype"))
        self.hash = HostFunction(self.bins)
        self.encoding = None if self.output_mode == "int" else ENCODINGS["one_hot"](self.num_bins, self.compute_dtype)

    def bins(self, *features: np.ndarray) -> np.ndarray:
        """Return the bin of each combination of values."""
        import numpy as np

        rows = zip(*(feature.ravel().tolist() for feature in features), strict=True)
        found = np.array([crossed(row) % self.num_bins for row in rows], "int64")
        return found.reshape(features[0].shape)

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        """Return the bins, or vectors of them."""
        if not isinstance(inputs, (list, tuple)) or len(inputs) < 2:
            raise UsageError("expects a list of at least two features")
        shapes = [tuple(x.shape) for x in inputs]
        first = shapes[0]
        if len(first) > 2 or (len(first) == 2 and first[-1] != 1) or any(shape != first for shape in shapes):
            raise ShapeError(
                f"expects features of one shape, (batch,), (batch, 1) or (), got {', '.join(str(spec_of(x)) for x in inputs)}"
            )
        bins = self.hash(*inputs)
        return ops.cast(bins, self.dtype) if self.encoding is None else self.encoding(bins)

    def _call(self, args: tuple[object, ...], kwargs: Config) -> Tensor:
        if args and isinstance(args[0], (list, tuple)):
            features = tuple(feature_of(x) for x in args[0])
            args = (features, *args[1:])
        out: Tensor = super()._call(args, kwargs)
        return out


def feature_of(x: object) -> Any:
    """Return a feature, text and integers as arrays; UsageError for floats, which have no hash here."""
    if holds_text(x):
        return text_array(x)
    if isinstance(x, (list, int, float)):
        import numpy as np

        x = np.asarray(x)
    if dtypes.is_floating(spec_of(x).dtype):
        raise UsageError(f"expects features of text or integers, got {spec_of(x)}")
    return x


def crossed(values: tuple[str | int, ...]) -> int:
    """Return the hash of several values, text or integers, in their order.

    TensorFlow concatenates fingerprints (tensorflow/core/platform/fingerprint.h), of which an integer is its own.
    """
    factor, found = 0xC6A4A7935BD1E995, KEY
    for value in values:
        own = fingerprint64(value.encode()) if isinstance(value, str) else int(value) & MASK
        found ^= factor
        found ^= shifted(own * factor) * factor & MASK
        found = shifted(shifted(found * factor) * factor)
    return found
