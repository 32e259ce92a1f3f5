"""A transformer encoder: Vaswani et al., "Attention Is All You Need", 2017 (arXiv:1706.03762)."""

from __future__ import annotations

from layercli.core import dims
from layercli.core.dims import Dim
from layercli.core.model import Model
from layercli.core.spec import Spec
from layercli.core.types import Tensor
from layercli.errors import UsageError
from layercli.layers.attention.multi_head_attention import MultiHeadAttention
from layercli.layers.core.dense import Dense
from layercli.layers.normalization.layer_normalization import LayerNormalization
from layercli.layers.regularization.dropout import Dropout
from layercli.layers.validators import PositiveInt, UnitInterval


class EncoderBlock(Model):
    """Self-attention and a feed-forward network, each added to its input and then normalized."""

    width: PositiveInt
    heads: PositiveInt
    hidden: PositiveInt
    dropout: UnitInterval = 0.1

    def setup(self) -> None:
        """Create the layers."""
        self.attention = MultiHeadAttention(self.heads, self.width // self.heads, dropout=self.dropout)
        self.norm1 = LayerNormalization(epsilon=1e-5)
        self.expand = Dense(self.hidden, activation="relu")
        self.contract = Dense(self.width)
        self.norm2 = LayerNormalization(epsilon=1e-5)
        self.drop = Dropout(self.dropout)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, steps, width)."""
        x = self.norm1(inputs + self.drop(self.attention(inputs, inputs)))
        return self.norm2(x + self.drop(self.contract(self.expand(x))))


class TransformerEncoder(Model):
    """Encoder blocks over embedded sequences.

    By default in the size of the paper's base model (Vaswani et al. 2017).
    """

    blocks: PositiveInt = 6
    width: PositiveInt = 512
    heads: PositiveInt = 8
    hidden: PositiveInt = 2048
    dropout: UnitInterval = 0.1

    def setup(self) -> None:
        """Create the blocks; UsageError unless the width is a multiple of the heads."""
        if self.width % self.heads:
            raise UsageError(
                f"TransformerEncoder expects width to be a multiple of heads, got {self.width} and {self.heads}"
            )
        self.stack = [EncoderBlock(self.width, self.heads, self.hidden, self.dropout) for _ in range(self.blocks)]

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, steps, width)."""
        x = inputs
        for block in self.stack:
            x = block(x)
        return x

    def example_input(self) -> Spec:
        """Return a batch of sequences of T vectors."""
        return Spec((Dim.named(dims.BATCH), Dim.named("T"), self.width))
