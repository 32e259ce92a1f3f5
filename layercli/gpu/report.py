"""The report of a GPU check: the answer in one sentence, and the evidence."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, field

from layercli.core.backend import get_backend
from layercli.core.types import JSONObject
from layercli.dataclass import dataclass
from layercli.gpu.checks.diagnostic import Diagnostic
from layercli.gpu.probes.devices import Item, visible_count
from layercli.gpu.requirements import Demand, Demands, with_threshold
from layercli.gpu.selftest.test_result import SelfTestResult
from layercli.gpu.snapshot import Device, Snapshot

SCHEMA = "layercli.gpu-check/1"


@dataclass(frozen=True)
class Card:
    """One device in the report: its name in torch, the driver's view of it, and the finding that makes it unusable, if any."""

    device: Device
    torch: str | None
    why_not: str | None

    @property
    def usable(self) -> bool:
        """Whether no finding makes the device unusable."""
        return self.why_not is None

    def to_json(self) -> JSONObject:
        """Return the device as a JSON object."""
        return {"torch": self.torch, "usable": self.usable, "why_not": self.why_not, **asdict(self.device)}


@dataclass(frozen=True)
class GpuReport:
    """``answer``: enough devices are usable and meet every requirement; ``sentence`` says so in words."""

    answer: bool
    sentence: str
    devices: list[Card]
    findings: list[Diagnostic]
    tests: list[SelfTestResult]
    demands: list[Demand]
    snapshot: Snapshot = field(repr=False)

    def __repr__(self) -> str:
        """The answer, the devices and the findings with their remedies, a line each."""
        devices = (f"{card.torch or 'not in torch'}: {card.device.name or 'unknown'}" for card in self.devices)
        found = (f"{finding.severity} {finding.code}: {finding.seen}" for finding in self.findings)
        return "\n".join((self.sentence, *devices, *found))

    @property
    def conclusive(self) -> bool:
        """Whether every requirement on a usable device could be checked."""
        return not self.answer or not unknown(self.demands)

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        return get_backend().html(self)

    def to_json(self) -> JSONObject:
        """Return the report as a JSON document."""
        return {
            "schema": SCHEMA,
            "answer": self.answer,
            "sentence": self.sentence,
            "driver": asdict(self.snapshot.driver),
            "torch": asdict(self.snapshot.wheel),
            "devices": [card.to_json() for card in self.devices],
            "findings": [asdict(finding) for finding in self.findings],
            "tests": [asdict(test) for test in self.tests],
            "demands": [asdict(demand) for demand in self.demands],
            "notes": self.snapshot.notes,
        }


def build(
    snapshot: Snapshot,
    items: list[Item],
    findings: list[Diagnostic],
    results: list[SelfTestResult],
    demands: Demands,
    compared: list[Demand],
) -> GpuReport:
    """Return the report on the devices in ``items``."""
    cards = [Card(item.device, item.torch, why_not(item, findings)) for item in items]
    visible = visible_count(snapshot)
    answer = min(sum(card.usable for card in cards), visible) >= demands.require
    sentence = yes(cards, visible, bool(results), unknown(compared)) if answer else no(cards, findings, demands.require)
    tests = [with_threshold(demands, result) for result in results]
    return GpuReport(answer, sentence, cards, findings, tests, compared, snapshot)


def why_not(item: Item, findings: list[Diagnostic]) -> str | None:
    """Return the first finding that makes a device unusable, or None."""
    for finding in findings:
        if finding.severity == "error" and finding.device in (None, item.device.index):
            return finding.seen
    return f"torch is not offered {item.label}" if item.torch is None else None


def unknown(compared: list[Demand]) -> list[str]:
    """Return the names of the requirements that only torch can check."""
    return sorted({demand.name for demand in compared if demand.met is None})


def yes(cards: list[Card], visible: int, tried: bool, unknown: list[str]) -> str:
    """Return the sentence for enough usable devices, of which torch shows ``visible``."""
    good = [card for card in cards if card.usable]
    count = min(len(good), visible)
    kinds = Counter(card.device.name or "unnamed" for card in good)
    between = ", " if count == len(good) else " or "
    named = between.join(name if number == 1 else f"{number} x {name}" for name, number in kinds.items())
    verb = ("works" if count == 1 else "work") if tried else ("looks" if count == 1 else "look") + " usable"
    untried = "" if tried else f"; nothing was run on {'it' if count == 1 else 'them'}"
    open_ = f"; not known: {', '.join(unknown)}" if unknown else ""
    return f"Yes: {counted(count, len(cards))} {verb}: {named}{untried}{open_}."


def counted(count: int, total: int) -> str:
    """Return a count of devices in words."""
    return f"{count} GPU{'' if count == 1 else 's'}" if count == total else f"{count} of {total} GPUs"


def no(cards: list[Card], findings: list[Diagnostic], require: int) -> str:
    """Return the sentence for too few usable devices, with the reason first."""
    general = [finding.seen for finding in findings if finding.severity == "error" and finding.device is None]
    if general:
        return f"No: {', and '.join(general[:2])}."
    reason = next((card.why_not for card in cards if card.why_not), None)
    good = sum(card.usable for card in cards)
    if not good and len(cards) == 1 and reason:
        return f"No: {reason}."
    if not cards:
        return f"No: {findings[0].seen}."
    need = f"{require} {'is' if require == 1 else 'are'} required"
    return f"No: {counted(good, len(cards))} can be used, {need}{f'; {reason}' if reason else ''}."
