"""``layercli models``."""

from __future__ import annotations

from layercli.cli import output


def models(format: output.FormatOption = None) -> None:
    """List the named models with their arguments and a line of description.

    [dim]$[/dim] layercli models
    [dim]$[/dim] layercli models --format json | jq -r '.models[].name'
    """
    from layercli.inspect.named_models import catalogue
    from layercli.render.named_models import table

    report = catalogue()
    output.emit(table(report), report.to_json, format)
