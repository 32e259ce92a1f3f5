"""Every optimizer against Keras 3.15.1 on JAX: the same start, the same gradients, the same numbers after 20 steps."""

import numpy as np
import pytest
import torch

import layercli
from layercli import optimizers
from layercli.errors import UsageError
from tests.keras_reference import asked, keras

RNG = np.random.default_rng(3)
PATHS = ["dense/kernel", "dense/bias", "embedding/embeddings", "conv/kernel"]
SHAPES = [(5, 3), (3,), (4, 2), (2, 2, 3, 4)]
START = [RNG.normal(size=shape).astype("float32") for shape in SHAPES]
GRADIENTS = [[RNG.normal(size=shape).astype("float32") for shape in SHAPES] for _ in range(20)]

RULES = [
    ("SGD", {}),
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.9, "nesterov": True}),
    ("RMSprop", {"learning_rate": 0.01}),
    ("RMSprop", {"learning_rate": 0.01, "momentum": 0.9}),
    ("RMSprop", {"learning_rate": 0.01, "momentum": 0.9, "centered": True}),
    ("Adam", {"learning_rate": 0.01}),
    ("Adam", {"learning_rate": 0.01, "amsgrad": True, "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3}),
    ("AdamW", {"learning_rate": 0.01}),
    ("Adamax", {"learning_rate": 0.01}),
    ("Nadam", {"learning_rate": 0.01}),
    ("Lamb", {"learning_rate": 0.01}),
    ("Lion", {"learning_rate": 0.01}),
    ("Adagrad", {"learning_rate": 0.1}),
    ("Adadelta", {"learning_rate": 1.0}),
    ("Adafactor", {"learning_rate": 0.05}),
    ("Adafactor", {"learning_rate": 0.5, "relative_step": False, "clip_threshold": 0.5}),
    ("Ftrl", {"learning_rate": 0.1, "l1_regularization_strength": 0.01, "l2_regularization_strength": 0.1}),
    ("Ftrl", {"learning_rate": 0.1, "l2_shrinkage_regularization_strength": 0.1, "beta": 0.2}),
    ("Ftrl", {"learning_rate": 0.1, "learning_rate_power": -0.3}),
    ("Muon", {"learning_rate": 0.01}),
    ("Muon", {"learning_rate": 0.01, "nesterov": False, "rms_rate": None, "exclude_layers": ["dense"]}),
    ("Muon", {"learning_rate": 0.01, "exclude_embeddings": False, "adam_lr_ratio": 0.5, "adam_weight_decay": None}),
]
FRAME = [
    {"weight_decay": 0.1},
    {"clipnorm": 0.7},
    {"clipvalue": 0.3},
    {"global_clipnorm": 0.9},
    {"use_ema": True, "ema_momentum": 0.8},
    {"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 3},
    {"loss_scale_factor": 8.0},
    {"gradient_accumulation_steps": 4, "use_ema": True, "ema_overwrite_frequency": 2, "clipnorm": 1.0},
]


def keras_variables():
    made = []
    for path, value in zip(PATHS, START, strict=True):
        scope, name = path.split("/")
        with keras.name_scope(scope):
            made.append(keras.Variable(value, name=name))
    return made


def by_keras(optimizer, gradients=GRADIENTS, constrain=False):
    variables = keras_variables()
    if constrain:
        variables[0].constraint = keras.constraints.MaxNorm(1.0)
    optimizer.build(variables)
    for step in gradients:
        optimizer.apply([None if g is None else keras.ops.convert_to_tensor(g) for g in step])
    return [np.asarray(v.value) for v in variables], optimizer


def by_us(optimizer, gradients=GRADIENTS, **more):
    parameters = [torch.nn.Parameter(torch.tensor(value)) for value in START]
    optimizer.build(parameters, PATHS, **more)
    for step in gradients:
        optimizer.apply(step)
    return [p.detach().numpy() for p in parameters], optimizer


def close(ours, theirs, tolerance=1e-5):
    assert np.abs(ours - theirs).max() <= tolerance * max(1.0, np.abs(theirs).max())


def same_numbers(ours, theirs):
    for a, b in zip(ours[0], theirs[0], strict=True):
        close(a, b)
    stored = [(v.name, np.asarray(v.value)) for v in theirs[1].variables]
    assert [variable.name for variable in ours[1].variables] == [name for name, _ in stored]
    for (name, a), (_, b) in zip(ours[1].entries, stored, strict=True):
        if not (isinstance(ours[1], optimizers.Adafactor) and b.dtype == "int32" and name != "iteration"):
            assert tuple(a.shape) == b.shape
            assert str(a.dtype) == f"torch.{b.dtype}"
        close(a.detach().numpy(), b, 2e-5)


@pytest.mark.parametrize(("name", "settings"), RULES)
def test_each_rule(name, settings):
    same_numbers(by_us(getattr(optimizers, name)(**settings)), by_keras(getattr(keras.optimizers, name)(**settings)))


AROUND = [*(("SGD", settings) for settings in FRAME[:-1]), ("Adam", FRAME[0]), ("Adam", FRAME[-1])]


@pytest.mark.parametrize(("name", "settings"), AROUND)
def test_what_stands_around_every_rule(name, settings):
    settings = {"learning_rate": 0.02} | settings
    same_numbers(by_us(getattr(optimizers, name)(**settings)), by_keras(getattr(keras.optimizers, name)(**settings)))


def test_constraints_come_after_the_update():
    limit = keras.constraints.MaxNorm(1.0)
    ours = by_us(
        optimizers.SGD(0.1), constraints=[lambda w: torch.tensor(np.asarray(limit(w.numpy()))), None, None, None]
    )
    same_numbers(ours, by_keras(keras.optimizers.SGD(0.1), constrain=True))
    assert np.linalg.norm(ours[0][0], axis=0).max() <= 1.00001


def test_a_parameter_without_a_gradient_stays():
    gradients = [[step[0], None, step[2], None] for step in GRADIENTS]
    for name in ("Adam", "Muon", "RMSprop", "Adafactor"):
        ours = by_us(getattr(optimizers, name)(learning_rate=0.01), gradients)
        same_numbers(ours, by_keras(getattr(keras.optimizers, name)(learning_rate=0.01), gradients))
        assert (ours[0][1] == START[1]).all()


def test_weight_decay_spares_what_it_is_told_to():
    theirs, ours = keras.optimizers.AdamW(0.1, weight_decay=0.3), optimizers.AdamW(0.1, 0.3)
    theirs.exclude_from_weight_decay(var_names=["bias", "embed"])
    ours.exclude_from_weight_decay(var_names=["bias", "embed"])
    same_numbers(by_us(ours), by_keras(theirs))


def test_a_schedule_sets_the_rate_of_each_step():
    def schedule(module):
        return module.schedules.CosineDecay(0.1, 15, alpha=0.1)

    for name in ("SGD", "Adafactor"):
        ours = by_us(getattr(optimizers, name)(schedule(optimizers)))
        same_numbers(ours, by_keras(getattr(keras.optimizers, name)(schedule(keras.optimizers))))


def by_keras_without_side_effects(optimizer, gradients):
    variables = keras_variables()
    optimizer.build(variables)
    values, state = [v.value for v in variables], [v.value for v in optimizer.variables]
    for step in gradients:
        values, state = optimizer.stateless_apply(state, [keras.ops.convert_to_tensor(g) for g in step], values)
    for variable, value in zip(optimizer.variables, state, strict=True):
        variable.assign(value)
    return [np.asarray(value) for value in values], optimizer


def test_loss_scale_skips_what_is_not_finite_and_grows():
    gradients = [[g * 32768.0 for g in step] for step in GRADIENTS[:14]]
    gradients[5] = [g * np.inf for g in gradients[5]]
    theirs = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.01, momentum=0.9), dynamic_growth_steps=7)
    ours = optimizers.LossScaleOptimizer(optimizers.SGD(0.01, momentum=0.9), dynamic_growth_steps=7)
    same_numbers(by_us(ours, gradients), by_keras_without_side_effects(theirs, gradients))
    assert (ours.iterations, ours.scale, ours.good_steps) == (13, 32768.0, 1)
    assert ours.scale_loss(torch.tensor(2.0)).item() == 65536.0
    assert (float(ours.dynamic_scale), int(ours.step_counter)) == (
        float(theirs.dynamic_scale),
        int(theirs.step_counter),
    )
    ours.dynamic_scale.assign(4.0)
    assert ours.scale_loss(torch.tensor(2.0)).item() == 8.0


def test_several_optimizers_share_the_parameters():
    def several(module, mapping, multiple):
        chosen = {"dense/.*": module.SGD(0.1, momentum=0.5), "conv/kernel": module.Adam(0.01)}
        return multiple(mapping(module.RMSprop(0.02), chosen), loss_scale_factor=4.0)

    multi_optimizer = keras.src.optimizers.multi_optimizer
    theirs = several(keras.optimizers, multi_optimizer.OptimizerMap, multi_optimizer.MultiOptimizer)
    ours = several(optimizers, optimizers.OptimizerMap, optimizers.MultiOptimizer)
    same_numbers(by_us(ours), by_keras(theirs))


@pytest.mark.parametrize("settings", [{"learning_rate": 0.05, "warmup_steps": 5, "weight_decay": 0.01}])
def test_schedule_free_is_that_of_keras_on_torch(settings):
    values, state = asked("schedule_free_on_torch", START, GRADIENTS, settings)
    ours, optimizer = by_us(optimizers.ScheduleFreeAdamW(**settings))
    for a, b in zip(ours, values, strict=True):
        close(a, np.asarray(b))
    for (_, a), b in zip(optimizer.entries, state, strict=True):
        close(a.numpy(), np.asarray(b), 2e-5)


def same(optimizer):
    return lambda name: optimizer


@pytest.mark.parametrize(
    "make",
    [
        lambda: layercli.optimizers.Adam(0.1),
        lambda: layercli.optimizers.LossScaleOptimizer(layercli.optimizers.Adam(0.1), initial_scale=1.0),
        lambda: layercli.optimizers.MultiOptimizer(same(layercli.optimizers.Adam(0.1))),
    ],
    ids=["Adam", "LossScaleOptimizer", "MultiOptimizer"],
)
def test_an_optimizer_is_built_on_the_variables_it_is_first_handed(make):
    def net():
        made = layercli.Sequential([layercli.Input((3,)), layercli.layers.Dense(2)])
        made.set_weights([np.ones((3, 2)), np.zeros(2)])
        return made

    model, other, peer = net(), net(), net()
    gradients = [torch.full((3, 2), 2.0), torch.tensor([1.0, -1.0])]
    optimizer = make()
    optimizer.apply(gradients[::-1], model.trainable_variables[::-1])
    optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
    assert optimizer.step_count == 2
    beside = layercli.optimizers.Adam(0.1)
    beside.build([variable.stored for variable in peer.trainable_variables])
    for _ in range(2):
        beside.apply(gradients)
    for a, b in zip(model.get_weights(), peer.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    with pytest.raises(UsageError) as error:
        optimizer.apply(gradients, other.trainable_variables)
    name = other.trainable_variables[0].path
    assert str(error.value) == f"{optimizer.name} was built on other variables than {name}"
    with pytest.raises(UsageError) as error:
        optimizer.apply(gradients[:1], model.trainable_variables)
    assert str(error.value) == f"{optimizer.name} got 1 gradients for 2 variables"
