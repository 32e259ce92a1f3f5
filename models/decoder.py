"""A Llama-style decoder: Llama Team, "The Llama 3 Herd of Models", 2024 (arXiv:2407.21783).

RMS normalization (Zhang, Sennrich 2019), rotary positions (Su et al. 2021), grouped-query attention (Ainslie et al. 2023)
and SwiGLU (Shazeer 2020). The long-context scaling of the rotary frequencies is left out: it holds no parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from layercli import ops
from layercli.core import dims
from layercli.core.dims import Dim
from layercli.core.layer import Layer
from layercli.core.model import Model
from layercli.core.spec import Spec
from layercli.layers.dense import Dense
from layercli.layers.embedding import Embedding
from layercli.layers.normalization import RMSNormalization
from layercli.layers.settings import PositiveInt, one_of
from layercli.ops.attention import ScaledDotProductAttention
from layercli.ops.axes import check_rank
from layercli.ops.rotary import Rotary


@dataclass(frozen=True)
class Size:
    """How large a decoder is."""

    width: int
    blocks: int
    heads: int
    hidden: int
    groups: int = 8
    vocabulary: int = 128_256


SIZES = {
    "tiny": Size(width=64, blocks=2, heads=4, hidden=128, groups=2, vocabulary=256),
    "8b": Size(width=4096, blocks=32, heads=32, hidden=14_336),
    "70b": Size(width=8192, blocks=80, heads=64, hidden=28_672),
    "405b": Size(width=16_384, blocks=126, heads=128, hidden=53_248),
}
"""Llama 3.1's sizes, and one to run anywhere."""

Preset = Annotated[str, one_of(*SIZES)]


class Attention(Layer):
    """Causal attention in which groups of query heads share a key and a value head."""

    width: PositiveInt
    heads: PositiveInt
    groups: PositiveInt

    def setup(self) -> None:
        """Make the four projections."""
        self.size = self.width // self.heads
        self.query = Dense(self.width, use_bias=False)
        self.key = Dense(self.groups * self.size, use_bias=False)
        self.value = Dense(self.groups * self.size, use_bias=False)
        self.output = Dense(self.width, use_bias=False)
        self.rotate = Rotary(base=500_000.0)
        self.attend = ScaledDotProductAttention(scale=self.size**-0.5, causal=True)

    def call(self, inputs: Any) -> Any:
        """Return (batch, steps, width)."""
        batch, steps, _ = inputs.shape
        query = self.rotate(ops.reshape(self.query(inputs), (batch, steps, self.heads, self.size)))
        key = self.rotate(ops.reshape(self.key(inputs), (batch, steps, self.groups, self.size)))
        value = ops.reshape(self.value(inputs), (batch, steps, self.groups, self.size))
        return self.output(ops.reshape(self.attend(query, key, value), (batch, steps, self.width)))


class FeedForward(Layer):
    """out = down(silu(gate(x)) * up(x)): SwiGLU."""

    width: PositiveInt
    hidden: PositiveInt

    def setup(self) -> None:
        """Make the three projections."""
        self.gate = Dense(self.hidden, activation="silu", use_bias=False)
        self.up = Dense(self.hidden, use_bias=False)
        self.down = Dense(self.width, use_bias=False)

    def call(self, inputs: Any) -> Any:
        """Return (batch, steps, width)."""
        return self.down(self.gate(inputs) * self.up(inputs))


class Block(Layer):
    """Attention and a feed-forward network, each on its normalized input and added to it."""

    width: PositiveInt
    heads: PositiveInt
    groups: PositiveInt
    hidden: PositiveInt

    def setup(self) -> None:
        """Make the layers."""
        self.norm1 = RMSNormalization(epsilon=1e-5)
        self.attention = Attention(self.width, self.heads, self.groups)
        self.norm2 = RMSNormalization(epsilon=1e-5)
        self.feed_forward = FeedForward(self.width, self.hidden)

    def call(self, inputs: Any) -> Any:
        """Return (batch, steps, width)."""
        x = inputs + self.attention(self.norm1(inputs))
        return x + self.feed_forward(self.norm2(x))


class Decoder(Model):
    """A Llama-style decoder from tokens to logits: RMS norm, rotary positions, grouped-query attention, SwiGLU."""

    preset: Preset = "tiny"

    def setup(self) -> None:
        """Make the embedding, the blocks, the last normalization and the projection to the vocabulary."""
        size = SIZES[self.preset]
        self.embedding = Embedding(size.vocabulary, size.width)
        self.blocks = [Block(size.width, size.heads, size.groups, size.hidden) for _ in range(size.blocks)]
        self.norm = RMSNormalization(epsilon=1e-5)
        self.head = Dense(size.vocabulary, use_bias=False)

    def call(self, inputs: Any) -> Any:
        """Return the logits (batch, steps, vocabulary) of tokens (batch, steps)."""
        check_rank(inputs, 2)
        x = self.embedding(inputs)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))

    def example_input(self) -> Spec:
        """Return a batch of T tokens."""
        return Spec((Dim.named(dims.BATCH), Dim.named("T")), "int32")
