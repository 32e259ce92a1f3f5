"""The layer module is an ordinary torch module: what torch does to modules works on it."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch

from layercli import Input, Model, Sequential, ops
from layercli.core.layer import Layer
from layercli.errors import NotBuiltError
from layercli.layers.convolutional.conv import Conv2D
from layercli.layers.core.dense import Dense
from layercli.layers.normalization.batch_normalization import BatchNormalization
from layercli.layers.reshaping.flatten import Flatten
from layercli.models.resnet import ResnetIdentityBlock
from layercli.ops.nn import convolution


def drawn():
    inputs = Input((5,))
    return Model(inputs, Dense(2)(ops.relu(Dense(4)(inputs)))), torch.randn(3, 5)


def stacked():
    return Sequential([Conv2D(4, 3, padding="same"), BatchNormalization()]), torch.randn(2, 6, 6, 3)


def written():
    return ResnetIdentityBlock(3, (8, 8, 3)), torch.randn(2, 4, 4, 3)


@pytest.fixture(autouse=True)
def _the_kernels_of_a_graph(monkeypatch):
    """Let pointwise convolutions be convolutions in eager calls too: only the same kernels give the same bits."""
    monkeypatch.setattr(convolution, "FEW", 0)


models = pytest.mark.parametrize("make", [drawn, stacked, written])


@models
def test_compile_traces_it_whole(make):
    model, x = make()
    expected = model(x)
    compiled = torch.compile(model.module, fullgraph=True, backend="eager")
    assert torch.equal(compiled(x), expected)


@models
@pytest.mark.parametrize("dynamic", [False, True])
def test_compile_traces_what_was_built_and_never_called(make, dynamic):
    model, x = make()
    model.build(tuple(x.shape))
    compiled = torch.compile(model.module, fullgraph=True, backend="eager", dynamic=dynamic)
    assert torch.equal(compiled(x), model(x))


@models
def test_export_traces_it_strictly(make):
    model, x = make()
    expected = model(x)
    exported = torch.export.export(model.module, (x,), strict=True)
    assert torch.equal(exported.module()(x), expected)


@models
def test_functional_call_runs_on_the_parameters_it_is_given(make):
    model, x = make()
    expected = model(x)
    parameters = {name: torch.zeros_like(p) for name, p in model.module.named_parameters()}
    zeroed = torch.func.functional_call(model.module, parameters, (x,))
    assert not torch.equal(zeroed, expected)
    assert torch.equal(model(x), expected)


@models
def test_state_dict_goes_round(make):
    model, x = make()
    expected = model(x)
    state = copy.deepcopy(model.module.state_dict())
    for variable in model.variables:
        variable.assign(variable.numpy() * 2 + 1)
    assert not torch.equal(model(x), expected)
    model.module.load_state_dict(state)
    assert torch.equal(model(x), expected)


@models
def test_a_deep_copy_is_a_model_of_its_own(make):
    model, x = make()
    expected = model(x)
    twin = copy.deepcopy(model)
    for variable in model.variables:
        variable.assign(np.zeros(variable.shape, "float32"))
    assert torch.equal(twin(x), expected)


@models
def test_an_optimizer_of_torch_trains_it(make):
    model, x = make()
    target = torch.randn_like(model(x))
    optimizer = torch.optim.Adam(model.module.parameters(), lr=0.05)
    model.module.train()
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.module.eval()
    assert losses[-1] < 0.9 * losses[0]


@models
def test_made_in_inference_mode_it_can_still_be_trained(make):
    model, x = make()
    with torch.inference_mode():
        model(x)
    assert not any(p.is_inference() for p in model.module.parameters())
    assert all(p.requires_grad for p in model.module.parameters())
    model(x).sum().backward()
    assert model.trainable_variables[0].stored.grad is not None


def test_hooks_see_every_layer():
    model, x = written()
    model(x)
    seen = []
    for name, module in model.module.named_modules():
        module.register_forward_hook(lambda *_, name=name: seen.append(name))
    model(x)
    assert seen == ["conv2a", "bn2a", "conv2b", "bn2b", "conv2c", "bn2c", ""]


def test_a_layer_used_twice_is_one_submodule():
    inputs = Input((4,))
    shared = Dense(4, name="shared")
    model = Model(inputs, shared(shared(inputs)))
    assert len(model.variables) == 2
    model(np.ones((1, 4)))
    assert [name for name, _ in model.module.named_parameters()] == ["shared.kernel", "shared.bias"]


def test_one_layer_in_two_models_has_one_state():
    shared = Dense(3)
    first, second = Sequential([shared]), Sequential([shared, Dense(2)])
    x = np.ones((1, 4))
    first(x)
    second(x)
    shared.kernel.assign(np.zeros((4, 3), "float32"))
    assert torch.equal(first(x), torch.zeros(1, 3))


def test_convolution_kernels_are_stored_as_torch_wants_them():
    layer = Conv2D(4, 3)
    layer.build((None, 8, 8, 2))
    kernel = layer.module.kernel
    assert kernel.is_contiguous()
    assert kernel.shape == (4, 3, 3, 2)
    weight = layer.kernel.value.permute(3, 2, 0, 1)
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert weight.data_ptr() == kernel.data_ptr()


def test_parameters_move_with_the_module():
    layer = Dense(3)
    layer(np.ones((1, 2)))
    layer.module.to(torch.float64)
    assert layer.kernel.value.dtype is torch.float64
    layer.module.to("meta")
    assert layer.kernel.value.device.type == "meta"


def test_made_on_the_meta_device_nothing_is_drawn():
    layer = Dense(3)
    layer.build((None, 10**12))
    with torch.device("meta"):
        assert layer.module.kernel.shape == (10**12, 3)


def test_the_gradient_of_a_value_is_the_parameter_s():
    model = Sequential([Input((5, 5, 2)), Conv2D(3, 2), Flatten(), Dense(2)])
    x = torch.randn(2, 5, 5, 2)
    kernel = model.trainable_variables[0]
    model(x).square().sum().backward()
    assert kernel.value.grad.shape == kernel.shape == (2, 2, 2, 3)
    assert torch.equal(kernel.value.grad, kernel.stored.grad.permute(*kernel._logical))
    step = 1e-3
    moved = [model(x).square().sum()]
    with torch.no_grad():
        kernel.assign(kernel.value + step * kernel.value.grad)
    moved.append(model(x).square().sum())
    assert (moved[1] - moved[0]).item() == pytest.approx(step * kernel.value.grad.square().sum().item(), rel=0.2)
    model.zero_grad()
    assert kernel.stored.grad is None


def test_gradients_taken_from_values_are_what_the_backward_pass_left():
    def trained(how):
        model = Sequential([Input((5, 5, 2)), Conv2D(3, 2), Flatten(), Dense(2)])
        model.set_weights([np.linspace(-1, 1, weight.size).reshape(weight.shape) for weight in model.get_weights()])
        model.compile("adam", "mse")
        model(torch.linspace(-1, 1, 100).reshape(2, 5, 5, 2)).square().sum().backward()
        weights = model.trainable_variables
        model.optimizer.apply([how(weight) for weight in weights], weights)
        return model.get_weights()

    for a, b in zip(trained(lambda weight: weight.value.grad), trained(lambda weight: None), strict=True):
        assert np.array_equal(a, b)


def test_a_module_has_the_name_of_its_layer():
    model, x = drawn()
    model(x)
    assert str(model.module) == "Functional(\n  (dense): Dense()\n  (dense_1): Dense()\n)"
    kinds = {
        type(module) for module in (model.module, copy.deepcopy(model.module), pickle.loads(pickle.dumps(model.module)))
    }
    assert [(kind.__name__, kind.__module__) for kind in kinds] == [("Functional", "layercli.core.functional")]


def test_a_layer_has_the_methods_of_a_torch_module():
    model = Sequential([Input((3,)), Dense(2, name="top")])
    layer, seen = model.layers[0], []
    assert [tuple(each.shape) for each in layer.parameters()] == [(3, 2), (2,)]
    assert [*model.state_dict()] == [name for name, _ in model.named_parameters()] == ["top.kernel", "top.bias"]
    handle = layer.register_forward_hook(lambda module, inputs, output: seen.append(tuple(output.shape)))
    model(torch.ones(4, 3))
    handle.remove()
    model(torch.ones(5, 3))
    assert seen == [(4, 2)]
    assert model.double() is model
    assert model(torch.ones(1, 3, dtype=torch.float64)).dtype is torch.float64
    other = Sequential([Input((3,)), Dense(2, name="top")])
    other.load_state_dict(model.float().state_dict())
    assert torch.equal(other(torch.ones(1, 3)), model(torch.ones(1, 3)))


def test_an_attribute_that_fails_keeps_its_error():
    class Failing(Layer):
        @property
        def shown(self):
            return None.missing

    with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'missing'"):
        _ = Failing().shown
    with pytest.raises(AttributeError, match="'Failing' object has no attribute 'parametrs'"):
        _ = Failing().parametrs
    assert hasattr(Failing(), "to")
    with pytest.raises(NotBuiltError, match="has no variables yet"):
        Dense(2).parameters()
