"""BERT: Devlin et al., 2018 (arXiv:1810.04805); RoBERTa: Liu et al., 2019 (arXiv:1907.11692), which differs in its positions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from layercli import ops
from layercli.core.layer import Layer
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.layers.core.dense import Dense
from layercli.layers.core.embedding import Embedding
from layercli.layers.normalization.layer_normalization import LayerNormalization
from layercli.models.bert_heads import BertPooler, Vocabulary, embedding_width
from layercli.models.functions import activation, merge_heads, split_heads
from layercli.models.masks import attend, mask_of
from layercli.models.parallel import COLUMNS, TensorParallelPlan, attention_plan
from layercli.models.pretrained import Pretrained, head_of, labels_of
from layercli.models.reading import Count, Depth, Epsilon, Size, divided, read
from layercli.ops.core.axes import check_rank


@dataclass(frozen=True)
class BertConfig:
    """The entries of ``config.json``; defaults are those of transformers."""

    vocab_size: Size = 30_522
    hidden_size: Size = 768
    num_hidden_layers: Depth = 12
    num_attention_heads: Size = 12
    intermediate_size: Size = 3072
    hidden_act: str = "gelu"
    max_position_embeddings: Size = 512
    type_vocab_size: Size = 2
    layer_norm_eps: Epsilon = 1e-12
    pad_token_id: Count | None = 0
    tie_word_embeddings: bool = True


class BertEmbeddings(Layer):
    """The sum of the embeddings of tokens, positions and segments, normalized."""

    config: Any

    def setup(self) -> None:
        """Create the three tables."""
        of = self.config
        width = embedding_width(of)
        self.word_embeddings = Embedding(of.vocab_size, width)
        self.position_embeddings = Embedding(of.max_position_embeddings, width)
        self.token_type_embeddings = Embedding(of.type_vocab_size, width)
        self.LayerNorm = LayerNormalization(epsilon=of.layer_norm_eps)

    def call(self, input_ids: Tensor, token_type_ids: Tensor, position_ids: Tensor) -> Tensor:
        """Return (batch, steps, width)."""
        x = self.word_embeddings(input_ids) + self.token_type_embeddings(token_type_ids)
        return self.LayerNorm(x + self.position_embeddings(position_ids))


class BertHeads(Layer):
    """Attention in both directions, before its output projection."""

    config: Any

    def setup(self) -> None:
        """Create the projections."""
        of = self.config
        self.query, self.key, self.value = (Dense(of.hidden_size) for _ in range(3))
        heads = ("num_attention_heads", of.num_attention_heads)
        self.head_size = divided("hidden_size", of.hidden_size, *heads)
        self.scale = self.head_size**-0.5

    def call(self, inputs: Tensor, mask: Tensor) -> Tensor:
        """Return (batch, steps, width)."""
        given = (self.query(inputs), self.key(inputs), self.value(inputs))
        query, key, value = (split_heads(x, self.head_size) for x in given)
        return merge_heads(attend(query, key, value, mask, scale=self.scale, causal=False))


class Added(Layer):
    """out = norm(dense(x) + residual)."""

    config: Any

    def setup(self) -> None:
        """Create the projection and the normalization."""
        self.dense = Dense(self.config.hidden_size)
        self.LayerNorm = LayerNormalization(epsilon=self.config.layer_norm_eps)

    def call(self, inputs: Tensor, other: object) -> Tensor:
        """Return (batch, steps, width)."""
        return self.LayerNorm(self.dense(inputs) + other)


class BertAttention(Layer):
    """Attention, added to its input."""

    config: Any

    def setup(self) -> None:
        """Create both parts."""
        self.heads, self.output_ = BertHeads(self.config), Added(self.config)

    def call(self, inputs: Tensor, mask: Tensor) -> Tensor:
        """Return (batch, steps, width)."""
        return self.output_(self.heads(inputs, mask), inputs)


class Intermediate(Layer):
    """out = activation(dense(x))."""

    config: Any

    def setup(self) -> None:
        """Create the projection."""
        self.dense, self.activate = Dense(self.config.intermediate_size), activation(self.config.hidden_act)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, steps, hidden)."""
        return self.activate(self.dense(inputs))


class BertBlock(Layer):
    """Attention and a feed-forward network, each added to its input and normalized."""

    config: Any

    _described_once = True

    def setup(self) -> None:
        """Create the layers."""
        self.attention = BertAttention(self.config)
        self.intermediate, self.output_ = Intermediate(self.config), Added(self.config)

    def call(self, inputs: Tensor, mask: Tensor) -> Tensor:
        """Return (batch, steps, width)."""
        x = self.attention(inputs, mask)
        return self.output_(self.intermediate(x), x)


class Bert(Pretrained):
    """BERT, from tokens (batch, steps) to the output of its head.

    The head returns logits of tokens, of classes, of classes per step, or the start and end of an answer; without a head the
    hidden states and the pooled first step are returned.
    """

    config: Any
    head: str = ""
    classes: int = 0

    base_prefix = "bert."
    renamed = {"blocks": "encoder.layer", "heads": "self", "output_": "output", "vocabulary": "cls.predictions",
               "norm": "LayerNorm"}  # fmt: skip
    outside = cast("tuple[str, ...]", ("cls", "classifier", "qa_outputs", "lm_head"))
    ignored = ("position_ids", "cls.seq_relationship")
    pooled = cast("tuple[str, ...]", ("", "classes"))

    def setup(self) -> None:
        """Create the embeddings, the blocks and the head."""
        of, head = self.config, self.head
        self.prefix = self.base_prefix if head else ""
        self.embeddings = self.embedding()
        self.create_blocks()
        if head in self.pooled:
            self.pooler = self.pooling()
        if head == "tokens":
            self.vocabulary = Vocabulary(of)
        if head in ("classes", "steps"):
            self.classifier = self.classifying()
        if head == "answer":
            self.qa_outputs = Dense(2)

    @property
    def plan(self) -> TensorParallelPlan:
        """How ranks share the layers."""
        attention = attention_plan("heads/query", "heads/key", "heads/value", "output_/dense")
        return TensorParallelPlan({**attention, "intermediate/dense": COLUMNS}, (self.config.num_attention_heads,))

    def embedding(self) -> Any:
        """Return the layer of the embeddings."""
        return BertEmbeddings(self.config)

    def create_blocks(self) -> None:
        """Create the layers between the embeddings and the head."""
        self.blocks = [BertBlock(self.config) for _ in range(self.config.num_hidden_layers)]

    def pooling(self) -> Layer:
        """Return the layer that makes one vector of a text."""
        return BertPooler(self.config)

    def classifying(self) -> Layer:
        """Return the classification layer for texts or for steps."""
        return Dense(self.classes)

    @property
    def ties(self) -> Mapping[str, str]:
        """The projection to the vocabulary and its bias, which some files store twice."""
        place = self.renamed["vocabulary"]
        tied = {f"{place}.decoder.weight": f"{self.prefix}embeddings.word_embeddings.weight"}
        return {f"{place}.decoder.bias": f"{place}.bias", **(tied if self.config.tie_word_embeddings else {})}

    def positions(self, input_ids: Tensor) -> Tensor:
        """Return the rows of the position embedding."""
        return ops.expand_dims(ops.arange(input_ids.shape[1]), 0)

    def call(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, token_type_ids: Tensor | None = None
    ) -> Tensor:
        """Return the output of the head; ``attention_mask`` (batch, steps) is 0 for padding."""
        check_rank(input_ids, 2)
        kinds = ops.zeros_like(input_ids) if token_type_ids is None else token_type_ids
        x = self.embedded(self.embeddings(input_ids, kinds, self.positions(input_ids)))
        mask = mask_of(input_ids, input_ids, attention_mask, causal=False)
        return self.finished(self.encoded(x, mask))

    def encoded(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Return the hidden states (batch, steps, width)."""
        for block in self.blocks:
            x = block(x, mask)
        return x

    def embedded(self, x: Tensor) -> Tensor:
        """Return the input of the first block for the embeddings."""
        return x

    def finished(self, x: Tensor) -> Any:
        """Return the output of the head for the hidden states."""
        match self.head:
            case "tokens":
                x = self.vocabulary(x)
                if self.config.tie_word_embeddings:
                    x = ops.matmul(x, ops.transpose(self.embeddings.word_embeddings.embeddings))
                return x + self.vocabulary.bias
            case "classes":
                return self.classifier(self.pooler(x) if "classes" in self.pooled else x)
            case "steps":
                return self.classifier(x)
            case "answer":
                ends = self.qa_outputs(x)
                return ends[:, :, 0], ends[:, :, 1]
        return x, self.pooler(x)


HEADS = {
    "ForMaskedLM": "tokens",
    "ForPreTraining": "tokens",
    "ForSequenceClassification": "classes",
    "ForTokenClassification": "steps",
    "ForQuestionAnswering": "answer",
    "Model": "",
}
"""The head of an encoder, by the suffix of its class name."""


def encoder(kind: type, config: Any, given: Mapping[str, object], architecture: str | None) -> Any:
    """Return the encoder class with the head that ``architecture`` names."""
    head = head_of(architecture, HEADS, "Model")
    return kind(config, head, labels_of(given) if head in ("classes", "steps") else 0)


def model(given: Mapping[str, Any], architecture: str | None = None) -> Bert:
    """Return the model that a config describes; a model for pretraining returns the logits of tokens."""
    found: Bert = encoder(Bert, read(BertConfig, given), given, architecture)
    return found
