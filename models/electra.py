"""ELECTRA: Clark et al., 2020 (arXiv:2003.10555): BERT with narrow embeddings, whose discriminator finds replaced tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layercli import ops
from layercli.core.layer import Layer
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.layers.core.dense import Dense
from layercli.layers.normalization.layer_normalization import LayerNormalization
from layercli.models import bert
from layercli.models.bert import Bert, BertConfig
from layercli.models.distilbert import Bias
from layercli.models.functions import activation
from layercli.models.pretrained import UnknownArchitectureError, head_of, labels_of
from layercli.models.reading import Size, read

HEADS = {**bert.HEADS, "ForPreTraining": "replaced"}
"""The head, by the suffix of the class name."""


@dataclass(frozen=True)
class ElectraConfig(BertConfig):
    """The entries of ``config.json``; defaults are those of transformers."""

    embedding_size: Size = 128
    hidden_size: Size = 256
    num_attention_heads: Size = 4
    intermediate_size: Size = 1024


class ReplacedTokens(Layer):
    """out = dense_prediction(activation(dense(x))), one logit for each step: whether its token was replaced."""

    config: Any

    def setup(self) -> None:
        """Create both projections."""
        self.dense, self.dense_prediction = Dense(self.config.hidden_size), Dense(1)
        self.activate = activation(self.config.hidden_act)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, steps)."""
        return ops.squeeze(self.dense_prediction(self.activate(self.dense(inputs))), axis=-1)


class GeneratorTransform(Layer):
    """out = norm(gelu(dense(x))), as wide as the embeddings."""

    config: Any

    def setup(self) -> None:
        """Create the projection and the normalization."""
        of = self.config
        self.dense, self.norm = Dense(of.embedding_size), LayerNormalization(epsilon=of.layer_norm_eps)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, steps, width of the embeddings)."""
        return self.norm(ops.gelu(self.dense(inputs), approximate=False))


class ElectraClassifier(Layer):
    """out = out_proj(gelu(dense(the first step)))."""

    config: Any
    classes: int

    def setup(self) -> None:
        """Create both projections."""
        self.dense, self.out_proj = Dense(self.config.hidden_size), Dense(self.classes)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, classes)."""
        return self.out_proj(ops.gelu(self.dense(inputs[:, 0]), approximate=False))


class Electra(Bert):
    """ELECTRA, from tokens (batch, steps) to the output of its head; without a head to the hidden states."""

    base_prefix = "electra."
    renamed = {**Bert.renamed, "vocabulary": "generator_lm_head"}
    outside = (*Bert.outside, "generator_predictions", "generator_lm_head", "discriminator_predictions")
    pooled = ()

    def setup(self) -> None:
        """Create the layers of BERT, and the projection of the embeddings to the width of the blocks."""
        super().setup()
        of = self.config
        if of.embedding_size != of.hidden_size:
            self.embeddings_project = Dense(of.hidden_size)
        if self.head == "tokens":
            self.generator_predictions = GeneratorTransform(of)
            self.vocabulary: Any = Bias(of.vocab_size)
        if self.head == "replaced":
            self.discriminator_predictions = ReplacedTokens(of)

    def classifying(self) -> Layer:
        """Return the classification layer for texts (two projections) or for steps."""
        return ElectraClassifier(self.config, self.classes) if self.head == "classes" else Dense(self.classes)

    @property
    def ties(self) -> Mapping[str, str]:
        """The projection of the generator to the vocabulary, which is the embedding."""
        return {"generator_lm_head.weight": f"{self.prefix}embeddings.word_embeddings.weight"}

    def embedded(self, x: Tensor) -> Tensor:
        """Return the input of the first block for the embeddings."""
        return x if self.config.embedding_size == self.config.hidden_size else self.embeddings_project(x)

    def finished(self, x: Tensor) -> Any:
        """Return the output of the head for the hidden states."""
        match self.head:
            case "tokens":
                x = self.generator_predictions(x)
                return self.vocabulary(ops.matmul(x, ops.transpose(self.embeddings.word_embeddings.embeddings)))
            case "replaced":
                return self.discriminator_predictions(x)
            case "":
                return x
        return super().finished(x)


def model(given: Mapping[str, Any], architecture: str | None = None) -> Electra:
    """Return the model that a config describes."""
    config, head = read(ElectraConfig, given), head_of(architecture, HEADS, "Model")
    if head == "tokens" and not config.tie_word_embeddings:
        raise UnknownArchitectureError(
            "layercli does not implement ELECTRA generators with tie_word_embeddings = false"
        )
    return Electra(config, head, labels_of(given) if head in ("classes", "steps") else 0)
