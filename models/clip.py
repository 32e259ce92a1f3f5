"""CLIP: Radford et al., 2021 (arXiv:2103.00020): images and texts as vectors in a common space."""

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
from layercli.layers.core.dense import Dense
from layercli.layers.core.embedding import Embedding
from layercli.layers.normalization.layer_normalization import LayerNormalization
from layercli.models.functions import activation, merge_heads, split_heads
from layercli.models.masks import attend, mask_of
from layercli.models.parallel import COLUMNS, ROWS, TensorParallelPlan, attention_plan
from layercli.models.pretrained import Pretrained, head_of
from layercli.models.reading import Depth, Epsilon, Size, divided, read, shown
from layercli.models.vit import Patches, patches_of
from layercli.ops.core.axes import check_rank

PLAN = {**attention_plan("q_proj", "k_proj", "v_proj", "out_proj"), "fc1": COLUMNS, "fc2": ROWS}
"""How ranks share the layers of both models."""

LAST_TOKEN = 2
"""The end-of-text id in the first files, where it means the highest token id of a text."""


@dataclass(frozen=True)
class TextConfig:
    """The entries of ``text_config``; defaults are those of transformers."""

    vocab_size: Size = 49_408
    hidden_size: Size = 512
    intermediate_size: Size = 2048
    num_hidden_layers: Depth = 12
    num_attention_heads: Size = 8
    max_position_embeddings: Size = 77
    hidden_act: str = "quick_gelu"
    layer_norm_eps: Epsilon = 1e-5
    eos_token_id: Size = 49_407


@dataclass(frozen=True)
class VisionConfig:
    """The entries of ``vision_config``; defaults are those of transformers."""

    hidden_size: Size = 768
    intermediate_size: Size = 3072
    num_hidden_layers: Depth = 12
    num_attention_heads: Size = 12
    num_channels: Size = 3
    image_size: Size = 224
    patch_size: Size = 32
    hidden_act: str = "quick_gelu"
    layer_norm_eps: Epsilon = 1e-5


class CLIPAttention(Layer):
    """Attention, causal between tokens and bidirectional between patches."""

    config: Any
    causal: bool

    def setup(self) -> None:
        """Create the projections."""
        of = self.config
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (Dense(of.hidden_size) for _ in range(4))
        heads = ("num_attention_heads", of.num_attention_heads)
        self.head_size = divided("hidden_size", of.hidden_size, *heads)
        self.scale = self.head_size**-0.5

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return (batch, steps, width)."""
        given = (self.q_proj(inputs), self.k_proj(inputs), self.v_proj(inputs))
        query, key, value = (split_heads(x, self.head_size) for x in given)
        return self.out_proj(merge_heads(attend(query, key, value, mask, scale=self.scale, causal=self.causal)))


class CLIPFeedForward(Layer):
    """out = fc2(activation(fc1(x)))."""

    config: Any
    hidden: int | None = None

    def setup(self) -> None:
        """Create the projections, by default to the config's ``intermediate_size``."""
        self.fc1, self.fc2 = Dense(self.hidden or self.config.intermediate_size), Dense(self.config.hidden_size)
        self.activate = activation(self.config.hidden_act)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, steps, width)."""
        return self.fc2(self.activate(self.fc1(inputs)))


class CLIPBlock(Layer):
    """Attention and a feed-forward network, each on its normalized input and added to it."""

    config: Any
    causal: bool

    _described_once = True

    def setup(self) -> None:
        """Create the layers."""
        of = self.config
        self.layer_norm1, self.self_attn = LayerNormalization(epsilon=of.layer_norm_eps), CLIPAttention(of, self.causal)
        self.layer_norm2, self.mlp = LayerNormalization(epsilon=of.layer_norm_eps), CLIPFeedForward(of)

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return (batch, steps, width)."""
        x = inputs + self.self_attn(self.layer_norm1(inputs), mask)
        return x + self.mlp(self.layer_norm2(x))


class TextEmbeddings(Layer):
    """The sum of the embeddings of tokens and positions."""

    config: Any

    def setup(self) -> None:
        """Create both tables."""
        of = self.config
        self.token_embedding = Embedding(of.vocab_size, of.hidden_size)
        self.position_embedding = Embedding(of.max_position_embeddings, of.hidden_size)

    def call(self, input_ids: Tensor, position_ids: Tensor) -> Tensor:
        """Return (batch, steps, width)."""
        return self.token_embedding(input_ids) + self.position_embedding(position_ids)


class TextModel(Layer):
    """The hidden states of a text, and those of its last token."""

    config: Any

    def setup(self) -> None:
        """Create the embeddings, the blocks and the last normalization."""
        of = self.config
        self.embeddings = TextEmbeddings(of)
        self.encoder = [CLIPBlock(of, True) for _ in range(of.num_hidden_layers)]
        self.final_layer_norm = LayerNormalization(epsilon=of.layer_norm_eps)

    def call(self, input_ids: Tensor, position_ids: Tensor, attention_mask: Tensor | None = None) -> Any:
        """Return (batch, steps, width) and (batch, width)."""
        check_rank(input_ids, 2)
        x = self.embeddings(input_ids, position_ids)
        mask = mask_of(input_ids, input_ids, attention_mask)
        for block in self.encoder:
            x = block(x, mask)
        x = self.final_layer_norm(x)
        end = self.config.eos_token_id
        found = input_ids if end == LAST_TOKEN else ops.cast(ops.equal(input_ids, end), "int32")
        batch, _, width = x.shape
        places = ops.broadcast_to(ops.reshape(ops.argmax(found, axis=-1), (batch, 1, 1)), (batch, 1, width))
        return x, ops.squeeze(ops.take_along_axis(x, ops.cast(places, "int64"), axis=1), axis=1)


class VisionEmbeddings(Layer):
    """The class vector and the patches, plus position embeddings."""

    config: Any

    def setup(self) -> None:
        """Create the projection of the patches and the table of positions."""
        of = self.config
        self.patches = Patches(of, use_bias=False, name_="patch_embedding")
        self.count = patches_of(of) + 1
        self.position_embedding = Embedding(self.count, of.hidden_size)

    def build(self, inputs_shape: Any) -> None:
        """Create class_embedding, one vector."""
        self.class_embedding = self.add_weight("class_embedding", (self.config.hidden_size,))

    def call(self, inputs: Tensor, position_ids: Tensor) -> Tensor:
        """Return (batch, patches + 1, width)."""
        x, width = self.patches(inputs), self.config.hidden_size
        first = ops.broadcast_to(ops.reshape(self.class_embedding, (1, 1, width)), (x.shape[0], 1, width))
        return ops.concatenate([first, x], axis=1) + self.position_embedding(position_ids)


class VisionModel(Layer):
    """The hidden states of the patches, and the normalized hidden state of the class."""

    config: Any

    def setup(self) -> None:
        """Create the embeddings, the blocks and the normalizations."""
        of = self.config
        self.embeddings = VisionEmbeddings(of)
        self.pre_layrnorm = LayerNormalization(epsilon=of.layer_norm_eps)  # spelled like this in checkpoints
        self.encoder = [CLIPBlock(of, False) for _ in range(of.num_hidden_layers)]
        self.post_layernorm = LayerNormalization(epsilon=of.layer_norm_eps)

    def call(self, pixel_values: Tensor, position_ids: Tensor) -> Any:
        """Return (batch, patches + 1, width) and (batch, width)."""
        check_rank(pixel_values, 4)
        x = self.pre_layrnorm(self.embeddings(pixel_values, position_ids))
        for block in self.encoder:
            x = block(x)
        return x, self.post_layernorm(x[:, 0])


class CLIP(Pretrained):
    """CLIP, from texts and images to the logits of each image for each text, the transposed logits, and both vectors."""

    text: Any
    vision: Any
    features: int

    renamed = {"encoder": "encoder.layers", "patches": ""}
    ignored = ("position_ids",)

    def setup(self) -> None:
        """Create both models and their projections."""
        self.text_model: Layer = TextModel(self.text)
        self.vision_model: Any = VisionModel(self.vision)
        self.text_projection = Dense(self.features, use_bias=False)
        self.visual_projection = Dense(self.features, use_bias=False)

    @property
    def plan(self) -> TensorParallelPlan:
        """How ranks share the layers."""
        return TensorParallelPlan(PLAN, (self.text.num_attention_heads, self.vision.num_attention_heads))

    def build(self, input_ids_shape: Any, pixel_values_shape: Any) -> None:
        """Create logit_scale, a number."""
        self.logit_scale = self.add_weight("logit_scale", (), "zeros")

    def call(self, input_ids: Tensor, pixel_values: Tensor, attention_mask: Tensor | None = None) -> Any:
        """Return logits (images, texts), logits (texts, images), the texts' vectors and the images'."""
        steps = ops.expand_dims(ops.arange(input_ids.shape[1]), 0)
        _, text = self.text_model(input_ids, steps, attention_mask)
        _, image = self.vision_model(pixel_values, ops.expand_dims(ops.arange(self.vision_model.embeddings.count), 0))
        text, image = unit(self.text_projection(text)), unit(self.visual_projection(image))
        logits = ops.matmul(text, ops.transpose(image)) * ops.exp(self.logit_scale)
        return ops.transpose(logits), logits, text, image

    def example_input(self) -> list[Spec]:
        """Return B texts of T tokens and B images."""
        of, batch = self.vision, Dim.named(dims.BATCH)
        images = Spec((batch, of.num_channels, of.image_size, of.image_size), "float32")
        return [Spec((batch, Dim.named("T")), "int32"), images]


def unit(x: Tensor) -> Tensor:
    """Return vectors normalized to length 1."""
    return x / ops.sqrt(ops.sum(x * x, axis=-1, keepdims=True))


def part(given: Mapping[str, object], name: str, missing: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
    """Return an object in a config; ``missing``, or an empty one, if the config has none."""
    found = given.get(name)
    if found is None:
        return missing or {}
    if not isinstance(found, dict):
        raise FormatError(f"config.json has {name} = {shown(found)}, which is not an object")
    return found


def model(given: Mapping[str, object], architecture: str | None = None) -> CLIP:
    """Return the model that a config describes."""
    head_of(architecture, {"CLIPModel": ""}, "CLIPModel")
    features = given.get("projection_dim", 512)
    if type(features) is not int or not 1 <= features < 2**31:
        raise FormatError(f"config.json has projection_dim = {shown(features)}, which is not an integer from 1")
    text, vision = read(TextConfig, part(given, "text_config")), read(VisionConfig, part(given, "vision_config"))
    return CLIP(text, vision, features)
