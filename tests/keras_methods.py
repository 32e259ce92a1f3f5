"""The arguments of the public methods of Keras's classes, as plain data in tests/reference/methods.json.

``KERAS_BACKEND=torch python -m tests.keras_methods`` writes the record anew: for each method the signatures that it has, each with
the classes of which it is the method.
"""

from __future__ import annotations

import inspect
import json
from pathlib import Path

RECORD = Path(__file__).parent / "reference" / "methods.json"
PACKAGES = ("initializers", "losses", "metrics", "optimizers", "optimizers.schedules", "callbacks", "regularizers", "constraints",
            "layers")  # fmt: skip
CLASSES = ("Model", "Sequential", "Variable", "KerasTensor", "DTypePolicy")


def of(api, path):
    """Return what is at a dotted path of a package."""
    for name in path.split("."):
        api = getattr(api, name)
    return api


def arguments(function):
    """Return the arguments without ``self``: [name, kind, default as text or None] each; None where Python knows none."""
    try:
        found = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return None
    found = found[1:] if found and found[0].name == "self" else found
    return [[p.name, p.kind.name, None if p.default is p.empty else repr(p.default)] for p in found]


def of_keras():
    """Return the record, asked of Keras itself."""
    import keras
    import torch

    module = set(dir(torch.nn.Module))
    paths = [f"{package}.{name}" for package in PACKAGES for name in dir(of(keras, package))]
    found = {}
    for path in [*paths, *CLASSES]:
        cls = of(keras, path)
        if not inspect.isclass(cls) or cls.__name__ in ("OrbaxCheckpoint", "CallbackList"):
            continue
        for name in sorted(dir(cls)):
            if name.startswith("_") or (issubclass(cls, torch.nn.Module) and name in module and name != "call"):
                continue
            method = getattr(cls, name)
            given = arguments(method) if callable(method) and not inspect.isclass(method) else None
            if given is not None:
                found.setdefault(name, {}).setdefault(json.dumps(given), []).append(path)
    return found


def refused_calls(given, ours):
    """Return what of a call that Keras takes is not taken here: positions, names and arguments that Keras does not need."""
    own = {name: (place, kind) for place, (name, kind, _) in enumerate(ours)}
    kinds = {kind for _, kind, _ in ours}
    found = []
    for place, (name, kind, _) in enumerate(given):
        if kind in ("VAR_POSITIONAL", "VAR_KEYWORD"):
            continue
        known = name in own or "VAR_KEYWORD" in kinds
        at = own[name] == (place, "POSITIONAL_OR_KEYWORD") if name in own else "VAR_POSITIONAL" in kinds
        if not known or (kind != "KEYWORD_ONLY" and not at and "VAR_POSITIONAL" not in kinds):
            found.append(name)
    names = {name for name, _, _ in given}
    takes_all = any(kind.startswith("VAR_") for _, kind, _ in given)
    needed = [
        name for name, kind, default in ours if default is None and not kind.startswith("VAR_") and name not in names
    ]
    return found + ([] if takes_all else needed)


def other_defaults(given, ours):
    """Return the arguments that need not be given to Keras, nor here, with both defaults where these differ."""
    own = {name: default for name, _, default in ours}
    return {
        name: (default, own[name])
        for name, _, default in given
        if default is not None and own.get(name, default) != default and " at 0x" not in default
    }


if __name__ == "__main__":
    lines = [
        f"{json.dumps(name)}: {{\n"
        + ",\n".join(f"{json.dumps(key)}: {json.dumps(paths)}" for key, paths in found.items())
        + "}"
        for name, found in of_keras().items()
    ]
    RECORD.write_text("{\n" + ",\n".join(lines) + "\n}\n")
