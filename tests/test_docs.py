"""Examples in docstrings run, and give what they show."""

from __future__ import annotations

import doctest
import importlib
import linecache
import pkgutil
from pathlib import Path

import pytest

import layercli


def modules():
    yield "layercli"
    for found in pkgutil.walk_packages(layercli.__path__, "layercli."):
        if not found.name.endswith("__main__") and ".gpu.child" not in found.name and has_examples(found):
            yield found.name


def has_examples(found):
    return ">>> " in Path(found.module_finder.find_spec(found.name).origin).read_text()


@pytest.mark.parametrize("name", sorted(modules()))
def test_examples_in_docstrings(name, tmp_path, monkeypatch):
    from layercli.core import naming

    monkeypatch.chdir(tmp_path)  # some examples write files
    linecache.clearcache()  # doctest looks whether any file in it changed, for every docstring
    naming.clear_session()
    results = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert results.failed == 0
