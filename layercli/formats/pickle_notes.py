"""What a checkpoint of torch.save notes beside its tensors: numbers and texts, in dicts and lists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from layercli.formats.file_metadata import DEEPEST
from layercli.formats.pickled_values import Pairs

MOST = 10_000
"""The maximum number of values in a part of a checkpoint: more is no note."""


def noted_in(root: object) -> dict[str, Any]:
    """Return the items of a pickled dict that hold no tensor, by key; none of another value."""
    return {str(key): plain(value) for key, value in root.pairs if is_noted(value)} if isinstance(root, Pairs) else {}


def is_noted(value: object) -> bool:
    """Whether a part of a checkpoint holds no tensor, and something else."""
    noted = False
    for count, leaf in enumerate(leaves_of(value)):
        if count == MOST or is_object(leaf):
            return False
        noted = noted or leaf is not None
    return noted


def leaves_of(value: object, depth: int = 0) -> Iterator[object]:
    """Yield the values in dicts and lists; None for those that are empty or nested too deeply, so that all is bounded."""
    inner = [item for _, item in value.pairs] if isinstance(value, Pairs) else value
    if not isinstance(inner, (list, tuple)) or not inner:
        yield None if isinstance(inner, (list, tuple)) else value
        return
    for item in inner:
        yield from leaves_of(item, depth + 1) if depth < DEEPEST else [None]


def is_object(value: object) -> bool:
    """Whether a value of a pickle is anything but a number, a text or None."""
    return not isinstance(value, (bool, int, float, str, bytes, type(None)))


def plain(value: object, depth: int = 0) -> Any:
    """Return a value of a pickle with dicts as dicts."""
    if depth > DEEPEST:
        return "..."
    if isinstance(value, Pairs):
        return {str(key): plain(item, depth + 1) for key, item in value.pairs}
    if isinstance(value, (list, tuple)):
        return [plain(item, depth + 1) for item in value]
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else value
