"""A finding: one thing the diagnosis has to say."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Diagnostic:
    """``seen`` is a clause that completes "No: ...", ``remedy`` an instruction.

    ``severity`` is error (the device, or with ``device`` None every device, cannot be used), warning, or ok.
    """

    code: str
    severity: str
    seen: str
    remedy: str
    device: int | None = None
