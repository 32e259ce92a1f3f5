"""A mixture of experts: a router chooses a few feed-forward networks for each token.

The experts' kernels are stacked in one variable; a checkpoint has one tensor per expert.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from layercli import ops
from layercli.core.layer import Layer
from layercli.core.types import Tensor
from layercli.dataclass import dataclass
from layercli.layers.core.dense import Dense
from layercli.models.functions import activation
from layercli.models.pretrained import PretrainedStored
from layercli.models.reading import at_most
from layercli.ops.experts import ExpertFeedForward

GATE_UP_DOWN = ("gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True)
class Experts:
    """The number and size of the experts, the number chosen per token, and the routing rule.

    ``scores`` are the softmax or the sigmoid of the router's logits. ``normalized`` weights sum to 1; ``factor`` multiplies
    them. With ``groups`` only the ``kept_groups`` best are eligible, ranked by the sum of their two best scores or by their
    best. ``corrected`` adds a bias to the scores for the choice only. ``shared`` is the hidden size of experts applied to every
    token, whose sum is weighted by a gate of its own if ``gated_shared``. ``module`` and ``names`` are the checkpoint's names.
    """

    count: int
    chosen: int
    hidden: int
    normalized: bool = True
    scores: str = "softmax"
    factor: float = 1.0
    groups: int = 1
    kept_groups: int = 1
    corrected: bool = False
    shared: int | None = None
    gated_shared: bool = False
    activation: str = "silu"
    module: str = "mlp"
    names: tuple[str, str, str] = GATE_UP_DOWN


def experts_of(config: Any, **differences: Any) -> tuple[Experts | None, ...]:
    """Return the experts of each block, None for a block without, by a config with Qwen's names; ``differences`` are of Experts."""
    count, chosen = config.num_experts, config.num_experts_per_tok
    if count:
        at_most("num_experts_per_tok", chosen, "num_experts", count)
    experts = Experts(
        count,
        chosen,
        config.moe_intermediate_size,
        normalized=config.norm_topk_prob,
        activation=config.hidden_act,
        **differences,
    )
    step, without = config.decoder_sparse_step, set(config.mlp_only_layers)
    blocks = range(config.num_hidden_layers)
    return tuple(experts if count and i not in without and (i + 1) % step == 0 else None for i in blocks)


class ExpertBank(Layer):
    """The experts, with stacked kernels gate and up (experts, width, hidden) and down (experts, hidden, width)."""

    experts: Any

    def build(self, inputs_shape: Any) -> None:
        """Create the kernels in the layout of torch's linear."""
        of, width = self.experts, inputs_shape[-1]
        self.gate = self.add_weight("gate", (of.count, width, of.hidden), layout=(0, 2, 1))
        self.up = self.add_weight("up", (of.count, width, of.hidden), layout=(0, 2, 1))
        self.down = self.add_weight("down", (of.count, of.hidden, width), layout=(0, 2, 1))
        self.op = ExpertFeedForward(of.activation)

    @property
    def unused_parameters(self) -> int:
        """The parameters of the experts that are not chosen for a token."""
        of = self.experts
        return sum(int(each.size) for each in (self.gate, self.up, self.down)) // of.count * (of.count - of.chosen)

    def call(self, inputs: Tensor, indices: Tensor, shares: Tensor) -> Tensor:
        """Return the outputs, of the shape of the inputs."""
        return self.op(inputs, indices, shares, self.gate, self.up, self.down)

    def stored(self, key: str) -> PretrainedStored:
        """Return the checkpoint names of each expert's kernels."""
        name = dict(zip(("gate", "up", "down"), self.experts.names, strict=True))[key]
        return PretrainedStored(expert_names(self.experts.count, name), (1, 0), stacked=True)


@lru_cache(64)
def expert_names(count: int, name: str) -> tuple[str, ...]:
    """Return the checkpoint names of one kernel of each expert, which all layers of a model have."""
    return tuple([f"{i}.{name}.weight" for i in range(count)])


class Router(Layer):
    """The choice of experts: indices and weights (batch, steps, chosen)."""

    experts: Any

    def build(self, input_shape: Any) -> None:
        """Create the kernel (width, experts), and the bias that corrects the choice."""
        of = self.experts
        self.kernel = self.add_weight("weight", (input_shape[-1], of.count), layout=(1, 0))
        if of.corrected:
            self.correction = self.add_weight("e_score_correction_bias", (of.count,), "zeros", trainable=False)

    def stored(self, key: str) -> PretrainedStored:
        """Return the checkpoint name, which is the variable's own."""
        return PretrainedStored((key,), (1, 0) if key == "weight" else None)

    def call(self, inputs: Tensor) -> Any:
        """Return the indices of the chosen experts and their weights, computed in float32."""
        of = self.experts
        logits = ops.matmul(ops.cast(inputs, "float32"), ops.cast(self.kernel, "float32"))
        scores = ops.softmax(logits) if of.scores == "softmax" else ops.sigmoid(logits)
        choosing = scores + ops.cast(self.correction, "float32") if of.corrected else scores
        if of.groups > 1:
            choosing = self.within_groups(choosing)
        _, indices = ops.top_k(choosing, of.chosen)
        shares = ops.take_along_axis(scores, indices, axis=-1)
        if of.normalized:
            shares = shares / (ops.sum(shares, axis=-1, keepdims=True) + 1e-20)
        return indices, shares * of.factor

    def within_groups(self, scores: Tensor) -> Tensor:
        """Set the scores of experts outside the best groups to 0."""
        of = self.experts
        batch, steps, count = scores.shape
        grouped = ops.reshape(scores, (batch, steps, of.groups, count // of.groups))
        best, _ = ops.top_k(grouped, 2 if of.corrected else 1)
        _, places = ops.top_k(ops.sum(best, axis=-1), of.kept_groups)
        kept = ops.sum(ops.one_hot(places, of.groups), axis=-2)
        return ops.reshape(grouped * ops.expand_dims(kept, -1), (batch, steps, count))


class SharedExperts(Layer):
    """The experts applied to every token, as one feed-forward network."""

    experts: Any
    width: int

    def setup(self) -> None:
        """Create the projections."""
        self.gate_proj = Dense(self.experts.shared, use_bias=False)
        self.up_proj = Dense(self.experts.shared, use_bias=False)
        self.down_proj = Dense(self.width, use_bias=False)
        self.activate = activation(self.experts.activation)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, steps, width)."""
        return self.down_proj(self.activate(self.gate_proj(inputs)) * self.up_proj(inputs))


class Mixture(Layer):
    """The weighted sum of the chosen experts' outputs, plus the output of the shared experts."""

    of: Any
    width: int

    def setup(self) -> None:
        """Create the router and the experts."""
        self.gate = Router(self.of)
        self.experts = ExpertBank(self.of)
        if self.of.gated_shared:
            self.shared_expert, self.shared_expert_gate = SharedExperts(self.of, self.width), Dense(1, use_bias=False)
        elif self.of.shared:
            self.shared_experts = SharedExperts(self.of, self.width)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (batch, steps, width)."""
        x = self.experts(inputs, *self.gate(inputs))
        if self.of.gated_shared:
            return x + ops.sigmoid(self.shared_expert_gate(inputs)) * self.shared_expert(inputs)
        return x + self.shared_experts(inputs) if self.of.shared else x
