"""``layercli vars``."""

from __future__ import annotations

import os.path
from typing import Annotated

import typer

from layercli.cli import arguments, output
from layercli.errors import UsageError


def vars_(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL|FILE",
            help="A named model, Python (net.py:Net), or a file: .keras, .h5, .safetensors, .npz, .npy, .pt, .gguf, .onnx, .pt2.",
            autocompletion=arguments.complete_model,
            show_default=False,
        ),
    ],
    pattern: Annotated[
        str | None, typer.Argument(help="Part of a path, or a shell pattern: '*kernel'.", show_default=False)
    ] = None,
    values: Annotated[
        bool, typer.Option("--values", help="Print the values: a model's are drawn with --seed.")
    ] = False,
    stats: Annotated[
        bool, typer.Option("--stats", help="Minimum, maximum, mean, deviation, zeros, non-finite.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="The seed a model's values are drawn with.")] = 0,
    set_: arguments.Set = [],  # noqa: B006 - typer copies it
    custom: arguments.Custom = [],  # noqa: B006
    input_shape: arguments.InputShape = [],  # noqa: B006
    format: output.FormatOption = None,
) -> None:
    """List every variable of a model or a file, from its description or its header alone.

    [dim]$[/dim] layercli vars resnet-block
    [dim]$[/dim] layercli vars model.safetensors --stats
    [dim]$[/dim] layercli vars model.keras --stats
    [dim]$[/dim] layercli vars my-dense kernel --values --seed 1
    [dim]$[/dim] layercli vars resnet50 '*/gamma' --format csv
    """
    from layercli.inspect import variables
    from layercli.inspect.reference import learn
    from layercli.render.variables import table

    learn(custom)
    found = variables.matching(variables_of(model, set_, input_shape, seed), pattern)
    if stats:
        variables.measure(found)
    brief = output.chosen(format) is output.Format.table
    drawn = table(found, values=values, brief=brief and output.on_terminal(output.stdout()))
    output.emit(drawn, lambda: found.to_json(values), format)


def variables_of(model: str, settings: list[str], input_shape: list[str], seed: int):  # type: ignore[no-untyped-def]  # its import is lazy
    """Return the variables of a file where there is one of that name, else of a model."""
    from layercli.inspect import variables

    if is_file(model) and (":" not in model or os.path.exists(model)):
        from layercli.files.detect import is_model, open_weights

        if not is_model(model):
            if settings or input_shape:
                raise UsageError(f"{model} holds weights: it takes no settings and no shape")
            return variables.of_exported(model) if model.endswith(".pt2") else variables.of_file(open_weights(model))
    from layercli.core.layer import Layer
    from layercli.inspect.reference import resolve
    from layercli.inspect.shapes import inputs_of
    from layercli.inspect.summary import described

    subject = resolve(model, settings, modules=True)
    if not isinstance(subject.model, Layer):
        from layercli.runtime.module_summary import variables_of_module

        return variables_of_module(subject.model, subject.name)
    if not subject.model.built or input_shape:
        described(subject.model, inputs_of(subject.model, input_shape, []))
    if subject.archive is not None:
        return variables.of_archive(subject.model, subject.archive)
    return variables.of_model(subject.model, subject.name, seed)


def is_file(text: str) -> bool:
    """Whether ``text`` means a file: one is there, or it is spelled like one."""
    from layercli.inspect.weight_files import ENDINGS

    return os.path.isfile(text) or text.endswith((*ENDINGS, ".onnx", ".pt2"))
