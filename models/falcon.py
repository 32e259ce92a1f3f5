"""Falcon: Almazrouei et al., 2023 (arXiv:2311.16867): few key heads, attention and feed-forward network in parallel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layercli.core.layer import Layer
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.layers.core.dense import Dense
from layercli.layers.core.embedding import Embedding
from layercli.layers.normalization.layer_normalization import LayerNormalization
from layercli.models.functions import activation, merge_heads
from layercli.models.masks import attend, extended
from layercli.models.parallel import BY_HEADS, COLUMNS, ROWS, VOCABULARY, TensorParallelPlan
from layercli.models.reading import Count, Depth, Epsilon, Size, divided, read
from layercli.models.rope import Rope, parameters, rope
from layercli.models.text_decoder import TextDecoder, alibi, fused_heads, sources_of, text_decoder
from layercli.ops.nn.rotary_embedding import Rotate


@dataclass(frozen=True)
class FalconConfig:
    """The entries of ``config.json``; defaults are those of transformers."""

    vocab_size: Size = 65_024
    hidden_size: Size = 4544
    num_hidden_layers: Depth = 32
    num_attention_heads: Size = 71
    num_ln_in_parallel_attn: Size | None = None
    layer_norm_epsilon: Epsilon = 1e-5
    num_kv_heads: Size | None = None
    alibi: bool = False
    new_decoder_architecture: bool = False
    multi_query: bool = True
    parallel_attn: bool = True
    bias: bool = False
    max_position_embeddings: Size = 2048
    ffn_hidden_size: Size | None = None
    activation: str = "gelu"
    tie_word_embeddings: bool = True
    pad_token_id: Count | None = None

    aliases = {"num_hidden_layers": ("n_layer",), "num_attention_heads": ("n_head",), "num_kv_heads": ("n_head_kv",)}

    @property
    def head_size(self) -> int:
        """The number of features of a head."""
        return divided("hidden_size", self.hidden_size, "num_attention_heads", self.num_attention_heads)

    @property
    def key_heads(self) -> int:
        """The number of key and value heads."""
        if self.multi_query and not self.new_decoder_architecture:
            return 1
        given = self.num_kv_heads if self.new_decoder_architecture else None
        return self.num_attention_heads if given is None else given

    @property
    def norms(self) -> int:
        """The number of normalizations before parallel branches; 0 for sequential ones."""
        if not self.parallel_attn:
            return 0
        given = self.num_ln_in_parallel_attn
        return (2 if self.new_decoder_architecture else 1) if given is None else given


class FalconAttention(Layer):
    """Causal attention; the projection holds, for each key head, its query heads, the key and the value."""

    config: Any

    def setup(self) -> None:
        """Create the projections."""
        of = self.config
        self.queries = divided("num_attention_heads", of.num_attention_heads, "num_kv_heads", of.key_heads)
        self.query_key_value = Dense((of.num_attention_heads + 2 * of.key_heads) * of.head_size, use_bias=of.bias)
        self.dense = Dense(of.hidden_size, use_bias=of.bias)
        self.rotate, self.scale = Rotate(), of.head_size**-0.5

    def call(self, inputs: Tensor, mask: Tensor, others: Any, past: tuple[Tensor, ...] | None = None) -> Any:
        """Return (batch, steps, width), and the new cache entries if ``past`` is given."""
        query, key, value = fused_heads(self.query_key_value(inputs), self.config.head_size, self.queries)
        bias = others[0] if self.config.alibi else None
        if not self.config.alibi:
            query, key = self.rotate(query, *others), self.rotate(key, *others)
        key, value = kept = extended(past, key, value)
        x = self.dense(merge_heads(attend(query, key, value, mask, scale=self.scale, bias=bias)))
        return x if past is None else (x, kept)


class FalconFeedForward(Layer):
    """out = 4h_to_h(activation(h_to_4h(x)))."""

    config: Any

    def setup(self) -> None:
        """Create the projections."""
        of = self.config
        self.dense_h_to_4h = Dense(of.ffn_hidden_size or 4 * of.hidden_size, use_bias=of.bias)
        self.dense_4h_to_h = Dense(of.hidden_size, use_bias=of.bias)
        self.activate = activation(of.activation)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, steps, width)."""
        return self.dense_4h_to_h(self.activate(self.dense_h_to_4h(inputs)))


class FalconBlock(Layer):
    """Attention and a feed-forward network, in parallel or in sequence."""

    config: Any

    _described_once = True

    def setup(self) -> None:
        """Create the layers."""
        of = self.config
        names = ("ln_attn", "ln_mlp") if of.norms == 2 else ("input_layernorm", "post_attention_layernorm")
        for name in names[: of.norms or 2]:
            setattr(self, name, LayerNormalization(epsilon=of.layer_norm_epsilon))
        self.first, self.second = names
        self.self_attention, self.mlp = FalconAttention(of), FalconFeedForward(of)

    def call(self, inputs: Tensor, mask: Tensor, others: Tensor, past: tuple[Tensor, ...] | None = None) -> Any:
        """Return (batch, steps, width), and the new cache entries if ``past`` is given."""
        normalized = getattr(self, self.first)(inputs)
        attended = self.self_attention(normalized, mask, others, past)
        attended, kept = (attended, None) if past is None else attended
        x = inputs + attended
        if self.config.norms != 1:
            normalized = getattr(self, self.second)(inputs if self.config.norms == 2 else x)
        x = x + self.mlp(normalized)
        return x if past is None else (x, kept)


class Falcon(TextDecoder):
    """Falcon, from tokens to logits."""

    base_prefix = "transformer."
    renamed = {"blocks": "h"}
    outside = ("lm_head", "score")
    ignored = ("rotary_emb.inv_freq",)

    def setup(self) -> None:
        """Create the embedding, the blocks, the last normalization and the head."""
        self.positions: Rope  # which ``model`` sets, from the whole config
        of = self.config
        self.counts_sources = of.alibi
        self.prefix = "transformer." if self.head else ""
        self.word_embeddings = Embedding(of.vocab_size, of.hidden_size)
        self.blocks = [FalconBlock(of) for _ in range(of.num_hidden_layers)]
        self.ln_f = LayerNormalization(epsilon=of.layer_norm_epsilon)
        self.setup_head(of.hidden_size)

    @property
    def plan(self) -> TensorParallelPlan:
        """How ranks share the layers."""
        of = self.config
        network = {
            "dense_h_to_4h": COLUMNS,
            "dense_4h_to_h": ROWS,
            "word_embeddings": VOCABULARY,
            "lm_head": VOCABULARY,
        }
        if of.alibi or of.key_heads == 1:
            return TensorParallelPlan(network)
        return TensorParallelPlan(
            {**network, "query_key_value": BY_HEADS, "self_attention/dense": ROWS}, (of.key_heads,)
        )

    @property
    def ties(self) -> Mapping[str, str]:
        """The projection to the vocabulary, if it is tied to the embedding."""
        return {"lm_head.weight": f"{self.prefix}word_embeddings.weight"} if self.config.tie_word_embeddings else {}

    def table(self) -> Any:
        """Return the embedding."""
        return self.word_embeddings

    def started(
        self, input_ids: Tensor, padding: Tensor | None, position_ids: Tensor
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return the embedding, with cosine and sine of the positions or the distance bias, which bfloat16 rounds."""
        x = self.word_embeddings(input_ids)
        if not self.config.alibi:
            return x, self.positions.op(position_ids)
        bias = alibi(self.config.num_attention_heads, sources_of(padding, position_ids), "bfloat16")
        return x, (bias * self.config.head_size**-0.5,)

    def finished(self, x: Tensor) -> Tensor:
        """Return the normalized hidden states."""
        return self.ln_f(x)


def model(given: Mapping[str, object], architecture: str | None = None) -> Falcon:
    """Return the model that a config describes."""
    config = read(FalconConfig, given)
    found = text_decoder(Falcon, config, given, architecture)
    if not config.alibi:
        found.positions = rope(parameters(given), config.head_size, config.max_position_embeddings)
    return found
