"""The block of a language model: attention to the positions before, and a feed-forward network or experts."""

from __future__ import annotations

from typing import Any

from layercli.core.layer import Layer
from layercli.core.types import Tensor
from layercli.layers.core.dense import Dense
from layercli.models.functions import activation, merge_heads, split_heads
from layercli.models.fused import FusedDense
from layercli.models.latent import LatentAttention
from layercli.models.masks import attend, extended, within
from layercli.models.mixture import Mixture
from layercli.ops.nn.rotary_embedding import Rotate


class CausalLMAttention(Layer):
    """Causal attention with rotary positions; groups of query heads share a key and a value head."""

    decoder: Any
    window: Any = None
    rotary: bool = True

    def setup(self) -> None:
        """Create the projections, or the fused one."""
        of, bias = self.decoder, self.decoder.input_bias
        self.head_size = of.head_size
        sizes = tuple(count * of.head_size for count in (of.heads, of.key_heads, of.key_heads))
        if of.fused:
            self.qkv_proj = FusedDense(sum(sizes), use_bias=bias, parts=sizes)
        else:
            self.q_proj, self.k_proj, self.v_proj = (Dense(size, use_bias=bias) for size in sizes)
        self.o_proj = Dense(of.width, use_bias=of.output_bias)
        if of.head_norm or of.joint_norm:
            self.q_norm, self.k_norm = of.normalization(), of.normalization()
        self.rotate = Rotate(of.interleaved)
        self.scale = of.head_size**-0.5 if of.scale is None else of.scale

    def call(
        self, inputs: Tensor, mask: Tensor, cosine: Tensor, sine: Tensor, past: tuple[Tensor, ...] | None = None
    ) -> Any:
        """Return (batch, steps, width), and the new cache entries if ``past`` is given."""
        query, key, value = self.projected(inputs)
        if self.decoder.head_norm:
            query, key = self.q_norm(query), self.k_norm(key)
        if self.rotary:
            query, key = self.rotate(query, cosine, sine), self.rotate(key, cosine, sine)
        key, value = extended(past, key, value)
        x = self.o_proj(merge_heads(attend(query, key, value, mask, scale=self.scale, cap=self.decoder.score_cap)))
        return x if past is None else (x, within((key, value), self.window))

    def projected(self, inputs: Tensor) -> list[Tensor]:
        """Return query, key and value (batch, steps, heads, features)."""
        if self.decoder.fused:
            parts = self.qkv_proj.split(self.qkv_proj(inputs))
        else:
            parts = [self.q_proj(inputs), self.k_proj(inputs), self.v_proj(inputs)]
        if self.decoder.joint_norm:
            parts[:2] = self.q_norm(parts[0]), self.k_norm(parts[1])
        return [split_heads(x, self.head_size) for x in parts]


class CausalLMFeedForward(Layer):
    """out = down(activation(gate(x)) * up(x))."""

    decoder: Any

    def setup(self) -> None:
        """Create the projections; ``fused`` has gate and up in one."""
        of, bias = self.decoder, self.decoder.hidden_bias
        self.fused = of.fused or of.fused_network
        if self.fused:
            self.gate_up_proj = FusedDense(2 * of.hidden, use_bias=bias, parts=(of.hidden, of.hidden))
        else:
            self.gate_proj, self.up_proj = Dense(of.hidden, use_bias=bias), Dense(of.hidden, use_bias=bias)
        self.down_proj = Dense(of.width, use_bias=bias)
        self.activate = activation(of.activation)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, steps, width)."""
        if self.fused:
            gate, up = self.gate_up_proj.split(self.gate_up_proj(inputs))
        else:
            gate, up = self.gate_proj(inputs), self.up_proj(inputs)
        return self.down_proj(self.activate(gate) * up)


class PlainFeedForward(Layer):
    """out = c_proj(activation(c_fc(x)))."""

    decoder: Any

    def setup(self) -> None:
        """Create the projections."""
        of, bias = self.decoder, self.decoder.hidden_bias
        self.c_fc, self.c_proj = Dense(of.hidden, use_bias=bias), Dense(of.width, use_bias=bias)
        self.activate = activation(of.activation)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, steps, width)."""
        return self.c_proj(self.activate(self.c_fc(inputs)))


def unchanged(x: Tensor) -> Tensor:
    """Return ``x``: what is not normalized before a part."""
    return x


class CausalLMBlock(Layer):
    """Attention and a feed-forward network or experts, each on its normalized input and added to it."""

    decoder: Any
    window: Any = None
    experts: Any = None
    rotary: bool = True

    _described_once = True

    def setup(self) -> None:
        """Create the layers, under the names in the family's checkpoints."""
        of, experts = self.decoder, self.experts
        if of.pre_norm:
            self.input_layernorm = of.normalization()
        latent = of.latent is not None
        self.self_attn = LatentAttention(of) if latent else CausalLMAttention(of, self.window, self.rotary)
        if not of.parallel:
            self.post_attention_layernorm = of.normalization()
        self.network = "mlp" if experts is None else experts.module
        dense = PlainFeedForward if of.plain else CausalLMFeedForward
        setattr(self, self.network, dense(of) if experts is None else Mixture(experts, of.width))
        if of.sandwich and of.pre_norm:
            self.pre_feedforward_layernorm = of.normalization()
        if of.sandwich:
            self.post_feedforward_layernorm = of.normalization()

    def call(
        self, inputs: Tensor, mask: Tensor, cosine: Tensor, sine: Tensor, past: tuple[Tensor, ...] | None = None
    ) -> Any:
        """Return (batch, steps, width), and the new cache entries if ``past`` is given."""
        of, network = self.decoder, getattr(self, self.network)
        if of.parallel:
            given = self.input_layernorm(inputs)
            attended = self.self_attn(given, mask, cosine, sine, past)
            attended, kept = (attended, None) if past is None else attended
            x = inputs + attended + network(given)
            return x if past is None else (x, kept)
        before = self.input_layernorm if of.pre_norm else unchanged
        attended = self.self_attn(before(inputs), mask, cosine, sine, past)
        attended, kept = (attended, None) if past is None else attended
        if of.sandwich:
            x = inputs + self.post_attention_layernorm(attended)
            before = self.pre_feedforward_layernorm if of.pre_norm else unchanged
            x = x + self.post_feedforward_layernorm(network(before(x)))
        else:
            x = inputs + self.scaled(attended)
            x = x + self.scaled(network(self.post_attention_layernorm(x)))
        return x if past is None else (x, kept)

    def scaled(self, x: Tensor) -> Tensor:
        """Return what is added to the input of a part, scaled if the decoder does so."""
        scale = self.decoder.residual_scale
        return x if scale is None else x * scale
