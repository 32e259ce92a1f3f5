"""``layercli convert``."""

from __future__ import annotations

import os
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from layercli.cli import command_line, options, output
from layercli.core.spec import Spec
from layercli.errors import UsageError

if TYPE_CHECKING:
    from layercli.core.layer import Layer
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
    set_: options.Set = [],  # noqa: B006
    input_shape: options.InputShape = [],  # noqa: B006
    custom: options.Custom = [],  # noqa: B006
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that exist.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be written.")] = False,
    format: output.FormatOption = None,
) -> None:
    """Convert weights or a model to another kind of file; what is written is read back and compared first.

    Weights: .safetensors, .pt, .npz, .h5, .weights.h5, .gguf, or a new FOLDER/
    of Hugging Face with the config.json of SRC, tensor by tensor.
    A whole model (named, Python, folder, .keras, .h5): .keras, .onnx, .pt2.

    [dim]$[/dim] layercli convert checkpoint.pt model.safetensors
    [dim]$[/dim] layercli convert model.safetensors small.gguf --dtype q8_0
    [dim]$[/dim] layercli convert model.pt model.safetensors --dtype bfloat16 --shard-size 5GB
    [dim]$[/dim] layercli convert ddp.pt model.pt --rename rules.txt --exclude num_batches_tracked --force
    [dim]$[/dim] layercli convert llama/ llama-bf16/ --dtype bfloat16 --shard-size 5GB
    [dim]$[/dim] layercli convert model.keras model.onnx
    [dim]$[/dim] layercli convert llama/ llama.pt2
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
        done = convert_whole(source, target, kind, custom, input_shape, set_, force=force, dry_run=dry_run)
    elif set_:
        raise UsageError(f"--set is for whole models, and {target} holds weights")
    elif input_shape:
        raise UsageError(f"--input-shape is for whole models, and {target} holds weights")
    else:
        done = convert_weights(source, target, choices(dtype, rename, include, exclude, shard_size, force, dry_run))
    output.emit(table(done), done.to_json, format)


def convert_whole(
    source: str,
    target: str,
    kind: str,
    custom: list[str],
    shapes: list[str],
    settings: list[str],
    *,
    force: bool,
    dry_run: bool,
) -> Conversion:
    """Convert a whole model, with the initial values of the seed 0 where it has none."""
    from layercli.cli import startup
    from layercli.inspect.python_import import register_custom_objects
    from layercli.sources.layer import LayerSource
    from layercli.sources.resolve import resolve

    register_custom_objects(custom)
    startup.import_torch()
    from layercli import random
    from layercli.runtime.export.model_conversion import convert_model

    random.set_seed(0)
    opened = resolve(source, settings)
    if not isinstance(opened, LayerSource):
        raise UsageError(f"{source} {held(source)}: {Path(target).suffix} is written from a whole model of layers")
    if shapes and opened.archive is not None:
        raise UsageError(f"{source} says what shapes its inputs have, so --input-shape cannot")
    taken, optional = of_optional_inputs(shapes, opened.model)
    if optional and kind == "archive":
        raise UsageError(f"{target} takes the inputs of the layers: {', '.join(optional)} need no shape")
    inputs = None if opened.archive is not None else opened.inputs(taken)
    return convert_model(opened.subject, inputs, target, kind, optional=optional, force=force, dry_run=dry_run)


def of_optional_inputs(shapes: list[str], model: Layer) -> tuple[list[str], dict[str, Spec]]:
    """Return the shapes of the inputs that a model always takes, and the Specs of its optional ones by name.

    A shape of an optional input without a dtype has that of the first input, as masks have.
    """
    from layercli.core import tree
    from layercli.inspect.shape_parser import parse_shape
    from layercli.inspect.summary import offered_inputs

    names = {text: text.partition("=")[0] for text in shapes}
    known = model.optional_inputs()
    first = next((spec.dtype for spec in tree.flatten(offered_inputs(model)) if isinstance(spec, Spec)), "float32")
    others = {name: parse_shape(text.partition("=")[2], first) for text, name in names.items() if name in known}
    return [text for text, name in names.items() if name not in known], others


def held(source: str) -> str:
    """Return what a source that is no model of layers is."""
    from layercli.formats import detect

    if os.path.isdir(source):
        return "is the folder of a model that layercli does not know"
    if not os.path.isfile(source):
        return "is a module of torch"
    return "holds a graph without layers" if detect.content(source) in ("onnx", "pt2") else "holds weights alone"


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


def convert_weights(source: str, target: str, options: ConversionOptions) -> Conversion:
    """Convert tensor by tensor, with a progress bar."""
    from layercli.render.byte_progress import byte_progress
    from layercli.saving.conversion import convert as to_file
    from layercli.saving.folder_conversion import convert_to_folder, is_folder

    file = opened(source)
    total = sum(entry.bytes for entry in file.entries.values())
    with byte_progress("converting", total, quiet=command_line.current().quiet or options.dry_run) as progress:
        write = convert_to_folder if is_folder(target) else to_file
        return write(file, target, replace(options, progress=progress))


def opened(source: str) -> WeightFile:
    """Return the opened file of weights, of a folder the one that its index or its only file is."""
    from layercli.formats import detect
    from layercli.inspect.python_import import is_python
    from layercli.models import NAMED

    if is_python(source) or (source in NAMED and not os.path.exists(source)):
        hint = (
            f"layercli convert {source} {source}.keras writes the model with initial ones" if source in NAMED else None
        )
        raise UsageError(f"{source} is not a file: weights are converted from one", hint=hint)
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
