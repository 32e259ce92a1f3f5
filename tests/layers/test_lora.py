"""Low-rank adaptation against Keras: outputs, gradients, which variables are trained, and files."""

from __future__ import annotations

import numpy as np
import pytest

import layercli
from layercli import Input, Sequential, layers
from layercli.errors import NotBuiltError, UsageError
from layercli.inspect.layer_variables import of_archive
from tests.keras_parity import check, close, image, keras, randomized

DENSE = [
    ("Dense", {"units": 3}, (5, 4)),
    ("Dense", {"units": 3, "use_bias": False, "activation": "relu", "kernel_regularizer": "l2"}, (2, 5, 4)),
    ("EinsumDense", {"equation": "abc,cde->abde", "output_shape": (None, 3, 2), "bias_axes": "de"}, (2, 5, 4)),
]


def words(shape):
    return np.random.default_rng(0).integers(0, 6, shape)


@pytest.mark.parametrize(("name", "settings", "shape"), DENSE, ids=str)
def test_outputs_and_gradients(name, settings, shape):
    ours, theirs = (getattr(side, name)(**settings, lora_rank=2) for side in (layers, keras.layers))
    check(ours, theirs, image(*shape))
    assert [v.shape for v in ours.trainable_variables] == [tuple(v.shape) for v in theirs.trainable_variables]


def test_an_embedding():
    check(
        layers.Embedding(6, 4, lora_rank=2), keras.layers.Embedding(6, 4, lora_rank=2), words((3, 5)), gradients=False
    )


def test_names_and_what_is_trained():
    dense, table = layers.Dense(3, name="d"), layers.Embedding(6, 3, name="d")
    for layer, x, name in [(dense, image(2, 4), "kernel"), (table, words(2), "embeddings")]:
        before = layer(x).detach()
        layer.enable_lora(2, 4)
        assert [v.path for v in layer.trainable_variables][-2:] == [f"d/lora_{name}_a", f"d/lora_{name}_b"]
        assert [v.path for v in layer.non_trainable_variables] == [f"d/{name}"]
        assert np.array_equal(layer(x).detach(), before)  # b is zeros
        assert (layer.get_config()["lora_rank"], layer.get_config()["lora_alpha"]) == (2, 4)


def test_the_sum_is_scaled_by_alpha_over_rank():
    layer = layers.Dense(3, use_bias=False, lora_rank=2, lora_alpha=8)
    x = image(2, 4)
    layer(x)
    randomized(layer)
    kernel, a, b = layer.get_weights()
    np.testing.assert_allclose(layer(x).detach(), x @ (kernel + 4 * a @ b), rtol=1e-5)


def test_training_moves_the_thin_ones_alone():
    layercli.random.set_seed(0)
    model = Sequential([Input((4,)), layers.Dense(3, lora_rank=2)])
    kernel, bias, a, b = model.get_weights()
    model.compile("adam", "mse")
    model.fit(image(8, 4), image(8, 3, seed=1), epochs=2, verbose=0)
    after = model.get_weights()
    assert np.array_equal(after[0], kernel)
    assert not any(np.array_equal(new, old) for new, old in zip(after[1:], (bias, a, b), strict=True))


@pytest.mark.parametrize("way", ["ours", "theirs", "own"])
def test_a_file_holds_the_sum(way, tmp_path):
    path = str(tmp_path / "m.keras")
    x = words((3, 5))
    mine = Sequential([Input((5,), dtype="int32"), layers.Embedding(6, 4, lora_rank=2), layers.Dense(3, lora_rank=2)])
    yours = keras.Sequential(
        [
            keras.Input((5,), dtype="int32"),
            keras.layers.Embedding(6, 4, lora_rank=2),
            keras.layers.Dense(3, lora_rank=2),
        ]
    )
    randomized(mine)
    yours.set_weights(mine.get_weights())
    written, read = {
        "ours": (mine, keras.models.load_model),
        "theirs": (yours, layercli.load_model),
        "own": (mine, layercli.load_model),
    }[way]
    written.save(path)
    again = read(path)
    close(np.asarray(again.predict(x, verbose=0)), np.asarray(written.predict(x, verbose=0)))
    assert len(again.weights) == 7
    if read is layercli.load_model:
        assert not again.layers[1].lora_kernel_b.numpy().any()
        assert again.layers[1].lora_kernel_a.numpy().any()


def test_vars_shows_what_the_file_holds(tmp_path):
    model = Sequential([Input((4,)), layers.Dense(3, lora_rank=2, name="d")])
    randomized(model)
    kernel, bias, a, b = model.get_weights()
    model.save(tmp_path / "m.keras")
    rows = of_archive(layercli.load_model(tmp_path / "m.keras"), str(tmp_path / "m.keras")).rows
    assert [row.path for row in rows] == ["d/kernel", "d/bias"]
    for row, value in zip(rows, (kernel + a @ b, bias), strict=True):
        close(row.read(), value)


def said(error, function, *args, **kwargs):
    with pytest.raises(error) as caught:
        function(*args, **kwargs)
    return str(caught.value)


def test_messages():
    layer = layers.Dense(3, name="d")
    assert (
        said(NotBuiltError, layer.enable_lora, 2) == "d (Dense) has no variables yet, which low-rank adaptation needs"
    )
    layer(image(2, 4))
    assert said(UsageError, layer.enable_lora, 0) == "d (Dense) expects lora_rank to be a positive integer, got 0"
    layer.enable_lora(2)
    assert said(UsageError, layer.enable_lora, 2) == "d (Dense) is adapted already"
    bound = layers.Dense(3, name="d", kernel_constraint="non_neg", lora_rank=2)
    assert said(UsageError, bound, image(2, 4)) == (
        "d (Dense) has a constraint on its kernel, which low-rank adaptation would break"
    )


@pytest.mark.parametrize(("name", "rank"), [("Conv1D", 1), ("Conv2D", 2), ("Conv3D", 3)])
def test_a_convolution_is_adapted_by_its_arguments_and_stays_so_in_a_file(name, rank, tmp_path):
    layer = getattr(layercli.layers, name)(4, 2, lora_rank=2, lora_alpha=3.0)
    model = layercli.Sequential([layercli.Input((4,) * rank + (3,)), layer])
    assert [v.name for v in model.trainable_variables] == ["bias", "lora_kernel_a", "lora_kernel_b"]
    layer.variables[-1].assign(np.full(layer.variables[-1].shape, 0.5, "float32"))
    x = np.random.default_rng(0).standard_normal((2,) + (4,) * rank + (3,)).astype("float32")
    expected = model.predict(x, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = layercli.models.load_model(tmp_path / "model.keras")
    assert (loaded.layers[0].lora_rank, loaded.layers[0].lora_alpha) == (2, 3.0)
    np.testing.assert_allclose(loaded.predict(x, verbose=0), expected, rtol=1e-5, atol=1e-6)
