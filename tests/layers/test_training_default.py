"""Calls without ``training``: the outer call's, else the default of ``call``, as in Keras."""

from __future__ import annotations

import numpy as np

from layercli import Input, Model, Sequential, layers

ONES = np.ones((1, 1), "float32")


class Doubled(layers.Layer):
    def call(self, x, training=True):
        return x * (2.0 if training else 1.0)


class Held(layers.Layer):
    def __init__(self):
        super().__init__()
        self.doubled = Doubled()

    def call(self, x):
        return self.doubled(x)


def models():
    x = Input((1,))
    return [Doubled(), Held(), Sequential([Doubled()]), Model(x, Doubled()(x)), Model(x, Held()(x))]


def test_the_default_of_call_decides_where_no_call_does():
    for model in models():
        assert [model(ONES, training=t).item() for t in (True, False)] == [2.0, 1.0]
        assert model(ONES).item() == 2.0  # what a call was told is forgotten
        model.module.eval()
        assert model(ONES).item() == 1.0


def test_a_call_overrides_what_a_graph_was_drawn_with():
    x = Input((1,))
    for drawn in (True, False):  # the rows are what Keras 3.15.1 on torch gives
        model = Model(x, Doubled()(x, training=drawn))
        held = Sequential([Input((1,)), model])
        model.compile("sgd", "mse")
        for each in (model, held):
            assert each(ONES).item() == (2.0 if drawn else 1.0)
            assert [each(ONES, training=t).item() for t in (True, False)] == [2.0, 1.0]
            assert each.predict(ONES)[0, 0] == 1.0
        assert model.evaluate(ONES, ONES, verbose=0) == model.test_on_batch(ONES, ONES) == 0.0
        assert model.train_on_batch(ONES, ONES) == 1.0
        assert model(x, training=False).shape == (None, 1)


def test_fit_evaluate_and_predict_say_it():
    model = Sequential([Input((1,)), layers.Dense(1, kernel_initializer="ones"), Doubled()])
    assert model.predict(ONES)[0, 0] == 1.0
    model.compile("sgd", "mse")
    assert model.evaluate(ONES, ONES, verbose=0) == 0.0
    assert model.fit(ONES, ONES, verbose=0).history["loss"] == [1.0]
    model.layers[0].set_weights([ONES, ONES[0] * 0])
    assert (model.predict(ONES)[0, 0], model(ONES).item()) == (1.0, 2.0)


def test_augmentation_is_on_in_a_bare_call():
    images = np.random.default_rng(0).random((8, 6, 6, 3)).astype("float32")
    for layer in (layers.RandomRotation(0.3), layers.RandomZoom(0.3), layers.RandomContrast(0.5), layers.RandomFlip()):
        assert not np.allclose(layer(images).numpy(), images)
        assert np.allclose(layer(images, training=False).numpy(), images)
    assert layers.RandomCrop(4, 4)(images).shape == (8, 4, 4, 3)
    assert layers.RandomCrop(4, 4)(Input((6, 6, 3))).shape == (None, 4, 4, 3)
    assert np.allclose(layers.Dropout(0.5)(images).numpy(), images)
