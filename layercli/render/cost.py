"""The cost of a model as tables: the parts of its memory, what is live at the peak, and its modules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from layercli.core import dims
from layercli.core.dims import UNKNOWN, Size
from layercli.escaping import printable
from layercli.inspect.budgets import Finding
from layercli.inspect.cost import Cost, CostPart, ModuleCost, formula_of
from layercli.inspect.devices import DeviceLimits
from layercli.inspect.fit import Fit
from layercli.inspect.repeats import path_of_run, runs_of_equal
from layercli.inspect.time_floor import Floor, TimeFloor
from layercli.render import markdown, plain
from layercli.render.quantities import show_bytes, show_share
from layercli.render.table import Column, Table, show

LIVE = 5
"""How many tensors that are live at the peak are named."""


def tables(
    cost: Cost,
    fit: Fit | None = None,
    findings: list[Finding] | None = None,
    depth: int = 1,
    time: TimeFloor | None = None,
    device: DeviceLimits | None = None,
) -> list[Table]:
    """Return the table of the parts and the table of the modules down to ``depth``."""
    parts = parts_table(cost, fit, findings or [], time)
    if device is not None and device.source:
        parts.facts.append(("Device", device_text(device, None if time is None else time.dtype)))
    return [parts, *modules_tables(cost, depth, time)]


def device_text(device: DeviceLimits, dtype: str | None) -> str:
    """Return the figures of a device that the answers follow from, and their source."""
    figures = [show_bytes(device.memory), f"{device.bandwidth / 1e9:,.0f} GB/s"]
    if dtype is not None:
        figures.append(f"{device.flops[dtype] / 1e12:,.4g} TFLOP/s in {dtype}")
    return f"{device.title} has {', '.join(figures)} ({device.source})"


def parts_table(cost: Cost, fit: Fit | None, findings: list[Finding], time: TimeFloor | None) -> Table:
    """Return the parts of the memory at the peak with their shares; below them where the peak is and what it means."""
    parts, total = cost.parts(), cost.bytes
    known = total is not None and total > 0
    memory = Column(
        "Memory", numeric=True, folds=not known, key="bytes", show=show_memory, fields=fields_of("bytes")
    )  # the greatest of several formulas is longer than a line
    columns = [Column("Part"), memory]
    if known:
        columns += [Column("Share", numeric=True, show=show_share, bar=True)]
    rows = [
        row_of(part, total if known else None)
        for part in [*parts, CostPart("total", total, cost.formula() if total is None else None)]
    ]
    return Table(
        f"{cost.name}: memory of {cost.mode}",
        columns,
        rows,
        facts_of(cost, fit, findings, time),
        notes_of(cost, fit, time),
    )


def row_of(part: CostPart, total: int | None) -> list[object]:
    """Return the row of a part: its bytes or its formula, and its share."""
    size = part.bytes if part.bytes is not None else part.formula
    if total is None:
        return [part.name, size]
    return [part.name, size, (part.bytes or 0) / total]


def show_size(size: object) -> str:
    """Return the text of a number of bytes, a formula, or ``?`` for what is unknown."""
    return "?" if size is None else show_bytes(size) if isinstance(size, int) else str(size)


def show_memory(size: object) -> str:
    """Return the text of a number of bytes; that of a formula says its unit, which could be the batch's letter."""
    return f"{size} bytes" if isinstance(size, str) else show_size(size)


def fields_of(name: str) -> tuple[tuple[str, Any], ...]:
    """Return the two fields that a size is in CSV: the number, and the formula of one that depends on named sizes."""
    return (
        (name, lambda size: size if isinstance(size, int) else None),
        (f"{name}_formula", lambda size: None if isinstance(size, int) else size),
    )


def facts_of(cost: Cost, fit: Fit | None, findings: list[Finding], time: TimeFloor | None) -> list[tuple[str, str]]:
    """Return the facts below the parts."""
    facts = []
    if cost.at:
        facts.append(("At", ", ".join(f"{name} = {value:,}" for name, value in sorted(cost.at.items()))))
    if (step := cost.peak_step()) is not None:
        facts.append(("Peak", f"in {step}"))
        live = cost.live()
        named = [" ".join(filter(None, (each.name, each.spec, show_bytes(each.bytes)))) for each in live[:LIVE]]
        more = f", and {len(live) - LIVE} more" if len(live) > LIVE else ""
        facts.append(("Live there", ", ".join(named) + more))
    if cost.cache is not None:
        facts.append((cost.cache_name[0].upper() + cost.cache_name[1:], cache_text(cost)))
    facts.append(("MACs", show_count(cost.graph.macs(), cost)))
    if fit is not None:
        facts += fit_facts(fit)
    if time is not None:
        facts += time_facts(time)
    return [*facts, *(("Over budget" if each.exceeded else "Not known", each.sentence) for each in findings)]


def cache_text(cost: Cost) -> str:
    """Return what the cache takes: a part that is fixed, and a part for each token of each text."""
    fixed, token = cost.cache_per_token
    if fixed is None or token is None:
        found = dims.at(cost.cache or 0, cost.at)
        return show_bytes(found) if isinstance(found, int) else f"{formula_of(found)} bytes"
    if not token:
        return f"{show_bytes(fixed)} a text"
    return f"{show_bytes(token)} a token" + (f" and {show_bytes(fixed)} fixed" if fixed else "")


def fit_facts(fit: Fit) -> list[tuple[str, str]]:
    """Return the answer whether it fits, the largest sizes that do, and what would make it fit."""
    place = f"{fit.device} has" if fit.device else "there are"
    difference = abs(fit.capacity - fit.bytes)
    answer = f"yes, {show_bytes(difference)} are left" if fit.fits else f"no, {show_bytes(difference)} are missing"
    facts = [("Fits", f"{answer}: {place} {show_bytes(fit.capacity)}")]
    for name, most in fit.largest.items():
        facts.append((f"Largest {name}", "no limit" if most is None else f"{most:,}" if most else "none fits"))
    for each in fit.remedies:
        facts.append((f"With {each.change}", f"{show_bytes(each.bytes)}: {'fits' if each.fits else 'does not fit'}"))
    if not fit.fits and not any(each.fits for each in fit.remedies):
        facts.append(("Otherwise", "none of what is tried here makes it fit"))
    return facts


def time_facts(time: TimeFloor) -> list[tuple[str, str]]:
    """Return the least time of a call, and of each token of a decoder."""
    facts = [("Time floor", f"{floor_text(time.total)}, on {time.device} in {time.dtype}")]
    return [*facts, ("Each token", floor_text(time.token))] if time.token is not None else facts


def floor_text(floor: Floor) -> str:
    """Return the least time and what bounds it."""
    return f"{show_seconds(floor.seconds)}, bound by {floor.bound} ({floor.intensity:.1f} FLOP/byte)"


def show_seconds(seconds: float | None) -> str:
    """Return a time for a reader: ``1.25 ms``."""
    if seconds is None:
        return "?"
    for unit, scale in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if seconds * scale >= 1:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def show_count(size: Size, cost: Cost) -> str:
    """Return the text of a count, a formula, or ``unknown``."""
    found = dims.at(size, cost.at)
    return "unknown" if found == UNKNOWN else show(found)


def notes_of(cost: Cost, fit: Fit | None, time: TimeFloor | None) -> list[str]:
    """Return the footnotes about the figures."""
    notes = list(cost.notes)
    if cost.open_sizes:
        given = " ".join(f"--at {name}=..." for name in cost.open_sizes)
        notes.append(f"open sizes: {', '.join(cost.open_sizes)} (give them values: {given})")
    if fit is not None:
        notes.append("not counted: what the driver takes, and memory that the allocator cannot use (fragmentation)")
    if time is not None:
        notes.append(
            "the time floor is a bound, not a prediction: every tensor moved once, at the greatest rates of the device"
        )
    return notes


def modules_tables(cost: Cost, depth: int, time: TimeFloor | None) -> list[Table]:
    """Return the table of the modules down to ``depth``; none for a model that has no modules below it."""
    shown = cost.modules(depth)
    if not shown:
        return []
    rows = folded(shown)
    kept = any(module.kept is not None for module in shown)
    columns = [
        Column("Layer (type)", key="layer", shortens=24, middle=True),
        Column("Weights", numeric=True, show=show_size),
        Column("Allocates", numeric=True, key="outputs", show=show_size, yields=1),
        *([Column("Kept", numeric=True, show=show_size)] if kept else []),
        Column("MACs", numeric=True, show=lambda size: "?" if size is None else show(size), yields=2),
        *(
            [Column("Time floor", numeric=True, key="floor", show=show_seconds), Column("Bound by", yields=3)]
            if time
            else []
        ),
    ]
    notes = ["Allocates: what its operations give in one call, freed or not"]
    if hidden := cost.layers - len(shown):
        notes.append(
            f"{hidden} layers below are not shown (--depth)" if hidden > 1 else "1 layer below is not shown (--depth)"
        )
    if len(rows) < len(shown):
        notes.append("0..9 stands for ten equal layers: figures of each")
    return [Table("", columns, [module_row(each, cost, kept, time) for each in rows], [], notes)]


def folded(modules: list[ModuleCost]) -> list[ModuleCost]:
    """Return the modules with every run of numbered siblings that are alike, and what is below them, as one: ``blocks/0..31``."""
    blocks: list[list[ModuleCost]] = []
    for module in modules:
        if blocks and module.path.startswith(f"{blocks[-1][0].path}/"):
            blocks[-1].append(module)
        else:
            blocks.append([module])
    kept: list[ModuleCost] = []
    for run in runs_of_equal(blocks, lambda block: block[0].path, below):
        head, *rest = run[0]
        kept += [replace(head, path=path_of_run(head.path, run[-1][0].path)), *folded(rest)]
    return kept


def below(block: list[ModuleCost]) -> list[ModuleCost]:
    """Return a module and those below it, with paths from it on."""
    start = len(block[0].path)
    return [replace(each, path=each.path[start:]) for each in block]


def module_row(module: ModuleCost, cost: Cost, kept: bool, time: TimeFloor | None) -> list[object]:
    """Return the row of a module."""

    def at(size: Size | None) -> Any:
        found = None if size is None else dims.at(size, cost.at)
        return None if found is None or found == UNKNOWN else found if isinstance(found, int) else str(found)

    name = module.path if module.class_name is None else f"{module.path} ({module.class_name})"
    middle = [at(module.kept)] if kept else []
    floor = None if time is None else time.modules.get(module.path.partition("..")[0])
    end = [] if time is None else [None, "-"] if floor is None else [floor.seconds, floor.bound]
    return [name, at(module.weights), at(module.outputs), *middle, at(module.macs), *end]


def github(cost: Cost, drawn: list[Table], fit: Fit | None, findings: list[Finding]) -> str:
    """Return GitHub Actions annotations, one for each finding, over the tables in a folded group."""
    lines = [
        f"::{'error' if each.exceeded else 'warning'} title=layercli cost {escaped(cost.name)}::{escaped(each.sentence)}"
        for each in findings
    ]
    if fit is not None and not fit.fits:
        lines.append(
            f"::error title=layercli cost {escaped(cost.name)}::{escaped('does not fit: ' + fit_facts(fit)[0][1])}"
        )
    text = "\n".join(plain.draw(table) for table in drawn).rstrip("\n").split("\n")
    shown = [f" {line}" if line.lstrip().startswith("::") else line for line in text]
    return "\n".join([*lines, f"::group::layercli cost {escaped(cost.name)}", *shown, "::endgroup::"]) + "\n"


def escaped(text: str) -> str:
    """Return text as a command of GitHub Actions may hold it."""
    return printable(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def step_summary(drawn: list[Table]) -> str:
    """Return the tables in Markdown, for the summary of a job."""
    return "\n".join(markdown.draw(table) for table in drawn)
