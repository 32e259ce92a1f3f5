"""DINOv2: Oquab et al., 2023 (arXiv:2304.07193): ViT with scaled branches, for images of any size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layercli import ops
from layercli.core.layer import Layer
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.layers.core.dense import Dense
from layercli.layers.normalization.layer_normalization import LayerNormalization
from layercli.models.clip import CLIPFeedForward
from layercli.models.fused import FusedDense
from layercli.models.parallel import COLUMNS, ROWS, TensorParallelPlan, attention_plan
from layercli.models.pretrained import head_of, labels_of
from layercli.models.reading import Epsilon, Size, read
from layercli.models.vit import ViT, ViTAttention, ViTConfig, ViTEmbeddings
from layercli.ops.image.position_table import ResizePositions


@dataclass(frozen=True)
class Dinov2Config(ViTConfig):
    """The entries of ``config.json``; defaults are those of transformers."""

    mlp_ratio: Size = 4
    layer_norm_eps: Epsilon = 1e-6
    patch_size: Size = 14
    use_swiglu_ffn: bool = False
    use_mask_token: bool = True

    @property
    def hidden(self) -> int:
        """The hidden size of the feed-forward networks; gated ones have two thirds of it, rounded up to a multiple of 8."""
        size = self.hidden_size * self.mlp_ratio
        return (size * 2 // 3 + 7) // 8 * 8 if self.use_swiglu_ffn else size


class Dinov2Embeddings(ViTEmbeddings):
    """The class token and the patches, plus position embeddings, which are resized for images of another size."""

    def build(self, input_shape: object) -> None:
        """Create the variables of ViT, and mask_token (1, width), which training puts for hidden patches."""
        super().build(input_shape)
        if self.config.use_mask_token:
            self.mask_token = self.add_weight("mask_token", (1, self.config.hidden_size), "zeros")

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, patches + 1, width)."""
        of = self.config
        x, width, side = self.patch_embeddings(inputs), of.hidden_size, of.image_size // of.patch_size
        rows, columns = (size // of.patch_size for size in inputs.shape[2:])
        first = ops.broadcast_to(self.cls_token, (x.shape[0], 1, width))
        positions: Any = self.position_embeddings
        if (rows, columns) != (side, side):
            table = ops.reshape(positions[:, 1:], (1, side, side, width))
            table = ResizePositions((rows, columns))(table)
            positions = ops.concatenate([positions[:, :1], ops.reshape(table, (1, rows * columns, width))], axis=1)
        return ops.concatenate([first, x], axis=1) + positions


class LearnedScale(Layer):
    """out = lambda1 * x."""

    def build(self, input_shape: Any) -> None:
        """Create lambda1, one number a feature."""
        self.lambda1 = self.add_weight("lambda1", (input_shape[-1],), "ones")

    def call(self, inputs: Tensor) -> Tensor:
        """Return the shape of the input."""
        return inputs * self.lambda1


class Dinov2GatedFeedForward(Layer):
    """out = weights_out(silu(a) * b), where a and b are the halves of weights_in(x)."""

    hidden: int
    width: int

    def setup(self) -> None:
        """Create the projections."""
        self.weights_in = FusedDense(2 * self.hidden, parts=(self.hidden, self.hidden))
        self.weights_out = Dense(self.width)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, steps, width)."""
        gate, x = self.weights_in.split(self.weights_in(inputs))
        return self.weights_out(ops.silu(gate) * x)


class Dinov2Block(Layer):
    """Attention and a feed-forward network, each on its normalized input, scaled and added to it."""

    config: Any

    _described_once = True

    def setup(self) -> None:
        """Create the layers."""
        of = self.config
        self.norm1, self.norm2 = (LayerNormalization(epsilon=of.layer_norm_eps) for _ in range(2))
        self.attention, self.layer_scale1, self.layer_scale2 = ViTAttention(of), LearnedScale(), LearnedScale()
        gated = of.use_swiglu_ffn
        self.mlp: Layer = Dinov2GatedFeedForward(of.hidden, of.hidden_size) if gated else CLIPFeedForward(of, of.hidden)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, steps, width)."""
        x = inputs + self.layer_scale1(self.attention(self.norm1(inputs)))
        return x + self.layer_scale2(self.mlp(self.norm2(x)))


class Dinov2(ViT):
    """DINOv2, from images (batch, channels, height, width) to logits, or to hidden states and that of the class."""

    base_prefix = "dinov2."

    def setup(self) -> None:
        """Create the embeddings, the blocks, the last normalization and the head."""
        of = self.config
        self.prefix = self.base_prefix if self.classes else ""
        self.embeddings = Dinov2Embeddings(of)
        self.blocks = [Dinov2Block(of) for _ in range(of.num_hidden_layers)]
        self.layernorm = LayerNormalization(epsilon=of.layer_norm_eps)
        if self.classes:
            self.classifier = Dense(self.classes)

    @property
    def plan(self) -> TensorParallelPlan:
        """How ranks share the layers."""
        attention = attention_plan("attention/query", "attention/key", "attention/value", "output_/dense")
        network = {"fc1": COLUMNS, "fc2": ROWS, "weights_in": COLUMNS, "weights_out": ROWS}
        return TensorParallelPlan({**attention, **network}, (self.config.num_attention_heads,))

    def finished(self, x: Tensor) -> Any:
        """Return the output of the head for the hidden states."""
        if not self.classes:
            return x, x[:, 0]
        return self.classifier(ops.concatenate([x[:, 0], ops.mean(x[:, 1:], axis=1)], axis=-1))


def model(given: Mapping[str, object], architecture: str | None = None) -> Dinov2:
    """Return the model that a config describes."""
    head = head_of(architecture, {"ForImageClassification": "classes", "Model": ""}, "Model")
    return Dinov2(read(Dinov2Config, given), labels_of(given) if head else 0)
