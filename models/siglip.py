"""SigLIP: Zhai et al., 2023 (arXiv:2303.15343): CLIP whose logits are of pairs, with attention that pools an image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layercli import ops
from layercli.core.layer import Layer
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.errors import FormatError
from layercli.layers.core.dense import Dense
from layercli.layers.core.embedding import Embedding
from layercli.layers.normalization.layer_normalization import LayerNormalization
from layercli.models.clip import CLIP, CLIPBlock, CLIPFeedForward, TextConfig, TextEmbeddings, VisionConfig, part, unit
from layercli.models.functions import merge_heads, split_heads
from layercli.models.masks import attend, mask_of
from layercli.models.parallel import COLUMNS, ROWS, TensorParallelPlan, attention_plan
from layercli.models.pretrained import PretrainedStored, UnknownArchitectureError, head_of
from layercli.models.reading import Epsilon, Size, divided, read
from layercli.models.vit import Patches, patches_of
from layercli.ops.core.axes import check_rank


@dataclass(frozen=True)
class SiglipTextConfig(TextConfig):
    """The entries of ``text_config``; defaults are those of transformers."""

    vocab_size: Size = 32_000
    hidden_size: Size = 768
    intermediate_size: Size = 3072
    num_attention_heads: Size = 12
    max_position_embeddings: Size = 64
    hidden_act: str = "gelu_pytorch_tanh"
    layer_norm_eps: Epsilon = 1e-6
    projection_size: Size | None = None


@dataclass(frozen=True)
class SiglipVisionConfig(VisionConfig):
    """The entries of ``vision_config``; defaults are those of transformers."""

    patch_size: Size = 16
    hidden_act: str = "gelu_pytorch_tanh"
    layer_norm_eps: Epsilon = 1e-6
    vision_use_head: bool = True


class SiglipTextModel(Layer):
    """The hidden states of a text, and the projection of its last step."""

    config: Any

    def setup(self) -> None:
        """Create the embeddings, the blocks, the last normalization and the projection."""
        of = self.config
        self.embeddings = TextEmbeddings(of)
        self.encoder = [CLIPBlock(of, False) for _ in range(of.num_hidden_layers)]
        self.final_layer_norm = LayerNormalization(epsilon=of.layer_norm_eps)
        self.pooling = Dense(of.projection_size or of.hidden_size)

    def call(self, input_ids: Tensor, position_ids: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """Return (batch, features)."""
        check_rank(input_ids, 2)
        x = self.embeddings(input_ids, position_ids)
        mask = mask_of(input_ids, input_ids, attention_mask, causal=False)
        for block in self.encoder:
            x = block(x, mask)
        return self.pooling(self.final_layer_norm(x)[:, -1])


class SiglipVisionEmbeddings(Layer):
    """The patches, plus position embeddings."""

    config: Any

    def setup(self) -> None:
        """Create the projection of the patches and the table of positions."""
        of = self.config
        self.patches = Patches(of, name_="patch_embedding")
        self.count = patches_of(of)
        self.position_embedding = Embedding(self.count, of.hidden_size)

    def call(self, inputs: Tensor, position_ids: Tensor) -> Tensor:
        """Return (batch, patches, width)."""
        return self.patches(inputs) + self.position_embedding(position_ids)


class PoolingAttention(Layer):
    """Attention of one query to all patches; one matrix projects to queries, keys and values."""

    config: Any

    def setup(self) -> None:
        """Create the output projection."""
        of = self.config
        self.out_proj = Dense(of.hidden_size)
        self.head_size = divided("hidden_size", of.hidden_size, "num_attention_heads", of.num_attention_heads)

    def build(self, query_shape: object, inputs_shape: object) -> None:
        """Create in_proj_weight (width, 3 x width) and in_proj_bias."""
        width = self.config.hidden_size
        self.in_proj_weight = self.add_weight("in_proj_weight", (width, 3 * width), layout=(1, 0))
        self.in_proj_bias = self.add_weight("in_proj_bias", (3 * width,), "zeros")

    def stored(self, key: str) -> PretrainedStored:
        """Return the checkpoint name, which is the variable's own."""
        return PretrainedStored((key,), (1, 0) if key == "in_proj_weight" else None)

    def call(self, query: Tensor, inputs: Tensor) -> Tensor:
        """Return (batch, 1, width)."""
        kernels, biases = ops.split(self.in_proj_weight, 3, axis=-1), ops.split(self.in_proj_bias, 3)
        given = zip((query, inputs, inputs), kernels, biases, strict=True)
        heads = (split_heads(ops.matmul(x, kernel) + bias, self.head_size) for x, kernel, bias in given)
        return self.out_proj(merge_heads(attend(*heads, scale=self.head_size**-0.5, causal=False)))


class PoolingHead(Layer):
    """out = x + mlp(norm(x)) of x = attention(probe, the patches)."""

    config: Any

    def setup(self) -> None:
        """Create the layers."""
        of = self.config
        self.attention, self.mlp = PoolingAttention(of), CLIPFeedForward(of)
        self.layernorm = LayerNormalization(epsilon=of.layer_norm_eps)

    def build(self, inputs_shape: object) -> None:
        """Create probe (1, 1, width), the query."""
        self.probe = self.add_weight("probe", (1, 1, self.config.hidden_size))

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, width)."""
        x = self.attention(ops.broadcast_to(self.probe, (inputs.shape[0], 1, self.config.hidden_size)), inputs)
        return (x + self.mlp(self.layernorm(x)))[:, 0]


class SiglipVisionModel(Layer):
    """The pooled vector of an image."""

    config: Any

    def setup(self) -> None:
        """Create the embeddings, the blocks, the normalization and the pooling."""
        of = self.config
        self.embeddings = SiglipVisionEmbeddings(of)
        self.encoder = [CLIPBlock(of, False) for _ in range(of.num_hidden_layers)]
        self.post_layernorm = LayerNormalization(epsilon=of.layer_norm_eps)
        self.pooling = PoolingHead(of)

    def call(self, pixel_values: Tensor, position_ids: Tensor) -> Tensor:
        """Return (batch, width)."""
        check_rank(pixel_values, 4)
        x = self.embeddings(pixel_values, position_ids)
        for block in self.encoder:
            x = block(x)
        return self.pooling(self.post_layernorm(x))


class Siglip(CLIP):
    """SigLIP, from texts and images to the logits of each image for each text, the transposed logits, and both vectors."""

    renamed = {**CLIP.renamed, "pooling": "head"}

    def setup(self) -> None:
        """Create both models."""
        self.text_model: Layer = SiglipTextModel(self.text)
        self.vision_model: Any = SiglipVisionModel(self.vision)

    @property
    def plan(self) -> TensorParallelPlan:
        """How ranks share the layers of both models; each has all of the attention that pools."""
        attention = attention_plan(*(f"self_attn/{name}" for name in ("q_proj", "k_proj", "v_proj", "out_proj")))
        heads = (self.text.num_attention_heads, self.vision.num_attention_heads)
        return TensorParallelPlan({**attention, "fc1": COLUMNS, "fc2": ROWS}, heads)

    def build(self, input_ids_shape: Any, pixel_values_shape: Any) -> None:
        """Create logit_scale and logit_bias, a number each."""
        self.logit_scale = self.add_weight("logit_scale", (1,), "zeros")
        self.logit_bias = self.add_weight("logit_bias", (1,), "zeros")

    def call(self, input_ids: Tensor, pixel_values: Tensor, attention_mask: Tensor | None = None) -> Any:
        """Return logits (images, texts), logits (texts, images), the texts' vectors and the images'."""
        steps = ops.expand_dims(ops.arange(input_ids.shape[1]), 0)
        text = unit(self.text_model(input_ids, steps, attention_mask))
        places = ops.expand_dims(ops.arange(self.vision_model.embeddings.count), 0)
        image = unit(self.vision_model(pixel_values, places))
        logits = ops.matmul(text, ops.transpose(image)) * ops.exp(self.logit_scale) + self.logit_bias
        return ops.transpose(logits), logits, text, image


def model(given: Mapping[str, object], architecture: str | None = None) -> Siglip:
    """Return the model that a config describes."""
    head_of(architecture, {"SiglipModel": ""}, "SiglipModel")
    text = read(SiglipTextConfig, part(given, "text_config"))
    vision = read(SiglipVisionConfig, part(given, "vision_config"))
    if not vision.vision_use_head:
        raise UnknownArchitectureError("layercli does not implement SigLIP with vision_use_head = false")
    features = text.projection_size or text.hidden_size
    if features != vision.hidden_size:
        raise FormatError(
            f"config.json describes texts as vectors of {features} features, and images as vectors of {vision.hidden_size}"
        )
    return Siglip(text, vision, features)
