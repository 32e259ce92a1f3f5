"""ModernBERT: Warner et al., 2024 (arXiv:2412.13663): an encoder with rotary positions, windows and gated networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layercli import ops
from layercli.core.layer import Layer
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.layers.core.dense import Dense
from layercli.layers.core.embedding import Embedding
from layercli.layers.core.identity import Identity
from layercli.layers.normalization.layer_normalization import LayerNormalization
from layercli.models import rope
from layercli.models.bert import HEADS
from layercli.models.distilbert import Bias
from layercli.models.functions import activation, merge_heads, split_heads
from layercli.models.fused import FusedDense
from layercli.models.masks import attend, mask_of
from layercli.models.parallel import BY_HEADS, COLUMNS, ROWS, TensorParallelPlan
from layercli.models.pretrained import Pretrained, head_of, labels_of
from layercli.models.reading import Depth, Epsilon, Names, Size, divided, one_of, read
from layercli.models.windows import FULL, SLIDING, windows_of
from layercli.ops.core.axes import check_rank
from layercli.ops.nn.rotary_embedding import Rotate


@dataclass(frozen=True)
class ModernBertConfig:
    """The entries of ``config.json``; defaults are those of transformers."""

    vocab_size: Size = 50_368
    hidden_size: Size = 768
    intermediate_size: Size = 1152
    num_hidden_layers: Depth = 22
    num_attention_heads: Size = 12
    hidden_activation: str = "gelu"
    max_position_embeddings: Size = 8192
    norm_eps: Epsilon = 1e-5
    norm_bias: bool = False
    attention_bias: bool = False
    layer_types: Names | None = None
    global_attn_every_n_layers: Size = 3
    local_attention: Size = 128
    mlp_bias: bool = False
    decoder_bias: bool = True
    classifier_pooling: str = "cls"
    classifier_bias: bool = False
    classifier_activation: str = "gelu"
    tie_word_embeddings: bool = True

    @property
    def windows(self) -> tuple[int | None, ...]:
        """The window of each block, None for all steps: half of ``local_attention`` on each side."""
        usual = tuple(bool(i % self.global_attn_every_n_layers) for i in range(self.num_hidden_layers))
        return windows_of(self.layer_types, self.local_attention // 2 + 1, usual)


def normalization(config: ModernBertConfig) -> LayerNormalization:
    """Return a normalization, by default without an offset."""
    return LayerNormalization(epsilon=config.norm_eps, center=config.norm_bias)


class ModernBertEmbeddings(Layer):
    """The embeddings of tokens, normalized."""

    config: Any

    def setup(self) -> None:
        """Create the table."""
        self.tok_embeddings = Embedding(self.config.vocab_size, self.config.hidden_size)
        self.norm = normalization(self.config)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, steps, width)."""
        return self.norm(self.tok_embeddings(inputs))


class ModernBertAttention(Layer):
    """Attention in both directions with rotary positions."""

    config: Any

    def setup(self) -> None:
        """Create the projections."""
        of, width = self.config, self.config.hidden_size
        self.Wqkv = FusedDense(3 * width, use_bias=of.attention_bias, parts=(width,) * 3)
        self.Wo = Dense(width, use_bias=of.attention_bias)
        self.head_size = divided("hidden_size", width, "num_attention_heads", of.num_attention_heads)

    def call(self, inputs: Tensor, mask: Tensor | None, cosine: Tensor, sine: Tensor) -> Tensor:
        """Return (batch, steps, width)."""
        query, key, value = (split_heads(x, self.head_size) for x in self.Wqkv.split(self.Wqkv(inputs)))
        query, key = Rotate()(query, cosine, sine), Rotate()(key, cosine, sine)
        return self.Wo(merge_heads(attend(query, key, value, mask, scale=self.head_size**-0.5, causal=False)))


class ModernBertFeedForward(Layer):
    """out = Wo(activation(a) * b), where a and b are the halves of Wi(x)."""

    config: Any

    def setup(self) -> None:
        """Create the projections."""
        of, hidden = self.config, self.config.intermediate_size
        self.Wi = FusedDense(2 * hidden, use_bias=of.mlp_bias, parts=(hidden, hidden))
        self.Wo = Dense(of.hidden_size, use_bias=of.mlp_bias)
        self.activate = activation(of.hidden_activation)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, steps, width)."""
        x, gate = self.Wi.split(self.Wi(inputs))
        return self.Wo(self.activate(x) * gate)


class ModernBertBlock(Layer):
    """Attention and a feed-forward network, each on its normalized input and added to it; the first attention on its input."""

    config: Any
    first: bool

    _described_once = True

    def setup(self) -> None:
        """Create the layers."""
        self.attn_norm = Identity() if self.first else normalization(self.config)
        self.attn = ModernBertAttention(self.config)
        self.mlp_norm, self.mlp = normalization(self.config), ModernBertFeedForward(self.config)

    def call(self, inputs: Tensor, mask: Tensor | None, cosine: Tensor, sine: Tensor) -> Tensor:
        """Return (batch, steps, width)."""
        x = inputs + self.attn(self.attn_norm(inputs), mask, cosine, sine)
        return x + self.mlp(self.mlp_norm(x))


class PredictionHead(Layer):
    """out = norm(activation(dense(x)))."""

    config: Any

    def setup(self) -> None:
        """Create the projection and the normalization."""
        of = self.config
        self.dense, self.norm = Dense(of.hidden_size, use_bias=of.classifier_bias), normalization(of)
        self.activate = activation(of.classifier_activation)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the shape of the input."""
        return self.norm(self.activate(self.dense(inputs)))


class ModernBert(Pretrained):
    """ModernBERT, from tokens (batch, steps) to the output of its head; without a head to the hidden states."""

    config: Any
    full_rope: Any
    window_rope: Any
    head: str = ""
    classes: int = 0

    base_prefix = "model."
    renamed = {"blocks": "layers", "prediction": "head"}
    outside = ("head", "decoder", "classifier")

    def setup(self) -> None:
        """Create the embeddings, the blocks and the head."""
        of, head = self.config, self.head
        self.prefix = self.base_prefix if head else ""
        self.embeddings = ModernBertEmbeddings(of)
        self.blocks = [ModernBertBlock(of, i == 0) for i in range(of.num_hidden_layers)]
        self.final_norm = normalization(of)
        if head:
            self.prediction = PredictionHead(of)
        if head == "tokens" and not of.tie_word_embeddings:
            self.decoder: Layer = Dense(of.vocab_size, use_bias=of.decoder_bias)
        elif head == "tokens" and of.decoder_bias:
            self.decoder = Bias(of.vocab_size)
        elif head and head != "tokens":
            self.classifier = Dense(2 if head == "answer" else self.classes)

    @property
    def plan(self) -> TensorParallelPlan:
        """How ranks share the layers."""
        layers = {"Wqkv": BY_HEADS, "attn/Wo": ROWS, "Wi": COLUMNS, "mlp/Wo": ROWS}
        return TensorParallelPlan(layers, (self.config.num_attention_heads,))

    @property
    def ties(self) -> Mapping[str, str]:
        """The projection to the vocabulary, if it is tied to the embedding."""
        tied = {"decoder.weight": f"{self.prefix}embeddings.tok_embeddings.weight"}
        return tied if self.config.tie_word_embeddings else {}

    def call(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Any:
        """Return the output of the head; ``attention_mask`` (batch, steps) is 0 for padding."""
        check_rank(input_ids, 2)
        x, steps = self.embeddings(input_ids), ops.expand_dims(ops.arange(input_ids.shape[1]), 0)
        angles = {False: self.full_rope.op(steps), True: self.window_rope.op(steps)}
        windows = self.config.windows
        masks = {each: mask_of(x, x, attention_mask, causal=False, window=each) for each in dict.fromkeys(windows)}
        for block, window in zip(self.blocks, windows, strict=True):
            x = block(x, masks[window], *angles[window is not None])
        return self.finished(self.final_norm(x), attention_mask)

    def finished(self, x: Tensor, attention_mask: Tensor | None) -> Any:
        """Return the output of the head for the hidden states."""
        match self.head:
            case "":
                return x
            case "classes":
                return self.classifier(self.prediction(self.pooled(x, attention_mask)))
            case "steps":
                return self.classifier(self.prediction(x))
            case "answer":
                ends = self.classifier(self.prediction(x))
                return ends[:, :, 0], ends[:, :, 1]
        x = self.prediction(x)
        if self.config.tie_word_embeddings:
            x = ops.matmul(x, ops.transpose(self.embeddings.tok_embeddings.embeddings))
            return self.decoder(x) if self.config.decoder_bias else x
        return self.decoder(x)

    def pooled(self, x: Tensor, attention_mask: Tensor | None) -> Tensor:
        """Return the vector of each text (batch, width): its first step, or the mean of all that are no padding."""
        if self.config.classifier_pooling == "cls":
            return x[:, 0]
        if attention_mask is None:
            return ops.mean(x, axis=1)
        kept = ops.cast(ops.expand_dims(attention_mask, -1), x.dtype)
        return ops.sum(x * kept, axis=1) / ops.sum(kept, axis=1)


def model(given: Mapping[str, object], architecture: str | None = None) -> ModernBert:
    """Return the model that a config describes."""
    config, head = read(ModernBertConfig, given), head_of(architecture, HEADS, "Model")
    one_of("classifier_pooling", config.classifier_pooling, ("cls", "mean"))
    features = divided("hidden_size", config.hidden_size, "num_attention_heads", config.num_attention_heads)

    def positions(kind: str, name: str, base: float) -> rope.Rope:
        found = rope.parameters({"rope_theta": given.get(name), **given}, base, kind)
        return rope.rope(found, features, config.max_position_embeddings)

    ropes = (positions(FULL, "global_rope_theta", 160_000.0), positions(SLIDING, "local_rope_theta", 10_000.0))
    return ModernBert(config, *ropes, head, labels_of(given) if head in ("classes", "steps") else 0)
