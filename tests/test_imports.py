"""Who may import whom, and what looking at a model must not load."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import layercli

ROOT = Path(layercli.__file__).parent
MODELS = ROOT.parent / "models"


def files():
    yield from ((path, str(path.relative_to(ROOT))) for path in sorted(ROOT.rglob("*.py")))
    yield from ((path, f"models/{path.name}") for path in sorted(MODELS.glob("*.py")))


def test_the_wheel_has_every_package():
    settings = tomllib.loads((ROOT.parent / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    found = {".".join(path.parent.relative_to(ROOT.parent).parts) for path in ROOT.rglob("__init__.py")}
    named = {"layercli.models", "layercli.models.applications"}  # the folder models
    assert set(settings) == found | named


@cache
def imports(path):
    """Return the modules a file imports, and whether it does so at its top, for running and not for types alone."""
    found = []
    look(ast.parse(path.read_text()), True, found)
    return found


def look(node, top, found):
    """Add what is imported at a node and in it, but for types alone, to what was found."""
    if isinstance(node, ast.Import):
        found += ((name.name, top) for name in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        names = [f"layercli.{n.name}" for n in node.names] if node.module == "layercli" else [node.module]
        found += ((name, top) for name in names)
    elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
        for statement in node.orelse:
            look(statement, top, found)
    elif isinstance(node, ast.stmt | ast.excepthandler | ast.match_case | ast.Module):
        inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.iter_child_nodes(node):
            look(inner, top and not inside, found)


def first(module):
    """Return the package that a module is in."""
    return module.partition(".")[0]


def importing(*packages):
    """Yield the files that may import one of these packages: only they are parsed."""
    line = re.compile(rf"^\s*(?:import|from)\b.*\b(?:{'|'.join(packages)})\b", re.MULTILINE)
    yield from ((path, name) for path, name in files() if line.search(path.read_text()))


def test_the_contracts_of_imports_are_kept():
    """The contracts in pyproject.toml: who may import whom."""
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_torch_is_imported_at_the_top_only_where_it_lives():
    assert [
        name
        for path, name in importing("torch")
        if not name.startswith("runtime/") and any(top and first(module) == "torch" for module, top in imports(path))
    ] == []


def test_dataclasses_are_made_by_our_decorator():
    """The standard one takes ten times as long for each class that a command imports."""
    standard = re.compile(
        r"^\s*from dataclasses import (?:\([^)]*|.*)\bdataclass\b|^\s*@dataclasses\.dataclass\b", re.MULTILINE
    )
    assert [name for path, name in files() if name != "dataclass.py" and standard.search(path.read_text())] == []


def test_rich_is_used_only_to_draw():
    assert [
        name
        for path, name in importing("rich", "typer")
        if not name.startswith(("render/", "cli/"))
        and any(first(module) in ("rich", "typer") for module, _ in imports(path))
    ] == []


WITHOUT_TORCH = [
    ["--version"],
    ["--help"],
    ["models"],
    ["summary", "resnet-block"],
    ["summary", "mobilenet"],
    ["summary", "resnet-block", "--format", "json"],
    ["vars", "resnet-block"],
    ["vars", "my-dense", "--values", "--stats"],
]
HEAVY = ["torch", "numpy", "h5py", "safetensors", "pydantic", "pynvml"]


def run_blocking(blocked, args):
    code = (
        "import sys\n"
        f"for name in {blocked!r}: sys.modules[name] = None\n"
        f"from layercli.cli.main import run\nsys.exit(run({args!r}))"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


@pytest.mark.parametrize("args", WITHOUT_TORCH, ids=" ".join)
def test_needs_nothing_heavy(args):
    folders = [f"layercli.runtime.{path.name}" for path in (ROOT / "runtime").iterdir() if path.is_dir()]
    done = run_blocking(["torch"] if "--values" in args else HEAVY + folders, args)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_without_torch_running_says_what_to_install():
    done = run_blocking(["torch"], ["run", "resnet-block"])
    assert done.returncode == 2
    assert done.stderr == "error: this needs torch, which is not installed\nhint: pip install torch\n"


RARELY = [
    "sympy",
    "torch.distributed.fsdp",
    "torch.distributed.checkpoint",
    "torch.distributed.tensor",
    "torch._dynamo",
]
"""What costs as much as half of torch, and few runs use."""


@pytest.mark.parametrize("args", [["run", "mlp"], ["fit", "linear-regression", "--data", "line.npz", "--loss", "mse"]])
def test_of_torch_only_what_is_used_is_loaded(args, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("line.npz", x=np.ones((4, 1), "float32"), y=np.ones((4, 1), "float32"))
    done = run_blocking(RARELY, ["-q", *args])
    assert (done.returncode, done.stderr) == (0, "")


def test_importing_layercli_imports_nothing_else():
    code = "import sys, layercli; print(sorted(m for m in sys.modules if m.startswith('layercli')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['layercli', 'layercli.version']\n"
