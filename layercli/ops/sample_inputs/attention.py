"""Sample inputs of attention."""

from __future__ import annotations

from layercli.ops.nn.attention import AdditiveScores, AttentionMask, RepeatKV, ScaledDotProductAttention
from layercli.ops.sample_inputs import SampleInput, spec

QUERY, KEY, VALUE = spec("B T 4 6"), spec("B H 4 6"), spec("B H 4 5")
GROUPED = (spec("B T 4 6"), spec("B H 2 6"), spec("B H 2 5"))

CASES = [
    SampleInput(ScaledDotProductAttention(0.4), (QUERY, KEY, VALUE, None)),
    SampleInput(ScaledDotProductAttention(0.4, causal=True), (QUERY, KEY, VALUE, None)),
    SampleInput(ScaledDotProductAttention(0.4), (QUERY, KEY, VALUE, spec("B 1 T H", "bool"))),
    SampleInput(ScaledDotProductAttention(0.4), (*GROUPED, spec("1 1 T H", "bool"))),
    SampleInput(ScaledDotProductAttention(1.0, heads=False), (spec("B T 6"), spec("B H 6"), spec("B H 5"), None)),
    SampleInput(AdditiveScores(), (spec("B T 6"), spec("B H 6"), None, spec("6"))),
    SampleInput(AdditiveScores(), (spec("B T 6"), spec("B H 6"), spec("6"), None)),
    SampleInput(AttentionMask(), (QUERY, KEY, spec("B T", "bool"), None, None, None), differentiable=False),
    SampleInput(AttentionMask(causal=True), (QUERY, KEY, None, spec("B H", "bool"), None, None), differentiable=False),
    SampleInput(
        AttentionMask(window=2),
        (QUERY, KEY, None, spec("B H", "bool"), spec("B H", "bool"), spec("B T H", "bool")),
        differentiable=False,
    ),
    SampleInput(AttentionMask(), (QUERY, KEY, None, None, None, spec("B T H", "int32")), differentiable=False),
    SampleInput(
        AttentionMask(axes=2, rank=6), (QUERY, KEY, None, None, None, spec("B T 4 H 4", "bool")), differentiable=False
    ),
    SampleInput(
        AttentionMask(rank=3, causal=True), (spec("B T 6"), spec("B H 6"), None, None, None, None), differentiable=False
    ),
    SampleInput(AttentionMask(causal=True, late=True), (QUERY, KEY, None, None, None, None), differentiable=False),
    SampleInput(RepeatKV(3), (spec("B T 2 5"),)),
]
