"""What layers of one's own see as ``training`` in every kind of call, as plain data in tests/reference/training.json.

``KERAS_BACKEND=torch python -m tests.keras_training`` writes the record anew.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

RECORD = Path(__file__).parent / "reference" / "training.json"
SAID = {"bare": {}, **{str(value): {"training": value} for value in (None, True, False, 1, 0)}}
INPUTS, TARGETS = np.ones((2, 3), "float32"), np.ones((2, 1), "float32")


def classes(keras, seen):
    """Return layers whose ``call`` has each default, one that calls another in each way, and a model; all note what they see."""

    class Plain(keras.layers.Layer):
        def call(self, x, training=None):
            seen.append(training)
            return x * 1.0

    class Infers(keras.layers.Layer):
        def call(self, x, training=False):
            seen.append(training)
            return x * 1.0

    class Trains(keras.layers.Layer):
        def call(self, x, training=True):
            seen.append(training)
            return x * 1.0

    class Outer(keras.layers.Layer):
        def __init__(self, inner, said):
            super().__init__()
            self.inner, self.said, self.dense = inner(), said, keras.layers.Dense(1)

        def call(self, x, training=None):
            seen.append(training)
            return self.dense(self.inner(x, **({"training": training} if self.said == "passed" else SAID[self.said])))

    class Silent(Outer):
        def call(self, x):
            return self.dense(self.inner(x, **SAID[self.said]))

    class Whole(keras.Model):
        def __init__(self, inner, said):
            super().__init__()
            self.outer = Outer(inner, said)

        def call(self, x, training=None):
            seen.append(training)
            return self.outer(x)

    return Plain, Infers, Trains, Outer, Silent, Whole


def own_models(keras, inner):
    """Return models whose call takes no ``training``, and whose step of their own says none or some."""

    class Mute(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner, self.dense = inner(), keras.layers.Dense(1)

        def call(self, x):
            return self.dense(self.inner(x))

    class Steps(Mute):
        def call(self, x, training=None):
            return self.dense(self.inner(x))

        def train_step(self, data):
            self(data[0])
            self.inner(data[0])
            self(data[0], training=True)
            return {"loss": 0.0}

    class Loses(Mute):
        def call(self, x, training=None):
            return self.dense(self.inner(x))

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            self.inner(x)
            return super().compute_loss(x, y, y_pred, sample_weight)

    return Mute(), Steps(), Loses()


def table(keras):
    """Return, by kind of call, what was seen in their order, or the error's class."""
    seen, found = [], {}
    Plain, Infers, Trains, Outer, Silent, Whole = classes(keras, seen)

    def note(name, call, *args, **kwargs):
        seen.clear()
        try:
            call(*args, **kwargs)
            found[name] = list(dict.fromkeys(seen)) if "model" in name else seen[:]
        except ValueError:
            found[name] = "ValueError"

    def note_calls(name, layer):
        layer(INPUTS)
        for said, given in SAID.items():
            note(f"{name}, {said}", layer, INPUTS, **given)

    for inner in (Plain, Infers, Trains):
        layer = inner()
        note_calls(inner.__name__, layer)
        note(f"{inner.__name__}, True by position", layer, INPUTS, True)
        note(f"{inner.__name__}, None by position", layer, INPUTS, None)
        for outer in (Outer, Silent):
            for said in [*SAID, "passed"][: 6 if outer is Silent else 7]:
                note_calls(f"{outer.__name__} of {inner.__name__} {said}", outer(inner, said))
        for name, model in models(keras, Outer, Whole, inner).items():
            note_calls(f"{name} model of {inner.__name__}", model)
            model.compile("sgd", "mse")
            for method in ("fit", "evaluate", "train_on_batch", "test_on_batch"):
                quiet = {} if method.endswith("batch") else {"verbose": 0}
                getattr(model, method)(INPUTS, TARGETS, **quiet)  # Keras may describe the model once more
                note(f"{name} model of {inner.__name__}, {method}", getattr(model, method), INPUTS, TARGETS, **quiet)
            model.predict(INPUTS, verbose=0)
            note(f"{name} model of {inner.__name__}, predict", model.predict, INPUTS, verbose=0)
            note(f"{name} model of {inner.__name__}, bare again", model, INPUTS)
        for model in own_models(keras, inner):
            model.compile("sgd", "mse")
            name = f"{type(model).__name__} of {inner.__name__}"
            for method in ("fit", "train_on_batch", "evaluate", "test_on_batch"):
                quiet = {} if method.endswith("batch") else {"verbose": 0}
                getattr(model, method)(INPUTS, TARGETS, **quiet)
                note(f"{name}, {method}", getattr(model, method), INPUTS, TARGETS, **quiet)
                note(f"{name}, bare after {method}", model, INPUTS)
            note(f"{name}, predict", model.predict, INPUTS, verbose=0)
    for first in (Plain, Infers, Trains):
        for second in (Plain, Infers, Trains):
            for kind, layer in rows(keras, first, second).items():
                note_calls(f"{kind} of {first.__name__} and {second.__name__}", layer)
    wrapped = keras.layers.TimeDistributed(Plain())
    steps = np.ones((2, 4, 3), "float32")
    wrapped(steps)
    for said, given in SAID.items():
        note(f"TimeDistributed model, {said}", wrapped, steps, **given)
    return found


def rows(keras, first, second):
    """Return layers of two that are called one after the other."""

    class Row(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.first, self.second = first(), second()

        def call(self, x):
            return self.second(self.first(x))

    class Trained(Row):
        def call(self, x, training=True):
            return super().call(x)

    inputs = keras.Input((3,))
    return {
        "row": Row(), "trained row": Trained(), "stack": keras.Sequential([keras.Input((3,)), first(), second()]),
        "graph": keras.Model(inputs, second()(first()(inputs))), "stack in a row": keras.Sequential([Row()]),
    }  # fmt: skip


def models(keras, outer, whole, inner):
    """Return models of each kind around ``inner``."""
    inputs = keras.Input((3,))
    functional = {
        f"functional {said}": keras.Model(inputs, outer(inner, "bare")(inputs, **given)) for said, given in SAID.items()
    }
    sequential = keras.Sequential([keras.Input((3,)), outer(inner, "passed")])
    return {**functional, "sequential": sequential, "own": whole(inner, "bare")}


if __name__ == "__main__":
    import keras

    lines = [f"{json.dumps(name)}: {json.dumps(seen)}" for name, seen in table(keras).items()]
    RECORD.write_text("{\n" + ",\n".join(lines) + "\n}\n")
