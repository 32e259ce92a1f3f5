"""``layercli run``."""

from __future__ import annotations

import sys
from contextlib import nullcontext, redirect_stdout
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from layercli.cli import command_line, distributed, output, startup
from layercli.cli.commands import run_generation, run_streaming
from layercli.cli.commands import run_options as options
from layercli.cli.commands import run_report as sections
from layercli.cli.commands import run_validation as checks
from layercli.cli.commands.model_options import Running
from layercli.cli.options import check_use
from layercli.cli.prepared import of_plan
from layercli.core.types import JSONObject
from layercli.errors import UsageError

if TYPE_CHECKING:
    from layercli.runtime.inference.forward_pass import ForwardRun


def run(
    context: typer.Context,
    running: Running,
    model: options.ModelToReplay = None,
    out: options.Output = None,
    force: options.Force = False,
    batch_size: options.BatchSize = None,
    resume: options.Resume = False,
    layers: options.Layers = None,
    top: options.Top = None,
    generate: options.Generate = None,
    labels: options.Labels = None,
    check: options.Check = False,
    offload: options.Offload = False,
    shard: options.Shard = False,
    record: options.RecordTo = None,
    replay: options.Replay = None,
    format: output.FormatOption = None,
) -> int:
    """Run one forward pass and show the outputs.

    [dim]$[/dim] layercli run resnet-block
    [dim]$[/dim] layercli run mlp --input x.npy --output y.npy --weights mlp.safetensors
    [dim]$[/dim] layercli run transformer-encoder --at T=128 --device cuda --dtype bfloat16
    [dim]$[/dim] layercli run net.py:Net --input a=x.npz:left --input b=y.csv --layers conv --check
    [dim]$[/dim] layercli run mlp --input big.npy --output y.npy --batch-size auto
    [dim]$[/dim] layercli run resnet50 --input photos/ --rescale 0,1 --top 5 --labels classes.txt
    [dim]$[/dim] layercli run ./Llama-3.2-1B --text "The capital of France is" --generate 8
    [dim]$[/dim] torchrun --nproc-per-node 2 -m layercli run ./Llama-3.2-1B --input ids.npy --shard
    [dim]$[/dim] layercli run mlp --seed 7 --record run.json
    [dim]$[/dim] layercli run --replay run.json
    """
    from layercli.formats import output_file
    from layercli.inspect.python_import import register_custom_objects
    from layercli.inspect.top_k import read_labels

    distributed.notice_the_end()
    first = checks.check_ranks(shard=shard, streams=batch_size is not None)
    register_custom_objects(running.custom)
    checks.check_again(context, replay)
    check_use(context, "force", bool(out or record), "--force writes over files that exist: --output or --record")
    check_use(context, "cast", bool(running.input), checks.CAST)
    checks.check_targets({"--output": out, "--record": record})
    kept = force or resume  # a resumed stream checks the existing file itself
    if out is not None:
        output_file.check_target(out, force=kept)
    if record is not None:
        output_file.check_place(record, force=force)
    for target in filter(None, (out, record) if first else ()):
        if target != output_file.STANDARD_OUTPUT:
            context.with_resource(output_file.claimed(target, force=kept if target == out else force))
    others = {"--layers": layers, "--top": top, "--record": record, "--replay": replay}
    checks.check_stream(batch_size, resume, {**others, "--text": running.text, "--generate": generate})
    graphs = {"--compile": running.compile_, "--fuse": running.fuse}
    run_generation.check(generate, {**others, "--check": check, **graphs})
    if shard and layers is not None:
        raise UsageError("--shard gives each rank a share of a layer's results, which --layers does not show")
    if layers is not None and out is not None:
        output_file.check_several(out, "--layers")
    checks.check_layers("--fuse", running.fuse, {"--layers": layers})
    checks.check_layers("--compile", running.compile_, {"--layers": layers})
    if labels is not None and top is None:
        raise UsageError("--labels names the classes that --top shows", hint="--top 5")
    names = None if labels is None else read_labels(labels)

    startup.import_torch()
    from layercli.runtime.inference import run_record
    from layercli.runtime.inference.forward_pass import run as run_model

    before = None if replay is None else sections.recorded(replay, model)
    plan = before.plan if before else running.plan(checks.required(model))
    plan = replace(plan, settings=replace(plan.settings, offload=offload, shard=shard)) if before is None else plan
    if batch_size is not None:
        written = run_streaming.stream(plan, out, batch_size, resume=resume, force=force)
        if written is None:
            return 0
        show(written[0], [written[1]], format)
        return sections.finiteness(written[0]).code if check else 0
    if plan.request.files and generate is None:
        command_line.current().memory_hint = "--batch-size auto --output FILE.npy runs as many rows at once as fit"
    ready = of_plan(plan, decodes=generate is not None)
    if (out is not None or top is not None) and generate is None:
        sections.check_known(ready, out, top)
    found = []
    if generate is not None:
        report, section = run_generation.generate(ready, generate)
        found.append(section)
    else:
        report = run_model(ready.program, ready.inputs, layers=layers, check=check)
    if not first:
        return 0
    if before is not None:
        now = run_record.record(plan, ready.program, ready.inputs, report.outputs_by_name())
        found.append(sections.reproduction(before, now))
    if check:
        found.append(sections.finiteness(report))
    if top is not None:
        found.append(sections.ranking(ready, report, top, names))
    if out is not None:
        with redirect_stdout(output.stdout()):
            output_file.save(out, report.arrays(), report.source)
        output.print_info(f"wrote {'to standard output' if out == output_file.STANDARD_OUTPUT else out}")
    if record is not None:
        done = run_record.record(plan, ready.program, ready.inputs, report.outputs_by_name())
        run_record.save(record, done)
        output.print_info(f"wrote {record}")
    with output.emit_to(sys.stderr) if out == output_file.STANDARD_OUTPUT else nullcontext():
        show(report, found, format)
    return sections.code_of(found)


def show(report: ForwardRun, found: list[sections.ReportSection], format: output.Format | None) -> None:
    """Print the outputs and then every section."""
    from layercli.render.run import table

    def document() -> JSONObject:
        whole = report.to_json()
        for section in found:
            whole |= section.document
        return whole

    output.emit([table(report), *(drawn for section in found for drawn in section.tables)], document, format)
