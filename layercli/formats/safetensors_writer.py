"""A safetensors file written tensor by tensor: the header says all, then the bytes follow in its order."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import IO

from layercli.errors import UsageError
from layercli.formats.safetensors_header import DTYPES, LONGEST_HEADER
from layercli.formats.tensor_stream import TensorStream

NAMES = {ours: theirs for theirs, ours in DTYPES.items()}
ALIGNMENT = 8


def write_safetensors(stream: IO[bytes], tensors: Sequence[TensorStream], metadata: dict[str, str]) -> None:
    """Write tensors; one that shares another's values is noted in the metadata, as ``safetensors.torch.save_model`` does."""
    shared = {each.entry.path: each.entry.same_as for each in tensors if each.entry.same_as is not None}
    kept = sorted((each for each in tensors if each.entry.same_as is None), key=width, reverse=True)
    header: dict[str, object] = {"__metadata__": {**metadata, **shared}} if metadata or shared else {}
    position = 0
    for each in kept:
        entry = each.entry
        if entry.dtype not in NAMES:
            raise UsageError(f"safetensors has no dtype for {entry.path!r} of {entry.dtype}")
        offsets = [position, position := position + entry.bytes]
        header[entry.path] = {"dtype": NAMES[entry.dtype], "shape": list(entry.shape), "data_offsets": offsets}
    raw = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    raw += b" " * (-len(raw) % ALIGNMENT)
    if len(raw) > LONGEST_HEADER:
        raise UsageError(
            f"a header of {len(raw):,} bytes is longer than safetensors allows: write shards (--shard-size)"
        )
    stream.write(len(raw).to_bytes(8, "little") + raw)
    for each in kept:
        for block in each.blocks():
            stream.write(block.data)


def width(tensor: TensorStream) -> int:
    """Return the bytes of one value: wide ones go first, so that each begins at a multiple of its own."""
    entry = tensor.entry
    return entry.bytes // entry.size if entry.size else 1
