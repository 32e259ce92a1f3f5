"""StringLookup."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layercli.core.text import STRING, holds_text, only_text, text_array
from layercli.core.types import Config, Tensor
from layercli.errors import UsageError
from layercli.layers.preprocessing.index_lookup import IndexLookup

if TYPE_CHECKING:
    import numpy as np


class StringLookup(IndexLookup):
    """out = the index of each string of x in the vocabulary, as int64, or encoded; or for ``invert`` the string of each index.

    x is an array or nested lists of str. For "int" and "one_hot" it has any shape; in the other modes out is (batch, tokens) for
    x (batch, n). Strings are an array of NumPy's. A model takes them from ``Input(shape, dtype="string")``.

    >>> layer = StringLookup(vocabulary=["a", "b", "c"])
    >>> layer([["a", "c"], ["z", "b"]]).tolist()
    [[1, 3], [0, 2]]

    Args:
        encoding: The encoding of strings that are given as bytes.
    """

    oov_token: Any = "[UNK]"
    encoding: str = "utf-8"

    token_dtype = STRING
    _positional = (
        "max_tokens", "num_oov_indices", "mask_token", "oov_token", "vocabulary", "idf_weights", "invert", "output_mode",
        "pad_to_max_tokens", "sparse", "encoding", "name", "salt",
    )  # fmt: skip

    def as_token(self, value: object) -> str:
        """Return a token as str; UsageError for another type."""
        try:
            found = value.decode(self.encoding) if isinstance(value, bytes) else value
        except UnicodeDecodeError:
            found = None
        if not isinstance(found, str):
            raise UsageError(f"StringLookup expects a vocabulary of strings, got {value!r}")
        return str(found)

    def array_of(self, data: object) -> np.ndarray:
        """Return data as an array of str."""
        return text_array(data, self.encoding)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the indices, or vectors of them, or the strings."""
        return super().call(inputs if self.invert else only_text(inputs))

    def _call(self, args: tuple[object, ...], kwargs: Config) -> Tensor:
        out: Tensor = super()._call(tuple(self.array_of(x) if holds_text(x) else x for x in args), kwargs)
        return out
