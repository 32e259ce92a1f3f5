"""Whisper: Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", 2022 (arXiv:2212.04356)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layercli import ops
from layercli.core import dims
from layercli.core.dims import Dim
from layercli.core.layer import Layer
from layercli.core.spec import Spec
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.layers.convolutional.conv import Conv1D
from layercli.layers.core.dense import Dense
from layercli.layers.core.embedding import Embedding
from layercli.layers.normalization.layer_normalization import LayerNormalization
from layercli.models.functions import activation, merge_heads, split_heads
from layercli.models.masks import Cache, attend, extended, mask_of
from layercli.models.parallel import COLUMNS, ROWS, TensorParallelPlan, attention_plan
from layercli.models.pretrained import Pretrained, head_of
from layercli.models.reading import Count, Depth, Size, divided, read
from layercli.ops.core.axes import check_rank


@dataclass(frozen=True)
class WhisperConfig:
    """The entries of ``config.json``; defaults are those of transformers."""

    vocab_size: Size = 51_865
    num_mel_bins: Size = 80
    encoder_layers: Depth = 4
    encoder_attention_heads: Size = 6
    encoder_ffn_dim: Size = 1536
    decoder_layers: Depth = 4
    decoder_attention_heads: Size = 6
    decoder_ffn_dim: Size = 1536
    activation_function: str = "gelu"
    d_model: Size = 384
    scale_embedding: bool = False
    max_source_positions: Size = 1500
    max_target_positions: Size = 448
    tie_word_embeddings: bool = True
    decoder_start_token_id: Count = 50_257


class WhisperAttention(Layer):
    """Attention to ``sources``; the keys have no bias.

    The cache of an attention that ``crosses`` from decoder to encoder is all keys and values from its first call.
    """

    width: int
    heads: int
    causal: bool = False
    crosses: bool = False

    def setup(self) -> None:
        """Create the projections."""
        self.q_proj, self.v_proj, self.out_proj = (Dense(self.width) for _ in range(3))
        self.k_proj = Dense(self.width, use_bias=False)
        self.head_size = divided("d_model", self.width, "the number of heads", self.heads)
        self.scale = self.head_size**-0.5

    def call(self, inputs: Tensor, sources: Tensor | None, past: tuple[Tensor, ...] | None = None) -> tuple[Any, ...]:
        """Return (batch, steps, width), and a cache, empty without ``past``."""
        query, mask = split_heads(self.q_proj(inputs), self.head_size), None
        if self.crosses and past:
            kept = past
        else:
            kept = tuple(split_heads(x, self.head_size) for x in (self.k_proj(sources), self.v_proj(sources)))
            kept = kept if self.crosses else extended(past, *kept)
            mask = mask_of(query, kept[0]) if self.causal else None
        keys, values = kept
        x = self.out_proj(merge_heads(attend(query, keys, values, mask, scale=self.scale, causal=self.causal)))
        return x, () if past is None else kept


class WhisperBlock(Layer):
    """Self-attention, in the decoder also attention to the encoder, and a feed-forward network."""

    config: Any
    decodes: bool

    _described_once = True

    def setup(self) -> None:
        """Create the layers."""
        of, decodes = self.config, self.decodes
        heads = of.decoder_attention_heads if decodes else of.encoder_attention_heads
        self.self_attn, self.self_attn_layer_norm = WhisperAttention(of.d_model, heads, decodes), normalization()
        if decodes:
            self.encoder_attn = WhisperAttention(of.d_model, heads, crosses=True)
            self.encoder_attn_layer_norm = normalization()
        self.fc1 = Dense(of.decoder_ffn_dim if decodes else of.encoder_ffn_dim)
        self.fc2, self.final_layer_norm = Dense(of.d_model), normalization()
        self.activate = activation(of.activation_function)

    def call(
        self, inputs: Tensor, sources: Tensor | None = None, past: tuple[Tensor, ...] | None = None
    ) -> tuple[Any, ...]:
        """Return (batch, steps, width), and the cache: keys and values of the decoder, then of the encoder."""
        x = self.self_attn_layer_norm(inputs)
        x, kept = self.self_attn(x, x, past and past[:2])
        x = inputs + x
        if self.decodes:
            attended, of_encoder = self.encoder_attn(self.encoder_attn_layer_norm(x), sources, past and past[2:])
            x, kept = x + attended, (*kept, *of_encoder)
        return x + self.fc2(self.activate(self.fc1(self.final_layer_norm(x)))), kept


class Encoder(Layer):
    """Two convolutions and the blocks over a spectrogram (batch, bins, steps); the number of steps is halved."""

    config: Any

    def setup(self) -> None:
        """Create the convolutions, the table of positions, the blocks and the last normalization."""
        of = self.config
        self.conv1, self.conv2 = Conv1D(of.d_model, 3), Conv1D(of.d_model, 3, strides=2)
        self.embed_positions = Embedding(of.max_source_positions, of.d_model)
        self.blocks = [WhisperBlock(of, False) for _ in range(of.encoder_layers)]
        self.layer_norm = normalization()

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, steps / 2, width)."""
        x = ops.transpose(inputs, (0, 2, 1))
        for convolution in (self.conv1, self.conv2):
            x = ops.gelu(convolution(ops.pad(x, ((0, 0), (1, 1), (0, 0)))), approximate=False)
        x = x + self.embed_positions(ops.expand_dims(ops.arange(x.shape[1]), 0))
        for block in self.blocks:
            x, _ = block(x)
        return self.layer_norm(x)


class WhisperDecoder(Layer):
    """The blocks over tokens and the encoder's output."""

    config: Any

    def setup(self) -> None:
        """Create the tables, the blocks and the last normalization."""
        of = self.config
        self.embed_tokens = Embedding(of.vocab_size, of.d_model)
        self.embed_positions = Embedding(of.max_target_positions, of.d_model)
        self.blocks = [WhisperBlock(of, True) for _ in range(of.decoder_layers)]
        self.layer_norm = normalization()

    def call(self, inputs: Tensor, sources: Tensor | None, cache: Cache | None = None) -> tuple[Any, ...]:
        """Return (batch, steps, width), and the new cache of each block, empty without one."""
        check_rank(inputs, 2)
        past = cache[0][0].shape[1] if cache else 0
        places = ops.arange(past, past + inputs.shape[1])
        x, kept = self.embed_tokens(inputs) + self.embed_positions(ops.expand_dims(places, 0)), []
        for i, block in enumerate(self.blocks):
            x, own = block(x, sources, cache[i] if cache else cache)
            kept.append(own)
        return self.layer_norm(x), kept


class Whisper(Pretrained):
    """Whisper, from spectrograms (batch, bins, steps) and decoder tokens to logits, or to hidden states; with ``cache`` also
    the next cache.

    ``input_features`` are None with the cache of an earlier call.
    """

    config: Any
    head: bool = True

    is_encoder_decoder = True
    base_prefix = "model."
    outside = ("proj_out",)

    def setup(self) -> None:
        """Create the encoder, the decoder, and the head unless it is tied to the embedding."""
        self.prefix = "model." if self.head else ""
        self.encoder, self.decoder = Encoder(self.config), WhisperDecoder(self.config)
        if self.head and not self.config.tie_word_embeddings:
            self.proj_out = Dense(self.config.vocab_size, use_bias=False)

    @property
    def predicts_tokens(self) -> bool:
        """Whether the head projects to the vocabulary."""
        return bool(self.head)

    @property
    def longest(self) -> int:
        """The number of steps of the decoder that there are positions for."""
        return int(self.config.max_target_positions)

    @property
    def plan(self) -> TensorParallelPlan:
        """How ranks share the layers."""
        attention, of = attention_plan("q_proj", "k_proj", "v_proj", "out_proj"), self.config
        heads = (of.encoder_attention_heads, of.decoder_attention_heads)
        return TensorParallelPlan({**attention, "fc1": COLUMNS, "fc2": ROWS}, heads)

    @property
    def ties(self) -> Mapping[str, str]:
        """The projection to the vocabulary, if it is tied to the embedding."""
        return (
            {"proj_out.weight": f"{self.prefix}decoder.embed_tokens.weight"} if self.config.tie_word_embeddings else {}
        )

    def call(self, input_features: Tensor | None, decoder_input_ids: Tensor, cache: Cache | None = None) -> Any:
        """Return (batch, steps, vocabulary)."""
        sources = None
        if not cache:
            check_rank(input_features, 3)
            sources = self.encoder(input_features)
        x, kept = self.decoder(decoder_input_ids, sources, cache)
        x = self.projected(x)
        return x if cache is None else (x, kept)

    def projected(self, x: Tensor) -> Tensor:
        """Return the output of the head for the decoder's hidden states."""
        if not self.head:
            return x
        if not self.config.tie_word_embeddings:
            return self.proj_out(x)
        return ops.matmul(x, ops.transpose(self.decoder.embed_tokens.embeddings))

    def example_input(self) -> list[Spec]:
        """Return B spectrograms of the required length, and T tokens each."""
        of, batch = self.config, Dim.named(dims.BATCH)
        spectrogram = Spec((batch, of.num_mel_bins, 2 * of.max_source_positions), "float32")
        return [spectrogram, Spec((batch, Dim.named("T")), "int32")]


def normalization() -> LayerNormalization:
    """Return a normalization layer with Whisper's epsilon."""
    return LayerNormalization(epsilon=1e-5)


def model(given: Mapping[str, object], architecture: str | None = None) -> Whisper:
    """Return the model that a config describes."""
    head = head_of(architecture, {"ForConditionalGeneration": "tokens", "WhisperModel": ""}, "ForConditionalGeneration")
    return Whisper(read(WhisperConfig, given), bool(head))
