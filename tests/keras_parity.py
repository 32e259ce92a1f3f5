"""Keras on JAX as the oracle: the same layer, weights and inputs on both sides, outputs, gradients and state compared.

Keras's torch backend is not the oracle: it differs from its JAX and TensorFlow backends in a few layers.
"""

from __future__ import annotations

import numpy as np
import torch

from layercli import ops
from layercli.core import call_context, dims, tree
from layercli.core.call_context import CallContext
from layercli.core.dims import Dim
from layercli.core.graph import Node
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.operation import spec_of
from layercli.core.spec import Spec
from tests.keras_reference import asked, jax, jnp, keras, real_keras, value_of
from tests.tolerances import assert_close, bound

__all__ = ["agree", "check", "close", "image", "jax", "jnp", "keras", "real_keras", "value_of"]

TOLERANCE = bound()


def close(ours, theirs, tolerance=TOLERANCE, what="output"):
    """Assert max|a-b| <= tolerance * max|b|, shapes and places of non-finite values being the same."""
    assert_close(ours, theirs, tolerance=tolerance, what=what)


def check(ours, theirs, *inputs, training=False, gradients=True, tolerance=TOLERANCE, call=None, vanishing=()):
    """Compare our layer with Keras's on numpy ``inputs``; ``call`` are keyword arguments for both calls.

    Compared: the variables' names, order and shapes; the outputs; unless ``gradients`` is false the gradients of a random
    weighting of the outputs with respect to every floating input and trainable variable; in training the updated state.
    ``vanishing`` are gradients that are 0 in exact arithmetic: what rounding leaves of them is held against the largest one.
    """
    call = call or {}
    ours(*inputs, **call)
    randomized(ours)
    said = asked("layer", theirs, inputs, ours.get_weights(), training, call, gradients)
    assert names(ours.variables) == list(zip(said["names"], said["shapes"], strict=True))
    assert [v.trainable for v in ours.variables] == said["trainable"]
    their_out, their_gradients, their_state = said["outputs"], said["gradients"], said["state"]
    our_out, our_gradients = run_ours(ours, inputs, training, call, gradients)
    assert len(our_out) == len(their_out)
    tolerance = max(tolerance, bound(terms_of(inputs, their_out), our_out[0].dtype))
    for i, (a, b) in enumerate(zip(our_out, their_out, strict=True)):
        close(a, b, tolerance, f"output {i}")
    for key, theirs_of_key in their_gradients.items():
        if key in vanishing:
            largest = max(np.abs(gradient).max() for gradient in their_gradients.values())
            assert np.abs(our_gradients[key]).max() <= tolerance * largest, f"gradient of {key} is not 0"
        else:
            close(our_gradients[key], theirs_of_key, tolerance, f"gradient of {key}")
    for variable, value in zip(ours.non_trainable_variables, their_state, strict=True):
        close(variable.numpy(), value, tolerance, f"state {variable.path}")


def terms_of(inputs, outputs):
    """Return the number of values that a result may sum over: a gradient sums over all outputs, an output over its inputs."""
    return max(sum(np.size(x) for x in tree.flatten(each)) for each in (inputs, outputs))


def names(variables):
    return [(v.path.rpartition("/")[2], tuple(v.shape)) for v in variables if "seed_generator" not in v.path]


def randomized(layer, seed=1):
    """Give every floating variable values that make a difference: none zero or one, variances positive."""
    rng = np.random.default_rng(seed)
    for v in layer.variables:
        if v.dtype.startswith("float"):
            v.assign(
                rng.uniform(0.5, 1.5, v.shape).astype("float32")
                if "variance" in v.path
                else rng.standard_normal(v.shape).astype("float32") * 0.5
            )


def weighting(outputs):
    rng = np.random.default_rng(2)
    return [rng.standard_normal(tuple(y.shape)).astype("float32") for y in outputs]


def floating(x):
    return hasattr(x, "dtype") and np.issubdtype(x.dtype, np.floating)


def run_ours(layer, inputs, training, call, gradients):
    flat = []

    def leaf(x):
        tensor = torch.from_numpy(np.asarray(x).copy())
        if gradients and tensor.is_floating_point():
            tensor.requires_grad_()
        flat.append(tensor)
        return tensor

    tensors = tree.map_structure(leaf, inputs)
    layer.module.zero_grad()
    outputs = tree.flatten(layer(*tensors, training=training, **call))
    found = {}
    if gradients:
        total = sum(
            (y * torch.from_numpy(w)).sum()
            for y, w in zip(outputs, weighting(outputs), strict=True)
            if y.is_floating_point()
        )
        total.backward()
        for i, v in enumerate(layer.trainable_variables):
            grad = v.stored.grad if v.stored.grad is not None else torch.zeros_like(v.stored)
            found[v.path.rpartition("/")[2] + f" {i}"] = grad if v._logical is None else grad.permute(v._logical)
        found |= {
            f"input {i}": x.grad if x.grad is not None else torch.zeros_like(x)
            for i, x in enumerate(flat)
            if x.requires_grad
        }
    return [y.detach().numpy() for y in outputs], {k: g.detach().numpy() for k, g in found.items()}


def image(*shape, seed=0):
    """Return random normal float32 values of ``shape``."""
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


def agree(call, *arrays, gradients=True, sizes="unknown", tolerance=TOLERANCE, scale=None, cancelling=()):
    """Compare ``call(ops, *tensors)`` with ``call(keras.ops, *arrays)``: the same function of the same operations.

    Compared: values, shapes and dtypes (int64 being torch's for Keras's int32), unless ``gradients`` is false those of a random
    weighting of the floating outputs, and what symbolic tensors give: the same shapes and dtypes, also with every size unknown,
    equal ones under one name; of the ``first`` input alone, or, if ``sizes`` is ``known``, of none. ``scale`` is the size of the
    terms of an output in which they cancel; else it is that of the output. ``cancelling`` has that of the terms of a gradient by
    the number of the input, for weights of 1.
    """
    tensors = [torch.from_numpy(np.array(x)).requires_grad_(gradients and floating(x)) for x in arrays]
    ours, said = tree.flatten(call(ops, *tensors)), asked("operation", call, list(arrays), gradients)
    theirs = said["outputs"]
    assert len(ours) == len(theirs)
    tolerance = max(tolerance, bound(terms_of(arrays, theirs)))
    for a, b in zip(ours, theirs, strict=True):
        assert_close(a.detach().numpy(), b, tolerance=tolerance, scale=scale)
        kept = str(a.dtype).removeprefix("torch.")
        assert kept == str(b.dtype) or (kept, str(b.dtype)) == ("int64", "int32")
    if gradients:
        _agree_on_gradients(tensors, ours, said["gradients"], tolerance, dict(cancelling))
    expected = [spec_of(a) for a in ours]
    assert [x.spec for x in _described(call, [spec_of(x) for x in tensors])] == expected
    if sizes != "known":
        count = 1 if sizes == "first" else len(tensors)
        found = _described(call, [_named(spec_of(x)) if i < count else spec_of(x) for i, x in enumerate(tensors)])
        values = {f"n{n}": n for x in arrays for n in x.shape}
        for got, spec in zip(found, expected, strict=True):
            assert (got.dtype, len(got.shape)) == (spec.dtype, spec.rank)
            assert all(map(dims.may_equal, got.spec.at(values).shape, spec.shape)), f"{got.spec} for {spec}"


def _described(call, specs):
    """Return what the call gives for symbolic tensors, as in the call of a layer."""
    with call_context.enter_call(CallContext(Node(None, ()), None, False)):
        return tree.flatten(call(ops, *map(SymbolicTensor, specs)))


def _named(spec):
    return Spec(tuple(n if n == 1 else Dim.named(f"n{n}") for n in spec.shape), spec.dtype)


def _agree_on_gradients(tensors, ours, theirs, tolerance, cancelling):
    """Compare the gradients of a random weighting of the floating outputs."""
    weights = weighting(ours)
    sum((y * torch.from_numpy(w)).sum() for y, w in zip(ours, weights, strict=True) if y.is_floating_point()).backward()
    chosen = [x for x in tensors if x.requires_grad]
    for i, (x, gradient) in enumerate(zip(chosen, theirs, strict=True)):
        found = torch.zeros_like(x) if x.grad is None else x.grad
        scale = max(np.abs(w).max() for w in weights) * cancelling[i] if i in cancelling else None
        assert_close(found, gradient, tolerance=tolerance, scale=scale, what=f"gradient {i}")
