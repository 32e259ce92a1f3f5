"""Layers with weights stored as integers against Keras: variables bit for bit, outputs and gradients, and files both ways."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import layercli
from layercli import Input, Sequential, layers, quantizers
from layercli.core import naming
from layercli.errors import NotBuiltError, UsageError
from layercli.inspect.layer_summary import summarize
from layercli.inspect.layer_variables import of_archive
from layercli.ops.nn.quantized import integer_product
from layercli.quantizers import unpack_int4
from tests import keras_float8
from tests.keras_parity import close, image, keras, randomized

DENSE = ("Dense", {"units": 5, "activation": "relu"}, (2, 3, 6))
LORA = ("Dense", {"units": 5, "lora_rank": 2}, (3, 6))
EINSUM = ("EinsumDense", {"equation": "abc,cde->abde", "output_shape": (None, 3, 2), "bias_axes": "de"}, (2, 4, 5))
SUM = ("EinsumDense", {"equation": "abde,dec->abc", "output_shape": (None, 5)}, (2, 4, 3, 2))
TABLE = ("Embedding", {"input_dim": 6, "output_dim": 5}, None)
REVERSED = ("ReversibleEmbedding", {"input_dim": 6, "output_dim": 5, "tie_weights": False, "logit_soft_cap": 3.0}, None)
CONFIGS = {
    "int8": ("Int8", {}),
    "int8 weights": ("Int8", {"activation_quantizer": None}),
    "int4 columns": ("Int4", {"block_size": -1}),
    "int4 groups": ("Int4", {"block_size": 3}),
}


def config_of(module, name):
    kind, settings = CONFIGS[name]
    return getattr(module, f"{kind}QuantizationConfig")(**settings)


def both(case, config, dtype=None):
    """Return our layer and Keras's with the same weights, quantized, and inputs."""
    name, settings, shape = case
    x = np.random.default_rng(0).integers(0, 6, (2, 3)) if shape is None else image(*shape)
    ours, theirs = (getattr(module, name)(**settings, name="q") for module in (layers, keras.layers))
    for layer in (ours, theirs):
        layer(x)
    randomized(ours)
    theirs.set_weights(ours.get_weights())
    ours.quantize(config=config_of(quantizers, config))
    theirs.quantize(config=config_of(keras.quantizers, config))
    return ours, theirs, x


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("case", [DENSE, EINSUM, SUM, TABLE, REVERSED, LORA], ids=lambda case: case[0])
def test_against_keras(case, config):
    ours, theirs, x = both(case, config)
    held = [np.asarray(value) for value in theirs.get_weights()]
    assert [v.name for v in ours.variables] == [v.name for v in theirs.weights]
    for variable, value in zip(ours.variables, held, strict=True):
        assert variable.dtype == str(value.dtype)
        np.testing.assert_array_equal(variable.numpy(), value)
    assert ours.dtype_policy.name == str(theirs.dtype_policy.name)
    close(ours(x).detach(), np.asarray(theirs(x)), 3e-6)
    if case is REVERSED:
        y = image(4, 5)
        close(ours(y, reverse=True).detach(), np.asarray(theirs(y, reverse=True)), 3e-6)


@pytest.mark.parametrize("case", [DENSE, SUM], ids=lambda case: case[0])
def test_the_gradient_is_that_of_the_floats(case):
    ours, _, x = both(case, "int8")
    form = ours.weight_forms()[0]
    kernel = form.floats(ours.held(), "int8", "float32").detach()
    given, same = (torch.from_numpy(x.copy()).requires_grad_() for _ in range(2))
    ours.activation = None
    ours(given).sum().backward()
    torch.einsum("...a,ab->...b" if case is DENSE else "abde,dec->abc", same, kernel).sum().backward()
    close(given.grad, same.grad.numpy())


def test_products_of_integers_are_exact():
    rng = np.random.default_rng(0)
    x, y = (torch.from_numpy(rng.integers(-127, 128, shape).astype("int8")) for shape in ((3, 4, 500), (4, 500, 2)))
    for terms, left, right in [
        (("ab", "bc", "ac"), x[0], y[0]),
        (("abc", "bcd", "abd"), x, y),
        (("abc", "bcd", "ad"), x, y),
    ]:
        wanted = torch.einsum(f"{terms[0]},{terms[1]}->{terms[2]}", left.long(), right.long())
        assert torch.equal(integer_product(left, right, terms).long(), wanted)


@pytest.fixture(autouse=True)
def _names():
    """Layers are numbered in a process, and their first values follow from their names: the same whatever ran before."""
    naming.clear_session()


def model_of(module):
    inputs = module.Input((3,), dtype="int32")
    x = module.layers.Embedding(6, 5, name="table")(inputs)
    x = module.layers.EinsumDense("abc,cd->abd", (None, 4), bias_axes="d", name="sum")(x)
    return module.Model(inputs, module.layers.Dense(2, name="last")(x))


@pytest.mark.parametrize("way", ["ours", "theirs", "own"])
@pytest.mark.parametrize("mode", ["int8", "int4"])
def test_files(mode, way, tmp_path):
    path = str(tmp_path / "m.keras")
    mine, yours = model_of(layercli), model_of(keras)
    randomized(mine)
    yours.set_weights(mine.get_weights())
    mine.quantize(mode)
    yours.quantize(mode)
    written, read = {
        "ours": (mine, keras.models.load_model),
        "theirs": (yours, layercli.load_model),
        "own": (mine, layercli.load_model),
    }[way]
    written.save(path)
    again, x = read(path), np.random.default_rng(0).integers(0, 6, (2, 3)).astype("int32")
    close(np.asarray(again.predict(x, verbose=0)), np.asarray(written.predict(x, verbose=0)), 3e-6)
    if read is layercli.load_model:
        assert [layer.quantization_mode for layer in again.layers[1:]] == [mode] * 3
        assert again.layers[3].quantization_config.mode == mode


@pytest.mark.parametrize("kind", keras_float8.KINDS)
def test_float8_trains_as_in_keras(kind, tmp_path):
    model, ours = keras_float8.trained(layercli, kind)
    with np.load(keras_float8.RECORD) as theirs:
        assert list(ours) == [name for name in theirs if name.startswith(f"{kind} ")]
        for name, value in ours.items():
            np.testing.assert_allclose(value, theirs[name], rtol=1e-4, atol=1e-6, err_msg=name)
    assert len(model.optimizer.variables) == 2 + 2 * 2  # none for what gradients overwrite
    model.save(tmp_path / "m.keras")
    again = layercli.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again.predict(keras_float8.X, verbose=0), model.predict(keras_float8.X, verbose=0))
    assert again.optimizer.iterations == 6


def test_int4_is_shown_as_what_it_stands_for(tmp_path):
    model = Sequential([Input((7,)), layers.Dense(5)], name="net")
    randomized(model)
    model.quantize("int4")
    model.save(tmp_path / "m.keras")
    rows = {row.path: row for row in of_archive(model, str(tmp_path / "m.keras")).rows}
    kernel = rows["dense/kernel"]
    assert (kernel.shape, kernel.dtype, kernel.parameters, kernel.bytes) == ((7, 5), "int4", 35, 7 * 3)
    np.testing.assert_array_equal(kernel.read(), unpack_int4(model.layers[0].kernel.numpy(), 5, 1))
    assert rows["dense/g_idx"].initializer == "group_indices(block=128)"
    assert summarize(model, None).totals.parameters == 35 + 5 + 5 + 5 + 7


def test_the_bias_still_trains():
    model = Sequential([Input((6,)), layers.Dense(3)])
    model.compile("adam", "mse")
    x, y = image(8, 6), image(8, 3, seed=1)
    model.fit(x, y, verbose=0)
    model.quantize("int8")
    bias, kernel, scale = (v.numpy() for v in model.weights)
    model.fit(x, y, verbose=0)
    after = [v.numpy() for v in model.weights]
    assert not np.array_equal(after[0], bias)
    assert np.array_equal(after[1], kernel)
    assert np.array_equal(after[2], scale)


def said(kind, function, *args, **settings):
    with pytest.raises(kind) as caught:
        function(*args, **settings)
    return str(caught.value)


def test_messages(tmp_path):
    layer = layers.Dense(3, name="d")
    assert said(NotBuiltError, layer.quantize, "int8") == "d (Dense) has no variables yet, which quantize needs"
    layer(image(2, 4))
    assert (
        said(UsageError, layer.quantize, "int7")
        == "a quantization mode is one of int8, float8, int4, gptq, awq, got 'int7'"
    )
    table = layers.Embedding(3, 4, name="t")
    table(np.zeros((1, 2), "int32"))
    sentence = "t multiplies nothing in float8: quantize it as int8 or int4"
    assert said(NotImplementedError, table.quantize, "float8") == sentence
    assert table.dtype_policy.name == "float32"
    layer.quantize("int8")
    assert said(UsageError, layer.quantize, "int4") == (
        "d (Dense) is quantized already: its dtype policy is int8_from_float32"
    )
    assert said(UsageError, layers.Embedding, 3, 4, quantization_config="int8") == (
        "Embedding expects quantization_config to be a QuantizationConfig or None, got 'int8'"
    )
    inputs = Input((4, 3))
    model = layercli.Model(inputs, layers.Flatten()(layers.TimeDistributed(layers.Dense(2), name="m")(inputs)))
    with pytest.warns(UserWarning, match="has no weights to quantize"):
        model.quantize("int8")
    assert said(UsageError, model.save, tmp_path / "m.keras").startswith("a model file cannot hold m/")


def test_filters():
    model = Sequential([Input((6,)), layers.Dense(3, name="first"), layers.Dense(3, name="last")])
    model.quantize("int4", filters="^fi")
    assert [layer.quantization_mode for layer in model.layers] == ["int4", None]
    model.quantize("int8", filters=lambda layer: layer.name == "last")
    assert [layer.dtype_policy.name for layer in model.layers] == ["int4/128_from_float32", "int8_from_float32"]


@pytest.mark.parametrize("mode", ["int8", "int4"])
def test_the_projections_of_attention_are_saved(mode, tmp_path):
    inputs = Input((4, 6))
    x = layers.MultiHeadAttention(2, 4, name="mha")(inputs, inputs)
    model = layercli.Model(inputs, layers.GroupedQueryAttention(4, 2, 1)(x, x))
    data = np.random.default_rng(0).random((2, 4, 6), "float32")
    model.quantize(mode)
    model.save(tmp_path / "model.keras")
    again = layercli.saving.load_model(tmp_path / "model.keras")
    assert again.get_layer("mha").query_dense.quantization_mode == mode
    assert np.array_equal(again.predict(data, verbose=0), model.predict(data, verbose=0))
