"""What tests of the GPU check share."""

from __future__ import annotations

import pytest

from layercli.gpu import run_check
from tests.gpu.worker_transcripts import Children, machine


@pytest.fixture
def tell(monkeypatch):
    """Let workers report what they saw on a machine: ``tell(snapshot)``."""

    def tell(seen, *arguments, **options):
        children = Children(machine(seen) if isinstance(seen, str) else seen, *arguments, **options)
        monkeypatch.setattr(run_check.subprocess_runner, "run", children.run)
        return children

    return tell
