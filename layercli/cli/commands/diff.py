"""``layercli diff``."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from layercli.cli import command_line, options, output
from layercli.cli.commands.run_validation import check_finite

if TYPE_CHECKING:
    from layercli.inspect.diff import ModelDiff


class AnnotatedFormat(StrEnum):
    """The formats of a report that GitHub Actions can show."""

    table = "table"
    plain = "plain"
    json = "json"
    markdown = "markdown"
    github = "github"


class Part(StrEnum):
    """What of two models is compared."""

    structure = "structure"
    names = "names"
    values = "values"


PARTS: dict[Part, Literal["structure", "names", "values"]] = {
    Part.structure: "structure",
    Part.names: "names",
    Part.values: "values",
}

AnnotatedFormatOption = Annotated[
    AnnotatedFormat | None,
    typer.Option(
        "--format", "-f", help="How to print it. Default: table on a terminal, plain off it.", show_default=False
    ),
]


def side(metavar: str) -> Any:
    """Return the argument that is one of the two models."""
    return typer.Argument(
        metavar=metavar,
        help="A named model, Python (net.py:Net), a Hugging Face folder, or a file of any kind.",
        autocompletion=options.complete_model,
        show_default=False,
    )


def diff(
    context: typer.Context,
    a: Annotated[str, side("A")],
    b: Annotated[str, side("B")],
    only: Annotated[
        Part | None,
        typer.Option(
            help="Compare the modules, the variables' names, shapes and dtypes, or the values alone.",
            show_default=False,
        ),
    ] = None,
    values: Annotated[bool, typer.Option("--values", help="Compare the values too, the worst first.")] = False,
    rtol: Annotated[float, typer.Option(min=0, help="Values may differ by this share of A's.")] = 0.0,
    atol: Annotated[float, typer.Option(min=0, help="Values may differ by this.")] = 0.0,
    rename: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Rules for names, a line each: module. -> ''", show_default=False),
    ] = None,
    write_rename: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the rules that were found.", show_default=False)
    ] = None,
    force: options.Force = False,
    input_shape: options.InputShape = [],  # noqa: B006 - typer copies it
    custom: options.Custom = [],  # noqa: B006
    format: AnnotatedFormatOption = None,
) -> int:
    """Say whether two models are the same, and what differs: exit 0 the same, 1 different, 2 unreadable.

    Other names, another order of axes (HWIO, OIHW) and a tied variable stored twice are no difference.

    [dim]$[/dim] layercli diff old.safetensors new.safetensors --values
    [dim]$[/dim] layercli diff model.pt model.keras
    [dim]$[/dim] layercli diff net.py:Old net.py:New --only structure
    [dim]$[/dim] layercli diff checkpoint.pt model.safetensors --write-rename rules.txt
    [dim]$[/dim] git difftool -x 'layercli diff --values' HEAD~1 -- model.safetensors
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # variables are compared on all cores already; BLAS would spin
    from layercli.formats.output_file import check_place
    from layercli.inspect.python_import import register_custom_objects
    from layercli.inspect.rename_rules import read_rules
    from layercli.render.byte_progress import byte_progress
    from layercli.sources.diff import diff_sources
    from layercli.sources.resolve import resolve

    options.check_use(
        context, "force", write_rename is not None, "--force writes over a file that exists: --write-rename says which"
    )
    if write_rename is not None:
        check_place(str(write_rename), force=force)
    check_finite({"--rtol": rtol, "--atol": atol})
    register_custom_objects(custom)
    rules = [] if rename is None else read_rules(rename)
    sources = [resolve(model, describing=True) for model in (a, b)]  # what a class draws is limited before it is drawn
    total = sum(row.bytes for row in sources[0].variables().rows) if values else 0
    with byte_progress("comparing values", total, quiet=command_line.current().quiet) as progress:
        found = diff_sources(
            *sources, only=None if only is None else PARTS[only], values=values, rtol=rtol, atol=atol, rules=rules,
            shapes=input_shape, progress=progress,
        )  # fmt: skip
    if write_rename is not None:
        write_rules(found, write_rename)
    show(found, format)
    return 0 if found.same else 1


def show(found: ModelDiff, format: AnnotatedFormat | None) -> None:
    """Print the difference."""
    from layercli.render import diff as view

    if format is AnnotatedFormat.github:
        output.write(view.github(found))
    else:
        output.emit(view.tables(found), found.to_json, None if format is None else output.Format(format.value))


def write_rules(found: ModelDiff, path: Path) -> None:
    """Write the rules that turn A's names into B's."""
    from layercli.formats.atomic import replacing
    from layercli.inspect.rename_rules import rules_for, text_of_rules

    names = [(pair.a.path, pair.b.path) for pair in found.matching.pairs]
    with replacing(path) as file:
        file.write(text_of_rules(rules_for(names)).encode())
