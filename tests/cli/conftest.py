"""The command line in this process: arguments in; exit code, stdout and stderr out."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from layercli.cli.main import run
from layercli.core import naming


@dataclass
class Done:
    """What a command gave."""

    code: int
    out: str
    err: str


@pytest.fixture
def cli(capsys, monkeypatch):
    """Run a command line, given as words in a row or as a list; names start afresh each time."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("FORCE_COLOR", raising=False)

    def call(*args):
        naming.clear_session()
        words = args[0].split() if len(args) == 1 else list(args)
        code = run(words)
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return call
