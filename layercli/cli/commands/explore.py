"""``layercli explore``."""

from __future__ import annotations

import importlib.util
import shlex
import sys
from typing import Annotated

import typer

from layercli.cli import options, output, spinner
from layercli.cli.commands.model_options import Describing
from layercli.errors import MissingPackageError, UsageError
from layercli.inspect.python_import import is_python


def explore(
    model: options.AnyModel,
    other: Annotated[
        str | None, typer.Argument(metavar="OTHER", help="A model to compare it with.", show_default=False)
    ] = None,
    describing: Describing = Describing(),  # noqa: B008  # frozen
) -> None:
    """Look around in a model on the terminal: its layers, variables, statistics, and what differs from another.

    [dim]$[/dim] layercli explore resnet50
    [dim]$[/dim] layercli explore model.safetensors
    [dim]$[/dim] layercli explore before.keras after.keras
    """
    streams = (output.stdout(), sys.stdin, sys.stderr)  # textual draws on stderr
    if not all(output.on_terminal(each) for each in streams):
        raise UsageError("explore needs a terminal", hint=f"layercli summary {shlex.quote(model)} --depth 9")
    if importlib.util.find_spec("textual") is None:
        raise MissingPackageError(
            "explore needs textual, which is not installed", hint="pip install 'layercli[explore]'"
        )
    from layercli.cli import explorer

    def describe() -> explorer.Explored:
        source = describing.open(model)
        summary = source.summary(describing.inputs(source))  # builds the model, so that it has variables
        found = explorer.Explored(summary, source.variables())
        if other is not None:
            from layercli.render.diff import tables
            from layercli.sources.diff import diff_sources
            from layercli.sources.resolve import resolve

            difference = diff_sources(source, resolve(other, []))
            found.differences = lambda: tables(difference)
        return found

    if any(is_python(each) for each in (model, other or "", *describing.custom)):  # code that may write to the terminal
        described = describe()
        describe = lambda: described  # noqa: E731
    spinner.stop()
    with output.emit_to(sys.stdout):
        explorer.explore(model, describe)
