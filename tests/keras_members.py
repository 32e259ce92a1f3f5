"""The public methods and attributes of objects of every public class of Keras's, as plain data in tests/reference/members.json.

``KERAS_BACKEND=torch python -m tests.keras_members`` writes the record anew from the Keras that is installed. The same functions
make the objects of layercli: ``api`` is the one or the other.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tests.files.test_both_ways import LAYERS, of_layer

RECORD = Path(__file__).parent / "reference" / "members.json"
X, Y = np.ones((4, 3), "float32"), np.ones((4, 2), "float32")
GROUPS = ("layers", "others")
PACKAGES = ("initializers", "losses", "metrics", "optimizers", "callbacks", "regularizers", "constraints")
ARGUMENTS = {
    "BackupAndRestore": lambda api, folder: [str(folder)],
    "BinaryIoU": lambda api, folder: [],
    "CSVLogger": lambda api, folder: [str(folder / "log.csv")],
    "IoU": lambda api, folder: [2, [0]],
    "LearningRateScheduler": lambda api, folder: [float],
    "LossScaleOptimizer": lambda api, folder: [api.optimizers.Adam()],
    "MeanIoU": lambda api, folder: [2],
    "MeanMetricWrapper": lambda api, folder: [api.losses.mean_squared_error],
    "ModelCheckpoint": lambda api, folder: ["model.keras"],
    "MultiOptimizer": lambda api, folder: [api.optimizers.OptimizerMap(api.optimizers.Adam())],
    "OneHotIoU": lambda api, folder: [2, [0]],
    "OneHotMeanIoU": lambda api, folder: [2],
    "Optimizer": lambda api, folder: [0.1],
    "OptimizerMap": lambda api, folder: [api.optimizers.Adam()],
    "PrecisionAtRecall": lambda api, folder: [0.5],
    "RecallAtPrecision": lambda api, folder: [0.5],
    "SensitivityAtSpecificity": lambda api, folder: [0.5],
    "SpecificityAtSensitivity": lambda api, folder: [0.5],
}
SCHEDULES = {
    "CosineDecay": (0.1, 10),
    "CosineDecayRestarts": (0.1, 10),
    "ExponentialDecay": (0.1, 10, 0.9),
    "InverseTimeDecay": (0.1, 10, 0.9),
    "PiecewiseConstantDecay": ([1], [0.1, 0.2]),
    "PolynomialDecay": (0.1, 10),
}


def trained(api, model):
    """Return a model after a step."""
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(X, Y, verbose=0)
    return model


def models(api):
    """Return a model of each kind, their optimizer, a variable and what else is made by itself."""
    inputs = api.Input((3,))

    class Own(api.Model):
        def __init__(self):
            super().__init__()
            self.dense = api.layers.Dense(2)

        def call(self, x):
            return self.dense(x)

    stack = trained(api, api.Sequential([api.Input((3,)), api.layers.Dense(2)]))
    return {
        "Sequential": stack,
        "Functional": trained(api, api.Model(inputs, api.layers.Dense(2)(inputs))),
        "Model": trained(api, Own()),
        "trained optimizer": stack.optimizer,
        "Variable": api.Variable(1.0),
        "KerasTensor": inputs,
        "DTypePolicy": api.DTypePolicy("float32"),
        "InputSpec": api.InputSpec() if hasattr(api, "InputSpec") else api.layers.InputSpec(),
        "SeedGenerator": api.random.SeedGenerator(1),
        **{name: getattr(api.optimizers.schedules, name)(*given) for name, given in SCHEDULES.items()},
    }


def instances(api, folder, names):
    """Return an object of each of the classes ``names`` of PACKAGES, ``package.Class``."""
    found = {}
    for name in names:
        package, _, kind = name.partition(".")
        found[name] = getattr(getattr(api, package), kind)(*ARGUMENTS.get(kind, lambda api, folder: [])(api, folder))
    return found


def layers(api=None):
    """Yield the name of each layer and the layer, called once: layercli's, or ``api``'s of the same config."""
    for name in LAYERS:
        model, inputs = of_layer(name)
        layer = model.layers[-1]
        if api is None:
            yield name, layer
            continue
        from layercli.saving.serialization import config_of

        layer = api.saving.deserialize_keras_object(config_of(layer))
        layer(*inputs) if "Attention" in name and name.startswith(("Multi", "Group")) else layer(
            inputs if len(inputs) > 1 else inputs[0]
        )
        yield name, layer


def public(made):
    """Return the public names of an object that can be asked for."""
    return sorted(name for name in dir(made) if not name.startswith("_") and answers(made, name))


def answers(made, name):
    try:
        getattr(made, name)
    except Exception:
        return False
    return True


def of_keras(folder):
    """Return the members of all objects of Keras's."""
    import keras
    import torch

    names = [
        f"{package}.{name}"
        for package in PACKAGES
        for name in dir(getattr(keras, package))
        if isinstance(getattr(getattr(keras, package), name), type) and name != "OrbaxCheckpoint"
    ]
    torch_s = set(dir(torch.nn.Module())) | {"torch_params"}
    found = {"layers": {}, "others": {}}
    for name, layer in layers(keras):
        found["layers"][name] = [each for each in public(layer) if each not in torch_s or each == "call"]
    for name, made in (models(keras) | instances(keras, folder, names)).items():
        kept = torch_s if name in ("Sequential", "Functional", "Model") else ()
        found["others"][name] = [each for each in public(made) if each not in kept]
    every = set.intersection(*map(set, found["layers"].values()))
    found["every layer"] = sorted(every)
    found["layers"] = {name: [each for each in held if each not in every] for name, held in found["layers"].items()}
    return found


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        members = of_keras(Path(folder))
    parts = {key: ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in members[key].items()) for key in GROUPS}
    every = json.dumps(members["every layer"])
    RECORD.write_text(
        f'{{"every layer": {every},\n' + ",\n".join(f'"{k}": {{\n{v}}}' for k, v in parts.items()) + "}\n"
    )
