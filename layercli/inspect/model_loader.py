"""Load the model that a name or a Python reference stands for."""

from __future__ import annotations

import functools
import inspect
import os
import re
import shlex
import sys
from pathlib import Path
from typing import Any

from layercli.core.fields import checked
from layercli.core.layer import Layer
from layercli.core.types import Config
from layercli.dataclass import dataclass
from layercli.errors import FileError, UsageError, an, nearest, with_and
from layercli.formats.os_errors import no_file
from layercli.inspect.model_arguments import allowed, rules_for, settings_of, takes_any
from layercli.inspect.python_config import CONFIG_NAMES
from layercli.inspect.python_import import from_file, from_module

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
            public = [key for key in dir(module) if key[:1] != "_"]  # with those that it imports when asked
            models = [key for key, value in vars(module).items() if is_model_of(module, value) and key in public]
            hint = nearest(name, public) or nearest(name, models, "its models")
            raise UsageError(f"{place} has no {name!r}", hint=hint)
        found = getattr(found, step)
    return found


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


def kinds() -> tuple[type, ...]:
    """Return the classes that a model may have; torch's is included only if torch is imported."""
    torch = sys.modules.get("torch")
    return (Layer,) if torch is None else (Layer, torch.nn.Module)


def made(found: Any, settings: Config, text: str) -> Any:
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
        raise UsageError(f"{text} needs {with_and(missing)}", hint=_setting(missing))
    owner, rules = getattr(found, "__name__", text), rules_for(found)
    if inspect.isabstract(found):
        lacking = with_and(sorted(found.__abstractmethods__))
        raise UsageError(f"{text} is an abstract class, without {lacking}", hint="name a class that defines it")
    converted = {name: checked(owner, name, settings[name], rule) for name, rule in rules.items() if name in settings}
    model = found(**settings | converted)
    if not isinstance(model, kinds()):
        if inspect.iscoroutine(model):
            model.close()  # else Python warns that it was never awaited
        raise UsageError(f"{text} gives {an(type(model).__name__)}, not {WANTED}")
    return model


def _setting(missing: list[str]) -> str:
    """Return a hint how to give arguments; a config is read from a file."""
    config = next((name for name in missing if name in CONFIG_NAMES), None)
    if config is not None and len(missing) == 1:
        return f"--config FILE.json, or --set '{config}={{...}}'"
    return " ".join(f"--set {name}=..." for name in missing)


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
