"""``build`` computes with values, as in Keras; in a ``call`` what depends on no input has a value when Python asks for it."""

import numpy as np
import pytest

import layercli as keras
from layercli import layers, ops
from layercli.errors import UnknownSizeError


class ShiftedWindows(layers.Layer):
    """The mask of shifted windows, as Swin's ``build`` makes it: with ops, from an array."""

    def build(self, input_shape):
        regions = ops.convert_to_tensor(np.repeat([0.0, 1.0], 2).reshape(1, 4))
        self.inside = bool(ops.any(regions > 0))
        different = ops.expand_dims(regions, 1) - ops.expand_dims(regions, 2)
        self.mask = keras.Variable(ops.where(different != 0, -100.0, 0.0), trainable=False)
        self.rows = ops.cast(ops.arange(4), "float32")
        super().build(input_shape)

    def call(self, x):
        return ops.matmul(self.mask, x) + ops.reshape(self.rows, (1, 4, 1))


def functional(layer):
    x = keras.Input((4, 3))
    return keras.Model(x, layer(x))


@pytest.mark.parametrize("made", [lambda layer: layer, functional, lambda layer: keras.Sequential([layer])])
def test_build_computes_with_ops_on_arrays(made):
    layer = ShiftedWindows()
    out = made(layer)(np.ones((1, 4, 3), "float32"))
    assert layer.inside
    assert np.array_equal(out.numpy()[0], np.repeat([[-200.0], [-199.0], [-198.0], [-197.0]], 3, axis=1))


class Prepared(layers.Layer):
    """Assigns and reads variables, and calls a sublayer, in ``build``."""

    def build(self, input_shape):
        self.scale = self.add_weight(shape=(2,), initializer="ones", name="scale")
        self.scale.assign(self.scale * 3)
        self.scale.assign_add([1.0, 2.0])
        self.total = float(ops.sum(self.scale))
        self.dense = layers.Dense(2, use_bias=False)
        self.dense.build((None, 2))
        self.dense.kernel.assign(2 * np.eye(2))
        self.once = ops.convert_to_numpy(self.dense(ops.ones((1, 2))))

    def call(self, x):
        return self.dense(x) * self.scale


@pytest.mark.parametrize("made", [lambda layer: layer, lambda layer: keras.Sequential([layers.Identity(), layer])])
def test_variables_have_values_in_build_and_keep_what_is_assigned(made):
    layer = Prepared()
    out = made(layer)(np.ones((1, 2), "float32"))
    assert layer.total == 9
    assert layer.once.tolist() == [[2, 2]]
    assert out.tolist() == [[8, 10]]


class AsksConstants(layers.Layer):
    """Asks in ``call`` for values that no input decides."""

    def call(self, x):
        steps = ops.arange(4)
        if float(ops.max(ops.convert_to_tensor([1.0, 2.0]))) > 1 and ops.sum(steps) > 3:
            x = x + 1
        for i in range(int(ops.max(steps))):
            x = x + i
        return x + np.asarray(ops.linspace(0.0, 1.0, 3)).sum() + ops.sum(steps).item()


def test_constants_of_a_call_have_values():
    x = keras.Input((2,))
    model = keras.Model(x, AsksConstants()(x))
    assert model(np.zeros((1, 2), "float32")).tolist() == [[11.5, 11.5]]


@pytest.mark.parametrize("wanted", [lambda x, w: ops.sum(x), lambda x, w: ops.ones(x.shape), lambda x, w: ops.sum(w)])
def test_what_inputs_or_variables_decide_has_none(wanted):
    class Asks(layers.Layer):
        def build(self, input_shape):
            self.w = self.add_weight(shape=(2,))

        def call(self, x):
            return x if np.asarray(wanted(x, self.w)).any() else -x

    with pytest.raises(UnknownSizeError, match="asks an array of a tensor that has no values"):
        Asks()(keras.Input((2,)))
