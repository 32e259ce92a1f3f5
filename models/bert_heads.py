"""The heads of BERT and of the encoders that follow it."""

from __future__ import annotations

from typing import Any

from layercli import ops
from layercli.core.layer import Layer
from layercli.core.types import Tensor
from layercli.layers.core.dense import Dense
from layercli.layers.normalization.layer_normalization import LayerNormalization
from layercli.models.functions import activation
from layercli.models.pretrained import PretrainedStored


def embedding_width(config: Any) -> int:
    """Return the width of the embeddings, which is that of the blocks unless the config has another."""
    return int(getattr(config, "embedding_size", None) or config.hidden_size)


class BertPooler(Layer):
    """out = tanh(dense(the first step))."""

    config: Any

    def setup(self) -> None:
        """Create the projection."""
        self.dense = Dense(self.config.hidden_size)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, width)."""
        return ops.tanh(self.dense(inputs[:, 0]))


class Transform(Layer):
    """out = norm(activation(dense(x)))."""

    config: Any

    def setup(self) -> None:
        """Create the projection and the normalization."""
        of = self.config
        self.dense, self.norm = Dense(embedding_width(of)), LayerNormalization(epsilon=of.layer_norm_eps)
        self.activate = activation(of.hidden_act)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, steps, width of the embeddings)."""
        return self.norm(self.activate(self.dense(inputs)))


class Vocabulary(Layer):
    """The transform before the vocabulary projection, the bias after it, and the projection itself if it is not tied."""

    config: Any

    def setup(self) -> None:
        """Create the transform."""
        self.transform = Transform(self.config)
        if not self.config.tie_word_embeddings:
            self.decoder = Dense(self.config.vocab_size, use_bias=False)

    def build(self, inputs_shape: Any) -> None:
        """Create the bias, one value a token."""
        self.bias = self.add_weight("bias", (self.config.vocab_size,), "zeros")

    def stored(self, key: str) -> PretrainedStored:
        """Return the checkpoint name of the bias: beside the transform, or in some files in the decoder."""
        return PretrainedStored((key,), replaced=("decoder.bias",))

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, steps, width), or (batch, steps, vocabulary) if the projection is not tied."""
        x = self.transform(inputs)
        return x if self.config.tie_word_embeddings else self.decoder(x)


class Classifier(Layer):
    """out = out_proj(tanh(dense(the first step)))."""

    config: Any
    classes: int

    def setup(self) -> None:
        """Create both projections."""
        self.dense, self.out_proj = Dense(self.config.hidden_size), Dense(self.classes)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, classes)."""
        return self.out_proj(ops.tanh(self.dense(inputs[:, 0])))
