"""Load the model of a named model or a Python reference, and read the arguments given as NAME=VALUE."""

from __future__ import annotations

import ast
import functools
import importlib
import importlib.util
import inspect
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any

from layercli.core import custom_objects
from layercli.core.fields import Validator, checked
from layercli.core.layer import Layer
from layercli.errors import FileError, FormatError, UsageError, an, nearest
from layercli.layers.validators import OF_PLAIN_TYPES

ENTRY_POINTS = "layercli.models"
ENDINGS = {
    ".bin", ".ckpt", ".gguf", ".h5", ".ipynb", ".json", ".keras", ".npy", ".npz", ".onnx", ".pt", ".pt2", ".pth", ".py",
    ".safetensors",
}  # fmt: skip
"""How the names of files end that may be given for a model."""

WANTED = "a layercli Layer or Model, or a torch.nn.Module"


@dataclass(frozen=True)
class ModelSource:
    """A requested model: the layer itself, the text that named it, and its origin.

    ``archive`` is the ``.keras`` file with its values and compile arguments; ``checkpoint`` the Hugging Face folder with its
    values.
    """

    model: Layer
    name: str
    source: str
    archive: str | None = None
    checkpoint: Any = None


def is_python(text: str) -> bool:
    """Whether ``text`` is a Python reference."""
    return ":" in text and "://" not in text and not os.path.exists(text)


def register_custom_objects(custom: Iterable[str]) -> None:
    """Register the classes and functions named as ``net.py:Net``, so that files can refer to them by their own names."""
    for text in custom:
        if ":" not in text:
            raise UsageError(f"--custom names a class or a function as net.py:Net, got {text!r}")
        found = from_python(text)
        if not callable(found):
            raise UsageError(f"{text} is {an(type(found).__name__)}, not a class or a function")
        custom_objects.get_custom_objects()[found.__name__] = found


def named_models() -> dict[str, str]:
    """Return the location of each named model (``module:name``): layercli's, and those other packages register."""
    from importlib.metadata import entry_points

    from layercli.models import NAMED

    others = {entry.name: entry.value for entry in entry_points(group=ENTRY_POINTS)}
    return {**others, **NAMED}


def unknown(text: str) -> UsageError | FileError:
    """Return the error for a MODEL that cannot be resolved: an unsuitable file, or an unknown name."""
    path = Path(text)
    if not text:
        return UsageError("the name of a model is missing")
    if os.path.isfile(path / ".metadata"):
        return FileError(
            f"{text} is a distributed checkpoint of torch, whose parts layercli does not put together",
            hint=f"python -m torch.distributed.checkpoint.format_utils dcp_to_torch {shlex.quote(text)} model.pt",
        )
    if os.path.isdir(text):
        return FileError(f"{text} is a folder, not a model", hint="a model in Python is named as net.py:Net")
    if path.suffix == ".py" and os.path.isfile(text):
        return UsageError(f"{text} needs the name of a model in it", hint=f"as in {text}:Net")
    if os.path.isfile(text):
        return no_model(text)
    if os.path.exists(text):
        return FileError(f"{text} is not a regular file")
    if re.match(r"[a-z]+://", text):
        return UsageError(f"{text} is a URL, not a model", hint="nothing is downloaded: name a file on this machine")
    if re.fullmatch(r"[\w.-]+/[\w.-]+", text) and path.suffix not in ENDINGS and not path.parent.exists():
        return UsageError(f"there is no model {text!r}", hint=HUB.format(text))
    if path.suffix or "/" in text:
        return no_file(text)
    return UsageError(f"there is no model {text!r}", hint=hint_for(text))


def hint_for(text: str) -> str:
    """Return a hint for an unknown name: a similar name, a package, or a model on a hub."""
    if like := nearest(text, named_models()):
        return like
    hub = re.fullmatch(
        r"(bert|gpt2|roberta|distil\w+|albert|t5|opt|llama|mistral|qwen\w*|gemma|phi|vit)[-_.\w]*", text, re.I
    )
    return HUB.format(text) if hub else "layercli models lists them"


HUB = (
    "nothing is downloaded: of a model of the Hugging Face hub, name its folder ({0}/ with config.json) on this machine"
)


def no_file(text: str) -> FileError:
    """Return the error for a missing file, with the most similar name in its folder as the hint."""
    from layercli.formats.os_errors import reading

    try:
        with reading(Path(text)):
            os.stat(text)
    except FileError as error:
        return error
    return FileError(f"{text} is not a regular file")  # it was created in the meantime


def no_model(text: str) -> FileError:
    """Return the error for a file without a model, or with one that cannot be used here."""
    from layercli.formats import detect

    quoted = shlex.quote(text)
    if text.endswith((".pt2", ".onnx")):
        return FileError(
            f"{text} is a graph, which is not trained here", hint=f"layercli summary {quoted} shows its layers"
        )
    if detect.is_weights(text):
        return FileError(f"{text} holds weights, not a model", hint=f"give them to one: MODEL --weights {quoted}")
    if text.endswith(".ipynb"):
        return FileError(
            f"{text} is a notebook, not a model", hint="save its model, or its classes to a file: net.py:Net"
        )
    found = detect.seeming(Path(text), detect.first_bytes(Path(text)))
    return FileError(f"{text} is {found or 'in no format that layercli knows'}, not a model")


def from_python(text: str) -> Any:
    """Return the object that ``net.py:Net`` or ``package.module:factory`` names; its module is imported, hence trusted."""
    place, _, name = text.rpartition(":")
    if not place or not name:
        raise UsageError(f"{text!r} is not a Python reference", hint="a model in Python is named as net.py:Net")
    module = from_file(Path(place)) if place.endswith(".py") else from_module(place)
    found: object = module
    for step in name.split("."):
        if not hasattr(found, step):
            public = [key for key in vars(module) if not key.startswith("_")]
            models = [key for key in public if is_model_of(module, vars(module)[key])]
            hint = nearest(name, public) or nearest(name, models, "its models")
            raise UsageError(f"{place} has no {name!r}", hint=hint)
        found = getattr(found, step)
    return found


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


def only_model(file: str) -> str:
    """Return the name of the only model in a Python file; UsageError lists them if there are several or none."""
    module = from_file(Path(file))
    found: list[str] = [name for name, value in vars(module).items() if is_model_of(module, value)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError(f"{file} needs the name of a model in it", hint=f"as in {file}:Net")
    raise UsageError(f"{file} holds {len(found)} models: {', '.join(found)}", hint=f"as in {file}:{found[-1]}")


def is_model_of(module: Any, value: Any) -> bool:
    """Whether a value in a Python module is a model, or a model class defined in that module."""
    if isinstance(value, type):
        return issubclass(value, kinds()) and value.__module__ == module.__name__
    return isinstance(value, kinds())


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
        hint = f"pip install {package}, or a file is named as net.py:Net" if known else "a file is named as net.py:Net"
        raise UsageError(f"there is no module {name!r}", hint=hint) from None


def kinds() -> tuple[type, ...]:
    """Return the classes that a model may have; torch's is included only if torch is imported."""
    torch = sys.modules.get("torch")
    return (Layer,) if torch is None else (Layer, torch.nn.Module)


def made(found: Any, settings: dict[str, Any], text: str) -> Any:
    """Return the model: an instance unchanged, a class or factory called with ``settings``."""
    if isinstance(found, kinds()):
        if settings:
            raise UsageError(f"{text} is an existing model: it takes no arguments")
        return found
    check_maker(found, text, kinds())
    known = settings_of(found)
    for name in settings:
        if name not in known and not takes_any(found):
            raise UsageError(f"{text} has no argument {name!r}", hint=nearest(name, list(known)) or allowed(known))
    missing = [name for name, default in known.items() if default is inspect.Parameter.empty and name not in settings]
    if missing:
        raise UsageError(
            f"{text} needs {' and '.join(missing)}", hint=" ".join(f"--set {name}=..." for name in missing)
        )
    owner, rules = getattr(found, "__name__", text), rules_for(found)
    model = found(**{name: checked(owner, name, value, rules.get(name)) for name, value in settings.items()})
    if not isinstance(model, kinds()):
        raise UsageError(f"{text} gives {an(type(model).__name__)}, not {WANTED}")
    return model


def check_maker(found: object, text: str, allowed: tuple[type, ...]) -> None:
    """Raise UsageError unless ``found`` is a model class or a user's function.

    Other classes, built-in functions and functions of the standard library are never called.
    """
    maker = inspect.unwrap(found) if inspect.isfunction(found) else found
    while isinstance(maker, functools.partial):
        maker = maker.func
    if isinstance(maker, type):
        if not issubclass(maker, allowed):
            raise UsageError(f"{text} gives {an(maker.__name__)}, not {WANTED}")
        return
    cached = isinstance(maker, functools._lru_cache_wrapper)
    home = str(getattr(maker, "__module__", "")).partition(".")[0]
    if not (inspect.isfunction(maker) or inspect.ismethod(maker) or cached) or home in sys.stdlib_module_names:
        raise UsageError(f"{text} is {an(type(found).__name__)}, not {WANTED}")


def settings_of(found: Callable[..., object]) -> dict[str, object]:
    """Return the arguments of a model with their defaults: its fields, or its constructor's or factory's parameters."""
    if isinstance(found, type) and issubclass(found, Layer) and found.__init__ is Layer.__init__:
        return dict(found._fields)
    parameters = inspect.signature(found).parameters.values()
    return {p.name: p.default for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}


def takes_any(found: Callable[..., object]) -> bool:
    """Whether a factory does not declare its arguments; a Layer always does."""
    if isinstance(found, type) and issubclass(found, Layer):
        return False
    return any(p.kind is p.VAR_KEYWORD for p in inspect.signature(found).parameters.values())


def rules_for(found: Callable[..., object]) -> dict[str, Validator]:
    """Return the validators for the annotations of a class's fields, or of a constructor's or factory's parameters."""
    if isinstance(found, type) and "__init__" in vars(found):
        found = found.__init__  # type: ignore[misc]  # a method of this class
    try:
        hints = inspect.get_annotations(found, eval_str=True)
    except (NameError, TypeError):  # a name that only exists for type checkers, or no annotations
        return {}
    rules = {
        name: [r for r in getattr(hint, "__metadata__", ()) if isinstance(r, Validator)] for name, hint in hints.items()
    }
    plain = {name: [OF_PLAIN_TYPES[hint]] for name, hint in hints.items() if hint in OF_PLAIN_TYPES}
    return {name: found[0] for name, found in {**rules, **plain}.items() if found}


def allowed(known: Mapping[str, object]) -> str:
    """Return a hint that lists the arguments."""
    return f"settings: {', '.join(known)}" if known else "it has no arguments"


def parse_setting(text: str) -> tuple[str, Any]:
    """Return the name and the value of ``name=value``.

    >>> parse_setting("filters=64,64,256"), parse_setting("activation=relu"), parse_setting("rate=1e-3")
    (('filters', (64, 64, 256)), ('activation', 'relu'), ('rate', 0.001))
    """
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"an argument is written name=value, got {text!r}")
    return name, parse_value(value)


def parse_value(text: str) -> Any:
    """Parse a number, true, false, none, a comma-separated list, or a plain text."""
    if text.lower() in ("true", "false", "none"):
        return {"true": True, "false": False, "none": None}[text.lower()]
    if "," in text or (text[:1], text[-1:]) in (("[", "]"), ("(", ")")):
        return tuple(parse_value(part.strip()) for part in text.strip("[]()").split(",") if part.strip())
    try:
        value = ast.literal_eval(text)
    except (
        ValueError,
        SyntaxError,
        MemoryError,
        RecursionError,
    ):  # the last two: raised for a thousand brackets or signs
        return text
    return value if isinstance(value, (int, float)) else text
