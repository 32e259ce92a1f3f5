"""Check whether a GPU is usable and correct: ``check()`` returns the report, ``requires_gpu`` marks tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from layercli.gpu.pytest_marker import requires_gpu
    from layercli.gpu.report import GpuReport
    from layercli.gpu.run_check import check
    from layercli.gpu.snapshot import Snapshot

__all__ = ["GpuReport", "Snapshot", "check", "requires_gpu"]

MODULE_OF = {
    "GpuReport": "report",
    "Snapshot": "snapshot",
    "check": "run_check",
    "requires_gpu": "pytest_marker",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first access."""
    if name not in MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{MODULE_OF[name]}"), name)
    globals()[name] = value
    return value
