"""``layercli summary``."""

from __future__ import annotations

from typing import Annotated

import typer

from layercli.cli import arguments, output


def summary(
    model: arguments.Model,
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
    [dim]$[/dim] layercli summary net.safetensors --depth 2
    [dim]$[/dim] layercli summary resnet50 --format json | jq .totals
    """
    from layercli.core.layer import Layer
    from layercli.inspect.reference import learn, resolve
    from layercli.inspect.shapes import inputs_of
    from layercli.inspect.summary import summarize
    from layercli.inspect.weight_files import summarize_file, weights_at
    from layercli.render.summary import OF_FILE, parse_columns, table

    chosen, fold = parse_columns(columns), output.chosen(format) is output.Format.table
    learn(custom)
    if (file := weights_at(model, [*set_, *input_shape, *at])) is not None:
        report = summarize_file(file)
        output.emit(table(report, parse_columns(columns, OF_FILE), depth, fold), report.to_json, format)
        return
    subject = resolve(model, set_, modules=True)
    if isinstance(subject.model, Layer):
        inputs = inputs_of(subject.model, input_shape, at)
        report = summarize(subject.model, inputs, name=subject.name, source=subject.source)
    else:
        from layercli.runtime.module_summary import inputs_of_module, summarize_module

        inputs = inputs_of_module(subject.model, subject.name, input_shape, at)
        report = summarize_module(subject.model, inputs, subject.name, subject.source)
    output.emit(table(report, chosen, depth, fold), report.to_json, format)
