"""What an optimizer is called, takes, keeps and says; and Adam against torch's own."""

import inspect
import subprocess
import sys

import numpy as np
import pytest
import torch

from layercli import optimizers
from layercli.errors import NotBuiltError, UsageError
from layercli.optimizers import schedules
from layercli.optimizers.adam import fusable

PLAIN = [n for n in dir(optimizers) if n[0].isupper() and n not in ("Optimizer", "OptimizerMap")]
PLAIN = [n for n in PLAIN if n not in ("LossScaleOptimizer", "MultiOptimizer")]
SETTINGS = (
    "learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, "
    "ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name"
)


def weights(*shapes):
    generator = torch.Generator().manual_seed(5)
    return [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in shapes or [(3, 2), (2,)]]


def train(optimizer, parameters, steps=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    optimizer.build(parameters, [f"layer/{i}" for i in range(len(parameters))])
    for _ in range(steps):
        optimizer.apply([torch.randn(p.shape, generator=generator) for p in parameters])
    return optimizer


def test_every_optimizer_of_keras_is_here_with_its_arguments_and_defaults(keras):
    theirs = {n for n in dir(keras.optimizers) if n[0].isupper() and n != "Optimizer"}
    assert {*PLAIN, "LossScaleOptimizer"} >= theirs - {"MultiOptimizer", "OptimizerMap"}
    for name in PLAIN:
        cls = getattr(keras.optimizers, name, None) or getattr(keras.src.optimizers, name)
        expected = {k: p.default for k, p in inspect.signature(cls).parameters.items() if k not in ("kwargs", "name")}
        ours = inspect.signature(getattr(optimizers, name)).parameters
        assert {k: p.default for k, p in ours.items() if k != "name"} == expected


@pytest.mark.parametrize("name", PLAIN)
def test_a_config_makes_the_same_optimizer_here_and_in_keras(name, keras):
    ours = getattr(optimizers, name)(learning_rate=0.25, clipnorm=2.0, name="mine")
    again = optimizers.deserialize(optimizers.serialize(ours))
    assert type(again) is type(ours)
    assert again.get_config() == ours.get_config()
    cls = getattr(keras.optimizers, name, None) or getattr(keras.src.optimizers, name)
    theirs = cls.from_config(ours.get_config())
    config = {k: v or None for k, v in theirs.get_config().items()}
    assert {k: v or None for k, v in ours.get_config().items()} == config


def test_configs_within_configs(keras):
    rate = schedules.CosineDecay(0.1, 10)
    inner = optimizers.Adam(rate)
    for outer in (
        optimizers.LossScaleOptimizer(inner, 8.0),
        optimizers.MultiOptimizer(optimizers.OptimizerMap(inner, {"a/.*": optimizers.SGD(0.5)})),
    ):
        again = optimizers.deserialize(optimizers.serialize(outer))
        assert again.get_config() == outer.get_config()
    assert optimizers.deserialize(keras.optimizers.serialize(keras.optimizers.Adam(0.5))).learning_rate == 0.5
    assert optimizers.deserialize(optimizers.serialize(inner)).rate_source == rate


@pytest.mark.parametrize("identifier", ["adam", "Adam", {"class_name": "Adam", "config": {"beta_1": 0.9}}])
def test_get(identifier):
    optimizer = optimizers.get(identifier)
    assert type(optimizer) is optimizers.Adam
    assert optimizers.get(optimizer) is optimizer


def test_get_of_a_class_and_of_nothing():
    assert type(optimizers.get(optimizers.SGD)) is optimizers.SGD
    assert optimizers.get(None) is None
    assert type(optimizers.get("rmsprop")) is optimizers.RMSprop
    assert type(optimizers.get("schedule_free_adamw")) is optimizers.ScheduleFreeAdamW


def test_parse():
    optimizer = optimizers.parse("adam:learning_rate=0.5,beta_1=0.8,amsgrad=true,clipnorm=none")
    assert (optimizer.learning_rate, optimizer.beta_1, optimizer.amsgrad, optimizer.clipnorm) == (0.5, 0.8, True, None)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("adamm", "there is no optimizer 'adamm'", "did you mean adam or nadam or adamax?"),
        ("adam:beta1=0.8", "adam has no argument 'beta1'", "did you mean beta_1 or beta_2?"),
        ("adam:0.1", "adam: expected setting=value, got '0.1'", "for example learning_rate=0.001"),
        ("adam:learning_rate=fast", "adam: learning_rate is a number, true, false or none, got 'fast'", None),
        ("sgd:momentum=2", "momentum of sgd is a number from 0 to 1, got 2", None),
    ],
)
def test_what_parse_cannot_read(text, message, hint):
    with pytest.raises(UsageError) as error:
        optimizers.parse(text)
    assert error.value.message == message
    assert error.value.hint == hint


def multi(**patterns):
    return optimizers.OptimizerMap(optimizers.SGD(), {k: optimizers.SGD() for k in patterns.values()})


def apply_two(optimizer):
    optimizer.build(weights())
    optimizer.apply([np.zeros((3, 2))])


def apply_wrong_shape(optimizer):
    optimizer.build(weights())
    optimizer.apply([np.zeros((2, 3)), None])


def no_gradient(optimizer):
    optimizer.build(weights())
    optimizer.step()


def set_scheduled():
    optimizers.Adam(schedules.CosineDecay(0.1, 10)).learning_rate = 0.1


def spare_late():
    train(optimizers.Adam(), weights()).exclude_from_weight_decay(var_names=["bias"])


def load_other():
    optimizer = train(optimizers.SGD(0.1, momentum=0.9), weights())
    optimizer.load_state_dict({"iteration": 1, "learning_rate": 0.1, "layer/0.momentum": torch.zeros(3, 2), "x": 1})


def set_wrong_shape():
    optimizer = train(optimizers.SGD(0.1, momentum=0.9), weights())
    optimizer.set_variables([np.array(1), np.array(0.1), np.zeros((3, 2)), np.zeros(3)])


MISUSE = [
    (lambda: optimizers.Adam("fast"), "learning_rate is a number, a schedule or a function, got 'fast'"),
    (lambda: optimizers.Adam(clipnorm=1, clipvalue=1), "adam clips gradients one way, got clipnorm and clipvalue"),
    (
        lambda: optimizers.Adam(gradient_accumulation_steps=1),
        "gradient_accumulation_steps is an integer from 2 up, got 1",
    ),
    (lambda: optimizers.Adam(ema_overwrite_frequency=0), "ema_overwrite_frequency is an integer from 1 up, got 0"),
    (lambda: optimizers.Adam(ema_momentum=1.5), "ema_momentum is a number from 0 to 1, got 1.5"),
    (lambda: optimizers.AdamW(weight_decay=None), "weight_decay of adamw is a number, got None"),
    (lambda: optimizers.Lion(beta_1=0), "beta_1 of lion is over 0 and at most 1, got 0"),
    (lambda: optimizers.Ftrl(learning_rate_power=1), "learning_rate_power of ftrl is at most 0, got 1"),
    (
        lambda: optimizers.Ftrl(l1_regularization_strength=-1),
        "l1_regularization_strength of ftrl is at least 0, got -1",
    ),
    (lambda: apply_two(optimizers.Adam()), "adam holds 2 parameters, got 1 gradients"),
    (lambda: apply_wrong_shape(optimizers.Adam()), "a parameter of shape (3, 2) got a gradient of (2, 3)"),
    (lambda: no_gradient(optimizers.Adam()), "adam got no gradient for any parameter"),
    (lambda: optimizers.Adam().build(weights(), ["a"]), "an optimizer of 2 parameters got 1 names"),
    (set_scheduled, "the learning rate of adam follows CosineDecay and cannot be set"),
    (spare_late, "adam is built: exclude_from_weight_decay comes before"),
    (load_other, "the state is not that of this sgd: it differs in layer/1.momentum, x"),
    (set_wrong_shape, "layer_1_momentum of sgd has shape (2,), got (3,)"),
    (lambda: train(optimizers.SGD(), weights()).set_variables([]), "sgd has 2 variables, got 0"),
    (
        lambda: optimizers.LossScaleOptimizer("adam"),
        "inner_optimizer is an optimizer that scales no loss, got 'adam'",
    ),
    (
        lambda: optimizers.LossScaleOptimizer(optimizers.SGD()).set_variables([]),
        "loss_scale_optimizer has 6 variables, got 0",
    ),
    (lambda: multi(a="a.*", b=".*b")["ab"], "ab matches more than one optimizer: a.* and .*b"),
    (
        lambda: multi(a="a").__setitem__("a", optimizers.SGD()),
        "the optimizer map has an optimizer for 'a' already",
    ),
    (lambda: optimizers.OptimizerMap("adam"), "an optimizer map holds plain optimizers, got 'adam'"),
    (
        lambda: optimizers.MultiOptimizer(multi()).build(weights()),
        "multi_optimizer needs the names of its parameters to share them out",
    ),
    (lambda: optimizers.MultiOptimizer(multi()).learning_rate, "multi_optimizer has no learning rate of its own"),
    (
        lambda: setattr(optimizers.MultiOptimizer(multi()), "learning_rate", 1),
        "multi_optimizer has no learning rate of its own",
    ),
    (lambda: optimizers.MultiOptimizer(multi()).set_variables([]), "multi_optimizer has 4 variables, got 0"),
]


@pytest.mark.parametrize(("misuse", "message"), MISUSE)
def test_misuse(misuse, message):
    with pytest.raises(UsageError) as error:
        misuse()
    assert error.value.message == message


def test_nothing_works_before_build():
    for optimizer, text in [
        (optimizers.Adam(), "adam has no parameters yet"),
        (optimizers.MultiOptimizer(multi()), "multi_optimizer has no parameters yet"),
    ]:
        with pytest.raises(NotBuiltError) as error:
            optimizer.step()
        assert error.value.message == text
    with pytest.raises(NotImplementedError) as error:
        train(optimizers.Optimizer(), weights())
    assert str(error.value) == "Optimizer has no update(parameters, gradients, rate, **slots)"


@pytest.mark.parametrize("name", [*PLAIN, "LossScaleOptimizer", "MultiOptimizer"])
@pytest.mark.parametrize("through", ["state_dict", "variables"])
def test_going_on_from_the_state_is_going_on(name, through):
    def make():
        if name == "LossScaleOptimizer":
            return optimizers.LossScaleOptimizer(optimizers.Adam(0.01, use_ema=True), dynamic_growth_steps=2)
        if name == "MultiOptimizer":
            chosen = {"layer/0": optimizers.RMSprop(0.01)}
            return optimizers.MultiOptimizer(optimizers.OptimizerMap(optimizers.SGD(0.1, momentum=0.9), chosen))
        return getattr(optimizers, name)(0.01, gradient_accumulation_steps=2)

    parameters = weights()
    first = train(make(), parameters, 3)
    copies = [torch.nn.Parameter(p.detach().clone()) for p in parameters]
    second = train(make(), copies, 0)
    if through == "state_dict":
        second.load_state_dict({k: v.clone() if torch.is_tensor(v) else v for k, v in first.state_dict().items()})
    else:
        second.set_variables([value.numpy() for value in first.variables])
    for optimizer, held in ((first, parameters), (second, copies)):
        train(optimizer, held, 4, seed=1)
    for a, b in zip(parameters, copies, strict=True):
        assert torch.equal(a, b)


def test_the_fused_adam_and_the_other_agree():
    parameters = weights((4, 3), (3,))
    strided = [torch.nn.Parameter(p.detach().clone()) for p in parameters]
    strided[0] = torch.nn.Parameter(parameters[0].detach().clone().T.contiguous().T)
    assert fusable(parameters)
    assert not fusable(strided)
    for amsgrad in (False, True):
        train(optimizers.Adam(0.1, amsgrad=amsgrad), parameters, 10)
        train(optimizers.Adam(0.1, amsgrad=amsgrad), strided, 10)
        for a, b in zip(parameters, strided, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def test_logical_shapes_are_what_axes_mean():
    """A kernel stored with its axes in another order trains as one stored as it is seen."""
    seen = weights((2, 3, 4), (4,))
    stored = [torch.nn.Parameter(seen[0].detach().permute(2, 0, 1).contiguous()), torch.nn.Parameter(seen[1].clone())]
    gradient = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(1))
    limits = [lambda w: w / w.norm(dim=0, keepdim=True), None]
    plain, permuted = optimizers.Adafactor(0.1), optimizers.Adafactor(0.1)
    plain.build(seen, constraints=limits)
    permuted.build(stored, constraints=limits, axis_orders=[(1, 2, 0), None])
    for _ in range(3):
        plain.apply([gradient, None])
        permuted.apply([gradient.permute(2, 0, 1), None])
    torch.testing.assert_close(stored[0].permute(1, 2, 0), seen[0])
    for (_, a), (_, b) in zip(plain.entries, permuted.entries, strict=True):
        torch.testing.assert_close(a, b)


def test_step_reads_and_zero_grad_drops_the_gradients():
    parameters = weights()
    before = [p.detach().clone() for p in parameters]
    optimizer = optimizers.SGD(0.5)
    optimizer.build(parameters)
    optimizer.scale_loss(sum(p.sum() for p in parameters)).backward()
    optimizer.step()
    for p, old in zip(parameters, before, strict=True):
        torch.testing.assert_close(p.detach(), old - 0.5)
    optimizer.zero_grad()
    assert all(p.grad is None for p in parameters)
    assert optimizer.iterations == 1


def test_clipping_leaves_the_users_gradients_alone():
    parameters = weights()
    for settings in ({"clipnorm": 0.1}, {"clipvalue": 0.1}, {"global_clipnorm": 0.1}, {"loss_scale_factor": 4.0}):
        gradients = [torch.ones_like(p) for p in parameters]
        optimizer = optimizers.SGD(**settings)
        optimizer.build(parameters)
        optimizer.apply(gradients)
        assert all((g == 1).all() for g in gradients)


def test_the_rate_may_be_set_or_come_from_a_function():
    optimizer = optimizers.Adam(0.1)
    optimizer.learning_rate = 0.5
    assert optimizer.learning_rate == 0.5
    optimizer.learning_rate = torch.tensor(0.25)
    assert optimizer.learning_rate == 0.25
    by_step = train(optimizers.SGD(lambda step: 0.5**step), weights(), 2)
    assert by_step.learning_rate == 0.25
    assert optimizers.SGD(lambda: 0.125).learning_rate == 0.125


def test_finalize_puts_the_average_in_place():
    parameters = weights()
    optimizer = train(optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5), parameters)
    averages = [value for name, value in optimizer.entries if name.endswith("average")]
    assert not torch.equal(parameters[0], averages[0])
    optimizer.finalize()
    assert torch.equal(parameters[0], averages[0])


def test_optimizers_do_not_import_torch():
    code = (
        "import layercli.optimizers as o, sys; o.get('adam'); o.Muon().get_config(); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("limit", ["clipnorm", "clipvalue", "global_clipnorm"])
def test_a_limit_below_zero_is_none(limit):
    """As in Keras; each would turn the gradients round."""
    parameter = torch.nn.Parameter(torch.ones(2))
    optimizer = optimizers.SGD(0.5, **{limit: -1.0}, gradient_accumulation_steps=0)
    optimizer.build([parameter])
    optimizer.apply([np.array([1.0, -1.0], "float32")])
    assert parameter.tolist() == [0.5, 1.5]
