"""DeBERTa v2 and v3: He et al., 2020 (arXiv:2006.03654) and 2021 (arXiv:2111.09543): BERT with positions apart from contents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layercli import ops
from layercli.core.layer import Layer
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.errors import FormatError
from layercli.layers.convolutional.conv import Conv1D
from layercli.layers.core.dense import Dense
from layercli.layers.core.embedding import Embedding
from layercli.layers.normalization.layer_normalization import LayerNormalization
from layercli.models.bert import Added, Bert, BertConfig, Intermediate, encoder
from layercli.models.bert_heads import embedding_width
from layercli.models.functions import activation, merge_heads, split_heads
from layercli.models.masks import attend, mask_of
from layercli.models.parallel import TensorParallelPlan
from layercli.models.pretrained import UnknownArchitectureError
from layercli.models.reading import Count, Epsilon, Integer, Size, divided, read, shown
from layercli.ops.core.axes import check_rank


@dataclass(frozen=True)
class DebertaConfig(BertConfig):
    """The entries of ``config.json``; defaults are those of transformers."""

    vocab_size: Size = 128_100
    hidden_size: Size = 1536
    num_hidden_layers: Size = 24
    num_attention_heads: Size = 24
    intermediate_size: Size = 6144
    type_vocab_size: Count = 0
    layer_norm_eps: Epsilon = 1e-7
    embedding_size: Size | None = None
    position_biased_input: bool = True
    relative_attention: bool = False
    pos_att_type: Any = None
    max_relative_positions: Integer = -1
    position_buckets: Integer = -1
    norm_rel_ebd: str = "none"
    share_att_key: bool = False
    conv_kernel_size: Count = 0
    conv_groups: Size = 1
    conv_act: str = "tanh"
    pooler_hidden_act: str = "gelu"
    legacy: bool = True

    @property
    def kinds(self) -> tuple[str, ...]:
        """The scores beside content to content: of content to position (c2p) and of position to content (p2c)."""
        given = self.pos_att_type or []
        names = [name.strip() for name in given.lower().split("|")] if isinstance(given, str) else given
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise FormatError(f"config.json has pos_att_type = {shown(given)}, which is not a list of texts")
        return tuple(kind for kind in ("c2p", "p2c") if kind in names)

    @property
    def furthest(self) -> int:
        """The largest distance; any further one has its embedding."""
        return self.max_relative_positions if self.max_relative_positions >= 1 else self.max_position_embeddings

    @property
    def span(self) -> int:
        """The number of relative positions in each direction."""
        return self.position_buckets if self.position_buckets > 0 else self.furthest


def relative_positions(steps: Size, config: DebertaConfig) -> Tensor:
    """Return the distance of each source before each target (targets, sources), logarithmic for far ones with buckets."""
    distance = ops.expand_dims(ops.arange(steps), 1) - ops.expand_dims(ops.arange(steps), 0)
    if config.position_buckets <= 0:
        return distance
    middle = config.position_buckets // 2
    length = ops.abs(distance)
    far = ops.cast(ops.where(ops.less(length, middle), middle - 1, length), "float32")
    whole = ops.log(ops.full((), (config.furthest - 1) / middle))  # rounded as the other logarithm is
    bucket = ops.ceil(ops.log(far / middle) / whole * (middle - 1)) + middle
    bucket = ops.cast(bucket, "int32") * ops.sign(ops.cast(distance, "int32"))
    return ops.where(ops.less_equal(length, middle), ops.cast(distance, "int32"), bucket)


class DebertaEmbeddings(Layer):
    """The sum of the embeddings that the config has, normalized; 0 for padding."""

    config: Any

    def setup(self) -> None:
        """Create the tables."""
        of = self.config
        width = embedding_width(of)
        self.word_embeddings = Embedding(of.vocab_size, width)
        if of.position_biased_input:
            self.position_embeddings = Embedding(of.max_position_embeddings, width)
        if of.type_vocab_size:
            self.token_type_embeddings = Embedding(of.type_vocab_size, width)
        if width != of.hidden_size:
            self.embed_proj = Dense(of.hidden_size, use_bias=False)
        self.LayerNorm = LayerNormalization(epsilon=of.layer_norm_eps)

    def call(self, input_ids: Tensor, token_type_ids: Tensor, position_ids: Tensor) -> Tensor:
        """Return (batch, steps, width)."""
        x = self.word_embeddings(input_ids)
        if self.config.position_biased_input:
            x = x + self.position_embeddings(position_ids)
        if self.config.type_vocab_size:
            x = x + self.token_type_embeddings(token_type_ids)
        return self.LayerNorm(x if embedding_width(self.config) == self.config.hidden_size else self.embed_proj(x))


class DebertaHeads(Layer):
    """Attention whose scores have parts for the contents and for the relative positions, before its output projection."""

    config: Any

    def setup(self) -> None:
        """Create the projections."""
        of = self.config
        self.query_proj, self.key_proj, self.value_proj = (Dense(of.hidden_size) for _ in range(3))
        own = of.relative_attention and not of.share_att_key
        if own and "c2p" in of.kinds:
            self.pos_key_proj = Dense(of.hidden_size)
        if own and "p2c" in of.kinds:
            self.pos_query_proj = Dense(of.hidden_size)
        self.head_size = divided("hidden_size", of.hidden_size, "num_attention_heads", of.num_attention_heads)
        self.scale = (self.head_size * (1 + len(of.kinds))) ** -0.5

    def call(self, inputs: Tensor, mask: Tensor | None, table: Tensor | None, distance: Tensor | None) -> Tensor:
        """Return (batch, steps, width)."""
        projections = (self.query_proj, self.key_proj, self.value_proj)
        query, key, value = (split_heads(project(inputs), self.head_size) for project in projections)
        bias = self.bias(query, key, table, distance) if table is not None and distance is not None else None
        return merge_heads(attend(query, key, value, mask, scale=self.scale, causal=False, bias=bias))

    def bias(self, query: Tensor, key: Tensor, table: Tensor, distance: Tensor) -> Tensor | None:
        """Return the scores between contents and positions (batch, heads, targets, sources)."""
        of, found = self.config, None
        if "c2p" in of.kinds:
            found = self.scores(query, self.key_proj if of.share_att_key else self.pos_key_proj, table, distance)
        if "p2c" in of.kinds:
            project = self.query_proj if of.share_att_key else self.pos_query_proj
            other = ops.transpose(self.scores(key, project, table, -distance), (0, 1, 3, 2))
            found = other if found is None else found + other
        return found

    def scores(self, x: Tensor, project: Layer, table: Tensor, distance: Tensor) -> Tensor:
        """Return the scores of ``x`` (batch, steps, heads, features) with the embedding of each distance (steps, others)."""
        span = self.config.span
        positions = ops.transpose(split_heads(project(table), self.head_size), (0, 2, 3, 1))
        found = ops.matmul(ops.transpose(x, (0, 2, 1, 3)), positions) * self.scale
        places = ops.clip(distance + span, 0, 2 * span - 1)
        return ops.take_along_axis(found, ops.expand_dims(places, (0, 1)), axis=-1)


class DebertaAttention(Layer):
    """Attention, added to its input."""

    config: Any

    def setup(self) -> None:
        """Create both parts."""
        self.heads, self.output_ = DebertaHeads(self.config), Added(self.config)

    def call(self, inputs: Tensor, *positions: Tensor | None) -> Tensor:
        """Return (batch, steps, width)."""
        return self.output_(self.heads(inputs, *positions), inputs)


class DebertaBlock(Layer):
    """Attention and a feed-forward network, each added to its input and normalized."""

    config: Any

    _described_once = True

    def setup(self) -> None:
        """Create the layers."""
        self.attention = DebertaAttention(self.config)
        self.intermediate, self.output_ = Intermediate(self.config), Added(self.config)

    def call(self, inputs: Tensor, *positions: Tensor | None) -> Tensor:
        """Return (batch, steps, width)."""
        x = self.attention(inputs, *positions)
        return self.output_(self.intermediate(x), x)


class DebertaConvolution(Layer):
    """out = norm(activation(conv(embeddings)) + x), 0 for padding."""

    config: Any

    def setup(self) -> None:
        """Create the convolution and the normalization."""
        of = self.config
        self.conv = Conv1D(of.hidden_size, of.conv_kernel_size, padding="same", groups=of.conv_groups)
        self.LayerNorm = LayerNormalization(epsilon=of.layer_norm_eps)
        self.activate = activation(of.conv_act)

    def call(self, inputs: Tensor, other: Tensor, kept: Tensor | None) -> Tensor:
        """Return (batch, steps, width) for the embeddings and the output of the first block."""
        x = self.conv(inputs)
        if kept is None:
            return self.LayerNorm(other + self.activate(x))
        return self.LayerNorm(other + self.activate(x * kept)) * kept


class DebertaEncoder(Layer):
    """The blocks, the embeddings of relative positions, and the convolution beside the first block."""

    config: Any

    def setup(self) -> None:
        """Create the layers."""
        of = self.config
        self.blocks = [DebertaBlock(of) for _ in range(of.num_hidden_layers)]
        if of.relative_attention:
            self.rel_embeddings = Embedding(2 * of.span, of.hidden_size)
        self.normalizes = "layer_norm" in of.norm_rel_ebd.lower()
        if self.normalizes:
            self.LayerNorm = LayerNormalization(epsilon=of.layer_norm_eps)
        if of.conv_kernel_size:
            self.conv = DebertaConvolution(of)

    def call(self, inputs: Tensor, mask: Tensor | None, kept: Tensor | None) -> Tensor:
        """Return (batch, steps, width); ``kept`` (batch, steps, 1) is 0 for padding."""
        x, table, distance = inputs, None, None
        if self.config.relative_attention:
            table = self.rel_embeddings(ops.expand_dims(ops.arange(2 * self.config.span), 0))
            table = self.LayerNorm(table) if self.normalizes else table
            distance = relative_positions(inputs.shape[1], self.config)
            if mask is not None and kept is not None:
                mask = ops.logical_and(mask, ops.expand_dims(kept, 1))  # padding attends to all alike
        for i, block in enumerate(self.blocks):
            x = block(x, mask, table, distance)
            if i == 0 and self.config.conv_kernel_size:
                x = self.conv(inputs, x, kept)
        return x


class DebertaPooler(Layer):
    """out = activation(dense(the first step))."""

    config: Any

    def setup(self) -> None:
        """Create the projection."""
        self.dense, self.activate = Dense(self.config.hidden_size), activation(self.config.pooler_hidden_act)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, width)."""
        return self.activate(self.dense(inputs[:, 0]))


class Deberta(Bert):
    """DeBERTa, from tokens (batch, steps) to the output of its head; without a head to the hidden states."""

    base_prefix = "deberta."
    renamed = {**Bert.renamed, "blocks": "layer"}
    outside = (*Bert.outside, "pooler", "lm_predictions")
    ignored = ("position_ids", "mask_predictions")
    pooled = ("classes",)

    @property
    def plan(self) -> TensorParallelPlan:
        """How ranks share the layers: each has all of them."""
        return TensorParallelPlan({})

    def embedding(self) -> DebertaEmbeddings:
        """Return the layer of the embeddings."""
        return DebertaEmbeddings(self.config)

    def create_blocks(self) -> None:
        """Create the encoder."""
        self.encoder = DebertaEncoder(self.config)

    def pooling(self) -> Layer:
        """Return the layer that makes one vector of a text."""
        return DebertaPooler(self.config)

    def call(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, token_type_ids: Tensor | None = None
    ) -> Tensor:
        """Return the output of the head; ``attention_mask`` (batch, steps) is 0 for padding."""
        check_rank(input_ids, 2)
        kinds = ops.zeros_like(input_ids) if token_type_ids is None else token_type_ids
        x, kept = self.embeddings(input_ids, kinds, self.positions(input_ids)), None
        if attention_mask is not None:
            kept = ops.cast(ops.expand_dims(attention_mask, -1), x.dtype)
            x = x * kept
        x = self.encoder(x, mask_of(input_ids, input_ids, attention_mask, causal=False), kept)
        return self.finished(x) if self.head else x


class DebertaPredictions(Deberta):
    """DeBERTa with the head of its pretraining, which predicts the tokens that are masked."""

    renamed = {**Deberta.renamed, "vocabulary": "lm_predictions.lm_head", "transform": ""}


def model(given: Mapping[str, Any], architecture: str | None = None) -> Deberta:
    """Return the model that a config describes."""
    config = read(DebertaConfig, given)
    if not config.legacy and embedding_width(config) != config.hidden_size:
        raise UnknownArchitectureError("layercli does not implement DeBERTa with legacy = false and an embedding_size")
    if config.conv_kernel_size and config.conv_kernel_size % 2 == 0:
        raise FormatError(f"config.json has conv_kernel_size = {config.conv_kernel_size}, which is not odd")
    found: Deberta = encoder(Deberta if config.legacy else DebertaPredictions, config, given, architecture)
    return found
