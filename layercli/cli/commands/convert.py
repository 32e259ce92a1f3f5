"""``layercli convert``."""

from __future__ import annotations

import os
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from layercli.cli import command_line, output
from layercli.cli.commands.convert_models import ModelInCode, convert_whole, is_in_code
from layercli.errors import UsageError

if TYPE_CHECKING:
    from layercli.formats.weight_file import WeightFile
    from layercli.saving.conversion_result import Conversion, ConversionOptions


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
        str, typer.Argument(metavar="SRC", help="A file of weights or a model, or a folder.", show_default=False)
    ],
    target: Annotated[
        str,
        typer.Argument(metavar="DST", help="A file, whose ending says its kind, or FOLDER/.", show_default=False),
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
    model: ModelInCode = ModelInCode(),  # noqa: B008  # frozen
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that exist.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be written.")] = False,
    format: output.FormatOption = None,
) -> None:
    """Convert weights or a model to another kind of file; what is written is read back and compared first.

    Weights: .safetensors, .pt, .npz, .h5, .weights.h5, .gguf, or a new FOLDER/
    of Hugging Face with the config.json of SRC, tensor by tensor.
    A whole model (named, Python, folder, .keras, .h5): .keras, .onnx, .pt2;
    a torch module in Python: .onnx and .pt2, called on --input-shape and --arg.

    [dim]$[/dim] layercli convert checkpoint.pt model.safetensors
    [dim]$[/dim] layercli convert model.safetensors small.gguf --dtype q8_0
    [dim]$[/dim] layercli convert model.pt model.safetensors --dtype bfloat16 --shard-size 5GB
    [dim]$[/dim] layercli convert ddp.pt model.pt --rename rules.txt --exclude num_batches_tracked --force
    [dim]$[/dim] layercli convert llama/ llama-bf16/ --dtype bfloat16 --shard-size 5GB
    [dim]$[/dim] layercli convert model.keras model.onnx
    [dim]$[/dim] layercli convert llama/ llama.pt2
    [dim]$[/dim] layercli convert net.py:Net net.safetensors --set width=64
    [dim]$[/dim] layercli convert net.py:Net net.onnx --input-shape N,3,224,224 --arg train=false
    """
    from layercli.render.conversion import table
    from layercli.saving.conversion import WHOLE, kind_of
    from layercli.saving.folder_conversion import is_folder

    kind = None if is_folder(target) else kind_of(target)
    if kind in WHOLE:
        chosen = {"--dtype": dtype, "--rename": rename, "--include": include, "--exclude": exclude}
        for name, value in {**chosen, "--shard-size": shard_size}.items():
            if value:
                raise UsageError(f"{name} is for weights, and {target} holds a whole model")
        done = convert_whole(source, target, kind, model, force=force, dry_run=dry_run)
    else:
        settings = choices(dtype, rename, include, exclude, shard_size, force, dry_run)
        done = convert_weights(source, target, model, settings)
    output.emit(table(done), done.to_json, format)


def choices(
    dtype: FloatingDtype | None,
    rename: str | None,
    include: list[str],
    exclude: list[str],
    shard_size: str | None,
    force: bool,
    dry_run: bool,
) -> ConversionOptions:
    """Return the options of the command line as those of a conversion."""
    from layercli.inspect.glob import matches
    from layercli.inspect.quantities import bytes_in
    from layercli.inspect.rename_rules import read_rules, renamed
    from layercli.saving.conversion_result import ConversionOptions

    rules = [] if rename is None else read_rules(rename)

    def keep(name: str) -> bool:
        wanted = not include or any(matches(name, pattern) for pattern in include)
        return wanted and not any(matches(name, pattern) for pattern in exclude)

    return ConversionOptions(
        dtype=None if dtype is None else dtype.value,
        rename=lambda name: renamed(name, rules),
        keep=keep,
        shard_size=None if shard_size is None else bytes_in(shard_size, "--shard-size", "5GB"),
        force=force,
        dry_run=dry_run,
    )


def convert_weights(source: str, target: str, model: ModelInCode, options: ConversionOptions) -> Conversion:
    """Convert tensor by tensor, with a progress bar."""
    from layercli.render.byte_progress import byte_progress
    from layercli.saving.conversion import convert as to_file
    from layercli.saving.folder_conversion import convert_to_folder, is_folder

    if is_in_code(source):
        if is_folder(target):
            raise UsageError(
                f"{target} is a Hugging Face folder, which is written from another folder or from a file of weights"
            )
        file = model.weights(source)
    else:
        model.refuse(f"and {source} is a file" if os.path.isfile(source) else f"and {source} is none")
        file = opened(source)
    total = sum(entry.bytes for entry in file.entries.values())
    with byte_progress("converting", total, quiet=command_line.current().quiet or options.dry_run) as progress:
        write = convert_to_folder if is_folder(target) else to_file
        done = write(file, target, replace(options, progress=progress))
    done.notes += getattr(file, "notes", [])
    return done


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
