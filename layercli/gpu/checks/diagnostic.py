"""Diagnostic: one finding of the diagnosis."""

from __future__ import annotations

from layercli.dataclass import dataclass


@dataclass(frozen=True)
class Diagnostic:
    """``seen`` is a clause that completes "No: ...", ``remedy`` an instruction.

    ``severity`` is error (the device, or every device if ``device`` is None, is unusable), warning, or ok.
    """

    code: str
    severity: str
    seen: str
    remedy: str
    device: int | None = None
