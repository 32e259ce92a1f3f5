"""ViT: Dosovitskiy et al., "An Image is Worth 16x16 Words", 2020 (arXiv:2010.11929)."""

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
from layercli.errors import FormatError
from layercli.layers.convolutional.conv import Conv2D
from layercli.layers.core.dense import Dense
from layercli.layers.normalization.layer_normalization import LayerNormalization
from layercli.models.bert import Intermediate
from layercli.models.functions import activation, merge_heads, split_heads
from layercli.models.masks import attend
from layercli.models.parallel import COLUMNS, TensorParallelPlan, attention_plan
from layercli.models.pretrained import Pretrained, head_of, labels_of
from layercli.models.reading import LARGEST, Depth, Epsilon, Size, divided, read
from layercli.ops.core.axes import check_rank


@dataclass(frozen=True)
class ViTConfig:
    """The entries of ``config.json``; defaults are those of transformers."""

    hidden_size: Size = 768
    num_hidden_layers: Depth = 12
    num_attention_heads: Size = 12
    intermediate_size: Size = 3072
    hidden_act: str = "gelu"
    layer_norm_eps: Epsilon = 1e-12
    image_size: Size = 224
    patch_size: Size = 16
    num_channels: Size = 3
    qkv_bias: bool = True
    pooler_output_size: Size | None = None
    pooler_act: str = "tanh"


def patches_of(config: Any) -> int:
    """Return the number of whole patches in an image; FormatError if there is none, or more than can be counted."""
    if config.patch_size > config.image_size:
        raise FormatError(
            f"config.json has patch_size = {config.patch_size}, more than image_size = {config.image_size}"
        )
    count = int(config.image_size // config.patch_size) ** 2
    if count > LARGEST:
        raise FormatError(
            f"config.json has image_size = {config.image_size} and patch_size = {config.patch_size}: more than {LARGEST:,} patches"
        )
    return count


class Patches(Layer):
    """The projected patches of images (batch, channels, height, width): (batch, patches, width)."""

    config: Any
    use_bias: bool = True
    name_: str = "projection"

    def setup(self) -> None:
        """Create the projection under its checkpoint name."""
        of = self.config
        setattr(self, self.name_, Conv2D(of.hidden_size, of.patch_size, of.patch_size, use_bias=self.use_bias))

    def call(self, inputs: Tensor) -> Tensor:
        """Return the patches in row order."""
        x = getattr(self, self.name_)(ops.transpose(inputs, (0, 2, 3, 1)))
        batch, rows, columns, width = x.shape
        return ops.reshape(x, (batch, rows * columns, width))


class ViTEmbeddings(Layer):
    """The class token and the patches, plus position embeddings."""

    config: Any

    def setup(self) -> None:
        """Create the projection of the patches."""
        self.patch_embeddings = Patches(self.config)

    def build(self, input_shape: object) -> None:
        """Create cls_token (1, 1, width) and position_embeddings (1, patches + 1, width)."""
        of = self.config
        patches = patches_of(of)
        self.cls_token = self.add_weight("cls_token", (1, 1, of.hidden_size))
        self.position_embeddings = self.add_weight("position_embeddings", (1, patches + 1, of.hidden_size))

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, patches + 1, width)."""
        x = self.patch_embeddings(inputs)
        first = ops.broadcast_to(self.cls_token, (x.shape[0], 1, self.config.hidden_size))
        return ops.concatenate([first, x], axis=1) + self.position_embeddings


class ViTHeads(Layer):
    """Attention between all patches, before its output projection."""

    config: Any

    def setup(self) -> None:
        """Create the projections."""
        of = self.config
        self.query, self.key, self.value = (Dense(of.hidden_size, use_bias=of.qkv_bias) for _ in range(3))
        heads = ("num_attention_heads", of.num_attention_heads)
        self.head_size = divided("hidden_size", of.hidden_size, *heads)
        self.scale = self.head_size**-0.5

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, steps, width)."""
        given = (self.query(inputs), self.key(inputs), self.value(inputs))
        query, key, value = (split_heads(x, self.head_size) for x in given)
        return merge_heads(attend(query, key, value, scale=self.scale, causal=False))


class ViTOutput(Layer):
    """out = dense(x)."""

    width: int

    def setup(self) -> None:
        """Create the projection."""
        self.dense = Dense(self.width)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, steps, width)."""
        return self.dense(inputs)


class ViTAttention(Layer):
    """Attention and its output projection."""

    config: Any

    def setup(self) -> None:
        """Create both parts."""
        self.attention, self.output_ = ViTHeads(self.config), ViTOutput(self.config.hidden_size)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, steps, width)."""
        return self.output_(self.attention(inputs))


class ViTBlock(Layer):
    """Attention and a feed-forward network, each on its normalized input and added to it."""

    config: Any

    _described_once = True

    def setup(self) -> None:
        """Create the layers."""
        of = self.config
        self.layernorm_before, self.attention = LayerNormalization(epsilon=of.layer_norm_eps), ViTAttention(of)
        self.layernorm_after = LayerNormalization(epsilon=of.layer_norm_eps)
        self.intermediate, self.output_ = Intermediate(of), ViTOutput(of.hidden_size)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, steps, width)."""
        x = inputs + self.attention(self.layernorm_before(inputs))
        return x + self.output_(self.intermediate(self.layernorm_after(x)))


class ViTPooler(Layer):
    """out = activation(dense(the first step))."""

    config: Any

    def setup(self) -> None:
        """Create the projection."""
        of = self.config
        self.dense, self.activate = Dense(of.pooler_output_size or of.hidden_size), activation(of.pooler_act)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, features)."""
        return self.activate(self.dense(inputs[:, 0]))


class ViT(Pretrained):
    """ViT, from images (batch, channels, height, width) to logits, or to hidden states and the pooled class token."""

    config: Any
    classes: int = 0

    base_prefix = "vit."
    renamed = {"blocks": "encoder.layer", "output_": "output"}
    outside = ("classifier",)

    def setup(self) -> None:
        """Create the embeddings, the blocks, the last normalization and the head; without ``classes`` the pooler."""
        of = self.config
        self.prefix = "vit." if self.classes else ""
        self.embeddings: Any = ViTEmbeddings(of)
        self.blocks: list[Any] = [ViTBlock(of) for _ in range(of.num_hidden_layers)]
        self.layernorm = LayerNormalization(epsilon=of.layer_norm_eps)
        if self.classes:
            self.classifier = Dense(self.classes)
        else:
            self.pooler = ViTPooler(of)

    @property
    def plan(self) -> TensorParallelPlan:
        """How ranks share the layers."""
        attention = attention_plan("attention/query", "attention/key", "attention/value", "output_/dense")
        return TensorParallelPlan({**attention, "intermediate/dense": COLUMNS}, (self.config.num_attention_heads,))

    def call(self, pixel_values: Tensor) -> Any:
        """Return the output of the head."""
        check_rank(pixel_values, 4)
        x = self.embeddings(pixel_values)
        for block in self.blocks:
            x = block(x)
        return self.finished(self.layernorm(x))

    def finished(self, x: Tensor) -> Any:
        """Return the output of the head for the hidden states."""
        return self.classifier(x[:, 0]) if self.classes else (x, self.pooler(x))

    def example_input(self) -> Spec:
        """Return B images."""
        of = self.config
        return Spec((Dim.named(dims.BATCH), of.num_channels, of.image_size, of.image_size), "float32")


def model(given: Mapping[str, object], architecture: str | None = None) -> ViT:
    """Return the model that a config describes."""
    head = head_of(architecture, {"ForImageClassification": "classes", "Model": ""}, "Model")
    config = read(ViTConfig, given)
    patches_of(config)  # before images of that size are made
    return ViT(config, labels_of(given) if head else 0)
