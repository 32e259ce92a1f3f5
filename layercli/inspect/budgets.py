"""Budgets: figures of a model that may not be exceeded, or may not grow past those of an earlier report."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from layercli.dataclass import dataclass
from layercli.errors import FileError, FormatError, UsageError, nearest
from layercli.inspect.cost import SCHEMA
from layercli.inspect.quantities import bytes_in, count_in

COUNTED = ("parameters", "trainable", "macs")
IN_BYTES = ("memory", "weights", "inputs", "activations", "cache", "kept")
FIGURES = (*COUNTED, *IN_BYTES)
"""The figures that a budget may be set on: the columns of the totals."""
GROWN = 3
"""How many layers are named that grew most."""


@dataclass(frozen=True)
class Finding:
    """A figure against its limit. ``exceeded`` is None where the figure is not known."""

    figure: str
    value: int | None
    limit: int
    exceeded: bool | None
    sentence: str


def parse_budgets(texts: Iterable[str], option: str = "--max") -> dict[str, int]:
    """Return the limits in ``parameters=30M``, ``memory=1GiB``; UsageError for a figure that does not exist."""
    limits = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"{option} expects FIGURE=LIMIT, got {text!r}", hint=f"figures: {', '.join(FIGURES)}")
        limits[name] = limit_of(name, value, option)
    return limits


def limit_of(name: str, value: str, option: str) -> int:
    """Return the limit that a text sets on a figure."""
    if name not in FIGURES:
        hint = nearest(name, list(FIGURES)) or f"figures: {', '.join(FIGURES)}"
        raise UsageError(f"there is no figure {name!r} to limit", hint=hint)
    return count_in(value, f"{option} {name}") if name in COUNTED else bytes_in(value, f"{option} {name}")


def budgets_of_project(folder: Path) -> dict[str, int]:
    """Return the limits in ``[tool.layercli.budgets]`` of the pyproject.toml in ``folder``; none where there is no such file."""
    file = folder / "pyproject.toml"
    if not file.is_file():
        return {}
    table = toml_of(file).get("tool", {})
    for key in ("layercli", "budgets"):
        table = table.get(key, {}) if isinstance(table, dict) else table
    if not isinstance(table, dict):
        raise FormatError(f"{file} has [tool.layercli.budgets] that is not a table")
    return {name: limit_of(name, str(value), f"[tool.layercli.budgets] in {file}:") for name, value in table.items()}


def toml_of(file: Path) -> dict[str, object]:
    """Return the content of a TOML file."""
    import tomllib

    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FormatError(f"{file} is no TOML: {error}") from None


def against_limits(figures: Mapping[str, int | None], limits: Mapping[str, int]) -> list[Finding]:
    """Return a finding for each limit that is exceeded, or that a figure which is not known is compared with."""
    found = []
    for name, limit in limits.items():
        value = figures.get(name)
        if value is None:
            found.append(Finding(name, None, limit, None, f"{name} is not known, the budget is {shown(name, limit)}"))
        elif value > limit:
            over = f"{shown(name, value)} is over the budget of {shown(name, limit)} by {shown(name, value - limit)}"
            found.append(Finding(name, value, limit, True, f"{name} {over} ({value / limit - 1:+.1%})"))
    return found


def shown(name: str, value: int) -> str:
    """Return a figure for a reader: bytes in binary units, counts with commas."""
    if name in COUNTED:
        return f"{value:,}"
    size, unit = float(value), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if size < 1024 or unit == "TiB":
            break
        size /= 1024
    return f"{value} B" if unit == "B" else f"{size:.1f} {unit}"


def read_baseline(file: Path) -> dict[str, object]:
    """Return an earlier report of ``cost --format json``; FileError or FormatError where it is none."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(f"cannot open {file}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise FormatError(f"{file} is no JSON") from None
    schema = document.get("schema") if isinstance(document, dict) else None
    if isinstance(schema, str) and schema != SCHEMA and schema.startswith(SCHEMA.rpartition("/")[0] + "/"):
        raise FormatError(f"{file} is a report in the form {schema}, and this version of layercli compares {SCHEMA}")
    if not isinstance(document, dict) or schema != SCHEMA:
        raise FormatError(f"{file} is no report of layercli cost", hint=f"layercli cost MODEL --format json > {file}")
    if not isinstance(document.get("totals"), dict) or not isinstance(document.get("modules"), list):
        raise FormatError(f"{file} is a report of layercli cost without totals or modules")
    for name in FIGURES:
        figure = document["totals"].get(name)
        if figure is not None and type(figure) is not int:
            raise FormatError(f"{file} has {name} {figure!r} among its totals, which is not an integer")
    return document


def against_baseline(document: Mapping[str, Any], baseline: Mapping[str, Any], allow: float) -> list[Finding]:
    """Return a finding for each figure that is more than ``allow`` greater than in the baseline, or that became unknown."""
    found = []
    for name in FIGURES:
        before, now = baseline["totals"].get(name), document["totals"].get(name)
        if not isinstance(before, int):
            continue
        limit = int(before * (1 + allow))
        if now is None:
            found.append(
                Finding(name, None, limit, None, f"{name} is not known, the baseline has {shown(name, before)}")
            )
        elif now > limit:
            grew = f"grew from {shown(name, before)} to {shown(name, now)}"
            by = f"{now / before - 1:+.1%}" if before else "from nothing"
            where = grown(document["modules"], baseline["modules"], name)
            found.append(Finding(name, now, limit, True, f"{name} {grew} ({by}, {allow:.1%} allowed){where}"))
    return found


COLUMN_OF = {"memory": "outputs", "activations": "outputs", "trainable": "parameters"}
"""The column of the modules that explains a total, where it is not the one of its own name."""


def grown(now: list[Any], before: list[Any], name: str) -> str:
    """Return the layers that grew most in a figure, as the end of a sentence."""
    column = COLUMN_OF.get(name, name)
    earlier = {row.get("path"): row.get(column) for row in before if isinstance(row, dict)}
    parents = {row["path"].rpartition("/")[0] for row in now}
    changes = [
        (row[column] - (earlier.get(row["path"]) or 0), row["path"])
        for row in now
        if isinstance(row.get(column), int) and row["path"] not in parents
    ]
    most = [f"{path} {change:+,}" for change, path in sorted(changes, key=lambda each: -each[0])[:GROWN] if change > 0]
    return f": {', '.join(most)}" if most else ""


def verdict(findings: Iterable[Finding]) -> int:
    """Return the exit code: 1 where a limit is exceeded, 3 where a figure is not known, 0 otherwise."""
    found = [each.exceeded for each in findings]
    return 1 if True in found else 3 if None in found else 0
