"""Select the blocks with a sliding window."""

from __future__ import annotations

from collections.abc import Sequence

from layercli.errors import FormatError
from layercli.models.reading import one_of

FULL, SLIDING = "full_attention", "sliding_attention"


def windows_of(types: Sequence[str] | None, window: int | None, usual: Sequence[bool]) -> tuple[int | None, ...]:
    """Return the window of each block, None for all steps: from ``layer_types``, or else from ``usual``."""
    if types is None:
        return tuple(window if sliding else None for sliding in usual)
    if len(types) != len(usual):
        raise FormatError(f"config.json has {len(types)} layer_types for {len(usual)} layers")
    return tuple(window if one_of("layer_types", kind, (FULL, SLIDING)) == SLIDING else None for kind in types)
