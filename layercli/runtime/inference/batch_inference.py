"""Run a model over arrays larger than memory: read batches from mapped files, write the outputs to a file, resume."""

from __future__ import annotations

import hashlib
import json
import mmap
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch

from layercli.core import dims, tree
from layercli.core.spec import Spec
from layercli.dataclass import dataclass
from layercli.errors import DeviceError, FileError, ShapeError, UsageError
from layercli.formats.npy import NpyFile
from layercli.formats.npy_writer import RowWriter
from layercli.formats.os_errors import reading
from layercli.inspect.inputs import converted
from layercli.inspect.statistics import statistics
from layercli.out_of_memory import shortage
from layercli.runtime.execution import tensors
from layercli.runtime.execution.malloc_tuning import give_back
from layercli.runtime.inference.forward_pass import ForwardOutput, ForwardRun
from layercli.runtime.inference.model_kinds import runnable
from layercli.runtime.inference.prepared_model import PreparedModel
from layercli.runtime.inference.row_shares import RowShares

ALL_ROWS = RowShares()
LARGEST_BATCH = 1024
"""The first batch size tried in the search for one that fits."""


@dataclass(frozen=True)
class InputRows:
    """An array read one batch at a time; only the batch is converted to the model's dtype."""

    array: np.ndarray
    spec: Spec | None = None

    def batch(self, start: int, stop: int) -> np.ndarray:
        """Return a copy of the rows from ``start`` to ``stop`` (exclusive)."""
        check_still_there(self.array)
        rows = np.array(self.array[start:stop])
        release(self.array)
        return rows if self.spec is None else converted(rows, self.spec)


def mapped(array: np.ndarray) -> mmap.mmap | None:
    """Return the memory map that holds an array's values, or None."""
    owner: Any = array
    while isinstance(owner, np.ndarray):
        owner = owner.base
    return owner if isinstance(owner, mmap.mmap) else None


def check_still_there(array: np.ndarray) -> None:
    """Raise FileError if a mapped file has become shorter: reading the missing part would kill the process."""
    found = mapped(array)
    if found is None or not isinstance(array, np.memmap):
        return
    start = array.offset - array.offset % mmap.ALLOCATIONGRANULARITY
    if found.size() < start + len(found):
        raise FileError(f"{array.filename} has become shorter while it was read")


def release(array: np.ndarray) -> None:
    """Release the pages of a mapped file that were read, which otherwise count as memory of the process."""
    found = mapped(array)
    if found is not None and hasattr(mmap, "MADV_DONTNEED"):
        found.madvise(mmap.MADV_DONTNEED)


def rows_in(inputs: dict[str, Any]) -> int:
    """Return the number of rows of all inputs, which have names; UsageError if they differ or there are none."""
    for name, rows in inputs.items():
        if not rows.array.ndim:
            raise UsageError(f"the input {name} is a scalar, which has no rows to stream")
    counts = {len(rows.array) for rows in inputs.values()}
    if len(counts) != 1:
        raise UsageError(f"the inputs have different numbers of rows: {', '.join(map(str, sorted(counts)))}")
    if counts == {0}:
        raise UsageError("the inputs have no rows to stream")
    return counts.pop()


def batch_of(inputs: object, start: int, stop: int) -> Any:
    """Return the tree of arrays of one batch."""
    return tree.map_structure(lambda rows: rows.batch(start, stop), inputs)


def identity(plan: object, files: list[str]) -> str:
    """Return the identity of a stream: the plan, and each file's size and modification time."""
    stats = []
    for name in files:
        with reading(Path(name)):
            found = Path(name).stat()
        stats.append((name, found.st_size, found.st_mtime_ns))
    return hashlib.sha256(json.dumps([plan, stats]).encode()).hexdigest()


@dataclass(frozen=True)
class Streamed:
    """The result of a stream: the batch size, and the output's name and dtype (None if no row was left to compute)."""

    batch_size: int
    name: str = "output"
    dtype: str | None = None


def own_batch(model: Any) -> int | None:
    """Return the fixed batch size of a graph, or None if it accepts any."""
    first = [spec.shape[0] for spec in runnable(model).required_specs().values() if spec.rank]
    return next((int(size) for size in first if dims.known(size)), None)


def check_batch(name: str, model: Any, asked: int | None) -> None:
    """Raise UsageError for a batch size other than the fixed one of the model, or for a graph whose batch is another axis."""
    for end, spec in runnable(model).required_specs().items():
        if any(dims.BATCH in dims.names(size) for size in spec.shape[1:]):
            raise UsageError(f"{name} takes {end} as {spec}: a stream has the batch first")
    own = own_batch(model)
    if own is not None and asked not in (None, own):
        raise UsageError(f"{name} takes batches of {own}, not of {asked}", hint=f"--batch-size {own}")


def stream(
    program: PreparedModel,
    inputs: object,
    writer: RowWriter,
    batch_size: int | None,
    show_progress: Callable[[int], None],
    shares: RowShares = ALL_ROWS,
) -> Streamed:
    """Write the one output of ``program`` for a tree of InputRows, starting where ``writer`` stopped.

    The next batch is read while the current one is computed. Without a batch size the largest that fits is found by
    halving; a model with a fixed batch size gets a padded last batch. ``show_progress`` receives the number of finished rows.
    Of ``shares`` among ranks, each computes batches of that size at once, and the first rank writes.
    All batches written before an error are kept.
    """
    own = own_batch(program.model)
    size = own or batch_size or LARGEST_BATCH
    done, start = Streamed(size), shares.agreed(writer.done)
    try:
        with ThreadPoolExecutor(1) as reader, torch.inference_mode():
            upcoming = None
            while start < writer.total:
                stop = min(start + size * shares.ranks, writer.total)
                first, last = shares.own(start, stop)
                short, found = False, torch.empty(0)
                try:
                    batch = upcoming.result() if upcoming else batch_of(inputs, first, last)
                    following = shares.own(stop, min(stop + size * shares.ranks, writer.total))
                    upcoming = reader.submit(batch_of, inputs, *following)
                    name, found = output(program, batch if own is None else filled_up(batch, own))
                    check(found, own or last - first)
                except Exception as error:
                    if shortage(error) is None:
                        raise
                    short = True
                if shares.any(short):
                    size, upcoming = smaller(size, fixed=(own or batch_size) is not None), None
                    give_back()
                    continue
                rows = shares.joined(found, start, stop)
                if rows is not None:
                    writer.write(rows)
                done, start = Streamed(size, name, tensors.name_of(found.dtype)), stop
                show_progress(start)
        if shares.writes:
            writer.finish()
    finally:
        try:
            writer.save()
        finally:
            writer.close()
    return done


def filled_up(batch: object, rows: int) -> object:
    """Pad a tree of arrays to that many rows by repeating the last row."""
    return tree.map_structure(lambda x: np.concatenate([x, np.repeat(x[-1:], rows - len(x), axis=0)]), batch)


def output(program: PreparedModel, batch: object) -> tuple[str, torch.Tensor]:
    """Return the single output for a batch, and its name."""
    outputs = program.outputs(program.place(batch))
    if len(outputs) != 1:
        raise UsageError(f"{program.name} has {len(outputs)} outputs, and one can be written as it comes")
    return outputs[0]


def smaller(size: int, *, fixed: bool) -> int:
    """Return half the size; DeviceError if it is one, or if the user chose the size."""
    if fixed:
        raise DeviceError(f"a batch of {size} does not fit into memory", hint="--batch-size auto finds one that does")
    if size == 1:
        raise DeviceError("not even a batch of one fits into memory")
    return size // 2


def check(found: torch.Tensor, rows: int) -> None:
    """Raise an error if the output does not have one row for each row of the batch."""
    if found.ndim == 0 or len(found) != rows:
        raise ShapeError(
            f"the output has the shape {tuple(found.shape)} for a batch of {rows}: it needs one row for each row of the batch"
        )


def report(name: str, device: str, inputs: object, path: str, done: Streamed) -> ForwardRun:
    """Return the report on a streamed file; its values are mapped and read once, in order."""
    shown = [f"{rows.array.dtype.name}{list(rows.array.shape)}" for rows in tree.flatten(inputs)]
    written = NpyFile(path)
    [entry] = written.entries
    array = written.read(entry)
    out = ForwardOutput(done.name, done.dtype or array.dtype.name, array, statistics(written.chunks(entry)))
    return ForwardRun(name, device, shown, [out])
