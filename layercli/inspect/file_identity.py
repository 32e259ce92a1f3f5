"""What a file of weights is, in one line: a LoRA adapter with its rank and targets, and what its writer calls the model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from layercli.errors import LayercliError
from layercli.formats.weight_file import TensorEntry

if TYPE_CHECKING:
    from layercli.formats.weight_file import WeightFile

DOWN = re.compile(r"(?:^|.*[./])([^./]+)[./](?:lora_A|lora_down|lora_embedding_A)(?:[./][^./]+)?(?:[./]weight)?")
"""The matrix of an adapter that lowers the rank, after the name of the module that it changes (PEFT, kohya, diffusers)."""
FAMILY = ("general.architecture", "model_type", "modelspec.architecture", "architecture")
NAME = ("general.name", "modelspec.title", "general.basename")
"""The keys under which writers note the family and the name of a model."""
MOST_TARGETS = 8
LONGEST = 60


def kind_of(
    entries: Mapping[str, TensorEntry], metadata: Mapping[str, object], config: Mapping[str, object] | None
) -> str:
    """Return what the entries of a file are, as far as their names, its metadata and its folder's config.json tell; else ""."""
    family = first(metadata, FAMILY) or first(config or {}, FAMILY)
    name = first(metadata, NAME)
    return "; ".join(part for part in (adapter(entries.values()), family, name) if part)


def adapter(entries: Iterable[TensorEntry]) -> str:
    """Return the rank and the targets of a LoRA adapter, or "" for other weights.

    >>> adapter([TensorEntry("h.0.q_proj.lora_A.weight", (8, 64), "float32")])
    'LoRA adapter of rank 8 on q_proj'
    """
    ranks, targets = set(), set()
    for entry in entries:
        if (found := DOWN.fullmatch(entry.path)) is not None and len(entry.shape) >= 2:
            ranks.add(entry.shape[0])
            targets.add(found[1])
    if not ranks:
        return ""
    shown = sorted(targets)[:MOST_TARGETS]
    more = f" and {len(targets) - MOST_TARGETS} more" if len(targets) > MOST_TARGETS else ""
    least, most = min(ranks), max(ranks)
    return f"LoRA adapter of rank {least if least == most else f'{least} to {most}'} on {', '.join(shown)}{more}"


def first(found: Mapping[str, object], keys: Iterable[str]) -> str:
    """Return the first of ``keys`` that has a text, or ""."""
    text = next((value for key in keys if isinstance(value := found.get(key), str) and value), "")
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def metadata_in(file: WeightFile) -> dict[str, object]:
    """Return the metadata of an opened file; none where they cannot be read."""
    from layercli.formats import gguf, gguf_metadata
    from layercli.formats.file_metadata import flat, metadata_of

    if isinstance(read := getattr(file, "metadata", None), dict):
        return flat(read)
    if isinstance(file, gguf.GgufFile):
        return gguf_metadata.metadata_of(file)
    try:
        return metadata_of(file.file)
    except (LayercliError, OSError):
        return {}


def metadata_line(metadata: Mapping[str, object]) -> str:
    """Return the first entries of the metadata on a line, and how many there are; "" without any.

    >>> metadata_line({"format": "pt", "epoch": 3})
    'format=pt, epoch=3'
    """
    shown = [f"{key}={value}" for key, value in metadata.items() if isinstance(value, (str, int, float))]
    short = [text for text in shown if len(text) <= LONGEST][:3]
    more = len(metadata) - len(short)
    if not metadata:
        return ""
    return ", ".join(short) + (f"{' and ' if short else ''}{more:,} more (vars --metadata)" if more else "")
