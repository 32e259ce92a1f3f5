"""``layercli bench``."""

from __future__ import annotations

import typer

from layercli.cli import output
from layercli.cli.commands import run_options as options
from layercli.cli.commands.model_options import Running
from layercli.cli.commands.run_validation import CAST, check_finite
from layercli.cli.options import check_use
from layercli.cli.prepared import Prepared, prepared
from layercli.inspect.benchmark_stats import RepeatedRuns


def bench(
    context: typer.Context,
    model: options.Model,
    running: Running,
    repeat: options.Repeat = "30",
    warmup: options.Warmup = 3,
    against: options.Rival = None,
    max_slowdown: options.MaxSlowdown = 1.05,
    format: output.FormatOption = None,
) -> int:
    """Measure how long a forward pass takes, alone or alternating with another model.

    [dim]$[/dim] layercli bench resnet50 --device cpu
    [dim]$[/dim] layercli bench transformer-encoder --at T=128 --device cuda --dtype bfloat16 --repeat 5s
    [dim]$[/dim] layercli bench net.py:New --input-shape 8,64 --against net.py:Old --max-slowdown 1.1
    [dim]$[/dim] layercli bench mlp --format json | jq .timing.median
    """
    check_use(context, "max_slowdown", against is not None, "--max-slowdown is a limit beside another model: --against")
    check_use(context, "cast", bool(running.input), CAST)
    check_finite({"--max-slowdown": max_slowdown})
    wanted = RepeatedRuns.parse(repeat)
    ready = prepared(model, running)
    if against is not None:
        return against_baseline(ready, against, wanted, warmup, max_slowdown, format)

    from layercli.render.timing import table
    from layercli.runtime.analysis.latency import measure

    found = measure(ready.program, ready.inputs, wanted, warmup)
    warn(found.samples.warnings())
    output.emit(table([found]), lambda: {**ready.to_json("bench"), "timing": found.to_json()}, format)
    return 0


def against_baseline(
    ready: Prepared, against: str, wanted: RepeatedRuns, warmup: int, at_most: float, format: output.Format | None
) -> int:
    """Print the model's latency beside another's; return 0, 1 or 3."""
    from layercli.render import timing as render
    from layercli.runtime.analysis import latency

    other = ready.other(against)
    sides = (ready.program, ready.inputs), (other.program, other.inputs)
    first, second, found = latency.compare_latency(*sides, wanted, warmup, at_most)
    warn(first.samples.warnings())
    theirs = {"model": against, "timing": second.to_json(), **found.to_json()}
    output.emit(
        [render.table([first, second]), render.slowdown(found)],
        lambda: {**ready.to_json("bench"), "timing": first.to_json(), "against": theirs},
        format,
    )
    return found.code


def warn(sentences: list[str]) -> None:
    """Print warnings about figures that may be unreliable."""
    for sentence in sentences:
        output.print_info(f"warning: {sentence}")
