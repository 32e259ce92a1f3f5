"""Arguments and options that several commands take."""

from __future__ import annotations

from typing import Annotated

import typer


def complete_model(incomplete: str) -> list[str]:
    """Return the named models that begin so, for the shell."""
    from layercli.inspect.reference import named_models

    return [name for name in named_models() if name.startswith(incomplete)]


Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL", help="A named model, or Python: net.py:Net.", autocompletion=complete_model, show_default=False
    ),
]
Set = Annotated[
    list[str],
    typer.Option("--set", metavar="NAME=VALUE", help="A setting of the model; lists with commas.", show_default=False),
]
InputShape = Annotated[
    list[str],
    typer.Option(
        "--input-shape",
        metavar="SHAPE",
        help="Sizes or names, batch first: 32,100 or 1,T,512 or 1,T:int32.",
        show_default=False,
    ),
]
At = Annotated[
    list[str], typer.Option("--at", metavar="NAME=SIZE", help="The value of a named size: T=4096.", show_default=False)
]
