"""ALBERT: Lan et al., 2019 (arXiv:1909.11942): BERT whose blocks share their weights, with narrow embeddings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layercli.core.layer import Layer
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.layers.core.dense import Dense
from layercli.layers.normalization.layer_normalization import LayerNormalization
from layercli.models.bert import Bert, BertConfig, BertHeads, encoder
from layercli.models.functions import activation
from layercli.models.parallel import COLUMNS, ROWS, TensorParallelPlan, attention_plan
from layercli.models.reading import Size, at_most, read


@dataclass(frozen=True)
class AlbertConfig(BertConfig):
    """The entries of ``config.json``; defaults are those of transformers."""

    vocab_size: Size = 30_000
    embedding_size: Size = 128
    hidden_size: Size = 4096
    num_hidden_groups: Size = 1
    num_attention_heads: Size = 64
    intermediate_size: Size = 16_384
    inner_group_num: Size = 1
    hidden_act: str = "gelu_new"


class AlbertAttention(BertHeads):
    """out = norm(dense(attention(x)) + x)."""

    def setup(self) -> None:
        """Create the projections and the normalization."""
        super().setup()
        self.dense = Dense(self.config.hidden_size)
        self.LayerNorm = LayerNormalization(epsilon=self.config.layer_norm_eps)

    def call(self, inputs: Tensor, mask: Tensor) -> Tensor:
        """Return (batch, steps, width)."""
        return self.LayerNorm(self.dense(super().call(inputs, mask)) + inputs)


class AlbertBlock(Layer):
    """Attention and a feed-forward network, each added to its input and normalized."""

    config: Any

    def setup(self) -> None:
        """Create the layers."""
        of = self.config
        self.attention = AlbertAttention(of)
        self.ffn, self.ffn_output = Dense(of.intermediate_size), Dense(of.hidden_size)
        self.full_layer_layer_norm = LayerNormalization(epsilon=of.layer_norm_eps)
        self.activate = activation(of.hidden_act)

    def call(self, inputs: Tensor, mask: Tensor) -> Tensor:
        """Return (batch, steps, width)."""
        x = self.attention(inputs, mask)
        return self.full_layer_layer_norm(self.ffn_output(self.activate(self.ffn(x))) + x)


class AlbertGroup(Layer):
    """Blocks that are applied one after the other."""

    config: Any

    def setup(self) -> None:
        """Create the blocks."""
        self.albert_layers = [AlbertBlock(self.config) for _ in range(self.config.inner_group_num)]

    def call(self, inputs: Tensor, mask: Tensor) -> Tensor:
        """Return (batch, steps, width)."""
        x = inputs
        for block in self.albert_layers:
            x = block(x, mask)
        return x


class AlbertEncoder(Layer):
    """The projection of the embeddings, and the groups, each applied several times."""

    config: Any

    def setup(self) -> None:
        """Create the projection and the groups."""
        of = self.config
        self.embedding_hidden_mapping_in = Dense(of.hidden_size)
        self.albert_layer_groups = [AlbertGroup(of) for _ in range(of.num_hidden_groups)]

    def call(self, inputs: Tensor, mask: Tensor) -> Tensor:
        """Return (batch, steps, width)."""
        depth, groups = self.config.num_hidden_layers, self.config.num_hidden_groups
        x = self.embedding_hidden_mapping_in(inputs)
        for i in range(depth):
            x = self.albert_layer_groups[i * groups // depth](x, mask)
        return x


class AlbertPooler(Dense):
    """out = tanh(kernel(the first step))."""

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, width)."""
        return super().call(inputs[:, 0])


class Albert(Bert):
    """ALBERT, from tokens (batch, steps) to the output of its head."""

    base_prefix = "albert."
    renamed = {**Bert.renamed, "vocabulary": "predictions", "transform": ""}
    outside = (*Bert.outside, "predictions")
    ignored = ("position_ids", "sop_classifier")

    @property
    def plan(self) -> TensorParallelPlan:
        """How ranks share the layers."""
        attention = attention_plan("query", "key", "value", "attention/dense")
        return TensorParallelPlan({**attention, "ffn": COLUMNS, "ffn_output": ROWS}, (self.config.num_attention_heads,))

    def create_blocks(self) -> None:
        """Create the encoder."""
        self.encoder = AlbertEncoder(self.config)

    def pooling(self) -> Layer:
        """Return the layer that makes one vector of a text."""
        return AlbertPooler(self.config.hidden_size, activation="tanh")

    def encoded(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Return the hidden states (batch, steps, width)."""
        return self.encoder(x, mask)


def model(given: Mapping[str, Any], architecture: str | None = None) -> Albert:
    """Return the model that a config describes; a model for pretraining returns the logits of tokens."""
    config = read(AlbertConfig, given)
    at_most("num_hidden_groups", config.num_hidden_groups, "num_hidden_layers", config.num_hidden_layers)
    found: Albert = encoder(Albert, config, given, architecture)
    return found
