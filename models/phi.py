"""Phi-1 and 2: Li et al., "Textbooks Are All You Need II", 2023 (arXiv:2309.05463): parallel attention and feed-forward."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layercli.core.layer import Layer
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.layers.core.dense import Dense
from layercli.layers.core.embedding import Embedding
from layercli.layers.normalization.layer_normalization import LayerNormalization
from layercli.models.functions import activation, merge_heads, split_heads
from layercli.models.masks import attend, extended
from layercli.models.parallel import COLUMNS, ROWS, VOCABULARY, TensorParallelPlan, attention_plan
from layercli.models.reading import Count, Depth, Epsilon, Size, divided, read
from layercli.models.rope import Rope, parameters, rope
from layercli.models.text_decoder import TextDecoder, text_decoder
from layercli.ops.nn.rotary_embedding import Rotate


@dataclass(frozen=True)
class PhiConfig:
    """The entries of ``config.json``; defaults are those of transformers."""

    vocab_size: Size = 51_200
    hidden_size: Size = 2048
    intermediate_size: Size = 8192
    num_hidden_layers: Depth = 24
    num_attention_heads: Size = 32
    num_key_value_heads: Size | None = None
    hidden_act: str = "gelu_new"
    max_position_embeddings: Size = 2048
    layer_norm_eps: Epsilon = 1e-5
    qk_layernorm: bool = False
    tie_word_embeddings: bool = False
    pad_token_id: Count | None = None

    @property
    def head_size(self) -> int:
        """The number of features of a head."""
        return divided("hidden_size", self.hidden_size, "num_attention_heads", self.num_attention_heads)

    @property
    def key_heads(self) -> int:
        """The number of key and value heads."""
        given = self.num_attention_heads if self.num_key_value_heads is None else self.num_key_value_heads
        divided("num_attention_heads", self.num_attention_heads, "num_key_value_heads", given)
        return given


class PhiAttention(Layer):
    """Causal attention with rotary positions."""

    config: Any

    def setup(self) -> None:
        """Create the projections."""
        of = self.config
        self.q_proj = Dense(of.hidden_size)
        self.k_proj, self.v_proj = Dense(of.key_heads * of.head_size), Dense(of.key_heads * of.head_size)
        self.dense = Dense(of.hidden_size)
        if of.qk_layernorm:
            self.q_layernorm = LayerNormalization(epsilon=of.layer_norm_eps)
            self.k_layernorm = LayerNormalization(epsilon=of.layer_norm_eps)
        self.head_size = of.head_size
        self.rotate, self.scale = Rotate(), self.head_size**-0.5

    def call(
        self, inputs: Tensor, mask: Tensor, cosine: Tensor, sine: Tensor, past: tuple[Tensor, ...] | None = None
    ) -> Any:
        """Return (batch, steps, width), and the new cache entries if ``past`` is given."""
        of = self.config
        given = (self.q_proj(inputs), self.k_proj(inputs), self.v_proj(inputs))
        query, key, value = (split_heads(x, self.head_size) for x in given)
        if of.qk_layernorm:
            query, key = self.q_layernorm(query), self.k_layernorm(key)
        query, key = self.rotate(query, cosine, sine), self.rotate(key, cosine, sine)
        key, value = kept = extended(past, key, value)
        x = self.dense(merge_heads(attend(query, key, value, mask, scale=self.scale)))
        return x if past is None else (x, kept)


class PhiFeedForward(Layer):
    """out = fc2(activation(fc1(x)))."""

    config: Any

    def setup(self) -> None:
        """Create the projections."""
        self.fc1, self.fc2 = Dense(self.config.intermediate_size), Dense(self.config.hidden_size)
        self.activate = activation(self.config.hidden_act)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, steps, width)."""
        return self.fc2(self.activate(self.fc1(inputs)))


class PhiBlock(Layer):
    """Attention and a feed-forward network of the same normalized input, both added to the input."""

    config: Any

    _described_once = True

    def setup(self) -> None:
        """Create the layers."""
        self.input_layernorm = LayerNormalization(epsilon=self.config.layer_norm_eps)
        self.self_attn, self.mlp = PhiAttention(self.config), PhiFeedForward(self.config)

    def call(self, inputs: Tensor, mask: Tensor, others: Any, past: tuple[Tensor, ...] | None = None) -> Any:
        """Return (batch, steps, width), and the new cache entries if ``past`` is given."""
        normalized = self.input_layernorm(inputs)
        attended = self.self_attn(normalized, mask, *others, past)
        attended, kept = (attended, None) if past is None else attended
        x = attended + self.mlp(normalized) + inputs
        return x if past is None else (x, kept)


class Phi(TextDecoder):
    """Phi, from tokens to logits."""

    base_prefix = "model."
    outside = ("lm_head", "score")
    ignored = ("rotary_emb.inv_freq",)

    def setup(self) -> None:
        """Create the embedding, the blocks, the last normalization and the head."""
        self.positions: Rope  # which ``model`` sets, from the whole config
        of = self.config
        self.prefix = "model." if self.head else ""
        self.embed_tokens = Embedding(of.vocab_size, of.hidden_size)
        self.blocks = [PhiBlock(of) for _ in range(of.num_hidden_layers)]
        self.final_layernorm = LayerNormalization(epsilon=of.layer_norm_eps)
        self.setup_head(of.hidden_size, use_bias=True)

    @property
    def plan(self) -> TensorParallelPlan:
        """How ranks share the layers."""
        network = {"fc1": COLUMNS, "fc2": ROWS, "embed_tokens": VOCABULARY, "lm_head": VOCABULARY}
        attention = attention_plan("q_proj", "k_proj", "v_proj", "self_attn/dense")
        return TensorParallelPlan({**attention, **network}, (self.config.num_attention_heads,), self.config.key_heads)

    def table(self) -> Any:
        """Return the embedding."""
        return self.embed_tokens

    def started(
        self, input_ids: Tensor, padding: Tensor | None, position_ids: Tensor
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return the embedding, and cosine and sine of the positions."""
        return self.embed_tokens(input_ids), self.positions.op(position_ids)

    def finished(self, x: Tensor) -> Tensor:
        """Return the normalized hidden states."""
        return self.final_layernorm(x)


def model(given: Mapping[str, object], architecture: str | None = None) -> Phi:
    """Return the model that a config describes."""
    config = read(PhiConfig, given)
    found = text_decoder(Phi, config, given, architecture)
    positions = parameters({"partial_rotary_factor": 0.5, **given})
    found.positions = rope(positions, config.head_size, config.max_position_embeddings)
    return found
