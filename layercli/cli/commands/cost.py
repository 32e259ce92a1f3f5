"""``layercli cost``: what a model costs in memory, whether it fits, and whether it keeps its budgets."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from layercli.cli import options, output
from layercli.cli.commands.cost_fit import WeightStorage, cost_of_graph, device_of, fitted, floor_of, with_largest
from layercli.cli.commands.model_options import Describing
from layercli.cli.job_summary import append_job_summary
from layercli.errors import FormatError, UsageError

if TYPE_CHECKING:
    from layercli.inspect.budgets import Finding
    from layercli.inspect.cost import Cost
    from layercli.inspect.cost_graph import CostGraph
    from layercli.inspect.training_cost import Training
    from layercli.sources.source import Source


class ParallelOption(StrEnum):
    """How several ranks train: each with all parameters, or each with a share of them."""

    ddp = "ddp"
    fsdp = "fsdp"


class WeightsOption(StrEnum):
    """How many bits the weights have."""

    int8 = "int8"
    int4 = "int4"


class CostFormat(StrEnum):
    """The formats of the report."""

    table = "table"
    plain = "plain"
    json = "json"
    csv = "csv"
    markdown = "markdown"
    github = "github"


def option(name: str, help: str, metavar: str | None = None) -> typer.models.OptionInfo:
    """Return an option that has no default to show."""
    info: typer.models.OptionInfo = typer.Option(name, help=help, metavar=metavar, show_default=False)
    return info


def cost(
    context: typer.Context,
    model: options.AnyModel,
    describing: Describing = Describing(),  # noqa: B008  # frozen
    dtype: Annotated[
        str | None, option("--dtype", "The dtype of weights and activations, or mixed_bfloat16.", "DTYPE")
    ] = None,
    weights: Annotated[
        WeightsOption | None, option("--weights", "Store matrices as integers with scales, for inference: int8, int4.")
    ] = None,
    offload: Annotated[
        bool, option("--offload", "Leave the weights of a Hugging Face folder on disk, as run --offload does.")
    ] = False,
    training: Annotated[
        str | None, option("--training", "A training step with this optimizer: adam, sgd:momentum=0.9.", "OPTIMIZER")
    ] = None,
    accumulate: Annotated[
        int, typer.Option("--accumulate", metavar="N", min=1, help="Update once in so many steps of training.")
    ] = 1,
    checkpointing: Annotated[
        list[str], option("--checkpointing", "Layers that run again instead of keeping tensors: 'blocks/*'.", "PATTERN")
    ] = [],  # noqa: B006
    ranks: Annotated[
        int,
        typer.Option(
            "--ranks", metavar="N", min=1, help="How many ranks train together, or share a folder (run --shard)."
        ),
    ] = 1,
    parallel: Annotated[
        ParallelOption, typer.Option("--parallel", help="Each rank with all parameters, or with a share of them.")
    ] = ParallelOption.ddp,
    memory: Annotated[str | None, option("--memory", "Does it fit in so much memory: 24GiB.", "SIZE")] = None,
    on: Annotated[
        str | None, option("--on", "Does it fit on this device: h100, l4, rtx4090, here; list shows all.", "DEVICE")
    ] = None,
    max_: Annotated[
        list[str], option("--max", "A limit: parameters=30M, macs=4.2G, memory=1GiB.", "FIGURE=LIMIT")
    ] = [],  # noqa: B006
    baseline: Annotated[
        Path | None, option("--baseline", "An earlier report (--format json) that no figure may exceed.", "FILE.json")
    ] = None,
    allow: Annotated[str, typer.Option("--allow", metavar="PERCENT", help="How much a figure may grow.")] = "0%",
    depth: Annotated[
        int | None,
        typer.Option(
            "--depth", "-d", min=1, help="How many levels of layers to show. Default: 1; JSON: all.", show_default=False
        ),
    ] = None,
    format: Annotated[
        CostFormat | None,
        typer.Option(
            "--format", "-f", help="How to print it. Default: table on a terminal, plain off it.", show_default=False
        ),
    ] = None,
) -> int:
    """Say what a model costs in memory before it is run, whether that fits, and whether it keeps its budgets.

    [dim]$[/dim] layercli cost resnet50 --at B=64 --on l4
    [dim]$[/dim] layercli cost decoder --set preset=8b --at B=1 --at T=8192 --dtype bfloat16 --memory 24GiB
    [dim]$[/dim] layercli cost ./Llama-3.1-8B --at B=1 --at T=8192 --on h100
    [dim]$[/dim] layercli cost decoder --training adamw --at B=4 --at T=2048 --checkpointing 'blocks/*' --on a100
    [dim]$[/dim] layercli cost net.onnx --max parameters=30M --max memory=1GiB --format github
    [dim]$[/dim] layercli cost net.py:Net --baseline cost.json --allow 1%
    """
    from layercli.inspect import budgets, devices, quantities
    from layercli.inspect.cost_document import document, totals
    from layercli.render import cost as drawing

    if on == devices.LIST:
        return show_devices(format)
    options.check_use(context, "parallel", ranks > 1, "--parallel is how several ranks train: --ranks says how many")
    limits = budgets.budgets_of_project(Path()) | budgets.parse_budgets(max_)
    earlier = None if baseline is None else budgets.read_baseline(baseline)
    allowed = quantities.share_in(allow, "--allow")
    options.check_use(context, "allow", baseline is not None, "--allow is how much a figure may exceed a --baseline")
    limits_of_device = device_of(memory, on, dtype)
    how = training_of(training, accumulate, checkpointing, ranks, parallel)
    options.check_use(context, "parallel", how is not None, "--parallel is how several ranks train")
    stored = storage_of(weights, offload, 1 if how is not None else ranks, how)
    check_floating(dtype)
    source = describing.open(model)
    for note in source.notes:
        output.print_info(note)
    before = len(source.notes)
    opened, found = described(source, describing, dtype, how, stored)
    for note in source.notes[before:]:  # how a folder's weights differ is known once the model is built
        output.print_info(note)
    fit = None if limits_of_device is None else fitted(opened, found, how, limits_of_device)
    if fit is not None and source.costs_numbers:
        fit = with_largest(fit, source, describing, dtype, how, stored)
    time = (
        None if limits_of_device is None or how is not None or stored.elsewhere else floor_of(found, limits_of_device)
    )
    findings = budgets.against_limits(totals(found), limits) if limits else []
    findings += [] if earlier is None else budgets.against_baseline(document(found), earlier, allowed)
    as_json = format is CostFormat.json
    tables = [] if as_json else drawing.tables(found, fit, findings, depth or 1, time, limits_of_device)
    if format is CostFormat.github:
        output.write(drawing.github(found, tables, fit, findings))
        append_job_summary(drawing.step_summary(tables))
    else:
        chosen = None if format is None else output.Format(format.value)
        output.emit(tables, lambda: document(found, fit, findings, time, depth), chosen)
    report_findings(findings)
    if found.graph.incomplete and found.graph.inputs:  # as in summary, the figures are known up to the failing call
        raise FormatError(found.graph.incomplete)
    return max(budgets.verdict(findings), 0) if fit is None or fit.fits else 1


def show_devices(format: CostFormat | None) -> int:
    """Print the table of devices with the sources of its figures."""
    from dataclasses import asdict

    from layercli.inspect.devices import DEVICES
    from layercli.render.devices import devices_table

    chosen = None if format in (None, CostFormat.github) else output.Format(str(format))
    output.emit([devices_table(DEVICES.values())], lambda: {"devices": [asdict(x) for x in DEVICES.values()]}, chosen)
    return 0


def described(
    source: Source, describing: Describing, dtype: str | None, training: Training | None, stored: WeightStorage
) -> tuple[CostGraph, Cost]:
    """Return the graph of a model, and what it costs."""
    from layercli.inspect.shape_parser import parse_sizes

    values, shapes = parse_sizes(describing.at), describing.input_shape
    if not (values and source.costs_numbers):
        opened = source.cost_graph(source.inputs(shapes), dtype, training=training is not None)
        opened = stored.of(opened)
        found = cost_of_graph(opened, values, dtype, training)
        if values.keys() <= found.memory.names:
            return opened, found
        values = {name: size for name, size in values.items() if name in found.memory.names}
    else:  # run it at these very sizes
        values = {}
    sizes = [text for text in describing.at if text.partition("=")[0].strip() not in values]
    opened = source.cost_graph(source.inputs(shapes, sizes), dtype, training=training is not None)
    opened = stored.of(opened)
    return opened, cost_of_graph(opened, values, dtype, training)


def training_of(
    optimizer: str | None, accumulation: int, checkpointing: list[str], ranks: int, parallel: ParallelOption
) -> Training | None:
    """Return how the model is trained, None where it is not; UsageError for options that only training has."""
    if optimizer is None:
        given = {"--accumulate": accumulation > 1, "--checkpointing": checkpointing}
        for name in (name for name, used in given.items() if used):
            raise UsageError(f"{name} is for training", hint=f"give the optimizer as well: --training adam {name} ...")
        return None
    from layercli.inspect import training_cost
    from layercli.inspect.optimizer_state import optimizer_of

    optimizer_of(optimizer, accumulation)  # its errors are reported before a model is read
    how = training_cost.Parallel(parallel.value)
    return training_cost.Training(optimizer, accumulation, tuple(checkpointing), ranks, how)


def check_floating(dtype: str | None) -> None:
    """UsageError where activations would be integers."""
    from layercli.core import dtypes

    named = (dtype or "float32").removeprefix("mixed_")
    if named in dtypes.BYTES and not dtypes.is_floating(named):
        hint = f"--weights {dtype} stores the weights so" if dtype in ("int8", "int4") else None
        raise UsageError(f"--dtype is that of activations too: a floating-point dtype, got {dtype!r}", hint=hint)


def storage_of(weights: WeightsOption | None, offload: bool, ranks: int, training: Training | None) -> WeightStorage:
    """Return how the weights are stored; UsageError in training, and for two ways at once."""
    if training is not None and weights is not None:
        raise UsageError("--weights is for inference: what is trained is no integer", hint="leave --training out")
    if training is not None and offload:
        raise UsageError("--offload is for inference", hint="leave --training out")
    given = [name for name, used in {"--weights": weights, "--offload": offload, "--ranks": ranks > 1}.items() if used]
    if len(given) > 1:
        raise UsageError(f"{given[0]} does not go with {given[1]} in inference")
    from layercli.inspect.remedies import WEIGHTS

    return WeightStorage(None if weights is None else WEIGHTS[weights.value], offload, ranks)


def report_findings(findings: list[Finding]) -> None:
    """Tell each finding on a line of its own."""
    for each in findings:
        output.print_error(f"{'over budget' if each.exceeded else 'not known'}: {each.sentence}")
