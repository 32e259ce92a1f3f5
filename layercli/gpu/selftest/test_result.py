"""The result of one self-test on one device."""

from __future__ import annotations

import math
from dataclasses import dataclass

PASSED, FAILED, MEASURED, SKIPPED, ERROR = "passed", "failed", "measured", "skipped", "error"


@dataclass(frozen=True)
class SelfTestResult:
    """``figure`` in ``unit`` is what was found, ``gate`` what is allowed; ``detail`` a clause on what was seen.

    ``verdict`` is failed where the device computed something wrong, and error where the test could not be run.
    """

    name: str
    device: str
    verdict: str
    figure: float | None = None
    unit: str = ""
    gate: float | None = None
    detail: str = ""


def judged(name: str, device: str, figure: float, unit: str, gate: float, detail: str = "") -> SelfTestResult:
    """Return a result that passes where the figure is at most the gate; one that is NaN fails."""
    verdict = PASSED if figure <= gate else FAILED
    return SelfTestResult(name, device, verdict, figure if math.isfinite(figure) else None, unit, gate, detail)
