"""BLOOM: BigScience Workshop, 2022 (arXiv:2211.05100): a distance bias on the scores (ALiBi) instead of positions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layercli.core.layer import Layer
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.layers.core.dense import Dense
from layercli.layers.core.embedding import Embedding
from layercli.layers.normalization.layer_normalization import LayerNormalization
from layercli.models.functions import merge_heads, tanh_gelu
from layercli.models.masks import attend, extended
from layercli.models.parallel import COLUMNS, ROWS, VOCABULARY, TensorParallelPlan
from layercli.models.reading import Count, Depth, Epsilon, Size, divided, read
from layercli.models.text_decoder import TextDecoder, alibi, fused_heads, sources_of, text_decoder


@dataclass(frozen=True)
class BloomConfig:
    """The entries of ``config.json``; defaults are those of transformers."""

    vocab_size: Size = 250_880
    hidden_size: Size = 64
    n_layer: Depth = 2
    n_head: Size = 8
    layer_norm_epsilon: Epsilon = 1e-5
    apply_residual_connection_post_layernorm: bool = False
    tie_word_embeddings: bool = True
    pad_token_id: Count | None = None

    aliases = {
        "hidden_size": ("n_embed",),
        "n_layer": ("num_hidden_layers",),
        "n_head": ("num_attention_heads",),
    }


class BloomAttention(Layer):
    """Causal attention with a distance bias; one projection holds query, key and value of each head."""

    config: Any

    def setup(self) -> None:
        """Create the projections."""
        of = self.config
        self.query_key_value, self.dense = Dense(3 * of.hidden_size), Dense(of.hidden_size)
        self.head_size = divided("hidden_size", of.hidden_size, "n_head", of.n_head)
        self.scale = self.head_size**-0.5

    def call(self, inputs: Tensor, mask: Tensor, bias: Tensor, past: tuple[Tensor, ...] | None = None) -> Any:
        """Return (batch, steps, width), and the new cache entries if ``past`` is given."""
        query, key, value = fused_heads(self.query_key_value(inputs), self.head_size, 1)
        key, value = kept = extended(past, key, value)
        x = self.dense(merge_heads(attend(query, key, value, mask, scale=self.scale, bias=bias)))
        return x if past is None else (x, kept)


class BloomFeedForward(Layer):
    """out = 4h_to_h(gelu(h_to_4h(x)))."""

    config: Any

    def setup(self) -> None:
        """Create the projections."""
        self.dense_h_to_4h, self.dense_4h_to_h = Dense(4 * self.config.hidden_size), Dense(self.config.hidden_size)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, steps, width)."""
        return self.dense_4h_to_h(tanh_gelu(self.dense_h_to_4h(inputs)))


class BloomBlock(Layer):
    """Attention and a feed-forward network on normalized inputs, each with a residual from before or after the norm."""

    config: Any

    _described_once = True

    def setup(self) -> None:
        """Create the layers."""
        epsilon = self.config.layer_norm_epsilon
        self.input_layernorm, self.self_attention = LayerNormalization(epsilon=epsilon), BloomAttention(self.config)
        self.post_attention_layernorm, self.mlp = LayerNormalization(epsilon=epsilon), BloomFeedForward(self.config)

    def call(self, inputs: Tensor, mask: Tensor, others: Any, past: tuple[Tensor, ...] | None = None) -> Any:
        """Return (batch, steps, width), and the new cache entries if ``past`` is given."""
        after = self.config.apply_residual_connection_post_layernorm
        normalized = self.input_layernorm(inputs)
        attended = self.self_attention(normalized, mask, *others, past)
        attended, kept = (attended, None) if past is None else attended
        x = (normalized if after else inputs) + attended
        normalized = self.post_attention_layernorm(x)
        x = (normalized if after else x) + self.mlp(normalized)
        return x if past is None else (x, kept)


class Bloom(TextDecoder):
    """BLOOM, from tokens to logits."""

    base_prefix = "transformer."
    renamed = {"blocks": "h"}
    outside = ("lm_head", "score")
    counts_sources = True

    def setup(self) -> None:
        """Create the embedding, the blocks, the normalizations and the head."""
        of = self.config
        self.prefix = "transformer." if self.head else ""
        self.word_embeddings = Embedding(of.vocab_size, of.hidden_size)
        self.word_embeddings_layernorm = LayerNormalization(epsilon=of.layer_norm_epsilon)
        self.blocks = [BloomBlock(of) for _ in range(of.n_layer)]
        self.ln_f = LayerNormalization(epsilon=of.layer_norm_epsilon)
        self.setup_head(of.hidden_size)

    @property
    def plan(self) -> TensorParallelPlan:
        """How ranks share the layers."""
        network = {"dense_h_to_4h": COLUMNS, "dense_4h_to_h": ROWS}
        return TensorParallelPlan({**network, "word_embeddings": VOCABULARY, "lm_head": VOCABULARY})

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
        """Return the normalized embedding, and the bias of the scores."""
        bias = alibi(self.config.n_head, sources_of(padding, position_ids))
        return self.word_embeddings_layernorm(self.word_embeddings(input_ids)), (bias,)

    def finished(self, x: Tensor) -> Tensor:
        """Return the normalized hidden states."""
        return self.ln_f(x)


def model(given: Mapping[str, object], architecture: str | None = None) -> Bloom:
    """Return the model that a config describes."""
    return text_decoder(Bloom, read(BloomConfig, given), given, architecture)
