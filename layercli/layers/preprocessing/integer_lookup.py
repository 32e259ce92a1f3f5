"""IntegerLookup."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from layercli.errors import UsageError
from layercli.layers.preprocessing.index_lookup import IndexLookup
from layercli.layers.validators import one_of

if TYPE_CHECKING:
    import numpy as np


class IntegerLookup(IndexLookup):
    """out = the index of each integer of x in the vocabulary, as int64, or encoded; or for ``invert`` the integer of each index.

    For "int" and "one_hot" x has any shape; in the other modes out is (batch, tokens) for x (batch, n).

    >>> layer = IntegerLookup(vocabulary=[12, 36, 1138])
    >>> layer([[12, 1138], [7, 36]]).tolist()
    [[1, 3], [0, 2]]

    Args:
        vocabulary_dtype: The dtype of the integers, "int64".
    """

    oov_token: Any = -1
    vocabulary_dtype: Annotated[str, one_of("int64")] = "int64"

    token_dtype = "int64"
    takes_text = False
    _positional = (
        "max_tokens", "num_oov_indices", "mask_token", "oov_token", "vocabulary", "vocabulary_dtype", "idf_weights", "invert",
        "output_mode", "sparse", "pad_to_max_tokens", "oov_method", "salt", "name",
    )  # fmt: skip

    def _check_settings(self) -> None:
        super()._check_settings()
        if self.salt is not None and self.oov_method != "farmhash":
            raise UsageError("IntegerLookup takes salt only where oov_method is 'farmhash'")

    def as_token(self, value: Any) -> int:
        """Return a token as int; UsageError for another type."""
        try:
            return int(value)
        except ValueError:
            raise UsageError(f"IntegerLookup expects a vocabulary of integers, got {value!r}") from None

    def array_of(self, data: object) -> np.ndarray:
        """Return data as an array of integers."""
        import numpy as np

        try:
            return np.asarray(data, "int64")
        except (TypeError, ValueError):
            raise UsageError("IntegerLookup expects integers of one shape to adapt to") from None

    def hashed(self, token: Any) -> int:
        """Return the remainder, or the hash of the integer as text."""
        return super().hashed(token) if self.oov_method == "farmhash" else token % self.num_oov_indices
