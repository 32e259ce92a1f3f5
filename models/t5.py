"""T5: Raffel et al., 2019 (arXiv:1910.10683); with gated feed-forward networks T5 1.1 and FLAN-T5."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from layercli import ops
from layercli.core import dims
from layercli.core.dims import Dim
from layercli.core.spec import Spec
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.errors import FormatError
from layercli.layers.core.dense import Dense
from layercli.layers.core.embedding import Embedding
from layercli.models.masks import Cache, mask_of
from layercli.models.parallel import COLUMNS, ROWS, TensorParallelPlan, attention_plan
from layercli.models.pretrained import Pretrained, head_of
from layercli.models.reading import Count, Depth, Epsilon, Size, read
from layercli.models.t5_stack import T5Stack
from layercli.ops.core.axes import check_rank


@dataclass(frozen=True)
class T5Config:
    """The entries of ``config.json``; defaults are those of transformers."""

    vocab_size: Size = 32_128
    d_model: Size = 512
    d_kv: Size = 64
    d_ff: Size = 2048
    num_layers: Depth = 6
    num_decoder_layers: Depth | None = None
    num_heads: Size = 8
    relative_attention_num_buckets: Size = 32
    relative_attention_max_distance: Size = 128
    layer_norm_epsilon: Epsilon = 1e-6
    feed_forward_proj: str = "relu"
    tie_word_embeddings: bool = True
    scale_decoder_outputs: bool | None = None
    decoder_start_token_id: Count | None = None

    own_biases: ClassVar[bool] = False
    """Whether each block has a position bias of its own, not only the first."""

    @property
    def tied(self) -> bool:
        """Whether the embedding projects to the vocabulary, from scaled outputs.

        transformers 5 writes T5 1.1, whose projection is its own, as tied and not scaled.
        """
        return self.tie_word_embeddings and self.scale_decoder_outputs is not False

    @property
    def gated(self) -> bool:
        """Whether the feed-forward networks are gated."""
        return self.feed_forward_proj.startswith("gated-")

    @property
    def activation(self) -> str:
        """The activation of the feed-forward networks; ``gated-gelu`` means the tanh approximation."""
        if self.feed_forward_proj == "gated-gelu":
            return "gelu_new"
        return self.feed_forward_proj.removeprefix("gated-")


class T5(Pretrained):
    """T5, from encoder and decoder tokens to logits, or to the decoder's hidden states; with ``cache`` also the next cache.

    ``input_ids`` are None with the cache of an earlier call.
    """

    config: Any
    head: bool = True

    is_encoder_decoder = True
    renamed = {"blocks": "block"}
    ignored = ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight",
               "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight")  # fmt: skip

    def setup(self) -> None:
        """Create the shared embedding, both stacks and the head."""
        of = self.config
        self.shared = Embedding(of.vocab_size, of.d_model)
        self.encoder = T5Stack(of, of.num_layers, False)
        self.decoder = T5Stack(of, of.num_decoder_layers or of.num_layers, True)
        if self.head and not of.tied:
            self.lm_head = Dense(of.vocab_size, use_bias=False)

    @property
    def predicts_tokens(self) -> bool:
        """Whether the head projects to the vocabulary."""
        return bool(self.head)

    @property
    def plan(self) -> TensorParallelPlan:
        """How ranks share the layers."""
        return plan_of(self.config)

    @property
    def ties(self) -> Mapping[str, str]:
        """The projection to the vocabulary, if it is tied to the embedding."""
        return {"lm_head.weight": "shared.weight"} if self.config.tied else {}

    def other_names(self, name: str) -> tuple[str, ...]:
        """Return the name of the embedding for a projection that a file holds as one with it."""
        return ("shared.weight",) if name == "lm_head.weight" else ()

    def call(
        self,
        input_ids: Any,
        decoder_input_ids: Tensor,
        attention_mask: Tensor | None = None,
        cache: Cache | None = None,
    ) -> Any:
        """Return (batch, decoder's steps, vocabulary); ``attention_mask`` (batch, steps) is 0 for padding."""
        check_rank(decoder_input_ids, 2)
        sources, cross = None, None
        if not cache:
            sources = encoded(self, input_ids, attention_mask)
        if attention_mask is not None:
            cross = mask_of(decoder_input_ids, attention_mask, attention_mask, causal=False)
        steps = distances(decoder_input_ids.shape[1], cache[0][0].shape[1] if cache else 0)
        causal = ops.reshape(ops.less_equal(steps, 0), (1, 1, *steps.shape))
        x, kept = self.decoder(self.shared(decoder_input_ids), causal, steps, sources, cross, cache)
        x = self.projected(x)
        return x if cache is None else (x, kept)

    def projected(self, x: Tensor) -> Tensor:
        """Return the output of the head for the decoder's hidden states."""
        if not self.head:
            return x
        if not self.config.tied:
            return self.lm_head(x)
        return ops.matmul(x * self.config.d_model**-0.5, ops.transpose(self.shared.embeddings))

    def example_input(self) -> list[Spec]:
        """Return B texts of T tokens, and S decoder tokens."""
        batch = Dim.named(dims.BATCH)
        return [Spec((batch, Dim.named("T")), "int32"), Spec((batch, Dim.named("S")), "int32")]


def distances(steps: Size, past: Size = 0) -> Tensor:
    """Return the distance of each source behind each target (targets, sources); ``past`` sources precede the targets."""
    return ops.expand_dims(ops.arange(past + steps), 0) - ops.expand_dims(ops.arange(past, past + steps), 1)


class T5Encoder(Pretrained):
    """The encoder alone, from tokens (batch, steps) to hidden states; pictures are made from those of a text."""

    config: Any

    renamed = T5.renamed
    ignored = ("encoder.embed_tokens.weight", "decoder.", "lm_head.weight")

    def setup(self) -> None:
        """Create the embedding and the blocks."""
        self.shared = Embedding(self.config.vocab_size, self.config.d_model)
        self.encoder = T5Stack(self.config, self.config.num_layers, False)

    @property
    def plan(self) -> TensorParallelPlan:
        """How ranks share the layers."""
        return plan_of(self.config)

    def call(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """Return (batch, steps, width); ``attention_mask`` (batch, steps) is 0 for padding."""
        return encoded(self, input_ids, attention_mask)


def encoded(model: Any, input_ids: Tensor, attention_mask: Tensor | None) -> Tensor:
    """Return the hidden states of the encoder (batch, steps, width)."""
    check_rank(input_ids, 2)
    mask = mask_of(input_ids, input_ids, attention_mask, causal=False)
    return model.encoder(model.shared(input_ids), mask, distances(input_ids.shape[1]))[0]


def plan_of(config: T5Config) -> TensorParallelPlan:
    """Return how ranks share the layers of both stacks."""
    network = {**dict.fromkeys(("wi", "wi_0", "wi_1", "relative_attention_bias"), COLUMNS), "wo": ROWS}
    return TensorParallelPlan({**attention_plan("q", "k", "v", "o"), **network}, (config.num_heads,))


HEADS = {"ForConditionalGeneration": "tokens", "WithLMHeadModel": "tokens", "EncoderModel": "encoder", "Model": ""}
"""The head, by the suffix of the class name."""


def described(kind: type[T5Config], given: Mapping[str, object], architecture: str | None) -> T5 | T5Encoder:
    """Return the model that a config of the dataclass ``kind`` describes."""
    head = head_of(architecture, HEADS, "ForConditionalGeneration")
    config = read(kind, given)
    if (
        config.relative_attention_num_buckets < 4
        or config.relative_attention_max_distance <= config.relative_attention_num_buckets
    ):
        raise FormatError("config.json has relative_attention_max_distance no greater than the number of buckets")
    return T5Encoder(config) if head == "encoder" else T5(config, bool(head))


def model(given: Mapping[str, object], architecture: str | None = None) -> T5 | T5Encoder:
    """Return the model that a config describes."""
    return described(T5Config, given, architecture)
