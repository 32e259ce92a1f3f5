"""What options of the commands that run a model cannot be meant: said before anything is computed."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping

import typer

from layercli.cli.commands.run_options import DEVICE, INPUTS
from layercli.errors import UsageError

ORDERS = ("time", "memory", "macs")
PLAN = {"set_", "input_shape", "at"}
"""The options without a panel that are part of what --replay has recorded."""


def required(model: str | None) -> str:
    """Return the model, or complain as the option parser does."""
    if model is None:
        raise UsageError("missing argument 'MODEL'", hint="as in: layercli run resnet-block")
    return model


def check_stream(batch_size: str | None, resume: bool, others: Mapping[str, object]) -> None:
    """Refuse what does not go with a stream, and ``--resume`` without one."""
    if resume and batch_size is None:
        raise UsageError("--resume goes on with a stream", hint="--batch-size auto")
    for name, value in others.items():
        if batch_size is not None and value:
            raise UsageError(f"--batch-size streams the results to a file, which {name} does not go with")


def check_layers(graph: str, wanted: bool, others: Mapping[str, object]) -> None:
    """Refuse what asks for layers of a model that ``graph`` runs without them."""
    for name, value in others.items():
        if wanted and value:
            raise UsageError(f"{graph} makes one graph of all layers, so that {name} has none to show")


def check_sort(sort: str | None) -> None:
    """Refuse another order than there is."""
    if sort is not None and sort not in ORDERS:
        raise UsageError(f"--sort is by {', '.join(ORDERS)}, got {sort!r}")


def check_again(context: typer.Context, record: str | None) -> None:
    """Refuse options that say again how to run what a record says."""
    if record is None:
        return
    for option in context.command.params:
        recorded = option.name in PLAN or getattr(option, "rich_help_panel", None) in (INPUTS, DEVICE)
        source = context.get_parameter_source(option.name or "")
        if recorded and source is not None and source.name == "COMMANDLINE":
            raise UsageError(f"--replay {record} says how to run it: unexpected {option.opts[0]}")


def check_finite(numbers: Mapping[str, float | None]) -> None:
    """Refuse NaN, which nothing is less than."""
    for name, number in numbers.items():
        if number is not None and not math.isfinite(number):
            raise UsageError(f"{name} is a number from 0 on, got {number}")


def check_targets(targets: Mapping[str, str | None]) -> None:
    """Refuse two files to write that are one."""
    from layercli.formats.output_file import STANDARD_OUTPUT

    known: dict[str, str] = {}
    for name, path in targets.items():
        if path is None or path == STANDARD_OUTPUT:
            continue
        if (other := known.setdefault(os.path.realpath(path), name)) != name:
            raise UsageError(f"{other} and {name} would both write {path}")
