"""Import a user's Python file or module; what is imported is executed, hence trusted."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterable
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any

from layercli.errors import FileError, FormatError, UsageError, an, pip_install
from layercli.formats.os_errors import no_file


def is_python(text: str) -> bool:
    """Whether ``text`` is a Python reference."""
    return ":" in text and "://" not in text and not os.path.exists(text)


def register_custom_objects(custom: Iterable[str]) -> None:
    """Register the classes and functions named as ``net.py:Net``, so that files can refer to them by their own names."""
    for text in custom:
        from layercli.core import custom_objects
        from layercli.inspect.model_loader import from_python

        if ":" not in text:
            raise UsageError(f"--custom names a class or a function as net.py:Net, got {text!r}")
        found = from_python(text)
        if not callable(found):
            raise UsageError(f"{text} is {an(type(found).__name__)}, not a class or a function")
        custom_objects.get_custom_objects()[found.__name__] = found


class UncachedLoader(SourceFileLoader):
    """Compiles a Python file at each import: no ``__pycache__`` is left beside it, nor read.

    Python 3.11 leaves a compiled file that is cut short where a disk is full, and every later import of it fails.
    """

    def get_code(self, fullname: str) -> CodeType:
        """Return the code that the source compiles to."""
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def from_file(path: Path) -> Any:
    """Import a file by its path; its folder precedes installed packages on the import path, but not the standard library."""
    if not path.is_file():
        raise no_file(str(path)) if not path.is_dir() else FileError(f"{path} is a folder, not a file")
    if (path.parent / "__init__.py").is_file() and path.stem.isidentifier():
        return from_package(path.resolve())
    name = module_name(path.resolve())
    spec = importlib.util.spec_from_file_location(name, path, loader=UncachedLoader(name, str(path)))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    if (folder := str(path.resolve().parent)) not in sys.path:
        installed = (i for i, entry in enumerate(sys.path) if entry.endswith("-packages"))
        sys.path.insert(next(installed, len(sys.path)), folder)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        if error.filename is None:
            raise FormatError(f"{path} is not valid Python: {error.msg}") from None
        raise
    except ImportError as error:
        if "relative import" in str(error) and error.name is None:
            folder = path.resolve().parent.name
            hint = f"in the folder above: {folder}.{path.stem}:NAME; or make a package of the folder by an empty __init__.py"
            raise UsageError(
                f"{path} imports from its own package, and {folder} has no __init__.py", hint=hint
            ) from None
        raise
    return module


def from_package(path: Path) -> Any:
    """Import a file of a package under its full name, so that relative imports work."""
    names, folder = [path.stem], path.parent
    while (folder / "__init__.py").is_file() and folder.name.isidentifier():
        names.insert(0, folder.name)
        folder = folder.parent
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    return importlib.import_module(".".join(names))


def module_name(path: Path) -> str:
    """Return the name to import a file under: its own, or a unique one if another module has that name."""
    try:
        taken = importlib.util.find_spec(path.stem)
    except (ImportError, ValueError):  # __main__, for example, has no spec
        return f"{path.stem}_py"
    own = taken is None or taken.origin == str(path)
    return path.stem if own and path.stem.isidentifier() else f"{path.stem}_py"


def from_module(name: str) -> Any:
    """Import a module by name; the working folder is searched first."""
    sys.path.insert(0, "")
    try:
        if not all(part.isidentifier() for part in name.split(".")):
            raise ModuleNotFoundError(name=name)
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and not name.startswith(error.name):
            raise
        package = name.partition(".")[0]
        known = package.isidentifier() and package == error.name
        hint = f"{pip_install(package)}, or a file is named as net.py:Net" if known else "a file is named as net.py:Net"
        raise UsageError(f"there is no module {name!r}", hint=hint) from None
