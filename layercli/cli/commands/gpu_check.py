"""``layercli gpu-check``: is there a GPU, why not, and can it be trusted?"""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from layercli.cli import output
from layercli.cli.job_summary import append_job_summary
from layercli.errors import UsageError


class GpuFormat(StrEnum):
    """The formats of the report."""

    table = "table"
    plain = "plain"
    json = "json"
    csv = "csv"
    markdown = "markdown"
    github = "github"


def option(name: str, help: str, metavar: str | None = None, short: tuple[str, ...] = ()) -> typer.models.OptionInfo:
    """Return an option without a default in its help."""
    info: typer.models.OptionInfo = typer.Option(name, *short, help=help, metavar=metavar, show_default=False)
    return info


def gpu_check(
    level: Annotated[
        int | None,
        option(
            "--level",
            "0 queries the driver, without torch; 1 (default) computes once; 2 runs every test; 3 adds minutes of load.",
        ),
    ] = None,
    device: Annotated[str, option("--device", "One GPU by its nvidia-smi index, or all.", "N|all")] = "all",
    require: Annotated[int, option("--require", "The required number of usable GPUs. Default: 1.")] = 1,
    min_memory: Annotated[str | None, option("--min-memory", "Total memory required of each: 16GiB.", "SIZE")] = None,
    min_capability: Annotated[
        str | None, option("--min-capability", "CUDA capability required of each: 8.0.", "X.Y")
    ] = None,
    min_tflops: Annotated[
        list[str] | None, option("--min-tflops", "TFLOP/s required of each: bf16=500 (fp16, fp32, tf32).", "NAME=X")
    ] = None,
    min_bandwidth: Annotated[
        list[str] | None, option("--min-bandwidth", "GB/s required of each: device=2000 (h2d, d2h).", "NAME=X")
    ] = None,
    timeout: Annotated[float | None, option("--timeout", "Seconds after which a test counts as hung.")] = None,
    snapshot: Annotated[
        Path | None, option("--snapshot", "Write the observed state to a file, without private data.")
    ] = None,
    source: Annotated[Path | None, option("--from", "Diagnose a snapshot, also of another machine.")] = None,
    format: Annotated[
        GpuFormat | None,
        option(
            "--format", "Default: table on a terminal, github under GitHub Actions, plain elsewhere.", short=("-f",)
        ),
    ] = None,
) -> int:
    """Say whether there is a usable GPU, why not, and what to do.

    [dim]$[/dim] layercli gpu-check
    [dim]$[/dim] layercli gpu-check --level 2 --min-tflops bf16=500
    [dim]$[/dim] layercli gpu-check --require 8 --min-memory 80GiB --format github
    [dim]$[/dim] layercli gpu-check --snapshot seen.json && layercli gpu-check --from seen.json
    """
    from layercli.gpu import check
    from layercli.gpu.snapshot import write

    if source is not None and level:
        raise UsageError("--level runs tests on this machine and --from reads a snapshot: give one of them")
    report = check(
        1 if level is None else level, device, require, min_memory, min_capability, min_tflops, min_bandwidth,
        timeout, source, lambda doing: output.print_info(f"{doing} ..."),
    )  # fmt: skip
    if snapshot is not None:
        write(report.snapshot, snapshot)
    from layercli.render import gpu

    if format is None and os.environ.get("GITHUB_ACTIONS") == "true" and not output.on_terminal(output.stdout()):
        format = GpuFormat.github
    if format is GpuFormat.github:
        output.write(gpu.github(report))
        append_job_summary(gpu.summary(report))
    elif format is GpuFormat.csv:
        output.print_info(report.sentence)
        output.emit(gpu.records(report), report.to_json, output.Format.csv)
    else:
        output.emit(gpu.tables(report), report.to_json, None if format is None else output.Format(format.value))
    return (0 if report.conclusive else 3) if report.answer else 1
