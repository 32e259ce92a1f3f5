"""``layercli run --batch-size``: from files larger than memory to a file."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

from layercli.cli import output
from layercli.cli.run_sections import Section, opened
from layercli.errors import FileError, UsageError

if TYPE_CHECKING:
    from layercli.files.rows import RowWriter
    from layercli.runtime.reproduction import Plan
    from layercli.runtime.run import Run


def stream(plan: Plan, out: str | None, size: str, *, resume: bool, force: bool) -> tuple[Run, Section]:
    """Run the plan batch by batch into ``out``; return the report on what was written, and how it went."""
    from layercli.files.rows import RowWriter
    from layercli.render.run import streamed
    from layercli.runtime import feeding, program, streaming
    from layercli.runtime.arguments import by_name

    batch = parse_batch(size)
    if out is None or not out.lower().endswith(".npy") or not plan.request.files:
        raise UsageError("--batch-size goes from files to a .npy file", hint="--input x.npy --output y.npy")
    files = files_of(plan)
    subject = opened(plan.model, plan.set, plan.settings.seed)
    streaming.check_batch(subject.name, streaming.own_batch(subject.model), batch)
    inputs = feeding.inputs_for(subject, plan.request, streaming.Rows)
    rows = streaming.rows_in(by_name(subject.model, inputs))
    writer = RowWriter(out, rows, streaming.identity(asdict(plan), files))
    begin(writer, resume=resume, force=force)
    first, start = writer.done, time.perf_counter()
    ready = program.prepare(subject, streaming.batch_of(inputs, 0, 1), plan.settings, many=True)
    if plan.settings.device == "auto":
        output.message(f"running on {ready.device}")
    if ready.folds is not None:
        output.message(ready.folds.sentence)
    with progress(writer) as tell:
        done = streaming.stream(ready, inputs, writer, batch, tell)
    seconds = time.perf_counter() - start
    output.message(f"wrote {out}")
    facts = {"rows": writer.total, "resumed_at": first, "batch_size": done.batch_size, "seconds": seconds}
    return streaming.report(ready, inputs, out, done), Section([streamed(facts)], {"stream": facts})


def parse_batch(text: str) -> int | None:
    """Return the size of a batch, or None for ``auto``."""
    from layercli.inspect.shapes import whole_number

    if text == "auto":
        return None
    size = whole_number(text)
    if size is None or size < 1:
        raise UsageError(f"a batch size is auto or a number from 1 on, got {text!r}")
    return size


def files_of(plan: Plan) -> list[str]:
    """Return every file the results depend on; UsageError for standard input, which is none."""
    from layercli.inspect.inputs import STANDARD_INPUT, Source
    from layercli.inspect.reference import is_python

    place = plan.model.rpartition(":")[0] if is_python(plan.model) else plan.model
    model = [place] if os.path.isfile(place) else []
    files = [Source.parse(text).file for text in plan.request.files]
    if STANDARD_INPUT in files:
        raise UsageError(
            "standard input is read whole and once, so that it cannot be streamed", hint="save it to a .npy file first"
        )
    return [*model, *files, *filter(None, [plan.settings.weights])]


def begin(writer: RowWriter, *, resume: bool, force: bool) -> None:
    """Go on with what an interrupted run left, if that is asked for; refuse to throw it away unasked."""
    if not writer.left_over:
        return
    if resume:
        writer.resume()
        output.message(f"going on after {writer.done:,} of {writer.total:,} rows")
    elif not force:
        raise FileError(
            f"{writer.part} was left by an interrupted run", hint="--resume goes on with it, --force begins again"
        )


@contextmanager
def progress(writer: RowWriter) -> Iterator[Callable[[int], None]]:
    """Give what hears how many rows are done; on a terminal it draws a bar, with the rate and the time left."""
    if output.quiet or not output.on_terminal(sys.stderr):
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = [BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"), TimeRemainingColumn()]
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=writer.total, completed=writer.done, rate="")
        first, start = writer.done, time.perf_counter()

        def tell(done: int) -> None:
            bar.update(task, completed=done, rate=f"{(done - first) / (time.perf_counter() - start):,.0f} rows/s")

        yield tell
