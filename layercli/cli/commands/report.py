"""``layercli report``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from layercli.cli import options, output
from layercli.cli.commands.model_options import Describing
from layercli.errors import FormatError, UsageError

if TYPE_CHECKING:
    from layercli.inspect.cost import Cost
    from layercli.inspect.diff import ModelDiff
    from layercli.inspect.model_graph import ModelGraph
    from layercli.sources.source import Source


def report(
    model: options.AnyModel,
    output_: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE.html", help="Where to write it.", show_default=False)
    ],
    describing: Describing = Describing(),  # noqa: B008  # frozen
    against: Annotated[
        str | None,
        typer.Option("--against", metavar="OTHER", help="Show what differs from this model.", show_default=False),
    ] = None,
    stats: Annotated[bool, typer.Option("--stats", help="Read the values: statistics and histograms.")] = False,
    profile: Annotated[
        Path | None,
        typer.Option("--profile", metavar="FILE.json", help="What profile --format json printed.", show_default=False),
    ] = None,
    on: Annotated[
        str | None, typer.Option("--on", metavar="DEVICE", help="The device of the roofline: h100.", show_default=False)
    ] = None,
    depth: Annotated[
        int | None,
        typer.Option(
            "--depth", "-d", min=1, help="Levels of the picture; default: about 30 boxes.", show_default=False
        ),
    ] = None,
) -> None:
    """Write all that is known of a model as one HTML file: picture, layers, cost and variables.

    It needs no other file, asks no machine for anything, and prints on A4.

    [dim]$[/dim] layercli report resnet50 -o resnet50.html
    [dim]$[/dim] layercli report decoder --set preset=405b --at T=4096 --on h100 -o decoder.html
    [dim]$[/dim] layercli report model.safetensors --stats -o model.html
    [dim]$[/dim] layercli report new.keras --against old.keras -o changes.html
    [dim]$[/dim] layercli report lenet --profile run.json -o lenet.html
    """
    from layercli.cli.commands.plot import drawn
    from layercli.formats.atomic import replacing
    from layercli.formats.output_file import check_place
    from layercli.inspect import devices
    from layercli.inspect.plot_graph import PlotOptions
    from layercli.inspect.report import Report, read_profile
    from layercli.inspect.variables import check_drawn, measure
    from layercli.render.report_page import page
    from layercli.sources.resolve import resolve

    if output_.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"a report is HTML, and {output_} does not end in .html")
    check_place(str(output_), force=True)
    device = None if on is None else devices.find_device(on)
    times = None if profile is None else read_profile(profile)
    source = describing.open(model)
    other = None if against is None else resolve(against, describing=True)
    inputs = describing.inputs(source)
    if stats:
        check_drawn(source.variables())
    graph, found = source.views(inputs)
    content = Report(
        graph=graph,
        summary=found,
        picture=drawn(graph, other, PlotOptions(depth)),
        variables=source.variables(),
        cost=cost_of(graph),
        device=device,
        profile=times,
        diff=None if other is None else difference(other, source),
        notes=list(source.notes),
    )
    if stats:
        measure(content.variables)
    text = page(content)
    with replacing(output_) as file:
        file.write(text.encode("utf-8", "replace"))
    output.print_info(f"wrote {output_}")
    if found.failure is not None:  # the report shows the layers up to the failing call
        raise FormatError(found.failure)


def cost_of(graph: ModelGraph) -> Cost | None:
    """Return what a call costs, its named sizes set to usual ones; None for a model that was not called."""
    from layercli.inspect.cost import cost
    from layercli.inspect.report import usual_sizes

    if not graph.calls or graph.incomplete:
        return None
    return cost(graph, at=usual_sizes(graph))


def difference(old: Source, new: Source) -> ModelDiff:
    """Return how the model differs from the other one."""
    from layercli.sources.diff import diff_sources

    return diff_sources(old, new)
