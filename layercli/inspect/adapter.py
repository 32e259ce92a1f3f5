"""What an adapter's ``adapter_config.json`` says, and how large the adapter is beside its base model."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict

from layercli.core.types import ConfigLike, JSONObject
from layercli.dataclass import dataclass
from layercli.errors import FormatError, with_and
from layercli.formats.weight_file import TensorEntry
from layercli.models.reading import is_number, shown

LOW = ".lora_A"
"""What the names of the matrices that project to the rank contain."""


@dataclass(frozen=True)
class Adapter:
    """A low-rank adapter: its method, its ranks, the factor of its products, its targets and its base model.

    ``base_parameters`` is None if the base model is not on this machine.
    """

    method: str
    ranks: tuple[int, ...]
    scale: float | None
    targets: tuple[str, ...]
    base: str | None
    parameters: int
    base_parameters: int | None = None

    @property
    def share(self) -> float | None:
        """The parameters as a share of those of the base."""
        return self.parameters / self.base_parameters if self.base_parameters else None

    def to_json(self) -> JSONObject:
        """Return the adapter as JSON data."""
        return {**asdict(self), "share_of_base": self.share}

    def facts(self) -> list[tuple[str, str]]:
        """Return the facts for the table."""
        ranks = f"rank {with_and(self.ranks)}" if self.ranks else "rank unknown"
        scale = "" if self.scale is None else f", products times {self.scale:.4g}"
        base = self.base or "not named"
        known = self.base_parameters is not None and self.share is not None
        size = f", {self.base_parameters:,} parameters: the adapter has {self.share:.2%} of that" if known else ""
        return [
            ("Adapter", f"{self.method}, {ranks}{scale}"),
            ("Targets", ", ".join(self.targets) or "not named"),
            ("Base", base + size),
        ]


def adapter_of(config: ConfigLike, entries: Iterable[TensorEntry], parameters: int) -> Adapter:
    """Return the adapter with this config and these tensors; FormatError if the two contradict each other."""
    rank, alpha, targets = config.get("r"), config.get("lora_alpha"), config.get("target_modules")
    base = config.get("base_model_name_or_path")
    if rank is not None and not (type(rank) is int and 1 <= rank < 2**31):
        raise FormatError(f"adapter_config.json has r = {shown(rank)}, which is not an integer from 1")
    if alpha is not None and not is_number(alpha):
        raise FormatError(f"adapter_config.json has lora_alpha = {shown(alpha)}, which is not a number")
    named = [targets] if isinstance(targets, str) else [] if targets is None else targets
    if not isinstance(named, list) or not all(isinstance(each, str) for each in named):
        raise FormatError(f"adapter_config.json has target_modules = {shown(targets)}, which is not a list of texts")
    if base is not None and not isinstance(base, str):
        raise FormatError(f"adapter_config.json has base_model_name_or_path = {shown(base)}, which is not text")
    held = sorted({entry.shape[0] for entry in entries if LOW in entry.path and len(entry.shape) == 2})
    if rank is not None and held and rank not in held and not config.get("rank_pattern"):
        raise FormatError(f"adapter_config.json has r = {rank}, and the tensors have the rank {held[0]}")
    root = math.sqrt(rank) if rank is not None and config.get("use_rslora") is True else rank
    scale = None if alpha is None or root is None else alpha / root
    ranks = tuple(held) if held else () if rank is None else (rank,)
    return Adapter(str(config.get("peft_type", "adapter")), ranks, scale, tuple(sorted(named)), base, parameters)
