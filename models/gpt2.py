"""GPT-2: Radford et al., "Language Models are Unsupervised Multitask Learners", 2019."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layercli import ops
from layercli.core.layer import Layer
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.layers.core.embedding import Embedding
from layercli.layers.normalization.layer_normalization import LayerNormalization
from layercli.models.functions import activation, merge_heads, split_heads
from layercli.models.fused import FusedDense
from layercli.models.masks import attend, extended
from layercli.models.parallel import BY_HEADS, COLUMNS, ROWS, VOCABULARY, TensorParallelPlan
from layercli.models.pretrained import PretrainedStored
from layercli.models.reading import Count, Depth, Epsilon, Size, divided, read
from layercli.models.text_decoder import TextDecoder, text_decoder


@dataclass(frozen=True)
class GPT2Config:
    """The entries of ``config.json``; defaults are those of transformers."""

    vocab_size: Size = 50_257
    n_positions: Size = 1024
    n_embd: Size = 768
    n_layer: Depth = 12
    n_head: Size = 12
    n_inner: Size | None = None
    activation_function: str = "gelu_new"
    layer_norm_epsilon: Epsilon = 1e-5
    scale_attn_weights: bool = True
    scale_attn_by_inverse_layer_idx: bool = False
    tie_word_embeddings: bool = True
    pad_token_id: Count | None = None

    aliases = {
        "n_positions": ("max_position_embeddings",),
        "n_embd": ("hidden_size",),
        "n_layer": ("num_hidden_layers",),
        "n_head": ("num_attention_heads",),
    }


class InOutDense(FusedDense):
    """A Dense layer whose kernel is stored as (features, units) in the checkpoint."""

    def stored(self, key: str) -> PretrainedStored:
        """Return the checkpoint name; the axis order is the same."""
        return PretrainedStored(({"kernel": "weight"}.get(key, key),))


class GPT2Attention(Layer):
    """Causal attention, its three projections in one."""

    config: Any
    divisor: int

    def setup(self) -> None:
        """Create the projections."""
        of = self.config
        self.c_attn, self.c_proj = InOutDense(3 * of.n_embd, parts=(of.n_embd,) * 3), InOutDense(of.n_embd)
        self.head_size = divided("n_embd", of.n_embd, "n_head", of.n_head)
        self.scale = (self.head_size**-0.5 if of.scale_attn_weights else 1.0) / self.divisor

    def call(self, inputs: Tensor, mask: Tensor, past: tuple[Tensor, ...] | None = None) -> Any:
        """Return (batch, steps, width), and the new cache entries if ``past`` is given."""
        query, key, value = (split_heads(x, self.head_size) for x in ops.split(self.c_attn(inputs), 3, axis=-1))
        key, value = kept = extended(past, key, value)
        x = self.c_proj(merge_heads(attend(query, key, value, mask, scale=self.scale)))
        return x if past is None else (x, kept)


class GPT2FeedForward(Layer):
    """out = proj(activation(fc(x)))."""

    config: Any

    def setup(self) -> None:
        """Create the projections."""
        of = self.config
        self.c_fc, self.c_proj = InOutDense(of.n_inner or 4 * of.n_embd), InOutDense(of.n_embd)
        self.activate = activation(of.activation_function)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, steps, width)."""
        return self.c_proj(self.activate(self.c_fc(inputs)))


class GPT2Block(Layer):
    """Attention and a feed-forward network, each on its normalized input and added to it."""

    config: Any
    divisor: int

    _described_once = True

    def setup(self) -> None:
        """Create the layers."""
        epsilon = self.config.layer_norm_epsilon
        self.ln_1, self.attn = LayerNormalization(epsilon=epsilon), GPT2Attention(self.config, self.divisor)
        self.ln_2, self.mlp = LayerNormalization(epsilon=epsilon), GPT2FeedForward(self.config)

    def call(self, inputs: Tensor, mask: Tensor, others: Tensor, past: tuple[Tensor, ...] | None = None) -> Any:
        """Return (batch, steps, width), and the new cache entries if ``past`` is given."""
        attended = self.attn(self.ln_1(inputs), mask, past)
        attended, kept = (attended, None) if past is None else attended
        x = inputs + attended
        x = x + self.mlp(self.ln_2(x))
        return x if past is None else (x, kept)


class GPT2(TextDecoder):
    """GPT-2, from tokens to logits."""

    base_prefix = "transformer."
    renamed = {"blocks": "h"}
    outside = ("lm_head", "score")
    ignored = (".attn.bias", ".attn.masked_bias")

    def setup(self) -> None:
        """Create the embeddings, the blocks, the last normalization and the head."""
        of = self.config
        self.prefix = "transformer." if self.head else ""
        self.wte, self.wpe = Embedding(of.vocab_size, of.n_embd), Embedding(of.n_positions, of.n_embd)
        divided_more = of.scale_attn_by_inverse_layer_idx
        self.blocks = [GPT2Block(of, place + 1 if divided_more else 1) for place in range(of.n_layer)]
        self.ln_f = LayerNormalization(epsilon=of.layer_norm_epsilon)
        self.setup_head(of.n_embd)

    @property
    def plan(self) -> TensorParallelPlan:
        """How ranks share the layers."""
        layers = {"c_attn": BY_HEADS, "c_fc": COLUMNS, "c_proj": ROWS, "wte": VOCABULARY, "lm_head": VOCABULARY}
        return TensorParallelPlan(layers, (self.config.n_head,))

    @property
    def ties(self) -> Mapping[str, str]:
        """The projection to the vocabulary, if it is tied to the embedding."""
        return {"lm_head.weight": f"{self.prefix}wte.weight"} if self.config.tie_word_embeddings else {}

    @property
    def longest(self) -> int:
        """The number of learned positions."""
        return int(self.config.n_positions)

    def table(self) -> Any:
        """Return the embedding of tokens."""
        return self.wte

    def started(
        self, input_ids: Tensor, padding: Tensor | None, position_ids: Tensor
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return the sum of both embeddings."""
        return self.wte(input_ids) + self.wpe(position_ids), ()

    def finished(self, x: Tensor) -> Tensor:
        """Return the normalized hidden states."""
        return self.ln_f(x)


def model(given: Mapping[str, object], architecture: str | None = None) -> GPT2:
    """Return the model that a config describes."""
    return text_decoder(GPT2, read(GPT2Config, given), given, architecture)
