"""What keras.applications are as plain data, for tests/reference/applications.json.

Run as a script it writes the record anew from the Keras that is installed: for each network the number of parameters, digests of
its config and of its weights' shapes in order, and for one network of each family the outputs for weights and images of a formula.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

RECORD = Path(__file__).parent / "reference" / "applications.json"
ARGUMENTS = {"weights": None, "classes": 5, "classifier_activation": None}
SMALL = {
    "ConvNeXtTiny": {"input_shape": (32, 32, 3), "include_preprocessing": False},
    "DenseNet121": {"input_shape": (32, 32, 3)},
    "EfficientNetB0": {"input_shape": (33, 32, 3)},
    "EfficientNetV2B0": {"input_shape": (32, 32, 3), "include_preprocessing": False},
    "InceptionResNetV2": {"input_shape": (75, 75, 3)},
    "InceptionV3": {"input_shape": (75, 75, 3)},
    "MobileNet": {"input_shape": (32, 32, 3), "alpha": 0.25},
    "MobileNetV2": {"input_shape": (33, 32, 3), "alpha": 0.35},
    "MobileNetV3Small": {"input_shape": (33, 32, 3)},
    "NASNetMobile": {"input_shape": (32, 32, 3)},
    "ResNet50": {"input_shape": (32, 32, 3)},
    "ResNet50V2": {"input_shape": (32, 32, 3)},
    "VGG16": {"input_shape": (32, 32, 3)},
    "Xception": {"input_shape": (71, 71, 3)},
}
"""The arguments with which one network of each family is computed."""
OTHERS = {
    "ConvNeXtTiny avg": {"include_top": False, "pooling": "avg", "include_preprocessing": False},
    "EfficientNetB0 max": {"include_top": False, "pooling": "max", "input_shape": (65, 64, 1)},
    "EfficientNetV2B0 avg": {"include_top": False, "pooling": "avg", "input_shape": (64, 64, 4)},
    "InceptionV3 max": {"include_top": False, "pooling": "max"},
    "MobileNet avg": {"include_top": False, "pooling": "avg", "alpha": 0.5, "depth_multiplier": 2},
    "MobileNetV2 max": {"include_top": False, "pooling": "max", "alpha": 1.4, "input_shape": (97, 65, 3)},
    "MobileNetV3Large avg": {"include_top": False, "pooling": "avg", "alpha": 1.25, "dropout_rate": 0.0},
    "MobileNetV3Small minimalistic": {"minimalistic": True, "include_preprocessing": False},
    "ResNet50V2 avg": {"include_top": False, "pooling": "avg", "input_shape": (64, 48, 3)},
    "VGG19 none": {"include_top": False},
}
"""Other arguments whose networks are compared; the key begins with the network."""
WITHOUT_TORCH = ("NASNetMobile",)
"""What Keras makes on other backends only."""
IGNORED = frozenset(
    {
        "bias_initializer", "build_config", "compile_config", "data_format", "dtype", "module", "optional", "quantization_config",
        "ragged", "registered_name", "renorm", "renorm_clipping", "renorm_momentum", "sparse", "synchronized",
    }
)  # fmt: skip
"""Settings that are written in different ways, or that one of the two does not write."""
BASE = 65521
"""How many different values the weights have: a prime, so that the rows of a kernel differ."""


def plain(config):
    """Return a config in one spelling: without what is ignored or None, the last axis as -1."""
    if isinstance(config, (list, tuple)):
        return [plain(each) for each in config]
    if not isinstance(config, dict):
        return float(config) if type(config) is int else config
    if config.get("class_name") == "__keras_tensor__":
        return [config["config"]["keras_history"], config["config"]["shape"]]
    if config.get("class_name") == "InputLayer" and "inbound_nodes" not in config:
        return ["InputLayer", config["config"]["batch_shape"]]
    config = {key: -1 if key == "axis" else value for key, value in config.items()}
    config.setdefault("activation", None)
    if config["activation"] == "linear":
        config["activation"] = None
    return {
        key: plain(value)
        for key, value in config.items()
        if key not in IGNORED and value is not None and (key, value) != ("training", False)
    }


def digest(value):
    """Return a digest of plain data."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def described(model):
    """Return the number of parameters, of trainable ones, and the digests of the config and of the weights' shapes."""
    sizes = [int(np.prod(w.shape)) for w in model.weights]
    trainable = sum(size for size, w in zip(sizes, model.weights, strict=True) if w.trainable)
    layers = {layer["name"]: layer for layer in plain(json.loads(json.dumps(model.get_config())))["layers"]}
    return {
        "parameters": sum(sizes),
        "trainable": trainable,
        "config": digest(list(layers.values())),
        "weights": digest([list(map(int, w.shape)) for w in model.weights]),
    }


def weights(shapes):
    """Return a value for each weight, by its (name, shape): kernels keep the scale of what they get, variances are positive."""
    base = np.random.default_rng(0).standard_normal(BASE).astype("float32")
    return [value(name, tuple(shape), base, i) for i, (name, shape) in enumerate(shapes)]


def value(name, shape, base, index):
    values = np.resize(np.roll(base, 7919 * index), shape)
    if name == "count":
        return np.zeros(shape, "int32")
    if len(shape) > 1:
        fan_in = np.prod(shape[:2]) if len(shape) == 4 and shape[-1] == 1 else np.prod(shape[:-1])
        return values * np.float32(np.sqrt(2 / fan_in))
    if name.startswith(("gamma", "variable", "moving_variance", "variance")):  # Keras names LayerScale.gamma variable_1
        return np.exp(values * np.float32(0.1))
    return values * np.float32(0.1)


def images(shape):
    """Return two images with values from -2 to 2."""
    return np.random.default_rng(1).uniform(-2, 2, (2, *shape)).astype("float32")


def of_keras(names):
    """Return the record of networks, asked of Keras itself."""
    import keras
    from keras import applications

    record = {"networks": {}, "others": {}, "outputs": {}}
    for name in names:
        with keras.device("meta") if keras.backend.backend() == "torch" else keras.name_scope("all"):
            keras.backend.clear_session()
            record["networks"][name] = described(getattr(applications, name)(weights=None))
            for key, arguments in OTHERS.items():
                if key.split()[0] == name:
                    keras.backend.clear_session()
                    record["others"][key] = described(getattr(applications, name)(weights=None, **arguments))
        if name in SMALL:
            model = getattr(applications, name)(**ARGUMENTS, **SMALL[name])
            model.set_weights(weights([(w.name, w.shape) for w in model.weights]))
            outputs = model(images(SMALL[name]["input_shape"]), training=False)
            record["outputs"][name] = np.asarray(keras.ops.convert_to_numpy(outputs)).astype(float).tolist()
        print(name, file=sys.stderr, flush=True)
    return record


def main():
    if len(sys.argv) > 1:
        print(json.dumps(of_keras(sys.argv[1:])))
        return
    from layercli.applications import NETWORKS

    record = {"networks": {}, "others": {}, "outputs": {}}
    for backend, names in (("torch", [n for n in NETWORKS if n not in WITHOUT_TORCH]), ("jax", WITHOUT_TORCH)):
        asked = subprocess.run(
            [sys.executable, "-m", "tests.keras_applications", *names],
            env=os.environ | {"KERAS_BACKEND": backend},
            stdout=subprocess.PIPE,
            check=True,
        )
        for key, found in json.loads(asked.stdout.decode().strip().split("\n")[-1]).items():
            record[key].update(found)
    lines = [
        f"{json.dumps(key)}: {{\n"
        + ",\n".join(f"{json.dumps(n)}: {json.dumps(v)}" for n, v in sorted(found.items()))
        + "}"
        for key, found in record.items()
    ]
    RECORD.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
