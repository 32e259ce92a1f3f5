"""The base of decoders outside Llama's line: tokens, blocks, head, with cache and padding.

Each family's file defines its embedding (``started``), its blocks, and its last normalization (``finished``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from layercli import ops
from layercli.core.types import Tensor
from layercli.layers.core.dense import Dense
from layercli.models.causal_lm import last_of
from layercli.models.masks import mask_of
from layercli.models.pretrained import Pretrained, head_of, labels_of
from layercli.ops.core.axes import check_rank

AnyDecoder = TypeVar("AnyDecoder", bound="TextDecoder")


class TextDecoder(Pretrained):
    """A decoder from tokens (batch, steps) to logits; arguments as in ``CausalLM``. The head is tokens, classes or none."""

    config: Any
    head: str = "tokens"
    classes: int = 0

    counts_sources = False
    """Whether positions depend on the steps in the cache, so that a mask is always created."""

    @property
    def predicts_tokens(self) -> bool:
        """Whether the head projects to the vocabulary."""
        return self.head == "tokens"

    def setup_head(self, width: int, *, use_bias: bool = False) -> None:
        """Create the projection of the head, unless it is tied to the embedding."""
        self.blocks: list[Any]  # which the family's setup creates
        if self.head == "tokens" and not self.config.tie_word_embeddings:
            self.lm_head = Dense(self.config.vocab_size, use_bias=use_bias)
        if self.head == "classes":
            self.score = Dense(self.classes, use_bias=False)

    def table(self) -> Any:
        """Return the embedding, which also projects to the vocabulary if the two are tied."""
        raise NotImplementedError

    def started(
        self, input_ids: Tensor, padding: Tensor | None, position_ids: Tensor
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return the input of the first block, and the extra arguments of every block; ``padding`` includes cached steps."""
        raise NotImplementedError

    def finished(self, x: Tensor) -> Tensor:
        """Return the last hidden states."""
        raise NotImplementedError

    def call(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        cache: Any = None,
    ) -> Any:
        """Return the logits (batch, steps, vocabulary), class logits, or the last hidden states; with a cache if requested."""
        check_rank(input_ids, 2)
        batch, steps = input_ids.shape
        past = cache[0][0].shape[1] if cache else 0
        sources = ops.zeros((batch, past + steps)) if past else input_ids
        if position_ids is None:
            position_ids = ops.expand_dims(ops.arange(past, past + steps), 0)
        if self.counts_sources and past and attention_mask is None:
            attention_mask = ops.ones((batch, past + steps), "int32")
        x, others = self.started(input_ids, attention_mask, position_ids)
        mask = mask_of(input_ids, sources, attention_mask)
        kept = []
        for i, block in enumerate(self.blocks):
            if cache is None:
                x = block(x, mask, others)
            else:
                x, own = block(x, mask, others, cache[i] if cache else ())
                kept.append(own)
        x = self.projected(self.finished(x), input_ids)
        return x if cache is None else (x, kept)

    def projected(self, x: Tensor, input_ids: Tensor) -> Any:
        """Return the output of the head for the hidden states."""
        if self.head == "tokens":
            tied = self.config.tie_word_embeddings
            return ops.matmul(x, ops.transpose(self.table().embeddings)) if tied else self.lm_head(x)
        return last_of(self.score(x), input_ids, self.config.pad_token_id) if self.head == "classes" else x


HEADS = {"ForCausalLM": "tokens", "LMHeadModel": "tokens", "ForSequenceClassification": "classes", "Model": ""}
"""The head of a decoder, by the suffix of its class name."""


def text_decoder(
    kind: Callable[[Any, str, int], AnyDecoder],
    config: Any,
    given: Mapping[str, object],
    architecture: str | None,
) -> AnyDecoder:
    """Return the model of a class with the head that ``architecture`` names."""
    head = head_of(architecture, HEADS, "ForCausalLM")
    return kind(config, head, labels_of(given) if head == "classes" else 0)


def fused_heads(x: Tensor, size: int, queries: int) -> tuple[Tensor, Tensor, Tensor]:
    """Split a projection that holds, for each group, its query heads, a key and a value head of ``size`` features."""
    batch, steps, width = x.shape
    groups = width // (size * (queries + 2))
    x = ops.reshape(x, (batch, steps, groups, queries + 2, size))
    query = ops.reshape(x[:, :, :, :queries], (batch, steps, groups * queries, size))
    return query, x[:, :, :, queries], x[:, :, :, queries + 1]


def alibi(heads: int, sources: Tensor, dtype: str = "float32") -> Tensor:
    """Return the bias (batch, heads, 1, sources), linear in the step, with a different slope for each head.

    ``sources`` are the steps (batch, sources). Press et al., "Train Short, Test Long", 2022 (arXiv:2108.12409).
    """
    power = 2 ** math.floor(math.log2(heads))

    def slopes(first: int, end: int, step: int, closest: int) -> Tensor:
        fall = -(2.0 ** -(math.log2(closest) - 3)) * math.log(2)
        return ops.exp(ops.cast(ops.arange(first, end, step), "float32") * fall)

    each = slopes(1, 1 + power, 1, power)
    if power != heads:
        each = ops.concatenate([each, slopes(1, 1 + 2 * (heads - power), 2, 2 * power)])
    steps = ops.expand_dims(ops.expand_dims(ops.cast(sources, dtype), 1), 1)
    return ops.cast(steps * ops.reshape(ops.cast(each, dtype), (1, heads, 1, 1)), "float32")


def sources_of(padding: Tensor | None, position_ids: Tensor) -> Tensor:
    """Return the number of each source (batch, sources) among the non-padding ones, 0 for padding.

    Without ``padding`` the sources are all steps up to the last of ``position_ids``.
    """
    if padding is None:
        return position_ids
    whole = ops.cast(padding, "int32")
    return (ops.cumsum(whole, axis=-1) - 1) * whole
