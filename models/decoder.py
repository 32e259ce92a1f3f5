"""A Llama-style decoder: Llama Team, "The Llama 3 Herd of Models", 2024 (arXiv:2407.21783).

RMS normalization (Zhang, Sennrich 2019), rotary positions (Su et al. 2021), grouped-query attention (Ainslie et al. 2023)
and SwiGLU (Shazeer 2020). The long-context scaling of the rotary frequencies is left out: it holds no parameters.
"""

from __future__ import annotations

from typing import Annotated, cast

from layercli.dataclass import dataclass
from layercli.layers.validators import one_of
from layercli.models.causal_lm import CausalLM
from layercli.models.families import describe


@dataclass(frozen=True)
class Size:
    """The size of a decoder."""

    width: int
    blocks: int
    heads: int
    hidden: int
    groups: int = 8
    vocabulary: int = 128_256


SIZES = {
    "tiny": Size(width=64, blocks=2, heads=4, hidden=128, groups=2, vocabulary=256),
    "8b": Size(width=4096, blocks=32, heads=32, hidden=14_336),
    "70b": Size(width=8192, blocks=80, heads=64, hidden=28_672),
    "405b": Size(width=16_384, blocks=126, heads=128, hidden=53_248),
}
"""Llama 3.1's sizes, and a tiny one for tests."""

Preset = Annotated[str, one_of(*SIZES)]


def decoder(preset: Preset = "tiny") -> CausalLM:
    """A Llama-style decoder from tokens to logits.

    RMS norm, rotary positions, grouped-query attention, SwiGLU.
    """
    size = SIZES[preset]
    described = describe(
        {
            "model_type": "llama",
            "architectures": ["LlamaForCausalLM"],
            "vocab_size": size.vocabulary,
            "hidden_size": size.width,
            "num_hidden_layers": size.blocks,
            "num_attention_heads": size.heads,
            "num_key_value_heads": size.groups,
            "intermediate_size": size.hidden,
            "rms_norm_eps": 1e-5,
            "rope_theta": 500_000.0,
        }
    )
    described.name = "decoder"
    return cast("CausalLM", described)
