"""``layercli run --batch-size``: stream from files larger than memory to a file."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

from layercli.cli import command_line, output, spinner
from layercli.cli.commands.run_report import ReportSection
from layercli.cli.prepared import opened
from layercli.errors import FileError, FormatError, UsageError

if TYPE_CHECKING:
    from layercli.formats.npy_writer import RowWriter
    from layercli.runtime.inference.forward_pass import ForwardRun
    from layercli.runtime.inference.row_shares import RowShares
    from layercli.runtime.inference.run_record import Plan


def stream(
    plan: Plan, out: str | None, size: str, *, resume: bool, force: bool
) -> tuple[ForwardRun, ReportSection] | None:
    """Run the plan batch by batch into ``out``; return the report on the written file and on the stream.

    torchrun's ranks share the rows; the first one writes and reports, the others return None.
    """
    from layercli.formats.npy_writer import RowWriter
    from layercli.render.run import streamed
    from layercli.runtime.execution import device as devices
    from layercli.runtime.inference import batch_inference, model_inputs, prepared_model
    from layercli.runtime.inference.model_kinds import runnable

    batch = parse_batch(size)
    if out is None or not out.lower().endswith(".npy") or not plan.request.files:
        raise UsageError("--batch-size streams from files to a .npy file", hint="--input x.npy --output y.npy")
    files = files_of(plan)
    subject = opened(plan.model, plan.set, plan.settings.seed, plan.config)
    batch_inference.check_batch(subject.name, subject.model, batch)
    inputs = model_inputs.inputs_for(subject, plan.request, batch_inference.InputRows)
    rows = batch_inference.rows_in(runnable(subject.model).by_name(inputs))
    writer = RowWriter(out, rows, batch_inference.identity(asdict(plan), files))
    if resume and not force and is_complete(writer, files):
        output.print_info(f"{out} is complete: all {rows:,} rows are there")
        device, done = (
            str(devices.resolve(plan.settings.device)),
            batch_inference.Streamed(batch or batch_inference.LARGEST_BATCH),
        )
        facts = {"rows": rows, "resumed_at": rows, "batch_size": done.batch_size, "seconds": 0.0}
        report = batch_inference.report(subject.name, device, inputs, out, done)
        return report, ReportSection([streamed(facts)], {"stream": facts})
    shares = shares_of(plan)
    if shares.writes:
        begin(writer, resume=resume, force=force)
    start = time.perf_counter()
    first = shares.agreed(writer.done)
    first_row = batch_inference.batch_of(inputs, 0, 1)
    calls = max(2, (rows - first) // (batch or batch_inference.LARGEST_BATCH))
    ready = prepared_model.prepare(subject, first_row, plan.settings, flags=plan.request.flags, calls=calls)
    if plan.settings.device == "auto":
        output.print_info(f"running on {ready.device}")
    if ready.folds is not None:
        output.print_info(ready.folds.sentence)
    command_line.current().resume_hint = "the same command with --resume goes on"
    with progress(writer) as show_progress:
        done = batch_inference.stream(ready, inputs, writer, batch, show_progress, shares)
    if not shares.writes:
        return None
    seconds = time.perf_counter() - start
    output.print_info(f"wrote {out}")
    facts = {"rows": writer.total, "resumed_at": first, "batch_size": done.batch_size, "seconds": seconds}
    return batch_inference.report(ready.name, str(ready.device), inputs, out, done), ReportSection(
        [streamed(facts)], {"stream": facts}
    )


def shares_of(plan: Plan) -> RowShares:
    """Return how torchrun's ranks share the rows."""
    from layercli.runtime.distributed import process_group
    from layercli.runtime.inference.model_placement import device_of
    from layercli.runtime.inference.row_shares import RowShares

    if not process_group.launched():
        return RowShares()
    return RowShares(process_group.join("gloo" if device_of(plan.settings).type == "cpu" else None))


def parse_batch(text: str) -> int | None:
    """Return the batch size, or None for ``auto``."""
    from layercli.inspect.shape_parser import integer_in

    if text == "auto":
        return None
    size = integer_in(text)
    if size is None or size < 1:
        raise UsageError(f"a batch size is auto or an integer from 1 up, got {text!r}")
    return size


def files_of(plan: Plan) -> list[str]:
    """Return every file that the results depend on; UsageError for standard input."""
    from layercli.inspect.inputs import STANDARD_INPUT, InputSource
    from layercli.inspect.python_import import is_python

    place = plan.model.rpartition(":")[0] if is_python(plan.model) else plan.model
    model = [place] if os.path.isfile(place) else []
    files = [InputSource.parse(text).file for text in plan.request.files]
    if STANDARD_INPUT in files:
        raise UsageError(
            "standard input is read once and whole, so it cannot be streamed", hint="save it to a .npy file first"
        )
    return [*model, *files, *filter(None, [plan.settings.weights])]


def is_complete(writer: RowWriter, files: list[str]) -> bool:
    """Whether the target is complete: it has all rows, is newer than every input file, and has no partial file.

    FileError if the target exists but is not complete.
    """
    from layercli.formats.npy import NpyFile

    if not writer.path.exists():
        return False
    if not writer.left_over and not writer.obstructed:
        with suppress(FormatError):
            [entry] = NpyFile(writer.path).entries.values()
            age = writer.path.stat().st_mtime_ns
            if entry.shape[:1] == (writer.total,) and all(os.stat(file).st_mtime_ns <= age for file in files):
                return True
    elif writer.left_over and not writer.part.exists():
        return False  # the process was killed between the last two steps
    raise FileError(f"{writer.path} exists already", hint="--force overwrites it")


def begin(writer: RowWriter, *, resume: bool, force: bool) -> None:
    """Resume an interrupted stream if requested; never discard its rows without --force."""
    if resume and writer.left_over:
        writer.resume()
        output.print_info(f"resuming after {writer.done:,} of {writer.total:,} rows")
    elif force:
        writer.discard()
    elif writer.left_over:
        raise FileError(
            f"{writer.part} was left by an interrupted run", hint="--resume continues it, --force starts again"
        )
    elif writer.obstructed:
        raise FileError(f"{writer.part} exists already", hint="--force overwrites it")


@contextmanager
def progress(writer: RowWriter) -> Iterator[Callable[[int], None]]:
    """Return a callback for the number of finished rows; on a terminal it draws a bar with rate and remaining time."""
    if command_line.current().quiet or not output.on_terminal(sys.stderr):
        yield lambda _: None
        return
    spinner.stop()
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = [BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"), TimeRemainingColumn()]
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=writer.total, completed=writer.done, rate="")
        first, start = writer.done, time.perf_counter()

        def show_progress(done: int) -> None:
            bar.update(task, completed=done, rate=f"{(done - first) / (time.perf_counter() - start):,.0f} rows/s")

        yield show_progress
