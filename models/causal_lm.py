"""The decoder shared by most language models: embedding, blocks of attention and a feed-forward network, projection.

Fields of ``CausalLMDecoder`` describe what differs between families: grouped heads, rotary positions and their scaling, sliding
windows, normalized queries and keys, biases, fused projections, experts, caps, ties. Each family's file sets them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from layercli import ops
from layercli.core.dims import Size
from layercli.core.types import ConfigLike, Tensor
from layercli.errors import UsageError
from layercli.layers.core.dense import Dense
from layercli.layers.core.embedding import Embedding
from layercli.models.causal_lm_block import CausalLMBlock
from layercli.models.causal_lm_settings import CausalLMDecoder
from layercli.models.functions import soft_cap
from layercli.models.masks import Cache, mask_of
from layercli.models.parallel import (
    BY_HEADS,
    COLUMNS,
    EXPERTS,
    ROWS,
    VOCABULARY,
    TensorParallelPlan,
    attention_plan,
)
from layercli.models.pretrained import Pretrained, head_of, labels_of
from layercli.models.rope import Rope
from layercli.ops.core.axes import check_rank

HEADS = {"ForCausalLM": "tokens", "ForSequenceClassification": "classes", "Model": ""}
"""The head of a decoder, by the suffix of its class name."""

ATTENTION = attention_plan("q_proj", "k_proj", "v_proj", "o_proj")
PLAN = {
    **ATTENTION,
    **dict.fromkeys(("qkv_proj", "q_b_proj", "kv_b_proj"), BY_HEADS),
    **dict.fromkeys(("gate_proj", "up_proj", "gate_up_proj"), COLUMNS),
    "c_fc": COLUMNS,
    **dict.fromkeys(("down_proj", "c_proj"), ROWS),
    "experts": EXPERTS,
    **dict.fromkeys(("embed_tokens", "lm_head"), VOCABULARY),
}
"""How ranks share the layers of a decoder."""


class CausalLM(Pretrained):
    """A decoder from tokens (batch, steps) to logits; with ``cache`` it also returns the cache for the next call.

    ``attention_mask`` (batch, steps so far) is 0 for padding; ``cache`` is the previous call's cache, or () for the first.
    """

    decoder: Any

    base_prefix = "model."
    outside = cast("tuple[str, ...]", ("lm_head", "score"))
    ignored = cast("tuple[str, ...]", ("rotary_emb.inv_freq",))

    def setup(self) -> None:
        """Create the embedding, the blocks, the last normalization and the head."""
        of = self.decoder
        self.prefix = "model." if of.head else ""
        self.embed_tokens = Embedding(of.vocabulary, of.width)
        experts, rotary = of.experts or (None,) * of.depth, of.rotary or (True,) * of.depth
        self.blocks = [CausalLMBlock(of, of.window(i), experts[i], rotary[i]) for i in range(of.depth)]
        self.norm = of.normalization()
        if of.head == "tokens" and not of.tied:
            self.lm_head = Dense(of.vocabulary, use_bias=False)
        if of.head == "classes":
            self.score = Dense(of.classes, use_bias=False)

    @property
    def plan(self) -> TensorParallelPlan:
        """How ranks share the layers."""
        of = self.decoder
        if of.joint_norm:  # which takes the queries of all heads
            whole = {name: how for name, how in PLAN.items() if name not in ATTENTION}
            return TensorParallelPlan(whole)
        if of.latent is not None:
            return TensorParallelPlan(PLAN, (of.heads,))
        return TensorParallelPlan(PLAN, (of.heads,), of.key_heads)

    @property
    def predicts_tokens(self) -> bool:
        """Whether the head projects to the vocabulary."""
        return bool(self.decoder.head == "tokens")

    @property
    def ties(self) -> Mapping[str, str]:
        """The projection to the vocabulary, if it is tied to the embedding."""
        return {"lm_head.weight": f"{self.prefix}embed_tokens.weight"} if self.decoder.tied else {}

    def call(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        cache: Cache | None = None,
    ) -> Tensor:
        """Return the logits (batch, steps, vocabulary), class logits (batch, classes), or the last hidden states."""
        check_rank(input_ids, 2)
        return self.decoded(lambda: self.embedded(input_ids), input_ids, attention_mask, position_ids, cache)

    def embedded(self, input_ids: Tensor) -> Tensor:
        """Return the input of the first block (batch, steps, width)."""
        x, scale = self.embed_tokens(input_ids), self.decoder.embedding_scale
        return x if scale is None else x * scale

    def decoded(
        self,
        embed: Callable[[], Tensor],
        input_ids: Tensor,
        padding: Tensor | None,
        position_ids: Tensor | None,
        cache: Cache | None,
    ) -> Any:
        """Return the output of the head for the tokens that ``embed`` embeds, with the new cache if one is given.

        They are not an argument, which would keep them in memory until the last block has run.
        """
        x, kept = self.hidden(embed, input_ids, padding, position_ids, cache)
        x = self.projected(self.norm(x), input_ids)
        return x if cache is None else (x, kept)

    def hidden(
        self,
        embed: Callable[[], Tensor],
        input_ids: Tensor,
        padding: Tensor | None,
        position_ids: Tensor | None,
        cache: Cache | None,
    ) -> tuple[Any, list[Any]]:
        """Return the output of the last block, and the new cache entries of each block."""
        of = self.decoder
        steps = input_ids.shape[1]
        if position_ids is None:
            past = self.steps_before(cache, padding, steps)
            position_ids = ops.expand_dims(ops.arange(past, past + steps), 0)
        angles = {False: self.rotary_angles(of.rope, position_ids)}
        angles[True] = angles[False] if of.local_rope is None else self.rotary_angles(of.local_rope, position_ids)
        x, kept, masks = embed(), [], {}
        for i, block in enumerate(self.blocks):
            window = block.window
            if window not in masks:
                masks[window] = self.mask(input_ids, padding, cache[i] if cache else (), window)
            inputs = (x, masks[window], *angles[window is not None])
            if cache is None:
                x = block(*inputs)
            else:
                x, own = block(*inputs, cache[i] if cache else ())
                kept.append(own)
        return x, kept

    def rotary_angles(self, rope: Rope, position_ids: Tensor) -> tuple[Tensor, ...]:
        """Return cosine and sine of the rotary angles, cast once to the dtype in which every block computes."""
        angles: tuple[Tensor, ...] = rope.op(position_ids)  # in float32
        return angles if self.compute_dtype == "float32" else tuple(ops.cast(x, self.compute_dtype) for x in angles)

    def steps_before(self, cache: Cache | None, padding: Tensor | None, steps: Size) -> Size:
        """Return the number of steps before these ``steps``; UsageError where only a mask or positions could tell."""
        if not cache:
            return 0
        if padding is not None:
            return padding.shape[1] - steps
        kept = [(entries[0].shape[1], self.decoder.window(i)) for i, entries in enumerate(cache)]
        counted = [count for count, window in kept if window is None or not count >= window - 1]
        if not counted:
            raise UsageError(
                "its cache keeps no more than its windows, so that it needs attention_mask or position_ids"
            )
        return counted[0]

    def mask(
        self, input_ids: Tensor, padding: Tensor | None, past: tuple[Tensor, ...], window: int | None
    ) -> Tensor | None:
        """Return the mask of a block with this cache, if any: ``padding`` may cover steps that the cache no longer keeps."""
        if not past:
            return mask_of(input_ids, input_ids, padding, window=window)
        batch, steps = input_ids.shape
        sources = past[0].shape[1] + steps
        if padding is not None and padding.shape[1] != sources:
            padding = padding[:, -sources:]
        return mask_of(input_ids, ops.zeros((batch, sources)), padding, window=window)

    def projected(self, x: Tensor, input_ids: Tensor) -> Tensor:
        """Return the output of the head for the hidden states."""
        of = self.decoder
        if of.head == "tokens":
            logits = ops.matmul(x, ops.transpose(self.embed_tokens.embeddings)) if of.tied else self.lm_head(x)
            logits = logits if of.logit_scale is None else logits * of.logit_scale
            return soft_cap(logits, of.logit_cap)
        return last_of(self.score(x), input_ids, of.pad) if of.head == "classes" else x


def last_of(x: Tensor, input_ids: Tensor, pad: int | None) -> Tensor:
    """Return x (batch, steps, features) at the last step of each text that is not the token ``pad``."""
    if pad is None:
        return x[:, -1]
    steps = ops.arange(input_ids.shape[1])
    last = ops.max(ops.where(ops.not_equal(input_ids, pad), steps, 0), axis=-1)
    batch, _, features = x.shape
    places = ops.broadcast_to(ops.reshape(last, (batch, 1, 1)), (batch, 1, features))
    return ops.squeeze(ops.take_along_axis(x, places, axis=1), axis=1)


def causal_lm(decoder: CausalLMDecoder, config: ConfigLike, architecture: str | None) -> CausalLM:
    """Return the model with the head that ``architecture`` names."""
    head = head_of(architecture, HEADS, "ForCausalLM")
    classes = labels_of(config) if head == "classes" else 0
    return CausalLM(replace(decoder, head=head, classes=classes))
