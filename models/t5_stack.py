"""The stacks of T5: blocks of attention, in the decoder also to the encoder, and a feed-forward network."""

from __future__ import annotations

from typing import Any

from layercli.core.layer import Layer
from layercli.core.types import Tensor
from layercli.layers.core.dense import Dense
from layercli.layers.normalization.rms_normalization import RMSNormalization
from layercli.models.functions import activation
from layercli.models.masks import Cache
from layercli.models.t5_attention import T5Attention


class T5FeedForward(Layer):
    """out = wo(activation(wi(x))), or wo(activation(wi_0(x)) * wi_1(x))."""

    config: Any

    def setup(self) -> None:
        """Create the projections."""
        of = self.config
        if of.gated:
            self.wi_0, self.wi_1 = Dense(of.d_ff, use_bias=False), Dense(of.d_ff, use_bias=False)
        else:
            self.wi = Dense(of.d_ff, use_bias=False)
        self.wo = Dense(of.d_model, use_bias=False)
        self.activate = activation(of.activation)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, steps, width)."""
        if self.config.gated:
            return self.wo(self.activate(self.wi_0(inputs)) * self.wi_1(inputs))
        return self.wo(self.activate(self.wi(inputs)))


class SelfPart(Layer):
    """Self-attention on the normalized input, added to the input."""

    config: Any
    biased: bool
    both_ways: bool

    def setup(self) -> None:
        """Create the layers."""
        self.SelfAttention = T5Attention(self.config, self.biased, self.both_ways)
        self.layer_norm = RMSNormalization(epsilon=self.config.layer_norm_epsilon)

    def call(
        self, inputs: Tensor, mask: Tensor, bias: Tensor, distance: Tensor, past: tuple[Tensor, ...] | None = None
    ) -> tuple[Any, ...]:
        """Return (batch, steps, width), the bias and the cache."""
        x = self.layer_norm(inputs)
        if self.biased:
            x, bias, kept = self.SelfAttention(x, x, mask, None, distance, past)
        else:
            x, kept = self.SelfAttention(x, x, mask, bias, None, past)
        return inputs + x, bias, kept


class CrossPart(Layer):
    """Attention from decoder to encoder on the normalized input, added to the input."""

    config: Any

    def setup(self) -> None:
        """Create the layers."""
        self.EncDecAttention = T5Attention(self.config, crosses=True)
        self.layer_norm = RMSNormalization(epsilon=self.config.layer_norm_epsilon)

    def call(
        self, inputs: Tensor, sources: Tensor | None, mask: Tensor, past: tuple[Tensor, ...] | None = None
    ) -> tuple[Any, ...]:
        """Return (batch, steps, width) and the cache."""
        x, kept = self.EncDecAttention(self.layer_norm(inputs), sources, mask, past=past)
        return inputs + x, kept


class FeedForwardPart(Layer):
    """The feed-forward network on the normalized input, added to the input."""

    config: Any

    def setup(self) -> None:
        """Create the layers."""
        self.DenseReluDense = T5FeedForward(self.config)
        self.layer_norm = RMSNormalization(epsilon=self.config.layer_norm_epsilon)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, steps, width)."""
        return inputs + self.DenseReluDense(self.layer_norm(inputs))


class T5Block(Layer):
    """Self-attention, in the decoder also attention to the encoder, and a feed-forward network."""

    config: Any
    first: bool
    decodes: bool

    _described_once = True

    def setup(self) -> None:
        """Create the parts."""
        self.layer = [
            SelfPart(self.config, self.first, not self.decodes),
            *([CrossPart(self.config)] if self.decodes else []),
            FeedForwardPart(self.config),
        ]

    def call(
        self,
        inputs: Tensor,
        mask: Tensor,
        bias: Tensor,
        distance: Tensor,
        sources: Tensor,
        sources_mask: Tensor,
        past: tuple[Tensor, ...] | None = None,
    ) -> tuple[Any, ...]:
        """Return (batch, steps, width), the bias, and the cache: keys and values of the decoder, then of the encoder."""
        x, bias, kept = self.layer[0](inputs, mask, bias, distance, past and past[:2])
        if self.decodes:
            x, of_encoder = self.layer[1](x, sources, sources_mask, past and past[2:])
            kept = (*kept, *of_encoder)
        return self.layer[-1](x), bias, kept


class T5Stack(Layer):
    """The encoder or the decoder: blocks and a last normalization."""

    config: Any
    depth: int
    decodes: bool

    def setup(self) -> None:
        """Create the blocks."""
        self.blocks = [T5Block(self.config, i == 0 or self.config.own_biases, self.decodes) for i in range(self.depth)]
        self.final_layer_norm = RMSNormalization(epsilon=self.config.layer_norm_epsilon)

    def call(
        self,
        inputs: Tensor,
        mask: Tensor,
        distance: Tensor,
        sources: Tensor | None = None,
        sources_mask: Tensor | None = None,
        cache: Cache | None = None,
    ) -> tuple[Any, ...]:
        """Return (batch, steps, width), and the new cache of each block, empty without one."""
        x, bias, kept = inputs, None, []
        for i, block in enumerate(self.blocks):
            past = cache[i] if cache else cache
            x, bias, own = block(x, mask, bias, distance, sources, sources_mask, past)
            kept.append(own)
        return self.final_layer_norm(x), kept
