"""The build of the installed PyTorch, read from its version file because importing torch takes far longer."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

from layercli.gpu.snapshot import Wheel


def read(notes: list[str], folder: Path | None = None) -> Wheel:
    """Return the content of ``torch/version.py`` (in ``folder``, or of the torch that would be imported)."""
    folder = folder or installed()
    if folder is None:
        return Wheel()
    try:
        values = constants((folder / "version.py").read_text(encoding="utf-8"))
    except (OSError, SyntaxError, UnicodeDecodeError):
        notes.append("torch/version.py cannot be read")
        return Wheel(version="unknown")
    return Wheel(values.get("__version__") or "unknown", values.get("cuda"), values.get("hip"), values.get("xpu"))


def installed() -> Path | None:
    """Return the folder of the torch that would be imported."""
    try:
        found = importlib.util.find_spec("torch")
    except (ImportError, ValueError):
        return None
    return Path(found.origin).parent if found is not None and found.origin else None


def constants(source: str) -> dict[str, str | None]:
    """Return the names that a module's source assigns a string or None, without executing it."""
    found: dict[str, str | None] = {}
    for statement in ast.parse(source).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str() | None as value)):
                found[name] = value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=str() | None as value)):
                found[name] = value
    return found
