"""``layercli compare``."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

import typer

from layercli.cli import output
from layercli.cli.commands import run_options as options
from layercli.cli.commands.model_options import Running
from layercli.cli.commands.run_validation import CAST, check_finite
from layercli.cli.options import check_use
from layercli.cli.prepared import Prepared, prepared
from layercli.errors import UsageError, nearest

if TYPE_CHECKING:
    from layercli.inspect.tolerance import Tolerance
    from layercli.runtime.analysis.comparison import Comparison


def compare(
    context: typer.Context,
    model: options.Model,
    running: Running,
    other: options.Other = None,
    with_: options.With = None,
    rtol: options.Rtol = None,
    atol: options.Atol = None,
    format: output.FormatOption = None,
) -> int:
    """Compare every layer's result with another way to run the model, saved results, or another model: exit 0 or 1.

    [dim]$[/dim] layercli compare lenet --with float64
    [dim]$[/dim] layercli compare net.py:Net --input x.npy --with onnx --rtol 1e-4
    [dim]$[/dim] layercli compare net.py:Net net.py:Old --input-shape 1,3,32,32
    [dim]$[/dim] layercli compare resnet50 --device cuda --with cpu
    [dim]$[/dim] layercli compare mlp --with saved.safetensors --format json | jq .comparison.agrees
    """
    from layercli.render.comparison import table

    check_reference(other, with_)
    check_use(context, "cast", bool(running.input), CAST)
    check_finite({"--rtol": rtol, "--atol": atol})
    ready = prepared(model, running)
    found = compared(ready, other, with_, tolerance(rtol, atol))
    if found.first_divergence is not None:
        output.print_info(f"differs from {found.reference}, first in {found.first_divergence.name}")
    elif found.first_not_finite is not None:
        where = f"first in {found.first_not_finite.name}"
        output.print_info(f"not finite here and in {found.reference}, {where}: nothing to compare")
    output.emit(table(found), lambda: {**ready.to_json("compare"), "comparison": found.to_json()}, format)
    return 0 if found.answer == "agrees" else 1


def check_reference(other: str | None, way: str | None) -> None:
    """Require exactly one thing to compare with."""
    if other is None and way is None:
        raise UsageError("compare needs another model or --with", hint="--with float64, or another model")
    if other is not None and way is not None:
        raise UsageError(f"compare takes another model or --with, got {other} and --with {way}")


def compared(ready: Prepared, other: str | None, way: str | None, allowed: Tolerance | None) -> Comparison:
    """Return the differences from another model, another way to run the model, or a file."""
    from layercli.runtime.analysis import comparison

    ours = comparison.record(ready.program, ready.inputs, layers=way != "compile")
    if other is not None:
        rival = ready.other(other)
        theirs = comparison.aligned(ours, comparison.record(rival.program, rival.inputs))
    elif way in comparison.WAYS:
        theirs = comparison.in_another_way(ready.program, way, ready.inputs)
    elif way is not None and os.path.exists(way):
        theirs = comparison.of_file(way, ours)
    else:
        raise no_way(way or "", comparison.WAYS)
    return comparison.compare(ours, theirs, other or way or "", allowed)


def no_way(given: str, ways: Iterable[str]) -> UsageError:
    """Return the error for a text that is neither a way to run a model nor an existing file."""
    known = list(ways)
    found = UsageError(f"--with is {', '.join(known)} or a file of results, got {given!r}")
    found.hint = nearest(given, [*known, *os.listdir(os.path.dirname(given) or ".")]) if known else None
    return found


def tolerance(rtol: float | None, atol: float | None) -> Tolerance | None:
    """Return the requested tolerance (an omitted half is 0), or None if none was given."""
    from layercli.inspect.tolerance import Tolerance

    return None if rtol is None and atol is None else Tolerance(rtol or 0.0, atol or 0.0)
