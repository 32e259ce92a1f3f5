"""Reject combinations of options of ``run``, ``compare``, ``bench`` and ``profile`` before anything is computed."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping

import typer

from layercli.cli import command_line, distributed
from layercli.cli.commands.run_options import DEVICE, INPUTS
from layercli.errors import UsageError, nearest

CAST = "--cast converts what --input reads: there is no --input"
ORDERS = ("time", "memory", "macs")
PLAN = {"set_", "input_shape", "at"}
"""The options outside a panel that a record already contains."""


def required(model: str | None) -> str:
    """Return the model; raise the option parser's error if it is missing."""
    if model is None:
        raise UsageError("missing argument 'MODEL'", hint="as in: layercli run resnet-block")
    return model


def check_stream(batch_size: str | None, resume: bool, others: Mapping[str, object]) -> None:
    """Reject options that a stream does not support, and ``--resume`` without a stream."""
    if resume and batch_size is None:
        raise UsageError("--resume continues a stream", hint="--batch-size auto")
    for name, value in others.items():
        if batch_size is not None and value:
            raise UsageError(f"--batch-size streams the results to a file, which {name} does not go with")


def check_ranks(*, shard: bool, streams: bool) -> bool:
    """Return whether this is the first of torchrun's ranks, which alone writes and reports; the others are made quiet.

    UsageError for several ranks that have nothing to share.
    """
    ranks = distributed.size()
    if ranks > 1 and not shard and not streams:
        raise UsageError(
            f"torchrun started {ranks} ranks, which share the weights by --shard, or the rows by --batch-size"
        )
    if shard and streams:
        raise UsageError("--batch-size shares the rows among the ranks, and --shard the weights: give one of them")
    if distributed.number():
        command_line.current().quiet = True
    return distributed.number() == 0


def check_layers(graph: str, wanted: bool, others: Mapping[str, object]) -> None:
    """Reject options that need layers if ``graph`` runs the model as one graph."""
    for name, value in others.items():
        if wanted and value:
            raise UsageError(f"{graph} makes one graph of all layers, so that {name} has none to show")


def check_sort(sort: str | None) -> None:
    """Reject unknown sort orders."""
    if sort is not None and sort not in ORDERS:
        raise UsageError(f"--sort is by {', '.join(ORDERS)}, got {sort!r}", hint=nearest(sort, ORDERS))


def check_again(context: typer.Context, record: str | None) -> None:
    """Reject options that a record already determines."""
    if record is None:
        return
    for option in context.command.params:
        recorded = option.name in PLAN or getattr(option, "rich_help_panel", None) in (INPUTS, DEVICE)
        source = context.get_parameter_source(option.name or "")
        if recorded and source is not None and source.name == "COMMANDLINE":
            raise UsageError(f"--replay {record} says how to run it: unexpected {option.opts[0]}")


def check_finite(numbers: Mapping[str, float | None]) -> None:
    """Reject NaN, which compares false with everything."""
    for name, number in numbers.items():
        if number is not None and not math.isfinite(number):
            raise UsageError(f"{name} is a number from 0 on, got {number}")


def check_targets(targets: Mapping[str, str | None]) -> None:
    """Reject two output options that name the same file."""
    from layercli.formats.output_file import STANDARD_OUTPUT

    known: dict[str, str] = {}
    for name, path in targets.items():
        if path is None or path == STANDARD_OUTPUT:
            continue
        if (other := known.setdefault(os.path.realpath(path), name)) != name:
            raise UsageError(f"{other} and {name} would both write {path}")
