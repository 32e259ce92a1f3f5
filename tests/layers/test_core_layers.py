"""Lambda, TorchModuleWrapper, Wrapper, InputLayer and ReversibleEmbedding: what comes from elsewhere, and what goes both ways."""

from __future__ import annotations

import base64
import json
import pickle
import zipfile

import numpy as np
import pytest
import torch

import layercli
from layercli import Input, Model, Sequential, layers, ops
from layercli.core.dims import UNKNOWN
from layercli.errors import FormatError, LayercliError, UsageError
from layercli.saving import custom_object_scope, register_keras_serializable
from tests.keras_parity import check, close, image, keras


@register_keras_serializable(package="foreign")
def scaled(x, by=2.0):
    return x * by


def unregistered(x):
    return x + 1


def said(function, *args, **kwargs):
    with pytest.raises(LayercliError) as caught:
        function(*args, **kwargs)
    return str(caught.value)


# Lambda


def test_a_function_is_a_layer():
    layer = layers.Lambda(scaled, arguments={"by": 3.0})
    x = image(2, 4)
    np.testing.assert_array_equal(layer(x), x * 3)
    assert str(layers.Lambda(lambda x: ops.concatenate([x, x], -1))(Input(("T", 4))).spec) == "float32[None, T, 8]"
    assert str(layers.Lambda(lambda x: torch.relu(x).sum(-1))(Input(("T", 4))).spec) == "float32[None, T]"
    assert layers.Lambda(lambda pair: pair[0] @ pair[1])([x, x.T]).shape == (2, 2)


def test_it_is_told_what_it_takes():
    layer = layers.Lambda(lambda x, training: x * 2 if training else x)
    x = image(2, 4)
    np.testing.assert_array_equal(layer(x, training=True), x * 2)
    np.testing.assert_array_equal(layer(x), x)
    masked = layers.Lambda(lambda x, mask=None: x if mask is None else ops.where(ops.expand_dims(mask, -1), x, 0))
    table = layers.Embedding(5, 3, mask_zero=True)
    out = masked(table(np.array([[1, 0]])))
    assert bool((out[0, 0] != 0).all())
    assert bool((out[0, 1] == 0).all())


def test_its_mask():
    words = np.array([[1, 0, 2]])
    for mask in (lambda x, mask: mask, None):
        layer = layers.Lambda(lambda x: x * 1, mask=mask)
        out = layer(layers.Embedding(5, 3, mask_zero=True)(words))
        found = getattr(out, "_keras_mask", None)
        assert (None if found is None else found.tolist()) == (None if mask is None else [[True, False, True]])


@pytest.mark.parametrize("shape", [(6,), lambda given: (given[0], 6)], ids=["shape", "function"])
def test_a_function_that_cannot_be_described_has_the_shape_it_is_said_to_have(shape):
    by_values = lambda x: torch.from_numpy(np.repeat(x.detach().numpy(), 2, 1))  # noqa: E731
    layer = layers.Lambda(by_values, output_shape=shape)
    out = layer(Input((3,)))
    assert str(out.spec) == "float32[None, 6]"
    assert out.node.macs is UNKNOWN
    assert layer(image(2, 3)).shape == (2, 6)
    assert "a tensor that has no values" in said(layers.Lambda(lambda x: x * float(x), name="f"), Input((3,)))


def model_of(api, function, **settings):
    inputs = api.Input((4,))
    return api.Model(inputs, api.layers.Lambda(function, **settings)(inputs))


@pytest.mark.parametrize("way", ["ours", "theirs"])
def test_a_registered_function_goes_through_a_file(way, tmp_path):
    path = str(tmp_path / "m.keras")
    theirs = keras.saving.register_keras_serializable(package="foreign", name="scaled")(scaled)
    x = image(2, 4)
    if way == "ours":
        model = model_of(layercli, scaled, arguments={"by": 5.0})
        model.save(path)
        read = keras.models.load_model(path)
    else:
        model = model_of(keras, theirs, arguments={"by": 5.0})
        model.save(path)
        read = layercli.load_model(path)
    close(np.asarray(read(x)), x * 5)


def test_a_function_that_is_not_registered_is_given(tmp_path):
    path = tmp_path / "m.keras"
    model_of(layercli, unregistered).save(path)
    x = image(2, 4)
    with custom_object_scope({"unregistered": unregistered}):
        close(layercli.load_model(path)(x), x + 1)
    close(layercli.load_model(path, {"unregistered": unregistered})(x), x + 1)
    with pytest.raises(FormatError) as caught:
        layercli.load_model(path)
    assert str(caught.value).endswith(": its function 'unregistered' is not registered")


def test_a_lambda_is_not_written(tmp_path):
    model = model_of(layercli, lambda x: x * 2, name="double")
    assert (
        said(model.save, tmp_path / "m.keras")
        == "double (Lambda) has a function without a name, and a file holds no code"
    )
    shaped = model_of(layercli, scaled, output_shape=lambda shape: shape, name="double")
    assert said(shaped.save, tmp_path / "m.keras") == (
        "double (Lambda) has a output_shape without a name, and a file holds no code"
    )
    assert not (tmp_path / "m.keras").exists()


@pytest.mark.parametrize("place", ["function", "output_shape", "mask"])
def test_code_in_a_file_is_refused(place, tmp_path):
    path = str(tmp_path / "m.keras")
    settings = {} if place == "function" else {place: lambda x, mask=None: x}
    given = (lambda x: x * 2) if place == "function" else scaled
    keras.saving.register_keras_serializable(package="foreign", name="scaled")(scaled)
    model_of(keras, given, name="double", **settings).save(path)
    assert "__lambda__" in zipfile.ZipFile(path).read("config.json").decode()
    assert said(layercli.load_model, path) == (
        f"{path}: Lambda 'double': its {place} has no name, and code in a file is never executed"
    )


def test_what_is_no_function():
    assert said(layers.Lambda, 3) == "Lambda expects function to be a function, got 3"
    assert said(layers.Lambda, scaled, arguments=3) == "Lambda expects arguments to be a dict of arguments, got 3"


# TorchModuleWrapper


def small():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3), torch.nn.ReLU(), torch.nn.Dropout(0.5))


def test_a_module_is_a_layer():
    x = torch.tensor(image(6, 4))
    module = small()
    layer = layers.TorchModuleWrapper(module, name="m")
    assert layer.built
    assert [variable.path for variable in layer.variables] == [
        *(f"m/{key}" for key in ("0_weight", "0_bias", "1_weight", "1_bias")),
        *(f"m/{key}" for key in ("1_running_mean", "1_running_var", "1_num_batches_tracked")),
    ]
    assert layer.count_params() == 12 + 3 + 6 + 7
    expected = small().eval()(x)
    close(layer(x).detach(), expected.detach())
    assert dict(layer.module.named_parameters()).keys() == {"0_weight", "0_bias", "1_weight", "1_bias"}
    assert sum(p.numel() for p in layer.module.parameters()) == 21


def test_it_is_in_training_where_the_layer_is():
    x = torch.tensor(image(6, 4))
    module = small()
    layer = layers.TorchModuleWrapper(module)
    assert not torch.equal(layer(x, training=True), layer(x, training=True))
    assert int(layer.module.get_buffer("1_num_batches_tracked")) == 2
    assert torch.equal(layer(x), layer(x))
    close(module[1].running_mean, layer.module.get_buffer("1_running_mean"))
    assert float(module[1].running_mean.abs().sum()) > 0


def test_training_trains_it_as_torch_would():
    x, y = image(8, 4), image(8, 2, seed=1)
    module = torch.nn.Linear(4, 2)
    twin = torch.nn.Linear(4, 2)
    twin.load_state_dict(module.state_dict())
    inputs = Input((4,))
    model = Model(inputs, layers.TorchModuleWrapper(module)(inputs))
    model.compile(layercli.optimizers.SGD(0.1), "mse")
    model.fit(x, y, epochs=3, batch_size=8, shuffle=False, verbose=0)
    optimizer = torch.optim.SGD(twin.parameters(), 0.1)
    for _ in range(3):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(twin(torch.tensor(x)), torch.tensor(y)).backward()
        optimizer.step()
    close(model.get_weights()[0], twin.weight.detach())
    close(module.weight.detach(), twin.weight.detach())


def test_what_is_frozen_stays():
    module = torch.nn.Linear(4, 2)
    module.weight.requires_grad_(False)
    layer = layers.TorchModuleWrapper(module)
    assert [variable.trainable for variable in layer.variables] == [True, False]
    assert [variable.key for variable in layer.trainable_variables] == ["bias"]


def test_shapes_and_cost_come_from_the_meta_device():
    layer = layers.TorchModuleWrapper(torch.nn.Conv2d(3, 5, 3))
    assert str(layer(Input((3, "H", 8))).spec) == "float32[None, 5, None, 6]"
    node = layer(Input((3, 8, 8), batch_size=2)).node
    assert node.macs == 2 * 36 * 27 * 5
    said_so = layers.TorchModuleWrapper(torch.nn.Conv2d(3, 5, 3), output_shape=(None, 5, 6, 6))
    assert str(said_so(Input((3, 8, 8))).spec) == "float32[None, 5, 6, 6]"


def test_several_arguments_and_outputs():
    class Both(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = torch.nn.Linear(4, 4)

        def forward(self, x, y, scale=1.0):
            return self.inner(x) * scale, x + y

    layer = layers.TorchModuleWrapper(Both())
    x, y = image(2, 4), image(2, 4, seed=1)
    first, second = layer(x, y, scale=2.0)
    close(second, x + y)
    a, b = layer(Input((4,)), Input((4,)))
    assert (str(a.spec), str(b.spec)) == ("float32[None, 4]", "float32[None, 4]")
    assert first.shape == (2, 4)


def test_weights_go_through_files_and_models_do_not(tmp_path):
    inputs = Input((4,))
    make = lambda: Model(inputs, layers.TorchModuleWrapper(small(), name="m")(inputs))  # noqa: E731
    model, x = make(), image(6, 4)
    model(x, training=True)
    for name in ("w.safetensors", "w.weights.h5"):
        model.save_weights(tmp_path / name)
        other = make()
        other.load_weights(tmp_path / name)
        close(other(x).detach(), model(x).detach())
    assert said(model.save, tmp_path / "m.keras") == (
        "m (TorchModuleWrapper) wraps a Sequential of torch's, and a file holds no code"
    )


def test_pickled_code_is_refused(tmp_path):
    path = tmp_path / "m.keras"
    Sequential([Input((4,)), layers.Dense(2, name="d")]).save(path)
    with zipfile.ZipFile(path) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(held["config.json"])
    code = base64.b64encode(pickle.dumps(torch.nn.Linear)).decode()
    config["config"]["layers"][1] |= {
        "class_name": "TorchModuleWrapper", "config": {"name": "m", "module": code, "output_shape": None}
    }  # fmt: skip
    held["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in held.items():
            archive.writestr(name, content)
    assert said(layercli.load_model, path) == (
        f"{path}: TorchModuleWrapper 'm': its module is pickled Python code, which is never executed"
    )


def test_what_is_no_module():
    assert said(layers.TorchModuleWrapper, 3) == ("TorchModuleWrapper expects module to be a torch.nn.Module, got 3")
    assert said(layers.TorchModuleWrapper, torch.nn.LazyLinear(3)) == (
        "TorchModuleWrapper expects a module whose parameters have shapes: call it on data first"
    )


def test_it_can_be_exported_and_traced_whole():
    layer = layers.TorchModuleWrapper(small())
    x = torch.tensor(image(6, 4))
    expected = layer(x).detach()
    close(torch.compile(layer.module, fullgraph=True, backend="aot_eager")(x).detach(), expected)
    close(torch.export.export(layer.module, (x,), strict=False).module()(x).detach(), expected)


# Wrapper


class Doubled(layers.Wrapper):
    def call(self, inputs):
        return self.layer(inputs) * 2


def test_a_wrapper_builds_its_layer():
    wrapper = Doubled(layers.Dense(3))
    wrapper.build((None, 4))
    assert wrapper.layer.built
    x = image(2, 4)
    close(wrapper(x).detach(), 2 * wrapper.layer(x).detach())
    again = Doubled.from_config({**wrapper.get_config(), "layer": layers.Dense(3)})
    assert isinstance(again.layer, layers.Dense)
    assert said(layers.Wrapper, 3) == "Wrapper expects layer to be a layer, got 3"
    assert isinstance(layers.TimeDistributed(layers.Dense(3)), layers.Wrapper)
    assert isinstance(layers.SpectralNormalization(layers.Dense(3)), layers.Wrapper)


# InputLayer


@pytest.mark.parametrize("settings", [{"shape": (4,)}, {"batch_shape": (None, 4)}, {"shape": (4,), "dtype": "float32"}])
def test_a_stack_may_begin_with_an_input_layer(settings, tmp_path):
    model = Sequential([layers.InputLayer(**settings, name="begin"), layers.Dense(3)])
    assert (model.built, model.layers[0].name[:5], model.inputs[0].name) == (True, "dense", "begin")
    model.save(tmp_path / "m.keras")
    x = image(2, 4)
    close(np.asarray(keras.models.load_model(tmp_path / "m.keras")(x)), model(x).detach())
    grown = Sequential()
    grown.add(layers.InputLayer((4,)))
    grown.add(layers.Dense(3))
    assert grown.count_params() == 15


def test_its_output_is_an_input():
    begin = layers.InputLayer(("T", 4), 2, dtype="int32")
    assert str(begin.output.spec) == "int32[2, T, 4]"
    assert begin.get_config()["batch_shape"] == (2, None, 4)
    given = Input((4,))
    assert layers.InputLayer(input_tensor=given).output is given
    assert Model(given, layers.Dense(2)(given)).count_params() == 10


def test_messages_of_inputs():
    for settings in ({}, {"shape": (4,), "batch_shape": (None, 4)}):
        assert said(layers.InputLayer, **settings) == (
            "InputLayer expects shape, batch_shape or input_tensor, and one of them alone"
        )
    assert said(layers.InputLayer, (4,), sparse=True) == (
        "InputLayer has no sparse and no ragged tensors here: layercli computes dense ones"
    )
    assert said(Sequential, [layers.Dense(3), layers.InputLayer((4,))]).endswith(
        "takes an Input only before its first layer"
    )


# ReversibleEmbedding

WORDS = np.array([[1, 0, 4], [2, 3, 0]])
REVERSIBLE = [{}, {"tie_weights": False}, {"logit_soft_cap": 0.5}, {"mask_zero": True, "embeddings_regularizer": "l2"}]


@pytest.mark.parametrize("settings", REVERSIBLE, ids=str)
@pytest.mark.parametrize("reverse", [False, True])
def test_reversible_embedding(settings, reverse):
    ours, theirs = (side.ReversibleEmbedding(5, 4, **settings) for side in (layers, keras.layers))
    check(ours, theirs, image(2, 3, 4) if reverse else WORDS, call={"reverse": reverse})


def test_logits_in_another_dtype():
    ours, theirs = (side.ReversibleEmbedding(5, 4, reverse_dtype="float16") for side in (layers, keras.layers))
    ours(WORDS)
    theirs(WORDS)
    theirs.set_weights(ours.get_weights())
    x = image(2, 4)
    found, expected = ours(x, reverse=True), theirs(x, reverse=True)
    assert str(found.dtype).endswith(str(expected.dtype)) is True
    close(found.detach(), expected, 2e-3)  # float16 has 11 bits
    assert str(ours(Input((4,)), reverse=True).spec) == "float16[None, 5]"


def test_what_is_known_of_it_without_values():
    layer = layers.ReversibleEmbedding(50, 4, mask_zero=True)
    x = layer(Input(("T",), dtype="int32"))
    assert str(x.spec) == "float32[None, T, 4]"
    assert x.mask is not None
    logits = layer(x, reverse=True)
    assert (str(logits.spec), logits.mask) == ("float32[None, T, 50]", None)
    assert str(logits.node.macs) == "200*B*T"


@pytest.mark.parametrize("tie", [True, False])
@pytest.mark.parametrize("way", ["ours", "theirs"])
def test_it_goes_through_a_file(tie, way, tmp_path):
    path = str(tmp_path / "m.keras")
    api, load = (layercli, keras.models.load_model) if way == "ours" else (keras, layercli.load_model)
    inputs = api.Input((3,), dtype="int32")
    layer = api.layers.ReversibleEmbedding(5, 4, tie_weights=tie)
    model = api.Model(inputs, layer(layer(inputs), reverse=True))
    model.save(path)
    close(np.asarray(load(path).predict(WORDS, verbose=0)), np.asarray(model.predict(WORDS, verbose=0)))


def test_low_rank():
    ours, theirs = (side.ReversibleEmbedding(5, 4, lora_rank=2) for side in (layers, keras.layers))
    check(ours, theirs, image(2, 3, 4), call={"reverse": True})


def test_messages_of_embeddings():
    assert said(layers.ReversibleEmbedding, 5, 4, logit_soft_cap="much") == (
        "ReversibleEmbedding expects logit_soft_cap to be a number or None, got 'much'"
    )
    with pytest.raises(UsageError):
        layers.ReversibleEmbedding(5, 4, quantization_config={})
