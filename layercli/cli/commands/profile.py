"""``layercli profile``."""

from __future__ import annotations

import typer

from layercli.cli import output
from layercli.cli.commands import run_options as options
from layercli.cli.commands.model_options import Running
from layercli.cli.commands.run_validation import CAST, check_layers, check_sort
from layercli.cli.options import check_use
from layercli.cli.prepared import prepared


def profile(
    context: typer.Context,
    model: options.Model,
    running: Running,
    sort: options.Sort = None,
    trace: options.Trace = None,
    force: options.ForceTrace = False,
    format: output.FormatOption = None,
) -> None:
    """Show the time, memory and MACs of each layer in one run, and the slowest kernels.

    [dim]$[/dim] layercli profile resnet50 --device cpu --sort time
    [dim]$[/dim] layercli profile net.py:Net --input-shape 1,3,224,224 --device cuda --trace run.json
    [dim]$[/dim] layercli profile lenet --format json | jq '.profile.layers[] | {path, self}'
    """
    from layercli.formats import output_file
    from layercli.render.profile import kernels, table

    check_use(context, "force", trace is not None, "--force writes over a trace that exists: --trace says which")
    check_use(context, "cast", bool(running.input), CAST)
    check_sort(sort)
    check_layers("--fuse", running.fuse, {"profile": True})
    if trace is not None:
        output_file.check_place(trace, force=force)
        context.with_resource(output_file.claimed(trace, force=force))
    ready = prepared(model, running)

    from layercli.runtime.analysis import profile as profiling
    from layercli.runtime.analysis.kernel_profiler import trace as write_trace

    found = profiling.profile(ready.program, ready.inputs)
    if not ready.program.shows_layers:
        output.print_info(f"onnxruntime runs {ready.program.name} as one graph: its layers are not visible")
    if trace is not None:
        write_trace(ready.program, ready.inputs, trace)
        output.print_info(f"wrote {trace}")
    output.emit(
        [table(found, sort), kernels(found)],
        lambda: {**ready.to_json("profile"), "profile": found.to_json(sort)},
        format,
    )
