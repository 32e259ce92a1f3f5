"""Multi-head latent attention: keys and values are projected from a latent, which is all that a cache stores.

DeepSeek-AI, "DeepSeek-V2", 2024 (arXiv:2405.04434).
"""

from __future__ import annotations

from typing import Any

from layercli import ops
from layercli.core.layer import Layer
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.layers.core.dense import Dense
from layercli.layers.normalization.rms_normalization import RMSNormalization
from layercli.models.functions import merge_heads, split_heads
from layercli.models.masks import attend, extended
from layercli.ops.nn.rotary_embedding import Rotate


@dataclass(frozen=True)
class Latent:
    """The sizes of the latents of queries (None: no latent) and of keys and values, and the features of the heads.

    Rotary positions apply to ``rotary`` features of queries and keys and not to ``plain`` ones; values have ``value``.
    """

    queries: int | None
    keys: int
    plain: int
    rotary: int
    value: int
    interleaved: bool = True


class LatentAttention(Layer):
    """Causal attention with keys and values from a latent; all heads share the rotary part of the keys."""

    decoder: Any

    def setup(self) -> None:
        """Create the projections down to the latents and up to the heads."""
        of, latent = self.decoder, self.decoder.latent
        size = latent.plain + latent.rotary
        if latent.queries is None:
            self.q_proj = Dense(of.heads * size, use_bias=False)
        else:
            self.q_a_proj = Dense(latent.queries, use_bias=of.input_bias)
            self.q_a_layernorm = RMSNormalization(epsilon=1e-6)
            self.q_b_proj = Dense(of.heads * size, use_bias=False)
        self.kv_a_proj_with_mqa = Dense(latent.keys + latent.rotary, use_bias=of.input_bias)
        self.kv_a_layernorm = RMSNormalization(epsilon=1e-6)
        self.kv_b_proj = Dense(of.heads * (latent.plain + latent.value), use_bias=False)
        self.o_proj = Dense(of.width, use_bias=of.output_bias)
        self.rotate = Rotate(latent.interleaved)
        self.scale = size**-0.5 if of.scale is None else of.scale

    def call(
        self, inputs: Tensor, mask: Tensor, cosine: Tensor, sine: Tensor, past: tuple[Tensor, ...] | None = None
    ) -> Any:
        """Return (batch, steps, width), and if ``past`` is given the new cache entries: the latents and the rotary keys."""
        latent = self.decoder.latent
        query = split_heads(self.queries(inputs), latent.plain + latent.rotary)
        given = self.kv_a_proj_with_mqa(inputs)
        low, rotary = self.kv_a_layernorm(given[:, :, : latent.keys]), ops.expand_dims(given[:, :, latent.keys :], 2)
        low, rotary = kept = extended(past, low, self.rotate(rotary, cosine, sine))
        high = split_heads(self.kv_b_proj(low), latent.plain + latent.value)
        shape = (*high.shape[:3], latent.rotary)
        key = ops.concatenate([high[:, :, :, : latent.plain], ops.broadcast_to(rotary, shape)], axis=-1)
        plain, own = query[:, :, :, : latent.plain], query[:, :, :, latent.plain :]
        query = ops.concatenate([plain, self.rotate(own, cosine, sine)], axis=-1)
        x = attend(query, key, high[:, :, :, latent.plain :], mask, scale=self.scale)
        x = self.o_proj(merge_heads(x))
        return x if past is None else (x, kept)

    def queries(self, inputs: Tensor) -> Tensor:
        """Return the queries (batch, steps, heads x features)."""
        if self.decoder.latent.queries is None:
            return self.q_proj(inputs)
        return self.q_b_proj(self.q_a_layernorm(self.q_a_proj(inputs)))
