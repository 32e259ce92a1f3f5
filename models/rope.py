"""Rotary positions as described by configs: base, rotated fraction of the features, and scaling.

Su et al., "RoFormer", 2021 (arXiv:2104.09864). ``llama3``: Llama Team, "The Llama 3 Herd of Models", 2024. ``yarn``: Peng et
al., 2023 (arXiv:2309.00071). ``longrope``: Ding et al., 2024 (arXiv:2402.13753), its factors for short texts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from layercli.core.types import ConfigLike
from layercli.dataclass import dataclass
from layercli.errors import FormatError
from layercli.models.reading import is_number, one_of, shown
from layercli.ops.nn.rotary_embedding import RotaryAngles


@dataclass(frozen=True)
class Rope:
    """The angular frequency of each pair of features, in radians per step, and a factor for cosine and sine."""

    speeds: tuple[float, ...]
    factor: float = 1.0

    @property
    def op(self) -> RotaryAngles:
        """The operation from positions to cosine and sine."""
        return RotaryAngles(self.speeds, self.factor)


def parameters(config: ConfigLike, base: float = 10_000.0, kind: str | None = None) -> dict[str, Any]:
    """Return the rotary parameters in ``config``, under the names that transformers 5 writes.

    Older files have ``rope_theta`` and ``rope_scaling``; some have parameters for each ``kind`` of layer.
    """
    name = next((name for name in ("rope_parameters", "rope_scaling") if config.get(name) is not None), None)
    given = {} if name is None else config[name]
    if not isinstance(given, dict):
        raise FormatError(f"config.json has {name} = {shown(given)}, which is not an object")
    if kind is not None and isinstance(given.get(kind), dict):
        given = given[kind]
    found = {"rope_theta": config.get("rope_theta") or base, "partial_rotary_factor": 1.0}
    found |= {
        key: config[key] for key in ("partial_rotary_factor", "original_max_position_embeddings") if config.get(key)
    }
    found |= {key: value for key, value in given.items() if value is not None}
    found["rope_type"] = given.get("rope_type") or given.get("type") or "default"
    for key in ("rope_theta", "partial_rotary_factor", "factor"):
        if key in found and not (is_number(found[key]) and found[key] > 0):
            raise FormatError(f"config.json has {key} = {shown(found[key])}, which is not a number above 0")
    return found


def rope(given: ConfigLike, features: int, longest: int) -> Rope:
    """Return the rotary positions for heads of ``features`` features, of a model trained on ``longest`` positions."""
    rotary = int(features * given["partial_rotary_factor"])
    if rotary % 2:
        raise FormatError(
            f"config.json turns {rotary} features of each head by their position, which is not an even number"
        )
    base = float(given["rope_theta"])
    kind = one_of("rope_type", given["rope_type"], SCALINGS)
    try:
        return SCALINGS[kind](plain(base, rotary), given, base, longest)
    except (KeyError, TypeError, ValueError, ZeroDivisionError, OverflowError):
        raise FormatError(
            f"config.json has rope_parameters of the type {kind!r} that do not say all it needs"
        ) from None


def plain(base: float, features: int) -> tuple[float, ...]:
    """Return base^(-2i/n) for each of the n/2 pairs of features."""
    return tuple(base ** (-i / features) for i in range(0, features, 2))


def unscaled(speeds: tuple[float, ...], given: Mapping[str, object], base: float, longest: int) -> Rope:
    """Return the frequencies unchanged: ``dynamic`` scaling only changes them beyond the ``longest`` text."""
    return Rope(speeds)


def linear(speeds: tuple[float, ...], given: ConfigLike, base: float, longest: int) -> Rope:
    """Return each frequency divided by the factor."""
    return Rope(tuple(speed / given["factor"] for speed in speeds))


def llama3(speeds: tuple[float, ...], given: ConfigLike, base: float, longest: int) -> Rope:
    """Divide low frequencies by the factor, keep high ones, and interpolate between them."""
    factor, before = given["factor"], given.get("original_max_position_embeddings", longest)
    low, high = given["low_freq_factor"], given["high_freq_factor"]

    def scaled(speed: float) -> float:
        turns = before * speed / (2 * math.pi)
        share = min(max((turns - low) / (high - low), 0.0), 1.0)
        return share * speed + (1 - share) * speed / factor

    return Rope(tuple(map(scaled, speeds)))


def yarn(speeds: tuple[float, ...], given: ConfigLike, base: float, longest: int) -> Rope:
    """Scale frequencies, interpolating between the pairs that rotate ``beta_fast`` and ``beta_slow`` times in a text."""
    before, count = given.get("original_max_position_embeddings", longest), 2 * len(speeds)
    factor = given.get("factor") or longest / before

    def pair_turning(times: float) -> float:
        return count * math.log(before / (times * 2 * math.pi)) / (2 * math.log(base))

    low, high = pair_turning(given.get("beta_fast") or 32), pair_turning(given.get("beta_slow") or 1)
    if given.get("truncate", True):
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, count - 1)
    high = high + 0.001 if low == high else high

    def scaled(i: int, speed: float) -> float:
        slow = min(max((i - low) / (high - low), 0.0), 1.0)
        return slow * speed / factor + (1 - slow) * speed

    return Rope(tuple(scaled(i, speed) for i, speed in enumerate(speeds)), yarn_factor(given, factor))


def yarn_factor(given: ConfigLike, factor: float) -> float:
    """Return the factor for cosine and sine."""
    if given.get("attention_factor") is not None:
        return float(given["attention_factor"])
    if given.get("mscale") and given.get("mscale_all_dim"):
        return yarn_scale(factor, given["mscale"]) / yarn_scale(factor, given["mscale_all_dim"])
    return yarn_scale(factor)


def yarn_scale(factor: float, weight: float = 1.0) -> float:
    """Return 1 + weight log(factor) / 10, for a factor above 1."""
    return 1.0 if factor <= 1 else 0.1 * weight * math.log(factor) + 1.0


def longrope(speeds: tuple[float, ...], given: ConfigLike, base: float, longest: int) -> Rope:
    """Divide each frequency by its own factor, the one for texts up to the original training length."""
    before = given.get("original_max_position_embeddings", longest)
    factor = given.get("factor") or longest / before
    scale = given.get("attention_factor")
    if scale is None:
        scale = 1.0 if factor <= 1 else math.sqrt(1 + math.log(factor) / math.log(before))
    return Rope(tuple(speed / by for speed, by in zip(speeds, given["short_factor"], strict=True)), float(scale))


SCALINGS: dict[str, Any] = {
    "default": unscaled,
    "dynamic": unscaled,
    "linear": linear,
    "llama3": llama3,
    "yarn": yarn,
    "longrope": longrope,
    "su": longrope,
}
