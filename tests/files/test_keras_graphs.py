"""Random functional graphs, Keras's read here and ours read by Keras: layers and nested models called again, several ends."""

from __future__ import annotations

import dataclasses

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras_parity import close
from keras_parity import real_keras as keras

import layercli

WIDTH = 3
RNG = np.random.default_rng(5)
KINDS = ("dense", "stack", "norm")


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A functional model as both sides make it: its parts, and the calls of them; numbers pick among what is there."""

    inputs: int
    parts: tuple
    calls: tuple
    outputs: tuple
    form: str
    taken: str
    stray: int


def recipes(depth):
    """Return the strategy of models that nest others up to ``depth`` deep."""
    parts = st.sampled_from(KINDS) if depth == 0 else st.one_of(st.sampled_from(KINDS), recipes(depth - 1))
    pick = st.integers(0, 11)
    return st.builds(
        Recipe,
        inputs=st.integers(1, 2),
        parts=st.lists(parts, min_size=1, max_size=3).map(tuple),
        calls=st.lists(st.tuples(pick, pick, pick), min_size=1, max_size=5).map(tuple),
        outputs=st.lists(pick, min_size=1, max_size=3).map(tuple),
        form=st.sampled_from(["list", "tuple", "dict"]),
        taken=st.sampled_from(["list", "dict"]),
        stray=st.integers(0, 2),
    )


def layer(api, kind, name):
    """Return a layer of a kind that takes and gives ``WIDTH`` values."""
    if kind == "dense":
        return api.layers.Dense(WIDTH, name=name)
    if kind == "norm":
        return api.layers.LayerNormalization(name=name)
    return api.Sequential([api.Input((WIDTH,)), api.layers.Dense(WIDTH, name="inside")], name=name)


def drawn(api, recipe, name="m"):
    """Return the model of a recipe in Keras or here."""
    inputs = [api.Input((WIDTH,), name=f"{name}_in{i}") for i in range(recipe.inputs)]
    parts = []
    for i, part in enumerate(recipe.parts):
        own = f"{name}_{i}"
        if isinstance(part, Recipe):
            parts.append((drawn(api, part, own), part.inputs, part.taken))
        else:
            parts.append((layer(api, part, own), 1, "list"))
    for part, count, taken in parts[: recipe.stray]:  # calls that belong to no model are numbered too
        part(shaped([api.Input((WIDTH,)) for _ in range(count)], taken))
    tensors = list(inputs)
    for which, first, second in recipe.calls:
        picked = [tensors[-1 - first % len(tensors)], tensors[second % len(tensors)]]
        if which % 4 == 3:
            tensors.append(picked[0] + picked[1] if which % 8 == 3 else api.layers.Add()(picked))
        else:
            part, count, taken = parts[which % len(parts)]
            tensors += leaves(part(shaped(picked[:count], taken)))
    ends = [tensors[-1 - i % len(tensors)] for i in recipe.outputs]
    return api.Model(shaped(inputs, recipe.taken), shaped(ends, recipe.form), name=name)


def alone(tensors):
    return tensors[0] if len(tensors) == 1 else tensors


def shaped(ends, form):
    """Return inputs or outputs as a list, a tuple or a dict whose keys are not in order."""
    if form == "dict":
        return {f"y{9 - i}": end for i, end in enumerate(ends)}
    return alone(ends) if form == "list" else tuple(ends)


def leaves(outputs):
    if isinstance(outputs, dict):
        return [outputs[key] for key in sorted(outputs)]
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]


def values(model, recipe):
    """Return what a model gives for fixed inputs, flat, each as an array."""
    rows = np.random.default_rng(1)
    inputs = [rows.standard_normal((2, WIDTH)).astype("float32") for _ in range(recipe.inputs)]
    return [np.asarray(y.detach() if hasattr(y, "detach") else y) for y in leaves(model(shaped(inputs, recipe.taken)))]


def shaken(model):
    """Give every variable a value of its own, so that no two layers are alike."""
    rows = np.random.default_rng(2)
    model.set_weights([rows.standard_normal(w.shape).astype("float32") for w in model.get_weights()])
    return model


def the_same(left, right):
    assert len(left) == len(right)
    for a, b in zip(left, right, strict=True):
        close(a, b, 2e-5)


quick = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))


@quick
@given(recipe=recipes(2))
def test_a_graph_of_keras_s_gives_its_values_here(recipe, tmp_path_factory):
    file = tmp_path_factory.mktemp("graphs") / "theirs.keras"
    theirs = shaken(drawn(keras, recipe))
    theirs.save(file)
    the_same(values(layercli.load_model(file), recipe), values(theirs, recipe))


@quick
@given(recipe=recipes(2))
def test_a_graph_of_ours_gives_its_values_in_keras(recipe, tmp_path_factory):
    file = tmp_path_factory.mktemp("graphs") / "ours.keras"
    ours = shaken(drawn(layercli, recipe))
    ours.save(file)
    expected = values(ours, recipe)
    the_same(values(keras.models.load_model(file), recipe), expected)
    the_same(values(layercli.load_model(file), recipe), expected)


def test_each_call_of_a_nested_model_is_told_apart_where_it_is_an_output(tmp_path):
    """Keras counts the call that made a nested model in the places of outputs, and not in those of arguments."""

    def siamese(api):
        one = api.Input((WIDTH,), name="one")
        encoder = api.Model(one, api.layers.Dense(WIDTH)(one), name="encoder")
        a, b = api.Input((WIDTH,), name="a"), api.Input((WIDTH,), name="b")
        first, second = encoder(a), encoder(b)
        return api.Model([a, b], [first, api.layers.Dense(WIDTH, name="head")(second), first - second])

    theirs = siamese(keras)
    theirs.save(tmp_path / "theirs.keras")
    assert theirs.get_config()["output_layers"] == [["encoder", 1, 0], ["head", 0, 0], ["subtract", 0, 0]]
    x = [np.ones((2, WIDTH), "float32"), np.zeros((2, WIDTH), "float32")]
    the_same([y.detach() for y in layercli.load_model(tmp_path / "theirs.keras")(x)], theirs(x))
    assert siamese(layercli).get_config()["output_layers"] == [["encoder", 1, 0], ["head", 0, 0], ["subtract", 0, 0]]


def test_a_model_between_inner_tensors_is_saved_with_an_input_of_its_own(tmp_path):
    x = layercli.Input((WIDTH,))
    inner = layercli.layers.Dense(WIDTH, name="first")(x)
    head = layercli.Model(inner, layercli.layers.Dense(2, name="second")(inner))
    values = np.ones((2, WIDTH), "float32")
    expected = head(values).detach().numpy()
    head.save(tmp_path / "head.keras")
    close(layercli.load_model(tmp_path / "head.keras")(values).detach().numpy(), expected)
    close(keras.models.load_model(tmp_path / "head.keras")(values), expected)
