"""Texts as inputs of a model: the token ids and the mask that a folder's tokenizer gives."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from layercli.errors import UsageError
from layercli.formats.tokenizer_json import TextTokenizer
from layercli.inspect.decoding import CACHE_ARGUMENT
from layercli.inspect.model_loader import ModelSource
from layercli.models.pretrained import Pretrained

IDS, MASK = "input_ids", "attention_mask"


def tokens_of(subject: ModelSource, texts: Sequence[str], names: Collection[str]) -> dict[str, np.ndarray]:
    """Return ``input_ids`` (batch, steps) of the texts, and where they differ in length ``attention_mask``.

    Decoders are padded in front, other models at the end. UsageError for a model that takes no tokens.
    """
    if subject.checkpoint is None or IDS not in names:
        raise UsageError(f"--text is for Hugging Face folders of models that take tokens, and {subject.name} is none")
    rows = TextTokenizer(subject.checkpoint.path).encode(texts)
    for text, row in zip(texts, rows, strict=True):
        if not row:
            raise UsageError(f"the text {text!r} has no tokens")
    longest = max(map(len, rows))
    model = subject.model
    front = CACHE_ARGUMENT in model.call_names() and not (isinstance(model, Pretrained) and model.is_encoder_decoder)
    ids = np.full((len(rows), longest), pad_of(subject.checkpoint.config), np.int64)
    mask = np.zeros_like(ids)
    for i, row in enumerate(rows):
        kept = slice(longest - len(row), None) if front else slice(len(row))
        ids[i, kept], mask[i, kept] = row, 1
    return {IDS: ids} if mask.all() else {IDS: ids, MASK: mask}


def pad_of(config: Mapping[str, object]) -> int:
    """Return the token id of padding, which masks hide: the config's, or 0."""
    given = config.get("pad_token_id")
    return given if type(given) is int and given >= 0 else 0
