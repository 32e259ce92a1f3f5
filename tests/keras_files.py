"""Keras on torch, in a process of its own, over a folder of files: it loads each, computes or trains, and saves it as its own.

``KERAS_BACKEND=torch python -m tests.keras_files FOLDER``: of NAME.keras and the inputs NAME.npz it makes NAME.theirs.keras and
NAME.theirs.npz with the outputs; errors.json has the messages of those that failed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

__all__ = ["SHARD", "leaves", "trained"]

SHARD = 100 / 2**30
"""The size of the files that NAME.weights.json names, where it is there: Keras reads them and writes NAME.theirs.weights.json."""


def leaves(outputs):
    """Return the arrays of a tree of tensors."""
    from torch.utils import _pytree

    return [np.asarray(x.detach().cpu()) for x in _pytree.tree_leaves(outputs)]


def trained(model, x, y):
    """Return the weights of a compiled model after an epoch of two steps."""
    model.fit(x, y, batch_size=4, epochs=1, verbose=0, shuffle=False)
    return model.get_weights()


def answer(keras, file):
    """Load a file, compute with it or train it if it was compiled, and save it."""
    model = keras.models.load_model(file)
    with np.load(file.with_suffix(".npz")) as held:
        inputs = [held[name] for name in held.files]
    given = inputs if len(inputs) > 1 else inputs[0]
    outputs = trained(model, *inputs) if model.compiled else leaves(model(given, training=False))
    np.savez(file.with_suffix(".theirs.npz"), *outputs)
    model.save(file.with_suffix(".theirs.keras"))
    if (index := file.with_suffix(".weights.json")).exists():
        model.load_weights(index)
        model.save_weights(file.with_suffix(".theirs.weights.json"), max_shard_size=SHARD)


def main(folder):
    import keras

    errors = {}
    for file in sorted(Path(folder).glob("*.keras")):
        try:
            answer(keras, file)
        except Exception as error:
            errors[file.stem] = str(error)
    Path(folder, "errors.json").write_text(json.dumps(errors))


if __name__ == "__main__":
    main(sys.argv[1])
