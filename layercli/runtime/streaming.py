"""A model run over arrays larger than memory: batch by batch from mapped files to a file, and on from where it stopped."""

from __future__ import annotations

import hashlib
import json
import mmap
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from layercli.core import tree
from layercli.core.spec import Spec
from layercli.errors import DeviceError, ShapeError, UsageError
from layercli.files.failure import reading
from layercli.files.npy import NpyFile
from layercli.files.rows import RowWriter
from layercli.inspect.inputs import converted
from layercli.inspect.statistics import statistics
from layercli.runtime import tensors
from layercli.runtime.heap import give_back
from layercli.runtime.program import Program
from layercli.runtime.run import Output, Run
from layercli.shortage import shortage

LARGEST_BATCH = 1024
"""Where the search for a batch that fits begins."""


@dataclass(frozen=True)
class Rows:
    """An array taken a batch at a time, which alone is converted to the model's dtype."""

    array: np.ndarray
    spec: Spec | None = None

    def batch(self, start: int, stop: int) -> np.ndarray:
        """Return a copy of the rows from ``start`` to before ``stop``."""
        rows = np.array(self.array[start:stop])
        release(self.array)
        return rows if self.spec is None else converted(rows, self.spec)


def release(array: np.ndarray) -> None:
    """Let go of the pages of a mapped file that were read, which count as memory of the process until then."""
    owner: Any = array
    while isinstance(owner, np.ndarray):
        owner = owner.base
    if isinstance(owner, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        owner.madvise(mmap.MADV_DONTNEED)


def rows_in(inputs: Any) -> int:
    """Return the number of rows all inputs have; UsageError where they have not the same."""
    counts = {len(rows.array) for rows in tree.leaves(inputs)}
    if len(counts) != 1:
        raise UsageError(f"the inputs have different numbers of rows: {', '.join(map(str, sorted(counts)))}")
    return counts.pop()


def batch_of(inputs: Any, start: int, stop: int) -> Any:
    """Return the tree of arrays of one batch."""
    return tree.map_leaves(lambda rows: rows.batch(start, stop), inputs)


def identity(plan: Any, files: list[str]) -> str:
    """Return what tells one stream from another: the plan, and each file's size and time of change."""
    stats = []
    for name in files:
        with reading(Path(name)):
            found = Path(name).stat()
        stats.append((name, found.st_size, found.st_mtime_ns))
    return hashlib.sha256(json.dumps([plan, stats]).encode()).hexdigest()


def stream(
    program: Program, inputs: Any, writer: RowWriter, batch_size: int | None, tell: Callable[[int], None]
) -> int:
    """Write the one output of ``program`` for a tree of Rows, from where ``writer`` is, and return the batch size.

    The next batch is read while one is computed. Without a batch size the largest that fits is used, found by halving.
    ``tell`` hears how many rows are done. Whatever stops it, what was computed before is safe.
    """
    size = batch_size or LARGEST_BATCH
    try:
        with ThreadPoolExecutor(1) as reader, torch.inference_mode():
            upcoming = None
            while writer.done < writer.total:
                start, stop = writer.done, min(writer.done + size, writer.total)
                try:
                    batch = upcoming.result() if upcoming else batch_of(inputs, start, stop)
                    upcoming = reader.submit(batch_of, inputs, stop, min(stop + size, writer.total))
                    found = output(program, batch)
                except Exception as error:
                    if shortage(error) is None:
                        raise
                    size, upcoming = smaller(size, fixed=batch_size is not None), None
                    give_back()
                    continue
                check(found, stop - start)
                writer.write(found)
                tell(writer.done)
        writer.finish()
    finally:
        try:
            writer.save()
        finally:
            writer.close()
    return size


def output(program: Program, batch: Any) -> np.ndarray:
    """Return the one output for a batch."""
    outputs = program.outputs(program.place(batch))
    if len(outputs) != 1:
        raise UsageError(f"{program.name} has {len(outputs)} outputs, and one can be written as it comes")
    return tensors.to_numpy(outputs[0][1])


def smaller(size: int, *, fixed: bool) -> int:
    """Return half the size; DeviceError where it is one, or was asked for."""
    if fixed:
        raise DeviceError(f"a batch of {size} does not fit into memory", hint="--batch-size auto finds one that does")
    if size == 1:
        raise DeviceError("not even a batch of one fits into memory")
    return size // 2


def check(found: np.ndarray, rows: int) -> None:
    """Refuse an output that has not a row for each row of the batch."""
    if found.ndim == 0 or len(found) != rows:
        raise ShapeError(
            f"the output has the shape {found.shape} for a batch of {rows}: it has to have one row for each"
        )


def report(program: Program, inputs: Any, path: str) -> Run:
    """Return the report on a file that was streamed; its values stay in it, mapped, and are read once, in order."""
    shown = [f"{rows.array.dtype.name}{list(rows.array.shape)}" for rows in tree.leaves(inputs)]
    written = NpyFile(path)
    [name] = written.entries
    array = written.read(name)
    out = Output("output", array.dtype.name, array, statistics(written.chunks(name)))
    return Run(program.name, str(program.device), shown, [out])
