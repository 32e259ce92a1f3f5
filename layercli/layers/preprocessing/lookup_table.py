"""The tables of a lookup layer, from tokens to indices and back, and the batches that it adapts to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from layercli.layers.preprocessing.index_lookup import IndexLookup

IGNORED = -1
"""The index of a masked token where the output is encoded: the encodings leave it out."""


class LookupTable(dict[Any, int]):
    """The index of each token of a layer's vocabulary; tokens out of it have the index that the settings say."""

    def __init__(self, layer: IndexLookup) -> None:
        super().__init__({token: layer.first_token + i for i, token in enumerate(layer.tokens)})
        self.layer = layer
        self.inverse = TokenTable(layer)
        if layer.mask_token is not None:
            self[layer.mask_token] = 0 if layer.output_mode == "int" else IGNORED

    def __missing__(self, token: object) -> int:
        layer = self.layer
        if layer.num_oov_indices < 2:
            return layer.first_oov if layer.num_oov_indices else layer.missing
        return layer.first_oov + layer.hashed(token)


class TokenTable(dict[int, Any]):
    """The token of each index; oov_token for all others."""

    def __init__(self, layer: IndexLookup) -> None:
        super().__init__(enumerate(layer.tokens, layer.first_token))
        self.oov_token = layer.oov_token
        if layer.mask_token is not None:
            self[0] = layer.mask_token

    def __missing__(self, index: int) -> Any:
        return self.oov_token


def batches(data: Any, steps: int | None = None) -> Any:
    """Yield the batches of data: an array or lists as one, each value of a flat one being a document; other iterables as is."""
    if hasattr(data, "shape") or isinstance(data, (list, tuple)):
        import numpy as np

        flat = (
            len(data.shape) == 1
            if hasattr(data, "shape")
            else not any(isinstance(x, (list, tuple)) or np.ndim(x) for x in data)
        )
        yield [[each] for each in data] if flat else data
        return
    for step, batch in enumerate(data):
        if steps is not None and step >= steps:
            return
        yield batch
