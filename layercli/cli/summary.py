"""``layercli summary``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from layercli.cli import arguments, output

if TYPE_CHECKING:
    from layercli.inspect.summary import Summary


def summary(
    model: arguments.AnyModel,
    set_: arguments.Set = [],  # noqa: B006 - typer copies it
    custom: arguments.Custom = [],  # noqa: B006
    input_shape: arguments.InputShape = [],  # noqa: B006
    at: arguments.At = [],  # noqa: B006
    depth: Annotated[int, typer.Option("--depth", "-d", min=1, help="How many levels of layers to show.")] = 1,
    columns: Annotated[
        str | None,
        typer.Option(help="Columns with commas between, or all; +macs adds one to the usual.", show_default=False),
    ] = None,
    format: output.FormatOption = None,
) -> None:
    """Show a model's layers, shapes, parameters and cost, without running it; of a file of weights what it holds.

    [dim]$[/dim] layercli summary resnet-block
    [dim]$[/dim] layercli summary resnet-block --set filters=64,64,256 --columns +macs,+share
    [dim]$[/dim] layercli summary decoder --set preset=405b --at T=4096
    [dim]$[/dim] layercli summary net.py:Net --set units=64 --input-shape 32,100
    [dim]$[/dim] layercli summary net.py:TorchNet --input-shape 1,3,224,224
    [dim]$[/dim] layercli summary model.keras --custom net.py:Net
    [dim]$[/dim] layercli summary net.onnx
    [dim]$[/dim] layercli summary net.safetensors --depth 2
    [dim]$[/dim] layercli summary resnet50 --format json | jq .totals
    """
    from layercli.inspect.reference import learn
    from layercli.render.summary import parse_columns, table, usual

    parse_columns(columns)  # what is wrong with them is said before a file is read
    learn(custom)
    report = report_of(model, set_, input_shape, at)
    chosen, fold = parse_columns(columns, usual(report)), output.chosen(format) is output.Format.table
    output.emit(table(report, chosen, depth, fold), report.to_json, format)


def report_of(model: str, settings: list[str], input_shape: list[str], at: list[str]) -> Summary:
    """Return the summary of what is called ``model``: a graph by its nodes, weights by their paths, others by their layers."""
    from layercli.core.layer import Layer
    from layercli.inspect.reference import no_settings, resolve
    from layercli.inspect.shapes import inputs_of
    from layercli.inspect.summary import summarize
    from layercli.inspect.weight_files import summarize_file, weights_at

    if model.endswith(".onnx"):
        from layercli.inspect.onnx_summary import summarize_onnx

        no_settings(model, settings)
        return summarize_onnx(model, input_shape, at)
    if model.endswith(".pt2"):
        from layercli.runtime.graph_summary import summarize_graph

        no_settings(model, settings)
        return summarize_graph(model, input_shape, at)
    if (file := weights_at(model, [*settings, *input_shape, *at])) is not None:
        return summarize_file(file)
    subject = resolve(model, settings, modules=True)
    if isinstance(subject.model, Layer):
        inputs = inputs_of(subject.model, input_shape, at)
        return summarize(subject.model, inputs, name=subject.name, source=subject.source)
    from layercli.runtime.module_summary import inputs_of_module, summarize_module

    given = inputs_of_module(subject.model, subject.name, input_shape, at)
    return summarize_module(subject.model, given, subject.name, subject.source)
