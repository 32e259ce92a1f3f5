"""``layercli plot``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from layercli.cli import command_line, options, output
from layercli.cli.commands.model_options import Describing
from layercli.errors import FormatError, UsageError

if TYPE_CHECKING:
    from layercli.inspect.model_graph import ModelGraph
    from layercli.inspect.plot_graph import PlotGraph, PlotOptions
    from layercli.sources.source import Source


class PlotFormat(StrEnum):
    """The formats that are printed."""

    table = "table"
    plain = "plain"
    json = "json"


def plot(
    model: options.AnyModel,
    output_: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="m.svg, .png, .pdf, .dot, .mmd or .txt.", show_default=False
        ),
    ] = None,
    describing: Describing = Describing(),  # noqa: B008  # frozen
    depth: Annotated[
        int | None,
        typer.Option(
            "--depth",
            "-d",
            min=1,
            help="How many levels of layers to open; default: about 30 boxes.",
            show_default=False,
        ),
    ] = None,
    expand: Annotated[
        list[str], typer.Option("--expand", metavar="PATH", help="Open this layer too.", show_default=False)
    ] = [],  # noqa: B006
    focus: Annotated[
        str, typer.Option("--focus", metavar="PATH", help="Draw this layer alone.", show_default=False)
    ] = "",
    fold: Annotated[bool, typer.Option("--fold/--no-fold", help="Draw equal numbered layers as one box.")] = True,
    diff: Annotated[
        str | None,
        typer.Option("--diff", metavar="OTHER", help="Colour what differs from this model.", show_default=False),
    ] = None,
    format: Annotated[
        PlotFormat | None,
        typer.Option("--format", "-f", help="How to print it: as text, or the boxes as json.", show_default=False),
    ] = None,
) -> None:
    """Draw a model: its layers and operations, and how values flow between them; of a weight file, its tree.

    [dim]$[/dim] layercli plot resnet50
    [dim]$[/dim] layercli plot resnet50 -o resnet50.svg --depth 2
    [dim]$[/dim] layercli plot decoder --set preset=405b -o decoder.svg
    [dim]$[/dim] layercli plot net.py:TorchNet --input-shape 1,3,224,224 -o net.png
    [dim]$[/dim] layercli plot net.onnx -o net.pdf --focus encoder/layers/0
    [dim]$[/dim] layercli plot net.keras -o net.svg --diff old.keras
    [dim]$[/dim] layercli plot weights.safetensors
    """
    from layercli.formats.output_file import check_place
    from layercli.inspect.plot_graph import PlotOptions
    from layercli.render.plot_file import check_suffix, write_picture
    from layercli.sources.resolve import resolve

    if output_ is not None:
        check_suffix(output_)
        check_place(str(output_), force=True)  # a picture is replaced, as with every tool that draws
        if format is not None:
            raise UsageError("--format says how to print, and -o writes a file: give one of them")
    source = describing.open(model)
    other = None if diff is None else resolve(diff, describing=True)
    picture = drawn(source.graph(describing.inputs(source)), other, PlotOptions(depth, tuple(expand), focus, fold))
    for note in source.notes:
        output.print_info(note)
    if output_ is None:
        show(picture, format)
    else:
        write_picture(picture, output_)
        output.print_info(f"wrote {output_}")
    if picture.failure is not None:  # as in summary, the picture shows the layers up to the failing call
        raise FormatError(picture.failure)


def drawn(graph: ModelGraph, other: Source | None, wanted: PlotOptions) -> PlotGraph:
    """Return the picture of a model, compared with another if there is one."""
    if other is None:
        from layercli.inspect.plot_flow import plot_graph

        return plot_graph(graph, wanted)
    from layercli.inspect.plot_diff import plot_diff

    return plot_diff(other.graph(), graph, wanted)


def show(picture: PlotGraph, format: PlotFormat | None) -> None:
    """Print the picture as text as wide as the terminal, or as JSON."""
    from layercli.render import json
    from layercli.render.text_boxes import ASCII, draw_text

    if format is PlotFormat.json:
        output.write(json.text(picture.to_json()) + "\n")
        return
    from rich.console import Console

    text = draw_text(picture, Console(file=command_line.current().stdout).width)
    encoding = getattr(output.stdout(), "encoding", None) or "utf-8"
    output.write(text if encoding.lower().replace("-", "") == "utf8" else text.translate(ASCII))
