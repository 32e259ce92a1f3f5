"""LLaVA: Liu et al., "Visual Instruction Tuning", 2023 (arXiv:2304.08485); the projector of 1.5: arXiv:2310.03744."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from layercli import ops
from layercli.core import dims
from layercli.core.dims import Dim
from layercli.core.layer import Layer
from layercli.core.spec import Spec
from layercli.core.types import Tensor, Tree
from layercli.dataclass import dataclass
from layercli.errors import FormatError
from layercli.layers.core.dense import Dense
from layercli.models import clip, llama
from layercli.models.causal_lm import CausalLM
from layercli.models.clip import VisionConfig, VisionModel, part
from layercli.models.functions import activation
from layercli.models.masks import Cache
from layercli.models.parallel import TensorParallelPlan
from layercli.models.pretrained import UnknownArchitectureError, head_of
from layercli.models.reading import Count, one_of, read, shown
from layercli.ops.core.axes import check_rank
from layercli.ops.place_features import PlaceFeatures

VISION = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "image_size": 336,
    "patch_size": 14,
}
"""What transformers assumes of the vision tower where a config has no ``vision_config``."""


@dataclass(frozen=True)
class LlavaConfig:
    """The entries of ``config.json`` beside those of both parts; defaults are those of transformers."""

    image_token_index: Count = 32_000
    projector_hidden_act: str = "gelu"
    vision_feature_select_strategy: str = "default"
    vision_feature_layer: Any = -2
    multimodal_projector_bias: bool = True
    tie_word_embeddings: bool = False

    aliases = {"image_token_index": ("image_token_id",)}


@dataclass(frozen=True)
class Images:
    """How images become tokens: the vision tower, the hidden states that are taken of it, and their projection.

    ``states`` are indices of hidden states, 0 for the input of the first block; ``first`` is 1 where the class vector is left
    out; ``token`` is the id that stands for one patch.
    """

    vision: VisionConfig
    states: tuple[int, ...]
    first: int
    token: int
    activation: str
    use_bias: bool


class VisionTower(VisionModel):
    """The chosen hidden states of CLIP's vision model, one after the other: (batch, patches, width x states)."""

    images: Any

    def call(self, pixel_values: Tensor) -> Tensor:  # type: ignore[override]  # the patches alone, at their own positions
        """Return the features of the patches; images are (batch, channels, height, width)."""
        check_rank(pixel_values, 4)
        x = self.pre_layrnorm(self.embeddings(pixel_values, ops.expand_dims(ops.arange(self.embeddings.count), 0)))
        states = [x]
        for block in self.encoder:
            states.append(block(states[-1]))
        self.post_layernorm(states[-1][:, 0])
        chosen = [states[i][:, self.images.first :] for i in self.images.states]
        return chosen[0] if len(chosen) == 1 else ops.concatenate(chosen, axis=-1)


class Projector(Layer):
    """out = linear_2(activation(linear_1(x))), from the features of patches to embeddings of tokens."""

    images: Any
    width: int

    def setup(self) -> None:
        """Create the projections."""
        bias = self.images.use_bias
        self.linear_1, self.linear_2 = Dense(self.width, use_bias=bias), Dense(self.width, use_bias=bias)
        self.activate = activation(self.images.activation)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, patches, width)."""
        return self.linear_2(self.activate(self.linear_1(inputs)))


class Llava(CausalLM):
    """Llama with images: each image token of a text is replaced by the projection of one patch, in order."""

    images: Any

    base_prefix = ""
    renamed = {
        **CausalLM.renamed,
        "lm_head": "language_model.lm_head",
        "vision_tower": "vision_tower.vision_model",
        "encoder": "encoder.layers",
        "patches": "",
    }
    outside = ("language_model", "vision_tower", "multi_modal_projector")
    ignored = ("rotary_emb.inv_freq", "position_ids")

    def setup(self) -> None:
        """Create the decoder, the vision tower and the projection."""
        super().setup()
        self.prefix = "language_model.model."
        self.vision_tower = VisionTower(self.images.vision, self.images)
        self.multi_modal_projector = Projector(self.images, self.decoder.width)
        self.place = PlaceFeatures(self.images.token)

    @property
    def plan(self) -> TensorParallelPlan:
        """How ranks share the layers."""
        heads = (self.decoder.heads, self.decoder.key_heads, self.images.vision.num_attention_heads)
        return TensorParallelPlan({**clip.PLAN, **super().plan.layers}, heads)

    @property
    def ties(self) -> Mapping[str, str]:
        """The projection to the vocabulary, if it is tied to the embedding."""
        table = f"{self.prefix}embed_tokens.weight"
        return dict.fromkeys(("language_model.lm_head.weight", "lm_head.weight"), table) if self.decoder.tied else {}

    def other_names(self, name: str) -> tuple[str, ...]:
        """Return the names with the attributes of transformers since 4.52, and without a level that 5 has removed."""
        part, _, rest = name.partition(".")
        if part == "language_model":
            own = rest.removeprefix("model.")
            return (f"model.language_model.{own}",) if own != rest else (rest,)
        short = name.replace("vision_tower.vision_model.", "vision_tower.")
        return f"model.{name}", short, f"model.{short}"

    def call(  # type: ignore[override]  # its inputs are a text and its images
        self,
        input_ids: Tensor,
        pixel_values: Tensor,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        cache: Cache | None = None,
    ) -> Tensor:
        """Return the logits (batch, steps, vocabulary), or the last hidden states; ``pixel_values`` are None for texts alone.

        There are as many image tokens in all texts as there are patches in all images.
        """
        check_rank(input_ids, 2)
        return self.decoded(
            lambda: self.with_images(input_ids, pixel_values), input_ids, attention_mask, position_ids, cache
        )

    def with_images(self, input_ids: Tensor, pixel_values: Tensor | None) -> Tensor:
        """Return the embedded tokens, with the projected patches in the place of the image tokens."""
        x = self.embedded(input_ids)
        if pixel_values is None:
            return x
        return self.place(x, input_ids, self.multi_modal_projector(self.vision_tower(pixel_values)))

    @classmethod
    def unpack_inputs(cls, inputs: Tree) -> tuple[Any, ...]:
        """Return the arguments of ``call``: for one tensor, the tokens without images."""
        return super().unpack_inputs(inputs) if isinstance(inputs, (list, tuple, dict)) else (inputs, None)

    def example_input(self) -> list[Spec]:
        """Return B texts of T tokens and B images."""
        of, batch = self.images.vision, Dim.named(dims.BATCH)
        pixels = Spec((batch, of.num_channels, of.image_size, of.image_size), "float32")
        return [Spec((batch, Dim.named("T")), "int32"), pixels]


def states_of(layers: Any, depth: int) -> tuple[int, ...]:
    """Return the indices of the hidden states of ``vision_feature_layer``, from 0; FormatError for one that is not there."""
    given = layers if isinstance(layers, list) else [layers]
    if not given or not all(type(i) is int and -depth - 1 <= i <= depth for i in given):
        raise FormatError(
            f"config.json has vision_feature_layer = {shown(layers)}, which is no hidden state of {depth} blocks"
        )
    return tuple(i % (depth + 1) for i in given)


def model(given: Mapping[str, object], architecture: str | None = None) -> Llava:
    """Return the model that a config describes; UnknownArchitectureError for parts that are not CLIP and Llama."""
    head = head_of(architecture, {"ForConditionalGeneration": "tokens", "Model": ""}, "ForConditionalGeneration")
    texts, pictures = part(given, "text_config"), part(given, "vision_config", VISION)
    for name, described, known in (("text", texts, "llama"), ("vision", pictures, "clip_vision_model")):
        if (kind := described.get("model_type", known)) != known:
            raise UnknownArchitectureError(f"layercli does not implement llava with a {name} model {shown(kind)}")
    config, vision = read(LlavaConfig, given), read(VisionConfig, pictures)
    strategy = one_of("vision_feature_select_strategy", config.vision_feature_select_strategy, ("default", "full"))
    states = states_of(config.vision_feature_layer, vision.num_hidden_layers)
    images = Images(
        vision,
        states,
        int(strategy == "default"),
        config.image_token_index,
        config.projector_hidden_act,
        config.multimodal_projector_bias,
    )
    decoder = llama.model(texts).decoder
    return Llava(replace(decoder, head=head, tied=decoder.tied or config.tie_word_embeddings), images)
