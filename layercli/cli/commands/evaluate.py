"""``layercli evaluate``."""

from __future__ import annotations

from typing import Annotated

import typer

from layercli.cli import options, output


def evaluate(
    model: options.Model,
    data: options.Data,
    loss: options.Loss = None,
    set_: options.Set = [],  # noqa: B006 - typer copies it
    custom: options.Custom = [],  # noqa: B006
    weights: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="The weights: .keras, .weights.h5, .safetensors, out/.", show_default=False),
    ] = None,
    batch_size: options.BatchSize = 32,
    metrics: options.Metrics = [],  # noqa: B006
    input_shape: options.InputShape = [],  # noqa: B006
    rescale: options.Rescale = None,
    device: options.Device = "auto",
    threads: options.Threads = None,
    seed: Annotated[int, typer.Option(min=0, help="The seed of weights that no file provides.")] = 0,
    format: output.FormatOption = None,
) -> int:
    """Measure a model on arrays, a table or folders of images.

    [dim]$[/dim] layercli evaluate linear-regression --data line.npz --loss mse --weights line.safetensors --metrics mae
    [dim]$[/dim] layercli evaluate model.keras --data test.npz
    """
    from layercli.cli import distributed
    from layercli.inspect.python_import import register_custom_objects
    from layercli.sources.resolve import resolve

    distributed.notice_the_end()

    register_custom_objects(custom)
    subject = resolve(model, set_).trained()

    from layercli.render.fit import table
    from layercli.runtime.training.dataset_files import Reading
    from layercli.runtime.training.fit_command import FitArguments, evaluate_file

    settings = FitArguments("sgd", loss, tuple(metrics), batch_size, device, seed, threads=threads)
    reading = Reading(tuple(input_shape), rescale)
    report = evaluate_file(subject, settings, data, reading=reading, weights=weights, inform=output.print_info)
    if report.first:
        output.emit(table(report), report.to_json, format)
    if not report.finite:
        output.print_info("the loss is not finite")
    return 0 if report.finite else 1
