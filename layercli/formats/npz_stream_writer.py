"""An npz file written tensor by tensor, its members stored as they are."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from typing import IO

from layercli.errors import UsageError
from layercli.formats.npy import DTYPES
from layercli.formats.npy_writer import header_of_shape
from layercli.formats.npz import member_of
from layercli.formats.tensor_stream import TensorStream

CODES = {name: code for code, name in DTYPES.items()}


def write_npz(stream: IO[bytes], tensors: Sequence[TensorStream]) -> None:
    """Write tensors; one that shares another's values is left out."""
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as zipped:
        for each in tensors:
            entry = each.entry
            if entry.same_as is not None:
                continue
            if entry.dtype not in CODES:
                raise UsageError(
                    f"npz has no dtype for {entry.path!r} of {entry.dtype}",
                    hint="--dtype float32 makes it one that has",
                )
            code = CODES[entry.dtype]
            with zipped.open(member_of(entry.path), "w", force_zip64=True) as member:
                member.write(header_of_shape(entry.shape, f"{'|' if code[1:] == '1' else '<'}{code}"))
                for block in each.blocks():
                    member.write(block.data)
