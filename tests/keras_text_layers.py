"""What Keras's layers over text and categories give on TensorFlow, for tests/reference/text_layers.json.

Run as a script where TensorFlow is installed (``KERAS_BACKEND=tensorflow``) it writes the record anew.
"""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path

import numpy as np

RECORD = Path(__file__).parent / "reference" / "text_layers.json"
WORDS = np.array(
    [["cat", "dog", "", "fish"], ["dog", "emu", "dog", "[UNK]"], ["yak", "cat", "cat", "ant"]], dtype=object
)
NUMBERS = np.array([[1, 5, -3, 7], [5, 5, 0, 9], [12, -8, 1, 1]])
TEXTS = np.array(["The cat, sat.", "dog  ÄRGER the\tdog!", "", "a-b c_d don't A"], dtype=object)
MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")


def lookups():
    """Yield (class, settings, data to adapt to, input) of lookups."""
    for oov, mode, size in itertools.product((1, 2), MODES, (None, 6)):
        for name, data, mask in (("StringLookup", WORDS, ""), ("IntegerLookup", NUMBERS, 5)):
            for mask_token in (None, mask):
                settings = {"num_oov_indices": oov, "mask_token": mask_token, "output_mode": mode, "max_tokens": size}
                yield name, settings | {"pad_to_max_tokens": size is not None}, data, data
    some = {"num_oov_indices": 4, "vocabulary": ["cat"]}
    yield "StringLookup", {**some, "salt": [3, 7]}, None, WORDS
    yield (
        "StringLookup",
        {"invert": True, "vocabulary": ["cat", "dog"], "mask_token": ""},
        None,
        np.array([[0, 1, 2, 3, 9]]),
    )
    for settings in ({}, {"oov_method": "farmhash"}, {"oov_method": "farmhash", "salt": 9}):
        yield "IntegerLookup", {**some, "vocabulary": [1, 5], **settings}, None, NUMBERS
    yield "IntegerLookup", {"invert": True, "vocabulary": [7, 5], "mask_token": 3}, None, np.array([[0, 1, 2, 3, 9]])


def texts():
    """Yield the same of TextVectorization."""
    ways = (None, "lower", "strip_punctuation", "lower_and_strip_punctuation")
    for way, split, ngrams in itertools.product(ways, (None, "whitespace", "character"), (None, 2, (1, 3))):
        for mode in ("int",) if split is None else ("int", "multi_hot", "count", "tf_idf"):
            settings = {"standardize": way, "split": split, "ngrams": ngrams, "output_mode": mode, "max_tokens": 12}
            yield "TextVectorization", settings, TEXTS, TEXTS[:, None] if split is None else TEXTS
    for length in (3, 9):
        yield "TextVectorization", {"output_sequence_length": length}, TEXTS, TEXTS[:, None]


def hashes():
    """Yield the same of the layers that hash: texts of every length that FarmHash treats by itself among them."""
    for mode, x in itertools.product(MODES[:4], (WORDS, WORDS[:, :1], WORDS[0], NUMBERS, NUMBERS[:1])):
        yield "Hashing", {"num_bins": 5, "output_mode": mode}, None, x
    yield "Hashing", {"num_bins": 5, "mask_value": "dog", "salt": (4, 5)}, None, WORDS
    yield "Hashing", {"num_bins": 5, "mask_value": 5}, None, NUMBERS
    yield "Hashing", {"num_bins": 5, "salt": 2}, None, NUMBERS.astype("float32") * 1.5
    long = np.array(
        [("layer" * 60)[:size] for size in (0, 1, 3, 4, 7, 8, 16, 17, 32, 33, 64, 65, 128, 129, 255)], dtype=object
    )
    for salt in (None, 133):
        yield "Hashing", {"num_bins": 2**31 - 1, "salt": salt}, None, long
    for mode in ("int", "one_hot"):
        for features in ((WORDS[0], NUMBERS[0]), (WORDS[:, :1], WORDS[:, 1:2], NUMBERS[:, 2:3])):
            yield "HashedCrossing", {"num_bins": 11, "output_mode": mode}, None, features


TABLE = {
    "age": [20.0, 35.0, 35.0, 61.0], "size": [1.0, 2.0, 3.0, 10.0], "income": [0.1, 0.2, 0.4, 0.9],
    "city": ["rome", "oslo", "rome", "bern"], "code": [7, 7, 3, 1], "user": ["a", "b", "c", "d"], "zip": [100, 200, 300, 400],
    "raw": [1.0, 2.0, 3.0, 4.0],
}  # fmt: skip


def space_of(kind, **settings):
    """Return a FeatureSpace with a column of every kind and a cross, adapted to TABLE."""
    kinds = {
        "age": "float_normalized", "size": kind.float_discretized(num_bins=3), "income": kind.float_rescaled(2.0, 1.0),
        "city": "string_categorical", "code": "integer_categorical", "user": kind.string_hashed(5), "zip": "integer_hashed",
        "raw": "float",
    }  # fmt: skip
    space = kind(kinds, crosses=[("city", "code")], crossing_dim=6, hashing_dim=4, **settings)
    space.adapt(TABLE)
    return space


def cases():
    """Return all of them."""
    return [*lookups(), *texts(), *hashes()]


def answer(layers, case, given=lambda x: x):
    """Return what a layer gives: its vocabulary, and the output's dtype, shape and values as plain data."""
    name, settings, data, x = case
    layer = getattr(layers, name)(**settings)
    if data is not None:
        layer.adapt(data)
    out = layer(tuple(map(given, x)) if isinstance(x, tuple) else given(x))
    out = np.asarray(out)
    values = [x.decode() if isinstance(x, bytes) else x for x in out.ravel().tolist()]
    vocabulary = layer.get_vocabulary() if hasattr(layer, "get_vocabulary") else []
    kept = [round(x, 5) if isinstance(x, float) else x for x in values]
    return [[x if isinstance(x, str) else int(x) for x in vocabulary], str(out.dtype), list(out.shape), kept]


if __name__ == "__main__":
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    import keras
    import tensorflow

    found = [json.dumps(answer(keras.layers, case, tensorflow.constant), ensure_ascii=False) for case in cases()]
    table = json.dumps(np.asarray(space_of(keras.utils.FeatureSpace)(TABLE)).round(5).tolist())
    versions = json.dumps(f"keras {keras.__version__}, tensorflow {tensorflow.__version__}")
    RECORD.write_text("[" + ",\n".join([versions, *found, table]) + "]\n", encoding="utf-8")
