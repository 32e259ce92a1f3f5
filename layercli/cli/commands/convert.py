"""``layercli convert``."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from layercli.cli import command_line, output
from layercli.errors import UsageError

if TYPE_CHECKING:
    from layercli.formats.weight_file import WeightFile


class FloatingDtype(StrEnum):
    """The dtypes that floating values can be converted to."""

    float32 = "float32"
    float16 = "float16"
    bfloat16 = "bfloat16"
    float64 = "float64"
    q8_0 = "q8_0"


Patterns = Annotated[
    list[str], typer.Option(metavar="PATTERN", help="Part of a name, or a shell pattern.", show_default=False)
]


def convert(
    source: Annotated[
        str, typer.Argument(metavar="SRC", help="A file of weights of any kind, or a folder.", show_default=False)
    ],
    target: Annotated[
        str,
        typer.Argument(metavar="DST", help="A .safetensors, .pt, .npz, .h5, .weights.h5 or .gguf.", show_default=False),
    ],
    dtype: Annotated[
        FloatingDtype | None, typer.Option(help="What floating values become; q8_0 is GGUF's.", show_default=False)
    ] = None,
    rename: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Rules for names, a line each: module. -> ''", show_default=False),
    ] = None,
    include: Patterns = [],  # noqa: B006 - typer copies it
    exclude: Patterns = [],  # noqa: B006
    shard_size: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="Several .safetensors and an index, each up to 5GB.", show_default=False),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be written.")] = False,
    format: output.FormatOption = None,
) -> None:
    """Convert a file of weights to another kind, tensor by tensor; what is written is read back and compared first.

    [dim]$[/dim] layercli convert checkpoint.pt model.safetensors
    [dim]$[/dim] layercli convert model.safetensors small.gguf --dtype q8_0
    [dim]$[/dim] layercli convert model.pt model.safetensors --dtype bfloat16 --shard-size 5GB
    [dim]$[/dim] layercli convert ddp.pt model.pt --rename rules.txt --exclude num_batches_tracked --force
    """
    from layercli.inspect.glob import matches
    from layercli.inspect.quantities import bytes_in
    from layercli.inspect.rename_rules import read_rules, renamed
    from layercli.render.byte_progress import byte_progress
    from layercli.render.conversion import table
    from layercli.saving.conversion import ConversionOptions
    from layercli.saving.conversion import convert as convert_file

    rules = [] if rename is None else read_rules(rename)
    size = None if shard_size is None else bytes_in(shard_size, "--shard-size", "5GB")
    file = opened(source)

    def keep(name: str) -> bool:
        wanted = not include or any(matches(name, pattern) for pattern in include)
        return wanted and not any(matches(name, pattern) for pattern in exclude)

    total = sum(entry.bytes for entry in file.entries.values())
    with byte_progress("converting", total, quiet=command_line.current().quiet or dry_run) as progress:
        options = ConversionOptions(
            dtype=None if dtype is None else dtype.value,
            rename=lambda name: renamed(name, rules),
            keep=keep,
            shard_size=size,
            force=force,
            dry_run=dry_run,
            progress=progress,
        )
        done = convert_file(file, target, options)
    output.emit(table(done), done.to_json, format)


def opened(source: str) -> WeightFile:
    """Return the opened file of weights, of a folder the one that its index or its only file is."""
    from layercli.formats import detect

    if os.path.isdir(source):
        from layercli.sources.huggingface import weights_in

        found = weights_in(Path(source))
        if found is None:
            raise UsageError(f"{source} holds no weights")
        return found
    if detect.content(source) == "pt2":
        from layercli.formats.pt2_state_dict import Pt2File

        return Pt2File(source)
    return detect.open_weights(source)
