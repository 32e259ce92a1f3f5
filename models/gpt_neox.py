"""GPT-NeoX and Pythia: Black et al., 2022 (arXiv:2204.06745): attention and feed-forward network in parallel."""

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
from layercli.models.text_decoder import TextDecoder, fused_heads, text_decoder
from layercli.ops.nn.rotary_embedding import Rotate


@dataclass(frozen=True)
class GPTNeoXConfig:
    """The entries of ``config.json``; defaults are those of transformers."""

    vocab_size: Size = 50_432
    hidden_size: Size = 6144
    num_hidden_layers: Depth = 44
    num_attention_heads: Size = 64
    intermediate_size: Size = 24_576
    hidden_act: str = "gelu"
    max_position_embeddings: Size = 2048
    layer_norm_eps: Epsilon = 1e-5
    use_parallel_residual: bool = True
    attention_bias: bool = True
    tie_word_embeddings: bool = False
    rotary_pct: float = 0.25
    rotary_emb_base: float = 10_000.0
    pad_token_id: Count | None = None

    @property
    def head_size(self) -> int:
        """The number of features of a head."""
        return divided("hidden_size", self.hidden_size, "num_attention_heads", self.num_attention_heads)


class GPTNeoXAttention(Layer):
    """Causal attention with rotary positions, its three projections in one, head by head."""

    config: Any

    def setup(self) -> None:
        """Create the projections."""
        of = self.config
        self.query_key_value = Dense(3 * of.hidden_size, use_bias=of.attention_bias)
        self.dense = Dense(of.hidden_size, use_bias=of.attention_bias)
        self.rotate, self.scale = Rotate(), of.head_size**-0.5

    def call(
        self, inputs: Tensor, mask: Tensor, cosine: Tensor, sine: Tensor, past: tuple[Tensor, ...] | None = None
    ) -> Any:
        """Return (batch, steps, width), and the new cache entries if ``past`` is given."""
        query, key, value = fused_heads(self.query_key_value(inputs), self.config.head_size, 1)
        query, key = self.rotate(query, cosine, sine), self.rotate(key, cosine, sine)
        key, value = kept = extended(past, key, value)
        x = self.dense(merge_heads(attend(query, key, value, mask, scale=self.scale)))
        return x if past is None else (x, kept)


class GPTNeoXFeedForward(Layer):
    """out = 4h_to_h(activation(h_to_4h(x)))."""

    config: Any

    def setup(self) -> None:
        """Create the projections."""
        self.dense_h_to_4h = Dense(self.config.intermediate_size)
        self.dense_4h_to_h = Dense(self.config.hidden_size)
        self.activate = activation(self.config.hidden_act)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, steps, width)."""
        return self.dense_4h_to_h(self.activate(self.dense_h_to_4h(inputs)))


class GPTNeoXBlock(Layer):
    """Attention and a feed-forward network on normalized inputs, in parallel or in sequence."""

    config: Any

    _described_once = True

    def setup(self) -> None:
        """Create the layers."""
        epsilon = self.config.layer_norm_eps
        self.input_layernorm, self.attention = LayerNormalization(epsilon=epsilon), GPTNeoXAttention(self.config)
        self.post_attention_layernorm, self.mlp = LayerNormalization(epsilon=epsilon), GPTNeoXFeedForward(self.config)

    def call(self, inputs: Tensor, mask: Tensor, others: Any, past: tuple[Tensor, ...] | None = None) -> Any:
        """Return (batch, steps, width), and the new cache entries if ``past`` is given."""
        attended = self.attention(self.input_layernorm(inputs), mask, *others, past)
        attended, kept = (attended, None) if past is None else attended
        x = inputs + attended
        x = x + self.mlp(self.post_attention_layernorm(inputs if self.config.use_parallel_residual else x))
        return x if past is None else (x, kept)


class GPTNeoX(TextDecoder):
    """GPT-NeoX, from tokens to logits."""

    base_prefix = "gpt_neox."
    renamed = {"blocks": "layers", "lm_head": "embed_out"}
    outside = ("embed_out", "score")
    ignored = (".attention.bias", ".attention.masked_bias", "rotary_emb.inv_freq")

    def setup(self) -> None:
        """Create the embedding, the blocks, the last normalization and the head."""
        self.positions: Rope  # which ``model`` sets, from the whole config
        of = self.config
        self.prefix = "gpt_neox." if self.head else ""
        self.embed_in = Embedding(of.vocab_size, of.hidden_size)
        self.blocks = [GPTNeoXBlock(of) for _ in range(of.num_hidden_layers)]
        self.final_layer_norm = LayerNormalization(epsilon=of.layer_norm_eps)
        self.setup_head(of.hidden_size)

    @property
    def plan(self) -> TensorParallelPlan:
        """How ranks share the layers."""
        attention = {"query_key_value": BY_HEADS, "attention/dense": ROWS}
        network = {"dense_h_to_4h": COLUMNS, "dense_4h_to_h": ROWS, "embed_in": VOCABULARY, "lm_head": VOCABULARY}
        return TensorParallelPlan({**attention, **network}, (self.config.num_attention_heads,))

    @property
    def ties(self) -> Mapping[str, str]:
        """The projection to the vocabulary, if it is tied to the embedding."""
        return {"embed_out.weight": f"{self.prefix}embed_in.weight"} if self.config.tie_word_embeddings else {}

    def table(self) -> Any:
        """Return the embedding."""
        return self.embed_in

    def started(
        self, input_ids: Tensor, padding: Tensor | None, position_ids: Tensor
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return the embedding, and cosine and sine of the positions."""
        return self.embed_in(input_ids), self.positions.op(position_ids)

    def finished(self, x: Tensor) -> Tensor:
        """Return the normalized hidden states."""
        return self.final_layer_norm(x)


def model(given: Mapping[str, object], architecture: str | None = None) -> GPTNeoX:
    """Return the model that a config describes."""
    config = read(GPTNeoXConfig, given)
    found = text_decoder(GPTNeoX, config, given, architecture)
    positions = parameters({"partial_rotary_factor": config.rotary_pct, **given}, config.rotary_emb_base)
    found.positions = rope(positions, config.head_size, config.max_position_embeddings)
    return found
