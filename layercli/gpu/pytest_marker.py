"""A pytest marker for tests that need a GPU; it uses level 0, which does not import torch."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from layercli.gpu.report import GpuReport


@cache
def looked(require: int, min_memory: str | None, min_capability: str | None) -> GpuReport:
    """Return the level 0 report, cached per process."""
    from layercli.gpu.run_check import check

    return check(level=0, require=require, min_memory=min_memory, min_capability=min_capability)


def requires_gpu(
    test: Callable[..., Any] | None = None,
    /,
    *,
    require: int = 1,
    min_memory: str | None = None,
    min_capability: str | None = None,
) -> object:
    """Return a pytest marker that skips a test without such a GPU, with the check's answer as the reason.

    Use it as ``@requires_gpu`` or as ``@requires_gpu(require=2, min_memory="16GiB", min_capability="8.0")``.
    """
    import pytest

    found = looked(require, min_memory, min_capability)
    marker = pytest.mark.skipif(not found.answer, reason=found.sentence)
    return marker if test is None else marker(test)
