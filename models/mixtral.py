"""Mixtral: Jiang et al., "Mixtral of Experts", 2024 (arXiv:2401.04088): Mistral with experts."""

from __future__ import annotations

from collections.abc import Mapping

from layercli.dataclass import dataclass
from layercli.models.causal_lm import CausalLM, causal_lm
from layercli.models.llama import decoder_of, rope_of
from layercli.models.mistral import MistralConfig
from layercli.models.mixture import Experts
from layercli.models.reading import Epsilon, Size, at_most, read


@dataclass(frozen=True)
class MixtralConfig(MistralConfig):
    """The entries of ``config.json``; defaults are those of transformers."""

    rms_norm_eps: Epsilon = 1e-5
    sliding_window: Size | None = None
    num_experts_per_tok: Size = 2
    num_local_experts: Size = 8


def model(given: Mapping[str, object], architecture: str | None = None) -> CausalLM:
    """Return the model that a config describes."""
    config = read(MixtralConfig, given)
    at_most("num_experts_per_tok", config.num_experts_per_tok, "num_local_experts", config.num_local_experts)
    experts = Experts(
        config.num_local_experts,
        config.num_experts_per_tok,
        config.intermediate_size,
        activation=config.hidden_act,
        module="block_sparse_moe",
        names=("w1", "w3", "w2"),
    )
    depth = config.num_hidden_layers
    decoder = decoder_of(
        config,
        rope_of(given, config, base=1_000_000.0),
        windows=(config.sliding_window,) * depth,
        experts=(experts,) * depth,
    )
    return causal_lm(decoder, given, architecture)
