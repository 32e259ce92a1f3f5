"""A Llama-style decoder: Llama Team, "The Llama 3 Herd of Models", 2024 (arXiv:2407.21783).

RMS normalization (Zhang, Sennrich 2019), rotary positions (Su et al. 2021), grouped-query attention (Ainslie et al. 2023)
and SwiGLU (Shazeer 2020). The long-context scaling of the rotary frequencies is left out: it holds no parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from layercli.models import causal_lm
from layercli.models.causal_lm import CausalLM
from layercli.models.rope import Rope, plain

from layercli.layers.validators import one_of


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
    features = size.width // size.heads
    described = causal_lm.CausalLMDecoder(
        vocabulary=size.vocabulary,
        width=size.width,
        depth=size.blocks,
        heads=size.heads,
        key_heads=size.groups,
        head_size=features,
        hidden=size.hidden,
        rope=Rope(plain(500_000.0, features)),
        epsilon=1e-5,
    )
    return CausalLM(described, name="decoder")
