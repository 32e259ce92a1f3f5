"""Hashing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from layercli import ops
from layercli.core import dtypes
from layercli.core.layer import Layer
from layercli.core.text import holds_text, text_array
from layercli.core.types import Config, Tensor
from layercli.errors import UsageError
from layercli.layers.preprocessing.category_encoding import ENCODINGS, check_dense
from layercli.layers.preprocessing.hash_buckets import SALT, bucket
from layercli.layers.validators import Bool, PositiveInt, one_of
from layercli.ops.core.host_function import HostFunction

if TYPE_CHECKING:
    import numpy as np


class Hashing(Layer):
    """out = the bin of each value of x: its hash as text modulo num_bins, as int64; or encoded as by CategoryEncoding.

    x is an array or nested lists of str, or of integers; floats are truncated. The hash is FarmHash's Fingerprint64, or SipHash
    with a salt, as in Keras on TensorFlow.

    >>> Hashing(num_bins=3)([["A"], ["B"], ["C"], ["D"], ["E"]]).tolist()
    [[1], [0], [1], [1], [2]]

    Args:
        num_bins: The number of bins.
        mask_value: The value of padding, which has bin 0 for itself; None for no such value.
        salt: One or two integers that make the hash another one (SipHash); None for FarmHash.
    """

    num_bins: PositiveInt
    mask_value: Any = None
    salt: Annotated[Any, SALT] = None
    output_mode: Annotated[str, one_of("int", "one_hot", "multi_hot", "count")] = "int"
    sparse: Bool = False

    takes_text = True

    def setup(self) -> None:
        """Make the ops of the settings."""
        check_dense(self)
        integers_for_indices(self, self._init_args[1].get("dtype"))
        self.hash = HostFunction(self.bins)
        self.encoding = None if self.output_mode == "int" else ENCODINGS[self.output_mode](self.num_bins, self.dtype)

    def bins(self, values: np.ndarray) -> np.ndarray:
        """Return the bin of each value."""
        import numpy as np

        masked = int(self.mask_value is not None and self.num_bins > 1)
        table: dict[Any, int] = {self.mask_value: 0} if masked else {}
        found = np.empty(values.size, "int64")
        for i, value in enumerate(values.ravel().tolist()):
            if value not in table:
                table[value] = bucket(str(value), self.num_bins - masked, self.salt) + masked
            found[i] = table[value]
        return found.reshape(values.shape)

    def call(self, inputs: Tensor) -> Any:
        """Return the bins, or vectors of them."""
        bins = self.hash(inputs)
        if self.encoding is None:
            return ops.cast(bins, self.dtype)
        return self.encoding(bins if len(bins.shape) else ops.expand_dims(bins, -1))

    def _call(self, args: tuple[object, ...], kwargs: Config) -> Tensor:
        out: Tensor = super()._call(tuple(text_array(x) if holds_text(x) else x for x in args), kwargs)
        return out


def integers_for_indices(layer: Layer, dtype: object) -> None:
    """Let a layer that gives indices have the dtype int64 unless another one was given; UsageError where that is no integer."""
    if layer.output_mode != "int":  # type: ignore[attr-defined]  # a field of the layers that this is for
        return
    if dtype is None:
        layer._policy = dtypes.DTypePolicy.named("int64")
    elif layer.dtype not in ("int32", "int64"):
        raise UsageError(
            f"{type(layer).__name__} expects dtype to be 'int32' or 'int64' for 'int', got {layer.dtype!r}"
        )
