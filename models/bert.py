"""BERT: Devlin et al., 2018 (arXiv:1810.04805); RoBERTa: Liu et al., 2019 (arXiv:1907.11692), which differs in its positions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from layercli.models.functions import activation, merge_heads, split_heads
from layercli.models.masks import attend
from layercli.models.pretrained import Stored
from layercli.models.reading import Count, Depth, Size, divided

from layercli import ops
from layercli.core.layer import Layer
from layercli.layers.dense import Dense
from layercli.layers.embedding import Embedding
from layercli.layers.normalization import LayerNormalization


@dataclass(frozen=True)
class BertConfig:
    """What ``config.json`` says; the defaults are those of transformers."""

    vocab_size: Size = 30_522
    hidden_size: Size = 768
    num_hidden_layers: Depth = 12
    num_attention_heads: Size = 12
    intermediate_size: Size = 3072
    hidden_act: str = "gelu"
    max_position_embeddings: Size = 512
    type_vocab_size: Size = 2
    layer_norm_eps: float = 1e-12
    pad_token_id: Count | None = 0
    tie_word_embeddings: bool = True


class Embeddings(Layer):
    """The sum of the embeddings of tokens, positions and segments, normalized."""

    config: Any

    def setup(self) -> None:
        """Make the three tables."""
        of = self.config
        self.word_embeddings = Embedding(of.vocab_size, of.hidden_size)
        self.position_embeddings = Embedding(of.max_position_embeddings, of.hidden_size)
        self.token_type_embeddings = Embedding(of.type_vocab_size, of.hidden_size)
        self.LayerNorm = LayerNormalization(epsilon=of.layer_norm_eps)

    def call(self, input_ids: Any, token_type_ids: Any, position_ids: Any) -> Any:
        """Return (batch, steps, width)."""
        x = self.word_embeddings(input_ids) + self.token_type_embeddings(token_type_ids)
        return self.LayerNorm(x + self.position_embeddings(position_ids))


class Heads(Layer):
    """Attention in both directions, before its output projection."""

    config: Any

    def setup(self) -> None:
        """Make the projections."""
        of = self.config
        self.query, self.key, self.value = (Dense(of.hidden_size) for _ in range(3))
        heads = ("num_attention_heads", of.num_attention_heads)
        self.scale = divided("hidden_size", of.hidden_size, *heads) ** -0.5

    def call(self, inputs: Any, mask: Any) -> Any:
        """Return (batch, steps, width)."""
        given = (self.query(inputs), self.key(inputs), self.value(inputs))
        query, key, value = (split_heads(x, self.config.num_attention_heads) for x in given)
        return merge_heads(attend(query, key, value, mask, scale=self.scale, causal=False))


class Added(Layer):
    """out = norm(dense(x) + what it is added to)."""

    config: Any

    def setup(self) -> None:
        """Make the projection and the normalization."""
        self.dense = Dense(self.config.hidden_size)
        self.LayerNorm = LayerNormalization(epsilon=self.config.layer_norm_eps)

    def call(self, inputs: Any, other: Any) -> Any:
        """Return (batch, steps, width)."""
        return self.LayerNorm(self.dense(inputs) + other)


class Attention(Layer):
    """Attention, added to its input."""

    config: Any

    def setup(self) -> None:
        """Make both parts."""
        self.heads, self.output_ = Heads(self.config), Added(self.config)

    def call(self, inputs: Any, mask: Any) -> Any:
        """Return (batch, steps, width)."""
        return self.output_(self.heads(inputs, mask), inputs)


class Intermediate(Layer):
    """out = activation(dense(x))."""

    config: Any

    def setup(self) -> None:
        """Make the projection."""
        self.dense, self.activate = Dense(self.config.intermediate_size), activation(self.config.hidden_act)

    def call(self, inputs: Any) -> Any:
        """Return (batch, steps, hidden)."""
        return self.activate(self.dense(inputs))


class Block(Layer):
    """Attention and a feed-forward network, each added to its input and normalized."""

    config: Any

    def setup(self) -> None:
        """Make the layers."""
        self.attention = Attention(self.config)
        self.intermediate, self.output_ = Intermediate(self.config), Added(self.config)

    def call(self, inputs: Any, mask: Any) -> Any:
        """Return (batch, steps, width)."""
        x = self.attention(inputs, mask)
        return self.output_(self.intermediate(x), x)


class Pooler(Layer):
    """out = tanh(dense(the first step))."""

    config: Any

    def setup(self) -> None:
        """Make the projection."""
        self.dense = Dense(self.config.hidden_size)

    def call(self, inputs: Any) -> Any:
        """Return (batch, width)."""
        return ops.tanh(self.dense(inputs[:, 0]))


class Vocabulary(Layer):
    """out = norm(activation(dense(x))) @ embedding + bias."""

    config: Any
    flat: bool = False

    def setup(self) -> None:
        """Make the transform; ``flat`` has it beside the bias, as RoBERTa calls it."""
        of = self.config
        self.dense, self.norm = Dense(of.hidden_size), LayerNormalization(epsilon=of.layer_norm_eps)
        self.activate = activation("gelu" if self.flat else of.hidden_act)
        if not of.tie_word_embeddings:
            self.decoder = Dense(of.vocab_size, use_bias=False)

    def build(self, input_shape: Any, table_shape: Any) -> None:
        """Make the bias, one value a token."""
        self.bias = self.add_weight("bias", (self.config.vocab_size,), "zeros")

    def stored(self, key: str) -> Stored:
        """Return where the bias is: beside the transform, and in some files in the decoder."""
        return Stored(("bias",), replaced=("decoder.bias",))

    def call(self, inputs: Any, table: Any) -> Any:
        """Return (batch, steps, vocabulary)."""
        x = self.norm(self.activate(self.dense(inputs)))
        x = ops.matmul(x, ops.transpose(table)) if self.config.tie_word_embeddings else self.decoder(x)
        return x + self.bias
