"""``layercli check``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from layercli.cli import output
from layercli.cli.commands.diff import AnnotatedFormat, AnnotatedFormatOption

if TYPE_CHECKING:
    from layercli.inspect.file_check import FileCheck


def check(
    path: Annotated[
        str,
        typer.Argument(metavar="FILE|FOLDER", help="A file of weights of any kind, or a folder.", show_default=False),
    ],
    values: Annotated[
        bool, typer.Option("--values", help="Read every value: NaN, infinities, zeros, checksums of archives.")
    ] = False,
    hash_: Annotated[
        bool,
        typer.Option("--hash", help="Print the SHA-256 of every tensor and of all: the same in every kind of file."),
    ] = False,
    against: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Compare the sums with those that --hash has printed.", show_default=False),
    ] = None,
    format: AnnotatedFormatOption = None,
) -> int:
    """Say whether a file of weights is whole and sane: exit 0 sound, 1 damaged, with the first bad tensor named.

    [dim]$[/dim] layercli check model.safetensors --values
    [dim]$[/dim] layercli check ./Llama-3.1-8B
    [dim]$[/dim] layercli check model.pt --hash > sums.txt && layercli check copy.safetensors --against sums.txt
    """
    from layercli.inspect.checksums import read_sums
    from layercli.inspect.file_check import CheckOptions, check_path, check_sums
    from layercli.sources.folder_check import check_config

    if against is not None:
        read_sums(against)  # its errors are reported before a file is read
    found = check_path(path, CheckOptions(values, hash_ or against is not None))
    check_config(found, path)
    if against is not None:
        check_sums(found, against)
    if not hash_:
        found.sums = {}
    show(found, format)
    return 1 if found.errors else 0


def show(found: FileCheck, format: AnnotatedFormat | None) -> None:
    """Print what was found; off a terminal, sums as ``sha256sum`` writes them."""
    from layercli.inspect.checksums import lines_of
    from layercli.render import file_check as view

    if format is AnnotatedFormat.github:
        output.write(view.github(found))
    elif found.sums and format is None and not output.on_terminal(output.stdout()):
        output.print_info(found.sentence)
        output.write("\n".join(lines_of(found.sums)) + "\n")
    else:
        output.emit(view.tables(found), found.to_json, None if format is None else output.Format(format.value))
