"""The GPU report as tables and as GitHub Actions annotations; it depends on the report's dataclasses only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING

from layercli.escaping import printable
from layercli.gpu.snapshot import Device
from layercli.render import markdown, plain
from layercli.render.table import SEVERITIES, Column, Table

if TYPE_CHECKING:
    from layercli.gpu.checks.diagnostic import Diagnostic
    from layercli.gpu.report import Card, GpuReport
    from layercli.gpu.selftest.test_result import SelfTestResult

NOT_A_FIELD = {"processes", "mig_memory"}  # nested records, which only JSON shows
SIDE_BY_SIDE = 2  # more devices than this become rows
LEVELS = {"error": "error", "warning": "warning", "ok": "notice"}
MARKS = {"error": "error ", "warning": "warning ", "ok": ""}


def tables(report: GpuReport) -> list[Table]:
    """Return the answer, then tables of devices, findings, requirements and self-tests, where there are any."""
    parts = [headline(report), devices(report.devices), findings(report.findings), demands(report), tests(report.tests)]
    drawn = [part for part in parts if part.rows or part.facts]
    drawn[-1].notes += [f"{capital(note)}." for note in report.snapshot.notes]
    return drawn


def headline(report: GpuReport) -> Table:
    """Return the answer and the facts of the machine."""
    driver, wheel, host = report.snapshot.driver, report.snapshot.wheel, report.snapshot.host
    version = driver.version or host.module
    facts = [("driver", joined(version, driver.cuda and f"CUDA up to {driver.cuda}"))]
    kinds = (("CUDA", wheel.cuda), ("ROCm", wheel.hip), ("XPU", wheel.xpu))
    built = joined(*(f"{kind} {number}" for kind, number in kinds if number))
    facts.append(("PyTorch", joined(wheel.version, built)))
    return Table(report.sentence, [], [], [(name, text) for name, text in facts if text])


def joined(*parts: str | None) -> str:
    """Join the parts that are not empty with commas."""
    return ", ".join(part for part in parts if part)


def devices(cards: list[Card]) -> Table:
    """Return the devices: one or two as columns, more as rows, with their common properties below."""
    if len(cards) > SIDE_BY_SIDE:
        return rows(cards)
    values = [(name, [text(card) or None for card in cards]) for name, text in PROPERTIES]
    columns = [Column("device"), *(Column(f"GPU {card.device.index}", folds=True) for card in cards)]
    return Table("", columns, [[name, *each] for name, each in values if any(each)])


def rows(cards: list[Card]) -> Table:
    """Return the devices as rows."""
    table = Table("", COLUMNS, [[value(card) for value in VALUES] for card in cards])
    models = [model(card) for card in cards]
    if len(set(models)) == 1:
        table.facts = [("each", models[0])]
    else:
        table.columns = [*COLUMNS, Column("model", folds=True)]
        table.rows = [[*row, each] for row, each in zip(table.rows, models, strict=True)]
    return table


def model(card: Card) -> str:
    """Return the fixed properties of a device."""
    device = card.device
    return joined(
        device.name,
        f"capability {device.capability}" if device.capability else "",
        f"{gib(device.memory_total)} GiB" if device.memory_total else "",
        f"{device.power_limit:.0f} W" if device.power_limit else "",
        f"{device.clock_max} MHz" if device.clock_max else "",
        link(card),
        f"MIG {mig(card)}" if mig(card) else "",
    )


def gib(size: int) -> str:
    """Return bytes in GiB, without the unit."""
    return f"{size / 2**30:.1f}"


def memory(card: Card) -> str:
    """Return free and total memory."""
    free, total = card.device.memory_free, card.device.memory_total
    if total is None:
        return ""
    return f"{gib(total)} GiB" if free is None else f"{gib(free)} of {gib(total)} GiB"


def of(value: float | None, limit: float | None, unit: str) -> str:
    """Return a value with its limit."""
    if value is None:
        return ""
    return f"{value:.0f} {unit}" if limit is None else f"{value:.0f} of {limit:.0f} {unit}"


def ecc(card: Card) -> str:
    """Return the state of error correction and the error counts."""
    device = card.device
    if not device.ecc:
        return "" if device.ecc is None else "off"
    wrong, mended = device.ecc_uncorrected or 0, device.ecc_corrected or 0
    return f"{wrong} wrong, {mended} mended" if wrong or mended else "no errors"


def link(card: Card) -> str:
    """Return the links to the host and to other devices."""
    device = card.device
    pcie = f"PCIe {device.pcie_generation} x{device.pcie_width}" if device.pcie_generation and device.pcie_width else ""
    return joined(pcie, f"{device.nvlinks} NVLinks" if device.nvlinks else "")


def mig(card: Card) -> str:
    """Return the number of MIG instances."""
    device = card.device
    if not device.mig:
        return "" if device.mig is None else "off"
    return f"{len(device.mig_instances)} instances"


def processes(card: Card) -> str:
    """Return the processes on the device and their memory."""
    found = [
        f"{each.pid} ({each.kind if each.memory is None else f'{gib(each.memory)} GiB'})"
        for each in card.device.processes
    ]
    return "; ".join(found) or ("none" if card.device.capability and card.device.vendor == "nvidia" else "")


PROPERTIES: list[tuple[str, Callable[[Card], str]]] = [
    ("usable", lambda card: "yes" if card.usable else "no"),
    ("torch", lambda card: card.torch or ""),
    ("name", lambda card: card.device.name or ""),
    ("capability", lambda card: card.device.capability or ""),
    ("free memory", memory),
    ("ECC", ecc),
    ("temperature", lambda card: of(card.device.temperature, card.device.temperature_limit, "°C")),
    ("power", lambda card: of(card.device.power, card.device.power_limit, "W")),
    ("clock", lambda card: of(card.device.clock, card.device.clock_max, "MHz")),
    ("link", link),
    ("MIG", mig),
    ("processes", processes),
]

COLUMNS = [
    Column("GPU", numeric=True), Column("torch"), Column("usable"), Column("free GiB", numeric=True),
    Column("°C", numeric=True), Column("W", numeric=True), Column("MHz", numeric=True), Column("ECC"),
    Column("processes", folds=True),
]  # fmt: skip
VALUES: list[Callable[[Card], object]] = [
    lambda card: card.device.index,
    lambda card: card.torch,
    lambda card: card.usable,
    lambda card: None if card.device.memory_free is None else gib(card.device.memory_free),
    lambda card: card.device.temperature,
    lambda card: None if card.device.power is None else f"{card.device.power:.0f}",
    lambda card: None if card.device.clock is None else str(card.device.clock),
    lambda card: ecc(card) or None,
    lambda card: processes(card) or None,
]


def findings(found: list[Diagnostic]) -> Table:
    """Return the findings and their remedies."""
    named = [(f"{MARKS[each.severity]}{each.code}", each) for each in found]
    styles = {name: SEVERITIES[each.severity] for name, each in named}
    return Table("", [], [], [(name, sentence(each)) for name, each in named], styles=styles)


def sentence(finding: Diagnostic) -> str:
    """Return a finding and its remedy as sentences."""
    return f"{capital(finding.seen)}. {finding.remedy}".rstrip()


def capital(text: str) -> str:
    """Return text with its first letter in upper case."""
    return f"{text[:1].upper()}{text[1:]}"


def demands(report: GpuReport) -> Table:
    """Return the requirements for each device."""
    columns = [
        Column("demand"),
        Column("GPU", numeric=True),
        Column("wanted"),
        Column("found", folds=True),
        Column("met"),
    ]
    rows = [[each.name, each.device, each.wanted, each.got or "unknown", each.met] for each in report.demands]
    return Table("", columns, rows)


def tests(results: list[SelfTestResult]) -> Table:
    """Return the self-tests with figures, thresholds and verdicts; a single device needs no column."""
    several = len({each.device for each in results}) > 1
    columns = [
        Column("self-test", folds=True), *([Column("device")] if several else []), Column("verdict"),
        Column("figure", numeric=True), Column("unit"), Column("gate", numeric=True), Column("remark", folds=True),
    ]  # fmt: skip
    return Table("", columns, [[each.name, *([each.device] if several else []), *row(each)] for each in results])


def row(result: SelfTestResult) -> list[object]:
    """Return the result of a self-test as a row."""
    return [
        result.verdict, short(result.figure), result.unit or None, short(result.gate), result.detail or None,
    ]  # fmt: skip


def short(figure: float | None) -> str | None:
    """Return a figure with few digits."""
    return None if figure is None else f"{figure:.3g}" if figure < 1000 else f"{figure:.0f}"


def github(report: GpuReport) -> str:
    """Return GitHub Actions annotations, one per finding, with the answer first and the tables in a folded group."""
    lines = [report.sentence]
    for each in report.findings:
        lines.append(f"::{LEVELS[each.severity]} title=gpu-check {each.code}::{escaped(sentence(each))}")
    drawn = "\n".join(plain.draw(table) for table in tables(report)).rstrip("\n").split("\n")
    shown = [
        f" {line}" if line.lstrip().startswith("::") else line for line in drawn
    ]  # a plain line, not a workflow command
    return "\n".join([*lines, "::group::gpu-check", *shown, "::endgroup::"]) + "\n"


def summary(report: GpuReport) -> str:
    """Return the report in Markdown, for the job summary."""
    return "\n".join(markdown.draw(table) for table in tables(report))


def records(report: GpuReport) -> Table:
    """Return the devices with one property per column, for CSV: lists separated by spaces, unknown values empty."""
    names = ["torch", "usable", "why_not", *(each.name for each in fields(Device) if each.name not in NOT_A_FIELD)]
    rows = [[flat(card.to_json()[name]) for name in names] for card in report.devices]
    return Table("", [Column(name) for name in names], rows)


def flat(value: object) -> object:
    """Return a value as one field: a list as its words, a boolean as in JSON, text without control characters."""
    if isinstance(value, list):
        return " ".join(map(str, value))
    if isinstance(value, bool):
        return str(value).lower()
    return printable(value) if isinstance(value, str) else value


def escaped(text: str) -> str:
    """Return text escaped for a GitHub workflow command."""
    for character in "%\r\n":
        text = text.replace(character, f"%{ord(character):02X}")
    return text
