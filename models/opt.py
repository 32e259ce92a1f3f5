"""OPT: Zhang et al., 2022 (arXiv:2205.01068)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layercli import ops
from layercli.core.layer import Layer
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.layers.core.dense import Dense
from layercli.layers.core.embedding import Embedding
from layercli.layers.normalization.layer_normalization import LayerNormalization
from layercli.models.functions import activation, merge_heads, split_heads
from layercli.models.masks import attend, extended
from layercli.models.parallel import COLUMNS, ROWS, VOCABULARY, TensorParallelPlan, attention_plan
from layercli.models.reading import Count, Depth, Size, divided, read
from layercli.models.text_decoder import TextDecoder, text_decoder

OFFSET = 2
"""The row of the first position in the position embedding."""


@dataclass(frozen=True)
class OPTConfig:
    """The entries of ``config.json``; defaults are those of transformers."""

    vocab_size: Size = 50_272
    hidden_size: Size = 768
    num_hidden_layers: Depth = 12
    ffn_dim: Size = 3072
    max_position_embeddings: Size = 2048
    do_layer_norm_before: bool = True
    _remove_final_layer_norm: bool = False
    word_embed_proj_dim: Size | None = None
    num_attention_heads: Size = 12
    activation_function: str = "relu"
    enable_bias: bool = True
    layer_norm_elementwise_affine: bool = True
    tie_word_embeddings: bool = True
    pad_token_id: Count | None = 1

    @property
    def embedded(self) -> int:
        """The width of the embedding."""
        return self.hidden_size if self.word_embed_proj_dim is None else self.word_embed_proj_dim

    def normalization(self) -> LayerNormalization:
        """Return a normalization layer for the config."""
        affine = self.layer_norm_elementwise_affine
        return LayerNormalization(epsilon=1e-5, center=affine, scale=affine)


class OPTAttention(Layer):
    """Causal attention."""

    config: Any

    def setup(self) -> None:
        """Create the projections."""
        of = self.config
        names = ("q_proj", "k_proj", "v_proj", "out_proj")
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (
            Dense(of.hidden_size, use_bias=of.enable_bias) for _ in names
        )
        heads = ("num_attention_heads", of.num_attention_heads)
        self.head_size = divided("hidden_size", of.hidden_size, *heads)
        self.scale = self.head_size**-0.5

    def call(self, inputs: Tensor, mask: Tensor, past: tuple[Tensor, ...] | None = None) -> Any:
        """Return (batch, steps, width), and the new cache entries if ``past`` is given."""
        given = (self.q_proj(inputs), self.k_proj(inputs), self.v_proj(inputs))
        query, key, value = (split_heads(x, self.head_size) for x in given)
        key, value = kept = extended(past, key, value)
        x = self.out_proj(merge_heads(attend(query, key, value, mask, scale=self.scale)))
        return x if past is None else (x, kept)


class OPTBlock(Layer):
    """Attention and a feed-forward network, each added to its input and normalized before or after."""

    config: Any

    _described_once = True

    def setup(self) -> None:
        """Create the layers."""
        of = self.config
        self.self_attn, self.self_attn_layer_norm = OPTAttention(of), of.normalization()
        self.fc1, self.fc2 = Dense(of.ffn_dim, use_bias=of.enable_bias), Dense(of.hidden_size, use_bias=of.enable_bias)
        self.final_layer_norm = of.normalization()
        self.activate = activation(of.activation_function)

    def call(self, inputs: Tensor, mask: Tensor, others: Tensor, past: tuple[Tensor, ...] | None = None) -> Any:
        """Return (batch, steps, width), and the new cache entries if ``past`` is given."""
        first = self.config.do_layer_norm_before
        attended = self.self_attn(self.self_attn_layer_norm(inputs) if first else inputs, mask, past)
        attended, kept = (attended, None) if past is None else attended
        x = inputs + attended
        x = x if first else self.self_attn_layer_norm(x)
        x = x + self.fc2(self.activate(self.fc1(self.final_layer_norm(x) if first else x)))
        x = x if first else self.final_layer_norm(x)
        return x if past is None else (x, kept)


class OPT(TextDecoder):
    """OPT, from tokens to logits."""

    base_prefix = "model.decoder."
    outside = ("lm_head", "score")

    def setup(self) -> None:
        """Create the embeddings, the blocks and the head."""
        of = self.config
        self.prefix = "model.decoder." if self.head else "decoder."
        self.embed_tokens = Embedding(of.vocab_size, of.embedded)
        self.embed_positions = Embedding(of.max_position_embeddings + OFFSET, of.hidden_size)
        if of.embedded != of.hidden_size:
            self.project_in, self.project_out = (
                Dense(of.hidden_size, use_bias=False),
                Dense(of.embedded, use_bias=False),
            )
        self.blocks = [OPTBlock(of) for _ in range(of.num_hidden_layers)]
        self.normalized = of.do_layer_norm_before and not of._remove_final_layer_norm
        if self.normalized:
            self.final_layer_norm = of.normalization()
        self.setup_head(of.hidden_size)

    @property
    def plan(self) -> TensorParallelPlan:
        """How ranks share the layers."""
        network = {"fc1": COLUMNS, "fc2": ROWS, "embed_tokens": VOCABULARY, "lm_head": VOCABULARY}
        attention = attention_plan("q_proj", "k_proj", "v_proj", "out_proj")
        return TensorParallelPlan({**attention, **network}, (self.config.num_attention_heads,))

    @property
    def ties(self) -> Mapping[str, str]:
        """The projection to the vocabulary, if it is tied to the embedding."""
        return {"lm_head.weight": f"{self.prefix}embed_tokens.weight"} if self.config.tie_word_embeddings else {}

    @property
    def longest(self) -> int:
        """The number of learned positions."""
        return int(self.config.max_position_embeddings)

    def table(self) -> Any:
        """Return the embedding of tokens."""
        return self.embed_tokens

    def started(
        self, input_ids: Tensor, padding: Tensor | None, position_ids: Tensor
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return the sum of both embeddings; positions count the steps without padding, which has position -1."""
        if padding is not None:
            whole = ops.cast(padding, "int32")
            position_ids = (ops.cumsum(whole, axis=-1) * whole - 1)[:, -input_ids.shape[1] :]
        x = self.embed_tokens(input_ids)
        x = self.project_in(x) if self.config.embedded != self.config.hidden_size else x
        return x + self.embed_positions(position_ids + OFFSET), ()

    def finished(self, x: Tensor) -> Tensor:
        """Return the last hidden states, normalized and projected if the model does so."""
        x = self.final_layer_norm(x) if self.normalized else x
        return self.project_out(x) if self.config.embedded != self.config.hidden_size else x


def model(given: Mapping[str, object], architecture: str | None = None) -> OPT:
    """Return the model that a config describes."""
    return text_decoder(OPT, read(OPTConfig, given), given, architecture)
