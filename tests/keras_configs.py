"""``get_config()`` of an object of every class of Keras's that has one, as plain data in tests/reference/configs.json.

``KERAS_BACKEND=torch python -m tests.keras_configs`` writes the record anew from the Keras that is installed. The same functions
ask layercli: ``api`` is the one or the other.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from layercli.saving.serialization import FILE_NAMES
from tests.files.test_both_ways import LAYERS, WRAPPED
from tests.keras_members import ARGUMENTS, SCHEDULES
from tests.layers.test_config import settings_of

RECORD = Path(__file__).parent / "reference" / "configs.json"
PACKAGES = ("constraints", "initializers", "losses", "metrics", "optimizers", "regularizers")

NOT_KERAS_S = {"DataclassConfig", "FunctionLoss"}
"""Classes of layercli's packages that Keras has not."""
DRAWS = {"RandomCrop": {"seed": 1}}
"""What a layer draws anew in Keras."""


def objects(api, folder):
    """Yield the name of each class, ``package.Class``, and an object with the arguments it needs."""
    held = api.layers
    for name in LAYERS:
        if name not in WRAPPED:
            yield (
                f"layers.{name}",
                getattr(held, FILE_NAMES.get(name, name))(**settings_of(name), **DRAWS.get(name, {})),
            )
    for name in ("LSTMCell", "GRUCell", "SimpleRNNCell"):
        yield f"layers.{name}", getattr(held, name)(3)
    yield "layers.RNN", held.RNN(held.LSTMCell(3))
    yield "layers.StackedRNNCells", held.StackedRNNCells([held.LSTMCell(3)])
    for name, inner in (("Bidirectional", held.GRU(3)), ("TimeDistributed", held.Dense(3))):
        yield f"layers.{name}", getattr(held, name)(inner)
    yield "layers.SpectralNormalization", held.SpectralNormalization(held.Dense(3))
    yield "layers.Pipeline", held.Pipeline([held.Rescaling(0.5)])
    for package in PACKAGES:
        held = getattr(api, package)
        for name in sorted(dir(held)):
            kind = getattr(held, name)
            if name in NOT_KERAS_S:
                continue
            if isinstance(kind, type) and hasattr(kind, "get_config"):
                yield f"{package}.{name}", kind(*ARGUMENTS.get(name, lambda api, folder: [])(api, folder))
    for name, given in SCHEDULES.items():
        yield f"schedules.{name}", getattr(api.optimizers.schedules, name)(*given)


def plain(value):
    """Return a setting as data: an object by its class and settings, a dtype policy by its name, a tuple as one.

    The numbers of names are left out. A list that Keras tracks counts as a tuple: Keras wraps what was given.
    """
    if isinstance(value, dict):
        if "DTypePolicy" in str(value.get("class_name")):
            return value["config"]["name"]
        held = {key: plain(item) for key, item in value.items() if key not in ("module", "registered_name")}
        return held | {"name": re.sub(r"_\d+$", "", held["name"])} if isinstance(held.get("name"), str) else held
    if isinstance(value, list | tuple):
        return (["tuple"] if type(value) is not list else []) + [plain(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else f"<{type(value).__name__}>"


def configs(api, folder):
    """Return the config of each object, or the class of the error."""
    found = {}
    for name, made in objects(api, folder):
        try:
            found[name] = plain(made.get_config())
        except NotImplementedError:
            found[name] = "NotImplementedError"
    return found


def differences(ours, keras, path):
    """Yield the paths of what differs between two configs."""
    if isinstance(ours, dict) and isinstance(keras, dict):
        for key in sorted(ours.keys() | keras.keys()):
            if key in ours and key in keras:
                yield from differences(ours[key], keras[key], f"{path}.{key}")
            else:
                yield f"{path}.{key}"
    elif ours != keras:
        yield path


if __name__ == "__main__":
    import keras

    lines = (f"{json.dumps(name)}: {json.dumps(held)}" for name, held in configs(keras, Path()).items())
    RECORD.write_text("{" + ",\n".join(lines) + "}\n")
