"""``layercli summary``."""

from __future__ import annotations

from typing import Annotated

import typer

from layercli.cli import options, output
from layercli.cli.commands.model_options import Describing
from layercli.errors import FormatError


def summary(
    model: options.AnyModel,
    describing: Describing = Describing(),  # noqa: B008  # frozen
    library: Annotated[
        str | None,
        typer.Option(
            "--library",
            metavar="transformers",
            help="Describe a Hugging Face folder by its class there, for a model_type that layercli does not have.",
            show_default=False,
        ),
    ] = None,
    depth: Annotated[
        int | None,
        typer.Option(
            "--depth",
            "-d",
            min=1,
            help="How many levels of layers to show: 1, or all in json.",
            show_default=False,
        ),
    ] = None,
    no_fold: Annotated[
        bool, typer.Option("--no-fold", help="A row for each of a run of equal layers, as json always has it.")
    ] = False,
    columns: options.Columns = None,
    format: output.FormatOption = None,
) -> None:
    """Show a model's layers, shapes, parameters and cost without running it, or the content of a weight file.

    [dim]$[/dim] layercli summary resnet-block
    [dim]$[/dim] layercli summary resnet-block --set filters=64,64,256 --columns +macs,+share
    [dim]$[/dim] layercli summary decoder --set preset=405b --at T=4096
    [dim]$[/dim] layercli summary net.py:Net --set units=64 --input-shape 32,100
    [dim]$[/dim] layercli summary net.py:TorchNet --input-shape 1,3,224,224
    [dim]$[/dim] layercli summary net.py:Routed --input x=x.npy --arg use_cache=false
    [dim]$[/dim] layercli summary transformers:LlamaForCausalLM --config config.json --input-shape 1,128:int64
    [dim]$[/dim] layercli summary model.keras --custom net.py:Net
    [dim]$[/dim] layercli summary net.onnx
    [dim]$[/dim] layercli summary net.safetensors --depth 2
    [dim]$[/dim] layercli summary resnet50 --format json | jq .totals
    """
    from layercli.render.summary import columns_of, document, table

    columns_of(None, columns)  # report errors in them before reading a file
    source = describing.open(model, library=library)
    report = source.summary(describing.inputs(source))
    for note in source.notes:
        output.print_info(note)
    form = output.chosen(format)
    drawn = table(report, columns, depth or 1, fold=not no_fold, tree=form is output.Format.table)
    output.emit(drawn, lambda: document(report, columns, depth), format)
    if report.failure is not None:
        raise FormatError(report.failure)
