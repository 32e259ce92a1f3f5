"""What differs between decoders of Llama's line: sizes, normalization, positions, biases, fused projections, experts, ties."""

from __future__ import annotations

from typing import Any

from layercli import ops
from layercli.core.layer import Layer
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.layers.normalization.layer_normalization import LayerNormalization
from layercli.layers.normalization.rms_normalization import RMSNormalization
from layercli.models.latent import Latent
from layercli.models.mixture import Experts
from layercli.models.rope import Rope
from layercli.ops.nn.normalization import RmsNorm


@dataclass(frozen=True)
class CausalLMDecoder:
    """Everything that differs between the decoders of the supported families.

    ``windows`` has one entry per block, None for no window; ``local_rope`` is for the blocks with a window, if it differs.
    ``experts`` has one entry per block, or is empty. ``shifted_norm`` scales by 1 + weight; ``sandwich`` also normalizes the
    outputs of attention and feed-forward network, and without ``pre_norm`` these alone. ``layer_norm`` is the kind that subtracts
    the mean, with a bias or not; ``joint_norm`` normalizes all queries of a step together, and all its keys. ``rotary`` has one
    entry per block, whether its queries and keys are rotated, or is empty. ``parallel``: attention and feed-forward network take
    the same input. ``plain`` networks have one projection up, and no gate. Scales are factors, None for 1.
    """

    vocabulary: int
    width: int
    depth: int
    heads: int
    key_heads: int
    head_size: int
    hidden: int
    rope: Rope
    local_rope: Rope | None = None
    windows: tuple[int | None, ...] = ()
    activation: str = "silu"
    epsilon: float = 1e-6
    scale: float | None = None
    input_bias: bool = False
    output_bias: bool = False
    hidden_bias: bool = False
    head_norm: bool = False
    fused: bool = False
    fused_network: bool = False
    shifted_norm: bool = False
    layer_norm: bool = False
    norm_bias: bool = True
    joint_norm: bool = False
    sandwich: bool = False
    pre_norm: bool = True
    parallel: bool = False
    plain: bool = False
    interleaved: bool = False
    rotary: tuple[bool, ...] = ()
    embedding_scale: float | None = None
    residual_scale: float | None = None
    logit_scale: float | None = None
    score_cap: float | None = None
    logit_cap: float | None = None
    tied: bool = False
    experts: tuple[Experts | None, ...] = ()
    latent: Latent | None = None
    pad: int | None = None
    head: str = "tokens"
    classes: int = 2

    def window(self, block: int) -> int | None:
        """Return the number of steps that each step of a block attends to, or None for all."""
        return self.windows[block] if self.windows else None

    def normalization(self) -> Layer:
        """Return a normalization layer of the decoder's kind."""
        if self.layer_norm:
            return LayerNormalization(epsilon=self.epsilon, center=self.norm_bias)
        return ShiftedNorm(self.epsilon) if self.shifted_norm else RMSNormalization(epsilon=self.epsilon)


class ShiftedNorm(Layer):
    """out = x / sqrt(mean of x^2 + epsilon) * (1 + weight), computed in float32."""

    epsilon: float = 1e-6

    def build(self, input_shape: Any) -> None:
        """Create the weight, one value per feature."""
        self.weight = self.add_weight("weight", (input_shape[-1],), "zeros", autocast=False)
        self.op = RmsNorm((-1,), self.epsilon)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the outputs, of the shape of the inputs."""
        x = self.op(ops.cast(inputs, "float32")) * (ops.cast(self.weight, "float32") + 1.0)
        return ops.cast(x, self.compute_dtype)
