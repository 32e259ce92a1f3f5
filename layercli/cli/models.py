"""``layercli models``."""

from __future__ import annotations

from layercli.cli import output


def models(format: output.FormatOption = None) -> None:
    """List the named models, with their settings and one line each.

    [dim]$[/dim] layercli models
    [dim]$[/dim] layercli models --format json | jq -r '.models[].name'
    """
    from layercli.inspect.catalogue import catalogue
    from layercli.render.catalogue import table

    report = catalogue()
    output.emit(table(report), report.to_json, format)
