"""Mamba: Gu and Dao, "Mamba: Linear-Time Sequence Modeling with Selective State Spaces", 2023 (arXiv:2312.00752)."""

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
from layercli.layers.normalization.rms_normalization import RMSNormalization
from layercli.models.functions import activation
from layercli.models.fused import FusedDense
from layercli.models.parallel import CHANNELS, COLUMNS, ROWS, VOCABULARY, TensorParallelPlan
from layercli.models.pretrained import Pretrained, PretrainedStored, head_of
from layercli.models.reading import Depth, Epsilon, Size, read, shown
from layercli.ops.core.axes import check_rank
from layercli.ops.last_steps import LastSteps
from layercli.ops.selective_scan import SelectiveScan

PLAN = {
    **dict.fromkeys(("in_proj", "conv1d", "dt_proj"), COLUMNS),
    **dict.fromkeys(("x_proj", "out_proj"), ROWS),
    "mixer": CHANNELS,
    **dict.fromkeys(("embeddings", "lm_head"), VOCABULARY),
}
"""How ranks share the layers: each has a range of the channels of every mixer."""


@dataclass(frozen=True)
class MambaConfig:
    """The entries of ``config.json``; defaults are those of transformers."""

    vocab_size: Size = 50_280
    hidden_size: Size = 768
    state_size: Size = 16
    num_hidden_layers: Depth = 32
    layer_norm_epsilon: Epsilon = 1e-5
    expand: Size = 2
    conv_kernel: Size = 4
    use_bias: bool = False
    use_conv_bias: bool = True
    hidden_act: str = "silu"
    time_step_rank: Any = "auto"
    tie_word_embeddings: bool = True

    aliases = {"num_hidden_layers": ("n_layer",), "hidden_size": ("d_model",)}

    @property
    def inner(self) -> int:
        """The number of channels of the recurrence."""
        return self.expand * self.hidden_size

    @property
    def rank(self) -> int:
        """The number of features from which the step size is computed."""
        if self.time_step_rank == "auto":
            return -(-self.hidden_size // 16)
        if type(self.time_step_rank) is not int or not 1 <= self.time_step_rank < 2**31:
            raise FormatError(
                f"config.json has time_step_rank = {shown(self.time_step_rank)}, which is not an integer from 1"
            )
        return self.time_step_rank


class CausalConvolution(Layer):
    """out[t] = sum of kernel[i] * x[t - size + 1 + i] + bias, separately for each channel."""

    size: int
    use_bias: bool

    def build(self, input_shape: Any) -> None:
        """Create the kernel (size, channels), and the bias."""
        self.kernel = self.add_weight("weight", (self.size, input_shape[-1]), layout=(1, 0))
        self.bias = self.add_weight("bias", (input_shape[-1],), "zeros") if self.use_bias else None

    def stored(self, key: str) -> PretrainedStored:
        """Return the checkpoint name; the checkpoint's kernel has an extra axis of size 1."""
        return PretrainedStored((key,), (1, 0), single=1) if key == "weight" else PretrainedStored((key,))

    def call(self, inputs: Tensor, past: tuple[Tensor, ...] | None = None) -> Any:
        """Return (batch, steps, channels); with ``past``, earlier inputs or (), also the inputs that the next call takes."""
        before = self.size - 1
        if past is None:
            padded, kept = ops.pad(inputs, ((0, 0), (before, 0), (0, 0))), None
        else:
            given = (
                ops.concatenate([*past, inputs], axis=1) if past else ops.pad(inputs, ((0, 0), (self.size, 0), (0, 0)))
            )
            padded, kept = given[:, 1:], LastSteps(self.size)(given)
        x = ops.depthwise_conv(padded, ops.expand_dims(self.kernel, -1))
        x = x if self.bias is None else x + self.bias
        return x if kept is None else (x, kept)


class Mixer(Layer):
    """A gated recurrence whose step sizes, inputs and outputs depend on its input."""

    config: Any

    def setup(self) -> None:
        """Create the projections and the convolution."""
        of = self.config
        self.in_proj = FusedDense(2 * of.inner, parts=(of.inner, of.inner), use_bias=of.use_bias)
        self.conv1d = CausalConvolution(of.conv_kernel, of.use_conv_bias)
        self.x_proj = Dense(of.rank + 2 * of.state_size, use_bias=False)
        self.dt_proj, self.out_proj = Dense(of.inner), Dense(of.hidden_size, use_bias=of.use_bias)
        self.activate, self.scan = activation(of.hidden_act), SelectiveScan()

    def build(self, input_shape: object) -> None:
        """Create A_log (channels, state) and D (channels,)."""
        of = self.config
        self.A_log, self.D = (
            self.add_weight("A_log", (of.inner, of.state_size)),
            self.add_weight("D", (of.inner,), "ones"),
        )

    def stored(self, key: str) -> PretrainedStored:
        """Return the checkpoint name, which is the variable's own."""
        return PretrainedStored((key,))

    def call(self, inputs: Tensor, mask: Tensor | None, past: tuple[Tensor, ...] | None = None) -> Any:
        """Return (batch, steps, width), and the new states if ``past`` is given; ``mask`` (batch, steps, 1) is 0 for padding."""
        of = self.config
        x, gate = self.in_proj.split(self.in_proj(masked(inputs, mask)))
        convolved = self.conv1d(x) if past is None else self.conv1d(x, past[:1])
        x, kept = (convolved, None) if past is None else convolved
        x = masked(self.activate(x), mask)
        low, given, taken = ops.split(self.x_proj(x), [of.rank, of.rank + of.state_size], axis=-1)
        step = ops.softplus(self.dt_proj(low))
        rate = -ops.exp(ops.cast(self.A_log, "float32"))
        scanned, states = self.scan(x, step, rate, given, taken, past[1] if past else None)
        x = self.out_proj((scanned + x * self.D) * self.activate(gate))
        return x if past is None else (x, (kept, states))


def masked(x: Tensor, mask: Tensor | None) -> Tensor:
    """Return x (batch, steps, features), 0 at padding."""
    return x if mask is None else x * ops.cast(mask, x.dtype)


class MambaBlock(Layer):
    """The mixer on the normalized input, added to it."""

    config: Any

    _described_once = True

    def setup(self) -> None:
        """Create both layers."""
        self.norm, self.mixer = RMSNormalization(epsilon=self.config.layer_norm_epsilon), Mixer(self.config)

    def call(self, inputs: Tensor, mask: Tensor | None, past: tuple[Tensor, ...] | None = None) -> Any:
        """Return (batch, steps, width), and the new states if ``past`` is given."""
        if past is None:
            return inputs + self.mixer(self.norm(inputs), mask)
        x, kept = self.mixer(self.norm(inputs), mask, past)
        return inputs + x, kept


class Mamba(Pretrained):
    """Mamba, from tokens (batch, steps) to logits, or to hidden states; with ``cache`` also the states for the next call.

    ``attention_mask`` (batch, steps so far) is 0 for padding before a text; ``cache`` is the previous call's, or () for the
    first: for each block the last inputs of its convolution and the states of its recurrence.
    """

    config: Any
    head: bool = True

    base_prefix = "backbone."
    outside = ("lm_head",)
    recurrent = True

    def setup(self) -> None:
        """Create the embedding, the blocks, the last normalization and the head."""
        of = self.config
        self.prefix = "backbone." if self.head else ""
        self.embeddings = Embedding(of.vocab_size, of.hidden_size)
        self.blocks = [MambaBlock(of) for _ in range(of.num_hidden_layers)]
        self.norm_f = RMSNormalization(epsilon=of.layer_norm_epsilon)
        if self.head and not of.tie_word_embeddings:
            self.lm_head = Dense(of.vocab_size, use_bias=False)

    @property
    def ties(self) -> Mapping[str, str]:
        """The projection to the vocabulary, if it is tied to the embedding."""
        return {"lm_head.weight": f"{self.prefix}embeddings.weight"} if self.config.tie_word_embeddings else {}

    @property
    def plan(self) -> TensorParallelPlan:
        """How ranks share the layers."""
        return TensorParallelPlan(PLAN)

    @property
    def predicts_tokens(self) -> bool:
        """Whether the head projects to the vocabulary."""
        return bool(self.head)

    def call(self, input_ids: Tensor, attention_mask: Tensor | None = None, cache: Any = None) -> Any:
        """Return (batch, steps, vocabulary)."""
        check_rank(input_ids, 2)
        x, mask, kept = self.embeddings(input_ids), None, []
        if attention_mask is not None:
            mask = ops.expand_dims(attention_mask[:, -input_ids.shape[1] :], -1)
        for i, block in enumerate(self.blocks):
            if cache is None:
                x = block(x, mask)
            else:
                x, own = block(x, mask, cache[i] if cache else ())
                kept.append(own)
        x = self.norm_f(x)
        if self.head:
            tied = self.config.tie_word_embeddings
            x = ops.matmul(x, ops.transpose(self.embeddings.embeddings)) if tied else self.lm_head(x)
        return x if cache is None else (x, kept)


def model(given: Mapping[str, object], architecture: str | None = None) -> Mamba:
    """Return the model that a config describes."""
    head = head_of(architecture, {"ForCausalLM": "tokens", "MambaModel": ""}, "ForCausalLM")
    return Mamba(read(MambaConfig, given), bool(head))
