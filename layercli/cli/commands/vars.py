"""``layercli vars``."""

from __future__ import annotations

from typing import Annotated

import typer

from layercli.cli import options, output


def vars_(
    context: typer.Context,
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL|FILE",
            help="A named model, Python (net.py:Net), a Hugging Face folder, or a file of a model or of weights.",
            autocompletion=options.complete_model,
            show_default=False,
        ),
    ],
    pattern: Annotated[
        str | None,
        typer.Argument(metavar="PATTERN", help="Part of a path, or a shell pattern: '*kernel'.", show_default=False),
    ] = None,
    values: Annotated[
        bool, typer.Option("--values", help="Print the values; those of a model are initialized with --seed.")
    ] = False,
    stats: Annotated[
        bool, typer.Option("--stats", help="Minimum, maximum, mean, deviation, zeros, non-finite, histogram.")
    ] = False,
    hash_: Annotated[
        bool,
        typer.Option("--hash", help="SHA-256 of each name, shape, dtype and bytes: the same in every kind of file."),
    ] = False,
    sort: Annotated[
        str | None,
        typer.Option("--sort", metavar="KEY", help="By size, bytes, name, dtype, or a statistic.", show_default=False),
    ] = None,
    where: Annotated[
        list[str],
        typer.Option(
            "--where", metavar="CONDITION", help="Those for which it holds: 'nonfinite>0'.", show_default=False
        ),
    ] = [],  # noqa: B006
    depth: Annotated[
        int | None,
        typer.Option("--depth", "-d", min=1, help="A row for each module down to this level.", show_default=False),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Look for NaN, infinities and zeros in the values; exit 1 if there are any.")
    ] = False,
    metadata: Annotated[
        bool, typer.Option("--metadata", help="What the file says beside its tensors: who wrote it, its settings.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="The seed for the initial values of a model.")] = 0,
    set_: options.Set = [],  # noqa: B006 - typer copies it
    custom: options.Custom = [],  # noqa: B006
    input_shape: options.InputShape = [],  # noqa: B006
    config: options.Config = None,
    columns: options.Columns = None,
    format: output.FormatOption = None,
) -> int:
    """List the variables of a model or a file; only its description or header is read.

    [dim]$[/dim] layercli vars resnet-block
    [dim]$[/dim] layercli vars model.safetensors --stats
    [dim]$[/dim] layercli vars model.keras --stats
    [dim]$[/dim] layercli vars my-dense kernel --values --seed 1
    [dim]$[/dim] layercli vars resnet50 '*/gamma' --format csv
    [dim]$[/dim] layercli vars model.safetensors --columns path,minimum,maximum
    [dim]$[/dim] layercli vars model.safetensors --depth 3 --sort size
    [dim]$[/dim] layercli vars model.safetensors --where 'nonfinite>0 and dtype=bfloat16'
    [dim]$[/dim] layercli vars model.gguf --metadata
    """
    from layercli.cli.commands import vars_views
    from layercli.inspect import checksums, variable_selection, variables
    from layercli.inspect.python_import import register_custom_objects
    from layercli.render.variables import columns_of, document, table, wants
    from layercli.sources.resolve import resolve

    if metadata:
        vars_views.metadata(context, model, pattern, format)
        return 0
    columns_of(None, columns)  # errors in them are reported before a file is read
    vars_views.check_options(context, depth, check)
    conditions = variable_selection.conditions_of(where)
    key = None if sort is None else variable_selection.key_of(sort)
    stats = stats or variable_selection.measures(conditions, key)  # what is asked for is shown too
    measured = stats or wants(columns, *variables.MEASURED)
    options.check_use(
        context,
        "seed",
        values or measured or check or wants(columns, "values"),
        "--seed draws values, which --values and --stats show",
    )
    register_custom_objects(custom)
    source = resolve(model, set_, config=config, describing=True)
    inputs = source.inputs(input_shape) if input_shape else None
    found = variables.matching(source.variables(inputs, seed=seed), pattern)
    for note in source.notes:
        output.print_info(note)
    read = measured or hash_ or values or check or wants(columns, "sha256", "values")
    if read:
        variables.check_drawn(found)
    if measured:
        variables.measure(found)
    found = variable_selection.where(found, conditions)
    if hash_ or wants(columns, "sha256"):
        checksums.fill(found)
    if read:
        for note in variables.unread(found.rows):
            output.print_info(note)
    if check:
        return vars_views.faults(found, format)
    if depth is not None:
        vars_views.groups(found, depth, key, measured, format)
        return 0
    if key is not None:
        found = variable_selection.ordered(found, key)
    brief = output.chosen(format) not in (output.Format.json, output.Format.csv)
    drawn = table(found, columns=columns, values=values, stats=stats, brief=brief)
    output.emit(drawn, lambda: document(found, columns, values), format)
    return 0
