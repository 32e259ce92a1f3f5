"""What the oracle asks of Keras on JAX itself. Imported only where no record has the answer.

The source of each function here, and of those that it calls, is a part of the questions that it answers.
"""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "jax"

import jax
import jax.numpy as jnp
import keras
import numpy as np


def weighting(outputs):
    rng = np.random.default_rng(2)
    return [rng.standard_normal(tuple(y.shape)).astype("float32") for y in outputs]


def floating(x):
    return hasattr(x, "dtype") and np.issubdtype(x.dtype, np.floating)


def initial_values(layer, shapes):
    """Return the name, shape, standard deviation and largest magnitude of each variable of a new layer."""
    layer.build(*shapes)
    values = [
        (v.path.rpartition("/")[2], np.asarray(v.value, "float64")) for v in layer.weights if "seed" not in v.path
    ]
    return [[name, list(x.shape), float(x.std()), float(np.abs(x).max())] for name, x in values]


def weighted_sum(outputs):
    pairs = zip(outputs, weighting(outputs), strict=True)
    return sum((y * w).sum() for y, w in pairs if jnp.issubdtype(y.dtype, jnp.floating))


def layer(theirs, inputs, weights, training, call, gradients):
    """Return all that a layer holds and does: its variables, and with ``weights`` outputs, gradients and the state after."""
    described(theirs, inputs, call)
    found = {
        "names": [v.path.rpartition("/")[2] for v in theirs.weights if "seed_generator" not in v.path],
        "shapes": [tuple(v.shape) for v in theirs.weights if "seed_generator" not in v.path],
        "trainable": [v.trainable for v in theirs.weights],
    }
    if found["shapes"] != [w.shape for w in weights]:
        return found
    theirs.set_weights(weights)
    outputs, by_name, state = run(theirs, inputs, training, call, gradients)
    return {**found, "outputs": outputs, "gradients": by_name, "state": state}


def described(layer, inputs, call):
    """Build Keras's layer by a call on shapes alone, which compiles nothing."""
    args, kwargs = jax.tree_util.tree_map(
        lambda x: keras.KerasTensor(x.shape, str(x.dtype)) if hasattr(x, "dtype") else x, (inputs, call)
    )
    layer(*args, **kwargs)


def takes_training(layer):
    return "training" in layer._call_signature.parameters if hasattr(layer, "_call_signature") else True


def run(layer, inputs, training, call, gradients):
    flat, structure = jax.tree_util.tree_flatten(inputs)
    variable = [i for i, x in enumerate(flat) if floating(x)]
    state = [v.value for v in layer.non_trainable_variables]
    extra = dict(call)
    if takes_training(layer):
        extra["training"] = training

    def forward(trainable, chosen):
        values = list(map(jnp.asarray, flat))
        for i, x in zip(variable, chosen, strict=True):
            values[i] = x
        outputs, new_state = layer.stateless_call(
            trainable, state, *jax.tree_util.tree_unflatten(structure, values), **extra
        )
        outputs = keras.tree.flatten(outputs)
        return weighted_sum(outputs), (outputs, new_state)

    trainable = [v.value for v in layer.trainable_variables]
    chosen = [jnp.asarray(flat[i]) for i in variable]
    if not gradients:
        _, (outputs, new_state) = forward(trainable, chosen)
        found = {}
    else:
        (by_weight, by_input), (outputs, new_state) = jax.grad(forward, argnums=(0, 1), has_aux=True)(trainable, chosen)
        found = {
            v.path.rpartition("/")[2] + f" {i}": g
            for i, (v, g) in enumerate(zip(layer.trainable_variables, by_weight, strict=True))
        }
        found |= {f"input {i}": g for i, g in zip(variable, by_input, strict=True)}
    kept = [s for v, s in zip(layer.non_trainable_variables, new_state, strict=True) if "seed_generator" not in v.path]
    return outputs, found, kept


def operation(call, arrays, gradients):
    """Return what ``call(keras.ops, *arrays)`` gives, and the gradients of a weighting of it."""
    outputs = keras.tree.flatten(call(keras.ops, *map(jnp.asarray, arrays)))
    if not gradients:
        return {"outputs": outputs, "gradients": []}
    chosen = [i for i, x in enumerate(arrays) if floating(x)]

    def total(*values):
        full = list(map(jnp.asarray, arrays))
        for i, x in zip(chosen, values, strict=True):
            full[i] = x
        return weighted_sum(keras.tree.flatten(call(keras.ops, *full)))

    found = jax.grad(total, argnums=tuple(range(len(chosen))))(*(arrays[i] for i in chosen))
    return {"outputs": outputs, "gradients": found}


def kinds(module):
    """Return what a module such as ``keras.losses`` holds: by name, whether it is a class, a function or something else."""
    found = keras
    for name in module.split(".")[1:]:
        found = getattr(found, name)
    return {name: type(getattr(found, name)).__name__ for name in dir(found)}


def class_name(value):
    return type(value).__name__


def distribution(draw, count):
    """Return what a draw of ``count`` rows looks like: shape, dtype, mean, deviation, and quantiles from 2% to 98%."""
    x = np.asarray(draw(keras.random, count, 5))
    values = x.astype("float64")
    return {
        "shape": x.shape, "dtype": x.dtype.name, "mean": values.mean(), "deviation": values.std(),
        "quantiles": np.quantile(values, np.linspace(0.02, 0.98, 481)),
    }  # fmt: skip


def sample(make, shape, every):
    """Return what an initializer draws: dtype, size, deviation, largest magnitude, and in order each ``every``-th value."""
    x = np.asarray(make(shape)).ravel()
    return {
        "dtype": x.dtype,
        "size": x.size,
        "deviation": x.std(),
        "largest": np.abs(x).max(),
        "sorted": np.sort(x)[::every],
    }


def trained(make, optimizer, settings, x, y, run):
    """Return what training leaves: the weights before and after it, the history, the steps and the evaluation."""
    model = make(keras)
    model.compile(optimizer(keras), **{k: v(keras) if callable(v) else v for k, v in settings.items()})
    given = np.random.default_rng(3)
    start = [given.normal(scale=0.3, size=w.shape).astype("float32") for w in model.get_weights()]
    start = [abs(w) if "variance" in v.path else w for v, w in zip(model.weights, start, strict=True)]
    model.set_weights(start)
    history = model.fit(x, y, **run).history
    return {
        "start": start, "history": history, "weights": model.get_weights(), "iterations": int(model.optimizer.iterations),
        "evaluated": model.evaluate(x, y, verbose=0),
    }  # fmt: skip


def schedule_free_on_torch(start, gradients, settings):
    """Return the values and the state that ScheduleFreeAdamW leaves on torch, in a process of its own: on JAX it differs."""
    import json
    import subprocess
    import sys

    program = """
import json, sys, numpy as np, keras
start, gradients, settings = json.load(sys.stdin)
optimizer = keras.optimizers.ScheduleFreeAdamW(**settings)
variables = [keras.Variable(np.asarray(value, "float32"), name="v") for value in start]
optimizer.build(variables)
for step in gradients:
    optimizer.apply([keras.ops.convert_to_tensor(np.asarray(g, "float32")) for g in step])
json.dump([[v.numpy().tolist() for v in each] for each in (variables, optimizer.variables)], sys.stdout)
"""
    given = json.dumps([[x.tolist() for x in start], [[g.tolist() for g in step] for step in gradients], settings])
    environment = {**os.environ, "KERAS_BACKEND": "torch"}
    done = subprocess.run(
        [sys.executable, "-c", program], input=given, env=environment, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def called_on_ranks(name, settings):
    """Return the shape and dtype of a new layer's outputs for ones of 0 to 5 axes, None where it raises."""

    def outputs(shape):
        try:
            found = getattr(keras.layers, name)(**settings)(np.ones(shape, "float32"))
        except Exception:
            return None
        return [[list(y.shape), str(y.dtype)] for y in (found if isinstance(found, (list, tuple)) else [found])]

    return [outputs((2, 4, 4, 4, 4)[:rank]) for rank in range(6)]
