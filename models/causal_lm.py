"""The decoder shared by most language models: embedding, blocks of attention and a feed-forward network, projection.

Fields of ``CausalLMDecoder`` describe what differs between families: grouped heads, rotary positions and their scaling, sliding
windows, normalized queries and keys, biases, fused projections, experts, caps, ties. Each family's file sets them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from layercli.models.causal_lm_settings import CausalLMDecoder
from layercli.models.functions import activation, merge_heads, soft_cap, split_heads
from layercli.models.fused import FusedDense
from layercli.models.latent import LatentAttention
from layercli.models.masks import Cache, attend, extended, mask_of, within
from layercli.models.mixture import Mixture
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

from layercli import ops
from layercli.core.dims import Size
from layercli.core.layer import Layer
from layercli.core.types import ConfigLike, Tensor
from layercli.errors import UsageError
from layercli.layers.core.dense import Dense
from layercli.layers.core.embedding import Embedding
from layercli.ops.core.axes import check_rank
from layercli.ops.nn.rotary_embedding import Rotate

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


class CausalLMAttention(Layer):
    """Causal attention with rotary positions; groups of query heads share a key and a value head."""

    decoder: Any
    window: Any = None
    turned: bool = True

    def setup(self) -> None:
        """Create the projections, or the fused one."""
        of, bias = self.decoder, self.decoder.input_bias
        self.head_size = of.head_size
        sizes = tuple(count * of.head_size for count in (of.heads, of.key_heads, of.key_heads))
        if of.fused:
            self.qkv_proj = FusedDense(sum(sizes), use_bias=bias, parts=sizes)
        else:
            self.q_proj, self.k_proj, self.v_proj = (Dense(size, use_bias=bias) for size in sizes)
        self.o_proj = Dense(of.width, use_bias=of.output_bias)
        if of.head_norm or of.joint_norm:
            self.q_norm, self.k_norm = of.normalization(), of.normalization()
        self.rotate = Rotate(of.interleaved)
        self.scale = of.head_size**-0.5 if of.scale is None else of.scale

    def call(
        self, inputs: Tensor, mask: Tensor, cosine: Tensor, sine: Tensor, past: tuple[Tensor, ...] | None = None
    ) -> Any:
        """Return (batch, steps, width), and the new cache entries if ``past`` is given."""
        query, key, value = self.projected(inputs)
        if self.decoder.head_norm:
            query, key = self.q_norm(query), self.k_norm(key)
        if self.turned:
            query, key = self.rotate(query, cosine, sine), self.rotate(key, cosine, sine)
        key, value = extended(past, key, value)
        x = self.o_proj(merge_heads(attend(query, key, value, mask, scale=self.scale, cap=self.decoder.score_cap)))
        return x if past is None else (x, within((key, value), self.window))

    def projected(self, inputs: Tensor) -> list[Tensor]:
        """Return query, key and value (batch, steps, heads, features)."""
        if self.decoder.fused:
            parts = self.qkv_proj.split(self.qkv_proj(inputs))
        else:
            parts = [self.q_proj(inputs), self.k_proj(inputs), self.v_proj(inputs)]
        if self.decoder.joint_norm:
            parts[:2] = self.q_norm(parts[0]), self.k_norm(parts[1])
        return [split_heads(x, self.head_size) for x in parts]


class CausalLMFeedForward(Layer):
    """out = down(activation(gate(x)) * up(x))."""

    decoder: Any

    def setup(self) -> None:
        """Create the projections; ``fused`` has gate and up in one."""
        of, bias = self.decoder, self.decoder.hidden_bias
        self.fused = of.fused or of.fused_network
        if self.fused:
            self.gate_up_proj = FusedDense(2 * of.hidden, use_bias=bias, parts=(of.hidden, of.hidden))
        else:
            self.gate_proj, self.up_proj = Dense(of.hidden, use_bias=bias), Dense(of.hidden, use_bias=bias)
        self.down_proj = Dense(of.width, use_bias=bias)
        self.activate = activation(of.activation)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, steps, width)."""
        if self.fused:
            gate, up = self.gate_up_proj.split(self.gate_up_proj(inputs))
        else:
            gate, up = self.gate_proj(inputs), self.up_proj(inputs)
        return self.down_proj(self.activate(gate) * up)


class PlainFeedForward(Layer):
    """out = c_proj(activation(c_fc(x)))."""

    decoder: Any

    def setup(self) -> None:
        """Create the projections."""
        of, bias = self.decoder, self.decoder.hidden_bias
        self.c_fc, self.c_proj = Dense(of.hidden, use_bias=bias), Dense(of.width, use_bias=bias)
        self.activate = activation(of.activation)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, steps, width)."""
        return self.c_proj(self.activate(self.c_fc(inputs)))


def unchanged(x: Tensor) -> Tensor:
    """Return ``x``: what is not normalized before a part."""
    return x


class CausalLMBlock(Layer):
    """Attention and a feed-forward network or experts, each on its normalized input and added to it."""

    decoder: Any
    window: Any = None
    experts: Any = None
    turned: bool = True

    _described_once = True

    def setup(self) -> None:
        """Create the layers, under the names in the family's checkpoints."""
        of, experts = self.decoder, self.experts
        if of.pre_norm:
            self.input_layernorm = of.normalization()
        latent = of.latent is not None
        self.self_attn = LatentAttention(of) if latent else CausalLMAttention(of, self.window, self.turned)
        if not of.parallel:
            self.post_attention_layernorm = of.normalization()
        self.network = "mlp" if experts is None else experts.module
        dense = PlainFeedForward if of.plain else CausalLMFeedForward
        setattr(self, self.network, dense(of) if experts is None else Mixture(experts, of.width))
        if of.sandwich and of.pre_norm:
            self.pre_feedforward_layernorm = of.normalization()
        if of.sandwich:
            self.post_feedforward_layernorm = of.normalization()

    def call(
        self, inputs: Tensor, mask: Tensor, cosine: Tensor, sine: Tensor, past: tuple[Tensor, ...] | None = None
    ) -> Any:
        """Return (batch, steps, width), and the new cache entries if ``past`` is given."""
        of, network = self.decoder, getattr(self, self.network)
        if of.parallel:
            given = self.input_layernorm(inputs)
            attended = self.self_attn(given, mask, cosine, sine, past)
            attended, kept = (attended, None) if past is None else attended
            x = inputs + attended + network(given)
            return x if past is None else (x, kept)
        before = self.input_layernorm if of.pre_norm else unchanged
        attended = self.self_attn(before(inputs), mask, cosine, sine, past)
        attended, kept = (attended, None) if past is None else attended
        if of.sandwich:
            x = inputs + self.post_attention_layernorm(attended)
            before = self.pre_feedforward_layernorm if of.pre_norm else unchanged
            x = x + self.post_feedforward_layernorm(network(before(x)))
        else:
            x = inputs + self.scaled(attended)
            x = x + self.scaled(network(self.post_attention_layernorm(x)))
        return x if past is None else (x, kept)

    def scaled(self, x: Tensor) -> Tensor:
        """Return what is added to the input of a part, scaled if the decoder does so."""
        scale = self.decoder.residual_scale
        return x if scale is None else x * scale


class CausalLM(Pretrained):
    """A decoder from tokens (batch, steps) to logits; with ``cache`` it also returns the cache for the next call.

    ``attention_mask`` (batch, steps so far) is 0 for padding; ``cache`` is the previous call's cache, or () for the first.
    """

    decoder: Any

    base_prefix = "model."
    outside = ("lm_head", "score")
    ignored = ("rotary_emb.inv_freq",)

    def setup(self) -> None:
        """Create the embedding, the blocks, the last normalization and the head."""
        of = self.decoder
        self.prefix = "model." if of.head else ""
        self.embed_tokens = Embedding(of.vocabulary, of.width)
        experts, turned = of.experts or (None,) * of.depth, of.turned or (True,) * of.depth
        self.blocks = [CausalLMBlock(of, of.window(i), experts[i], turned[i]) for i in range(of.depth)]
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
        return (
            TensorParallelPlan(PLAN, (of.heads, of.key_heads))
            if of.fused
            else TensorParallelPlan(PLAN, (of.heads,), of.key_heads)
        )

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
        angles = {False: of.rope.op(position_ids)}
        angles[True] = of.local_rope.op(position_ids) if of.local_rope is not None else angles[False]
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

    def mask(self, input_ids: Tensor, padding: Tensor | None, past: tuple[Tensor, ...], window: int | None) -> Tensor:
        """Return the mask of a block with this cache: ``padding`` may cover steps that the cache no longer keeps."""
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
