"""RoBERTa: Liu et al., 2019 (arXiv:1907.11692): BERT with positions that start after the padding index."""

from __future__ import annotations

from collections.abc import Mapping

from layercli import ops
from layercli.core.layer import Layer
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.layers.core.dense import Dense
from layercli.models.bert import Bert, BertConfig, encoder
from layercli.models.bert_heads import Classifier
from layercli.models.reading import Count, Size, read


@dataclass(frozen=True)
class RobertaConfig(BertConfig):
    """The entries of ``config.json``; defaults are those of transformers."""

    vocab_size: Size = 50_265
    pad_token_id: Count | None = 1


@dataclass(frozen=True)
class XlmRobertaConfig(RobertaConfig):
    """The entries of XLM-RoBERTa (Conneau et al., 2019, arXiv:1911.02116) and CamemBERT (arXiv:1911.03894)."""

    vocab_size: Size = 30_522


class Roberta(Bert):
    """RoBERTa, from tokens (batch, steps) to the output of its head."""

    base_prefix = "roberta."
    renamed = {**Bert.renamed, "vocabulary": "lm_head", "transform": "", "norm": "layer_norm"}
    pooled = ("",)

    def classifying(self) -> Layer:
        """Return the classification layer for texts (two projections) or for steps."""
        return Classifier(self.config, self.classes) if self.head == "classes" else Dense(self.classes)

    def positions(self, input_ids: Tensor) -> Tensor:
        """Return the rows of the position embedding: each step's number among the non-padding ones, after the padding row."""
        pad = self.config.pad_token_id or 0
        whole = ops.cast(ops.not_equal(input_ids, pad), "int32")
        return ops.cumsum(whole, axis=-1) * whole + pad


def model(given: Mapping[str, object], architecture: str | None = None) -> Roberta:
    """Return the model that a config describes."""
    config = RobertaConfig if given.get("model_type") == "roberta" else XlmRobertaConfig
    found: Roberta = encoder(Roberta, read(config, given), given, architecture)
    return found
