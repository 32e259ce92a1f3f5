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

from layercli.core import dims, tree
from layercli.core.spec import Spec
from layercli.errors import DeviceError, FileError, ShapeError, UsageError
from layercli.formats.npy import NpyFile
from layercli.formats.npy_writer import RowWriter
from layercli.formats.os_errors import reading
from layercli.inspect.inputs import converted
from layercli.inspect.statistics import statistics
from layercli.out_of_memory import shortage
from layercli.runtime.execution import tensors
from layercli.runtime.execution.graph_module import GraphModule
from layercli.runtime.execution.malloc_tuning import give_back
from layercli.runtime.inference.forward_pass import ForwardOutput, ForwardRun
from layercli.runtime.inference.prepared_model import PreparedModel

LARGEST_BATCH = 1024
"""Where the search for a batch that fits begins."""


@dataclass(frozen=True)
class InputRows:
    """An array taken a batch at a time, which alone is converted to the model's dtype."""

    array: np.ndarray
    spec: Spec | None = None

    def batch(self, start: int, stop: int) -> np.ndarray:
        """Return a copy of the rows from ``start`` to before ``stop``."""
        check_still_there(self.array)
        rows = np.array(self.array[start:stop])
        release(self.array)
        return rows if self.spec is None else converted(rows, self.spec)


def mapped(array: np.ndarray) -> mmap.mmap | None:
    """Return the map of a file that an array's values lie in, or None."""
    owner: Any = array
    while isinstance(owner, np.ndarray):
        owner = owner.base
    return owner if isinstance(owner, mmap.mmap) else None


def check_still_there(array: np.ndarray) -> None:
    """Raise FileError where a mapped file has become shorter: touching what it lacks would kill the process."""
    found = mapped(array)
    if found is None or not isinstance(array, np.memmap):
        return
    start = array.offset - array.offset % mmap.ALLOCATIONGRANULARITY
    if found.size() < start + len(found):
        raise FileError(f"{array.filename} has become shorter while it was read")


def release(array: np.ndarray) -> None:
    """Let go of the pages of a mapped file that were read, which count as memory of the process until then."""
    found = mapped(array)
    if found is not None and hasattr(mmap, "MADV_DONTNEED"):
        found.madvise(mmap.MADV_DONTNEED)


def rows_in(inputs: dict[str, Any]) -> int:
    """Return the number of rows all inputs, which have names, have; UsageError where they have not the same, or none."""
    for name, rows in inputs.items():
        if not rows.array.ndim:
            raise UsageError(f"the input {name} is one number, without rows that could be streamed")
    counts = {len(rows.array) for rows in inputs.values()}
    if len(counts) != 1:
        raise UsageError(f"the inputs have different numbers of rows: {', '.join(map(str, sorted(counts)))}")
    if counts == {0}:
        raise UsageError("the inputs have no rows that could be streamed")
    return counts.pop()


def batch_of(inputs: Any, start: int, stop: int) -> Any:
    """Return the tree of arrays of one batch."""
    return tree.map_structure(lambda rows: rows.batch(start, stop), inputs)


def identity(plan: Any, files: list[str]) -> str:
    """Return what tells one stream from another: the plan, and each file's size and time of change."""
    stats = []
    for name in files:
        with reading(Path(name)):
            found = Path(name).stat()
        stats.append((name, found.st_size, found.st_mtime_ns))
    return hashlib.sha256(json.dumps([plan, stats]).encode()).hexdigest()


@dataclass(frozen=True)
class Streamed:
    """How a stream went: the rows of a batch, and the name and the dtype of the output, None where no row was left to do."""

    batch_size: int
    name: str = "output"
    dtype: str | None = None


def own_batch(model: Any) -> int | None:
    """Return the one batch that a graph was written for, or None where it takes any."""
    first = [spec.shape[0] for spec in model.specs.values() if spec.rank] if isinstance(model, GraphModule) else []
    return next((int(size) for size in first if dims.known(size)), None)


def check_batch(name: str, own: int | None, asked: int | None) -> None:
    """Refuse another batch than a model's own."""
    if own is not None and asked not in (None, own):
        raise UsageError(f"{name} takes batches of {own}, not of {asked}", hint=f"--batch-size {own}")


def stream(
    program: PreparedModel, inputs: Any, writer: RowWriter, batch_size: int | None, tell: Callable[[int], None]
) -> Streamed:
    """Write the one output of ``program`` for a tree of Rows, from where ``writer`` is, and return how it went.

    The next batch is read while one is computed. Without a batch size the largest that fits is used, found by halving;
    a model that takes only its own is given that, the last one filled up. ``tell`` hears how many rows are done. Whatever
    stops it, what was computed before is safe.
    """
    own = own_batch(program.model)
    size = own or batch_size or LARGEST_BATCH
    done = Streamed(size)
    try:
        with ThreadPoolExecutor(1) as reader, torch.inference_mode():
            upcoming = None
            while writer.done < writer.total:
                start, stop = writer.done, min(writer.done + size, writer.total)
                try:
                    batch = upcoming.result() if upcoming else batch_of(inputs, start, stop)
                    upcoming = reader.submit(batch_of, inputs, stop, min(stop + size, writer.total))
                    name, found = output(program, batch if own is None else filled_up(batch, own))
                except Exception as error:
                    if shortage(error) is None:
                        raise
                    size, upcoming = smaller(size, fixed=(own or batch_size) is not None), None
                    give_back()
                    continue
                check(found, own or stop - start)
                writer.write(tensors.to_numpy(found)[: stop - start])
                done = Streamed(size, name, tensors.name_of(found.dtype))
                tell(writer.done)
        writer.finish()
    finally:
        try:
            writer.save()
        finally:
            writer.close()
    return done


def filled_up(batch: Any, rows: int) -> Any:
    """Return a tree of arrays with the last row again until there are so many."""
    return tree.map_structure(lambda x: np.concatenate([x, np.repeat(x[-1:], rows - len(x), axis=0)]), batch)


def output(program: PreparedModel, batch: Any) -> tuple[str, torch.Tensor]:
    """Return the one output for a batch, and its name."""
    outputs = program.outputs(program.place(batch))
    if len(outputs) != 1:
        raise UsageError(f"{program.name} has {len(outputs)} outputs, and one can be written as it comes")
    return outputs[0]


def smaller(size: int, *, fixed: bool) -> int:
    """Return half the size; DeviceError where it is one, or was asked for."""
    if fixed:
        raise DeviceError(f"a batch of {size} does not fit into memory", hint="--batch-size auto finds one that does")
    if size == 1:
        raise DeviceError("not even a batch of one fits into memory")
    return size // 2


def check(found: torch.Tensor, rows: int) -> None:
    """Refuse an output that has not a row for each row of the batch."""
    if found.ndim == 0 or len(found) != rows:
        raise ShapeError(
            f"the output has the shape {tuple(found.shape)} for a batch of {rows}: it has to have one row for each"
        )


def report(name: str, device: str, inputs: Any, path: str, done: Streamed) -> ForwardRun:
    """Return the report on a file that was streamed; its values stay in it, mapped, and are read once, in order."""
    shown = [f"{rows.array.dtype.name}{list(rows.array.shape)}" for rows in tree.flatten(inputs)]
    written = NpyFile(path)
    [entry] = written.entries
    array = written.read(entry)
    out = ForwardOutput(done.name, done.dtype or array.dtype.name, array, statistics(written.chunks(entry)))
    return ForwardRun(name, device, shown, [out])
