"""``layercli run``."""

from __future__ import annotations

import sys
from contextlib import nullcontext, redirect_stdout
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import typer

from layercli.cli import arguments, output, process, run_stream
from layercli.cli import run_checks as checks
from layercli.cli import run_options as options
from layercli.cli import run_sections as sections
from layercli.errors import UsageError

if TYPE_CHECKING:
    from layercli.runtime.program import Program
    from layercli.runtime.run import Run


def run(
    context: typer.Context,
    model: options.Model = None,
    set_: arguments.Set = [],  # noqa: B006 - typer copies it
    custom: arguments.Custom = [],  # noqa: B006
    input_shape: arguments.InputShape = [],  # noqa: B006
    at: arguments.At = [],  # noqa: B006
    input: options.Input = [],  # noqa: B006
    cast: options.Cast = False,
    rescale: options.Rescale = None,
    fill: options.Fill = "random",
    range_: options.Range = [],  # noqa: B006
    seed: options.Seed = 0,
    out: options.Output = None,
    force: options.Force = False,
    batch_size: options.BatchSize = None,
    resume: options.Resume = False,
    layers: options.Layers = None,
    top: options.Top = None,
    labels: options.Labels = None,
    check: options.Check = False,
    device: options.Device = "auto",
    dtype: options.Dtype = None,
    precision: options.Precision = "highest",
    threads: options.Threads = None,
    compile_: options.Compile = False,
    fuse: options.Fuse = False,
    channels_last: options.ChannelsLast = False,
    weights: options.Weights = None,
    repeat: options.Repeat = None,
    warmup: options.Warmup = 3,
    against_time: options.AgainstTime = None,
    max_slowdown: options.MaxSlowdown = 1.05,
    profile: options.Profile = False,
    sort: options.Sort = None,
    trace: options.Trace = None,
    against: options.Against = None,
    rtol: options.Rtol = None,
    atol: options.Atol = None,
    repro: options.Repro = None,
    from_: options.From = None,
    format: output.FormatOption = None,
) -> int:
    """Run a model forward and show what comes out.

    [dim]$[/dim] layercli run resnet-block
    [dim]$[/dim] layercli run mlp --input x.npy --output y.npy --weights mlp.safetensors
    [dim]$[/dim] layercli run transformer-encoder --at T=128 --device cuda --dtype bfloat16
    [dim]$[/dim] layercli run net.py:Net --input a=x.npz:left --input b=y.csv --layers conv --check
    [dim]$[/dim] layercli run resnet-block --against float64
    [dim]$[/dim] layercli run resnet50 --profile --trace run.json
    [dim]$[/dim] layercli run mlp --repeat 5s --format json | jq .timing.median
    [dim]$[/dim] layercli run mlp --input big.npy --output y.npy --batch-size auto
    [dim]$[/dim] layercli run resnet50 --input photos/ --rescale 0,1 --top 5 --labels classes.txt
    """
    from layercli.core import naming
    from layercli.files import results
    from layercli.inspect.ranking import read_labels
    from layercli.inspect.reference import learn

    learn(custom)
    checks.check_again(context, from_)
    checks.check_finite({"--max-slowdown": max_slowdown, "--rtol": rtol, "--atol": atol})
    checks.check_targets({"--output": out, "--repro": repro, "--trace": trace})
    kept = force or resume  # what is there already, a stream that goes on looks at for itself
    if out is not None:
        results.check_target(out, force=kept)
    for target in filter(None, (repro, trace)):
        results.check_place(target, force=force)
    for target in filter(None, (out, repro, trace)):
        if target != results.STANDARD_OUTPUT:
            context.with_resource(results.claimed(target, force=kept if target == out else force))
    others = {"--layers": layers, "--top": top, "--repeat": repeat, "--against-time": against_time, "--repro": repro}
    others |= {"--profile": profile, "--trace": trace, "--against": against, "--from": from_}
    checks.check_stream(batch_size, resume, others)
    checks.check_sort(sort, profile)
    checks.check_layers("--fuse", fuse, {"--layers": layers, "--profile": profile})
    checks.check_layers("--compile", compile_, {"--layers": layers})
    if labels is not None and top is None:
        raise UsageError("--labels names the classes that --top shows", hint="--top 5")
    names = None if labels is None else read_labels(labels)

    process.import_torch()
    from layercli.runtime import feeding, program, reproduction
    from layercli.runtime.arguments import handed
    from layercli.runtime.kernels import trace as write_trace
    from layercli.runtime.run import run as run_model

    recorded = None if from_ is None else sections.recorded(from_, model)
    plan = (
        recorded.plan
        if recorded
        else reproduction.Plan(
            checks.required(model),
            set_,
            feeding.Request(input, input_shape, at, fill, range_, seed, cast, rescale),
            program.Settings(device, dtype, precision, threads, compile_, fuse, channels_last, weights, seed),
        )
    )
    if batch_size is not None:
        streamed, section = run_stream.stream(plan, out, batch_size, resume=resume, force=force)
        show(streamed, [section], format)
        return sections.finiteness(streamed).code if check else 0
    subject = sections.opened(plan.model, plan.set, plan.settings.seed)
    arrays = feeding.inputs_for(subject, plan.request)
    ready = program.prepare(subject, arrays, plan.settings)
    if plan.settings.device == "auto":
        output.message(f"running on {ready.device}")
    if ready.folds is not None:
        output.message(ready.folds.sentence)
    report = run_model(ready, arrays, layers=layers, check=check)
    found = []
    if recorded is not None:
        found.append(
            sections.reproduction(recorded, reproduction.record(plan, ready, arrays, report.outputs_by_name()))
        )
    if check:
        found.append(sections.finiteness(report))
    if top is not None:
        found.append(sections.ranking(report, top, names))

    def rival(reference: str) -> tuple[Program, Any]:
        naming.clear_session()  # what variables draw follows from names: of the same model, the same
        other = sections.opened(reference, (), plan.settings.seed)
        taken = handed(other.name, other.model, subject.model, arrays)
        return program.prepare(other, taken, replace(plan.settings, weights=None)), taken

    if against_time is not None:
        found.append(sections.race((ready, arrays), rival(against_time), repeat, warmup, max_slowdown))
    elif repeat is not None:
        found.append(sections.timing(ready, arrays, repeat, warmup))
    if profile:
        found.append(sections.profile(ready, arrays, sort))
    if trace is not None:
        write_trace(ready, arrays, trace)
        output.message(f"wrote {trace}")
    if against is not None:
        found.append(sections.comparison(ready, arrays, against, sections.tolerance(rtol, atol), rival))
    if out is not None:
        with redirect_stdout(output.stdout()):
            results.save(out, report.arrays(), report.source)
        output.message(f"wrote {'to standard output' if out == results.STANDARD_OUTPUT else out}")
    if repro is not None:
        reproduction.save(repro, reproduction.record(plan, ready, arrays, report.outputs_by_name()))
        output.message(f"wrote {repro}")
    with output.emitted_on(sys.stderr) if out == results.STANDARD_OUTPUT else nullcontext():
        show(report, found, format)
    return sections.code_of(found)


def show(report: Run, found: list[sections.Section], format: output.Format | None) -> None:
    """Print the outputs, and then every section."""
    from layercli.render.run import table

    def document() -> dict[str, Any]:
        whole = report.to_json()
        for section in found:
            whole |= section.document
        return whole

    output.emit([table(report), *(drawn for section in found for drawn in section.tables)], document, format)
