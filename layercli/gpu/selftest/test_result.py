"""The result of one self-test on one device."""

from __future__ import annotations

import math

from layercli.dataclass import dataclass

PASSED, FAILED, MEASURED, SKIPPED, ERROR = "passed", "failed", "measured", "skipped", "error"


@dataclass(frozen=True)
class SelfTestResult:
    """``figure`` in ``unit`` is the measurement, ``gate`` the threshold; ``detail`` is a clause with details.

    ``verdict`` is failed if the device computed something wrong, and error if the test could not run.
    """

    name: str
    device: str
    verdict: str
    figure: float | None = None
    unit: str = ""
    gate: float | None = None
    detail: str = ""


def judged(name: str, device: str, figure: float, unit: str, gate: float, detail: str = "") -> SelfTestResult:
    """Return a result that passes if the figure is at most the threshold; NaN fails."""
    verdict = PASSED if figure <= gate else FAILED
    return SelfTestResult(name, device, verdict, figure if math.isfinite(figure) else None, unit, gate, detail)
