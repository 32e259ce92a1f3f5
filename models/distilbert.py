"""DistilBERT: Sanh et al., 2019 (arXiv:1910.01108): BERT with half the blocks, and neither segments nor a pooler."""

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
from layercli.models.bert import encoder
from layercli.models.functions import activation, merge_heads, split_heads
from layercli.models.masks import attend, mask_of
from layercli.models.parallel import COLUMNS, ROWS, TensorParallelPlan, attention_plan
from layercli.models.pretrained import Pretrained, PretrainedStored
from layercli.models.reading import Count, Depth, Size, divided, read
from layercli.ops.core.axes import check_rank


@dataclass(frozen=True)
class DistilBertConfig:
    """The entries of ``config.json``; defaults are those of transformers."""

    vocab_size: Size = 30_522
    max_position_embeddings: Size = 512
    n_layers: Depth = 6
    n_heads: Size = 12
    dim: Size = 768
    hidden_dim: Size = 3072
    activation: str = "gelu"
    tie_word_embeddings: bool = True
    pad_token_id: Count | None = 0

    aliases = {"n_layers": ("num_hidden_layers",), "n_heads": ("num_attention_heads",), "dim": ("hidden_size",)}


class DistilBertEmbeddings(Layer):
    """The sum of the embeddings of tokens and positions, normalized."""

    config: Any

    def setup(self) -> None:
        """Create the two tables."""
        of = self.config
        self.word_embeddings = Embedding(of.vocab_size, of.dim)
        self.position_embeddings = Embedding(of.max_position_embeddings, of.dim)
        self.LayerNorm = LayerNormalization(epsilon=1e-12)

    def call(self, input_ids: Tensor, position_ids: Tensor) -> Tensor:
        """Return (batch, steps, width)."""
        return self.LayerNorm(self.word_embeddings(input_ids) + self.position_embeddings(position_ids))


class DistilBertAttention(Layer):
    """Attention in both directions."""

    config: Any

    def setup(self) -> None:
        """Create the projections."""
        self.q_lin, self.k_lin, self.v_lin, self.out_lin = (Dense(self.config.dim) for _ in range(4))
        self.head_size = divided("dim", self.config.dim, "n_heads", self.config.n_heads)
        self.scale = self.head_size**-0.5

    def call(self, inputs: Tensor, mask: Tensor) -> Tensor:
        """Return (batch, steps, width)."""
        given = (self.q_lin(inputs), self.k_lin(inputs), self.v_lin(inputs))
        query, key, value = (split_heads(x, self.head_size) for x in given)
        return self.out_lin(merge_heads(attend(query, key, value, mask, scale=self.scale, causal=False)))


class DistilBertFeedForward(Layer):
    """out = lin2(activation(lin1(x)))."""

    config: Any

    def setup(self) -> None:
        """Create the projections."""
        self.lin1, self.lin2 = Dense(self.config.hidden_dim), Dense(self.config.dim)
        self.activate = activation(self.config.activation)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, steps, width)."""
        return self.lin2(self.activate(self.lin1(inputs)))


class DistilBertBlock(Layer):
    """Attention and a feed-forward network, each added to its input and normalized."""

    config: Any

    _described_once = True

    def setup(self) -> None:
        """Create the layers."""
        self.attention, self.sa_layer_norm = DistilBertAttention(self.config), LayerNormalization(epsilon=1e-12)
        self.ffn, self.output_layer_norm = DistilBertFeedForward(self.config), LayerNormalization(epsilon=1e-12)

    def call(self, inputs: Tensor, mask: Tensor) -> Tensor:
        """Return (batch, steps, width)."""
        x = self.sa_layer_norm(self.attention(inputs, mask) + inputs)
        return self.output_layer_norm(self.ffn(x) + x)


class Bias(Layer):
    """The bias of the projection to the vocabulary, whose kernel is the embedding."""

    size: int

    def build(self, input_shape: object) -> None:
        """Create the bias."""
        self.bias = self.add_weight("bias", (self.size,), "zeros")

    def stored(self, key: str) -> PretrainedStored:
        """Return its name."""
        return PretrainedStored((key,))

    def call(self, inputs: Tensor) -> Tensor:
        """Return the sum."""
        return inputs + self.bias


class DistilBert(Pretrained):
    """DistilBERT, from tokens (batch, steps) to the output of its head; heads as in ``Bert``."""

    config: Any
    head: str = ""
    classes: int = 0

    base_prefix = "distilbert."
    renamed = {"blocks": "transformer.layer"}
    outside = ("vocab_transform", "vocab_layer_norm", "vocab_projector", "pre_classifier", "classifier", "qa_outputs")
    ignored = ("position_ids",)

    def setup(self) -> None:
        """Create the embeddings, the blocks and the head."""
        of, head = self.config, self.head
        self.prefix = self.base_prefix if head else ""
        self.embeddings = DistilBertEmbeddings(of)
        self.blocks = [DistilBertBlock(of) for _ in range(of.n_layers)]
        if head == "tokens":
            self.vocab_transform, self.vocab_layer_norm = Dense(of.dim), LayerNormalization(epsilon=1e-12)
            self.vocab_projector = Bias(of.vocab_size) if of.tie_word_embeddings else Dense(of.vocab_size)
        if head == "classes":
            self.pre_classifier = Dense(of.dim, activation="relu")
        if head in ("classes", "steps"):
            self.classifier = Dense(self.classes)
        if head == "answer":
            self.qa_outputs = Dense(2)
        self.activate = activation(of.activation)

    @property
    def plan(self) -> TensorParallelPlan:
        """How ranks share the layers."""
        attention = attention_plan("q_lin", "k_lin", "v_lin", "out_lin")
        return TensorParallelPlan({**attention, "lin1": COLUMNS, "lin2": ROWS}, (self.config.n_heads,))

    @property
    def ties(self) -> Mapping[str, str]:
        """The projection to the vocabulary, if it is tied to the embedding."""
        tied = {"vocab_projector.weight": f"{self.prefix}embeddings.word_embeddings.weight"}
        return tied if self.config.tie_word_embeddings else {}

    def call(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """Return the output of the head; ``attention_mask`` (batch, steps) is 0 for padding."""
        check_rank(input_ids, 2)
        x = self.embeddings(input_ids, ops.expand_dims(ops.arange(input_ids.shape[1]), 0))
        mask = mask_of(input_ids, input_ids, attention_mask, causal=False)
        for block in self.blocks:
            x = block(x, mask)
        return self.finished(x)

    def finished(self, x: Tensor) -> Any:
        """Return the output of the head for the hidden states."""
        match self.head:
            case "tokens":
                x = self.vocab_layer_norm(self.activate(self.vocab_transform(x)))
                if self.config.tie_word_embeddings:
                    x = ops.matmul(x, ops.transpose(self.embeddings.word_embeddings.embeddings))
                return self.vocab_projector(x)
            case "classes":
                return self.classifier(self.pre_classifier(x[:, 0]))
            case "steps":
                return self.classifier(x)
            case "answer":
                ends = self.qa_outputs(x)
                return ends[:, :, 0], ends[:, :, 1]
        return x


def model(given: Mapping[str, object], architecture: str | None = None) -> DistilBert:
    """Return the model that a config describes."""
    found: DistilBert = encoder(DistilBert, read(DistilBertConfig, given), given, architecture)
    return found
