"""Arguments and options shared by several commands."""

from __future__ import annotations

from typing import Annotated

import typer

from layercli.errors import UsageError


def complete_model(incomplete: str) -> list[str]:
    """Return the named models with that prefix, for shell completion."""
    from layercli.inspect.model_loader import named_models

    return [name for name in named_models() if name.startswith(incomplete)]


Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="A named model, Python (net.py:Net), or a .keras file.",
        autocompletion=complete_model,
        show_default=False,
    ),
]
AnyModel = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="A named model, Python (net.py:Net), a Hugging Face folder, or a file of a model or of weights.",
        autocompletion=complete_model,
        show_default=False,
    ),
]
Set = Annotated[
    list[str],
    typer.Option(
        "--set", metavar="NAME=VALUE", help="An argument of the model; lists with commas.", show_default=False
    ),
]
Custom = Annotated[
    list[str],
    typer.Option(
        "--custom",
        metavar="FILE.py:NAME",
        help="Your class or function that a .keras file refers to.",
        show_default=False,
    ),
]
InputShape = Annotated[
    list[str],
    typer.Option(
        "--input-shape",
        metavar="[NAME=]SHAPE",
        help="Sizes or names, batch first: 32,100 or 1,T,512 or 1,T:int32; once per input.",
        show_default=False,
    ),
]
At = Annotated[
    list[str], typer.Option("--at", metavar="NAME=SIZE", help="The value of a named size: T=4096.", show_default=False)
]
Data = Annotated[
    str,
    typer.Option(
        "--data",
        metavar="FILE",
        help="Arrays x and y: data.npz, or x.npy,y.npy; a .csv with a column y; a folder with one folder of images per class.",
        show_default=False,
    ),
]
Rescale = Annotated[
    str | None,
    typer.Option(
        "--rescale",
        metavar="BLACK,WHITE",
        help="Rescale pixels 0 and 255 to these values: 0,1 or -1,1.",
        show_default=False,
    ),
]
Loss = Annotated[
    str | None,
    typer.Option(
        "--loss",
        metavar="NAME[:SETTING=VALUE,...]",
        help="The loss, such as mse. Default: the .keras file's.",
        show_default=False,
    ),
]
Metrics = Annotated[
    list[str], typer.Option("--metrics", metavar="NAME", help="The metrics, such as accuracy.", show_default=False)
]
BatchSize = Annotated[int, typer.Option("--batch-size", min=1, help="The number of samples in a step.")]
Threads = Annotated[
    int | None, typer.Option("--threads", min=1, metavar="N", help="Threads of the CPU.", show_default=False)
]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N.")]
FillValues = Annotated[
    str | None,
    typer.Option(
        "--fill",
        metavar="random|zeros|ones|range",
        help="The values of inputs to a torch module whose control flow depends on them (default: zeros).",
        show_default=False,
    ),
]
ForwardArgument = Annotated[
    list[str],
    typer.Option(
        "--arg",
        metavar="NAME=VALUE",
        help="An argument of forward that is not a tensor: use_cache=false.",
        show_default=False,
    ),
]
Config = Annotated[
    str | None,
    typer.Option("--config", metavar="FILE.json", help="The config passed to a class or factory.", show_default=False),
]
Columns = Annotated[
    str | None,
    typer.Option(
        "--columns",
        metavar="NAME,...",
        help="Columns with commas between, or all; +macs adds one to the usual. In JSON: fields.",
        show_default=False,
    ),
]


Force = Annotated[bool, typer.Option("--force", help="Write over a file that exists.")]


def check_use(context: typer.Context, name: str, used: bool, why: str) -> None:
    """Refuse the option ``name`` where it was typed and does nothing, for the reason ``why``."""
    source = context.get_parameter_source(name)
    if not used and source is not None and source.name == "COMMANDLINE":
        raise UsageError(why)
