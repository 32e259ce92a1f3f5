"""Vocabularies as data: the tokens of counts, of a file, and of a user's list; the weights of tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layercli.core.types import Tensor
from layercli.errors import FileError, FormatError, UsageError

if TYPE_CHECKING:
    import numpy as np


def sorted_by_count(counts: Mapping[object, int], most: int | None) -> list[Any]:
    """Return tokens by their number, the largest first, those of one number backwards by themselves; only the first ``most``.

    >>> sorted_by_count({"a": 1, "b": 2, "c": 1}, 2)
    ['b', 'c']
    """
    found = sorted(counts, key=lambda token: (counts[token], token), reverse=True)
    return found[:most]


def tokens_in(layer: Any, given: list[object], special: int) -> list[Any]:
    """Return the tokens after the ``special`` first ones; UsageError where they are no vocabulary of the layer."""
    owner, tokens = type(layer).__name__, given[special:]
    if not given:
        raise UsageError(f"{owner} expects a vocabulary with a token, got none")
    seen: set[Any] = set()
    for token in tokens:
        if token in seen:
            raise UsageError(f"{owner} expects a vocabulary of different tokens, got {token!r} twice")
        seen.add(token)
    reserved = [layer.mask_token, layer.oov_token if layer.invert else None]
    for token in reserved:
        if token is not None and token in seen:
            raise UsageError(
                f"{owner} expects a vocabulary without {token!r}, or one that begins with {layer.special_tokens}"
            )
    size = layer.first_token + len(tokens)
    if layer.max_tokens is not None and size > layer.max_tokens:
        raise UsageError(
            f"{owner} expects a vocabulary of at most {layer.max_tokens} tokens, got {size} with its special ones"
        )
    return tokens


def tokens_of_file(file: Path, content: bytes | None = None) -> list[str]:
    """Return the lines of a text file without empty ones at its end; FormatError where it is not UTF-8."""
    if content is None:
        try:
            content = file.read_bytes()
        except OSError as error:
            raise FileError(f"the vocabulary {file} cannot be read: {error.strerror}") from error
    try:
        lines = content.decode().replace("\r\n", "\n").split("\n")
    except UnicodeDecodeError:
        raise FormatError(f"{file} is not text in UTF-8") from None
    while lines and not lines[-1]:
        lines.pop()
    return lines


def lines_of(owner: str, tokens: Sequence[Tensor]) -> bytes:
    """Return the file with a token in each line; UsageError for a token with a line break, which would be two."""
    for token in tokens:
        if isinstance(token, str) and ("\n" in token or "\r" in token):
            raise UsageError(f"{owner} cannot be saved: the token {token!r} has a line break")
    return "\n".join(map(str, tokens)).encode()


def inverse_document_frequencies(documents_with: Sequence[int], documents: int) -> np.ndarray:
    """Return log(1 + documents / (1 + documents with the token)) for each token."""
    import numpy as np

    weights: np.ndarray = np.log(1 + documents / (1 + np.asarray(documents_with, "float64")))
    return weights.astype("float32")


def idf_weights_of(layer: object, weights: object, tokens: int, before: int, size: int | None) -> np.ndarray:
    """Return a weight for every index: the mean for ``before`` special tokens that have none, zeros up to ``size``."""
    import numpy as np

    given = np.asarray(weights, "float32")
    if given.shape != (tokens,):
        raise UsageError(
            f"{type(layer).__name__} expects an idf weight for each of {tokens} tokens, got an array of the shape {given.shape}"
        )
    after = 0 if size is None else size - before - len(given)
    mean = given.mean() if len(given) else 0.0
    return np.concatenate([np.full(before, mean, "float32"), given, np.zeros(after, "float32")])
