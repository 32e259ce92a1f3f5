"""Write the tensors of a conversion as one file of any kind, with a digest of the bytes of each."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layercli.formats.tensor_stream import TensorStream
from layercli.formats.weight_file import WeightFile

if TYPE_CHECKING:
    import numpy as np


def write_one(kind: str, path: Path, streams: list[TensorStream], source: WeightFile) -> dict[str, bytes]:
    """Write one file, and return a digest of the bytes of each tensor in it."""
    digests: dict[str, bytes] = {}
    watched = [replace(each, blocks=partial(digested, digests, each)) for each in streams]
    if kind in ("h5", "keras"):
        from layercli.formats.hdf5_writer import write_hdf5

        write_hdf5(path, watched)
        return digests
    with path.open("wb") as stream:
        WRITERS[kind](stream, watched, source)
    return digests


def digested(digests: dict[str, bytes], each: TensorStream) -> Iterator[np.ndarray]:
    """Yield the blocks of a tensor, and note the digest of all when they are through."""
    digest = hashlib.blake2b(digest_size=16)
    for block in each.blocks():
        digest.update(block.data)
        yield block
    digests[each.entry.path] = digest.digest()


def write_safetensors_of(stream: Any, tensors: Sequence[TensorStream], source: WeightFile) -> None:
    """Write safetensors with the metadata of the source."""
    from layercli.formats.safetensors_writer import write_safetensors

    write_safetensors(stream, tensors, {"format": "pt", **dict(getattr(source, "metadata", {}))})


def write_torch_of(stream: Any, tensors: Sequence[TensorStream], source: WeightFile) -> None:
    """Write a file of torch.save."""
    from layercli.formats.torch_writer import write_torch

    write_torch(stream, tensors)


def write_npz_of(stream: Any, tensors: Sequence[TensorStream], source: WeightFile) -> None:
    """Write npz."""
    from layercli.formats.npz_stream_writer import write_npz

    write_npz(stream, tensors)


def write_gguf_of(stream: Any, tensors: Sequence[TensorStream], source: WeightFile) -> None:
    """Write GGUF with the metadata of the source."""
    from layercli.formats.gguf import GgufFile
    from layercli.formats.gguf_writer import GgufMetadata, write_gguf

    write_gguf(
        stream,
        tensors,
        GgufMetadata.of(source) if isinstance(source, GgufFile) else GgufMetadata.named(source.file.stem),
    )


WRITERS: dict[str, Callable[[Any, Sequence[TensorStream], WeightFile], None]] = {
    "safetensors": write_safetensors_of,
    "torch": write_torch_of,
    "npz": write_npz_of,
    "gguf": write_gguf_of,
}
