"""Seeded edits of five models: the edit script is exactly the edits that were made."""

from __future__ import annotations

import random

import pytest
from torch import nn

import layercli
from layercli import Input, Sequential, layers
from layercli.inspect.edit_script import text_of


def keras_mlp(parts):
    return Sequential([Input((8,)), *(getattr(layers, cls)(**arguments) for cls, arguments in parts)])


def keras_cnn(parts):
    return Sequential([Input((8, 8, 3)), *(getattr(layers, cls)(**arguments) for cls, arguments in parts)])


def torch_flat(parts):
    return nn.Sequential(*(getattr(nn, cls)(**arguments) for cls, arguments in parts))


class Block(nn.Module):
    def __init__(self, parts):
        super().__init__()
        self.norm = nn.LayerNorm(4)
        self.body = torch_flat(parts)
        self.out = nn.Identity()


class Net(nn.Module):
    def __init__(self, parts):
        super().__init__()
        self.embed = nn.Embedding(10, 4)
        self.blocks = nn.ModuleList([Block([*parts]), Block(DENSE[:2]), Block(DENSE[:3])])
        self.head = nn.Linear(4, 10)


class Named(nn.Module):
    def __init__(self, parts):
        super().__init__()
        for i, (cls, arguments) in enumerate(parts):
            self.add_module(f"layer{i}", getattr(nn, cls)(**arguments))


DENSE = [("Linear", {"in_features": 4, "out_features": n}) for n in (5, 6, 7)]
DENSE.insert(1, ("ReLU", {}))
MLP = [("Dense", {"units": n}) for n in (3, 4, 5, 6)]
CONV = [("Conv2d", {"in_channels": 3, "out_channels": n, "kernel_size": 3}) for n in (4, 5, 6)]
MODELS = {
    "keras mlp": (keras_mlp, [*MLP, ("Dropout", {"rate": 0.1}), ("ReLU", {})], ("Dense", "units"), ("LayerNormalization", {})),
    "keras cnn": (
        keras_cnn,
        [("Conv2D", {"filters": n, "kernel_size": 3, "padding": "same"}) for n in (2, 3, 4)] + [("MaxPooling2D", {})],
        ("Conv2D", "filters"),
        ("BatchNormalization", {}),
    ),
    "torch flat": (torch_flat, [*CONV, ("ReLU", {}), ("Dropout", {"p": 0.5})], ("Conv2d", "out_channels"), ("Tanh", {})),
    "torch named": (Named, [*DENSE, ("Sigmoid", {})], ("Linear", "out_features"), ("GELU", {})),
    "torch nested": (Net, DENSE, ("Linear", "out_features"), ("SiLU", {})),
}  # fmt: skip


def edited(rng, parts, argument, new):
    """Return the parts after one edit, and what the edit is: kind, classes, changed argument."""
    parts, kind = list(parts), rng.choice(["added", "removed", "replaced", "changed", "moved"])
    i = rng.randrange(len(parts))
    cls = parts[i][0]
    if kind == "added":
        parts.insert(i, new)
        return parts, ("added", None, new[0], {})
    if kind == "removed":
        del parts[i]
        return parts, ("removed", cls, None, {})
    if kind == "replaced":
        parts[i] = new
        return parts, ("replaced", cls, new[0], {})
    if kind == "changed":
        i = rng.choice([i for i, part in enumerate(parts) if part[0] == argument[0]])
        name, old = argument[1], parts[i][1][argument[1]]
        parts[i] = parts[i][0], {**parts[i][1], name: 9}
        return parts, ("changed", argument[0], argument[0], {name: (str(old), "9")})
    i = rng.randrange(len(parts) - 1)
    parts[i], parts[i + 1] = parts[i + 1], parts[i]
    return parts, ("moved", parts[i][0], parts[i + 1][0], {})


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("name", MODELS)
def test_the_edit_script_is_the_edits_that_were_made(name, seed):
    make, parts, argument, new = MODELS[name]
    changed, (kind, before, after, arguments) = edited(random.Random(f"{name}{seed}"), parts, argument, new)
    found = layercli.diff(make(parts), make(changed), only="structure")
    [edit] = found.edits
    assert edit.kind == kind
    assert not found.same
    if kind == "moved":  # which of two neighbours has moved cannot be told
        assert edit.class_a == edit.class_b
        assert edit.class_a in (before, after)
    else:
        assert (edit.class_a, edit.class_b, dict(edit.arguments)) == (before, after, arguments)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_the_same_as_itself_made_anew(name):
    make, parts, *_ = MODELS[name]
    found = layercli.diff(make(parts), make(parts))
    assert (found.same, found.edits) == (True, [])
    assert len(found.matching.pairs) == len(found.a.variables.rows)


def test_edits_of_several_blocks_are_told_each():
    a, b = Net(DENSE), Net(DENSE)
    b.blocks[2].body[2] = nn.Linear(4, 8)
    b.blocks[1].norm = nn.Identity()
    b.extra = nn.Linear(10, 10)
    edits = [(edit.kind, edit.a, edit.b) for edit in layercli.diff(a, b, only="structure").edits]
    assert edits == [
        ("replaced", "blocks/1/norm", "blocks/1/norm"),
        ("changed", "blocks/2/body/2", "blocks/2/body/2"),
        ("added", None, "extra"),
    ]


def functional(wire="b"):
    x = Input((4,), name="x")
    a = layers.Dense(4, name="a")(x)
    b = layers.Dense(4, name="b")(a)
    y = layers.Dense(4, name="c")(b)
    return layercli.Model(x, layers.Add(name="add")([y, a if wire == "a" else b]))


def test_an_edge_to_another_layer_is_told():
    [edit] = layercli.diff(functional(), functional("a"), only="structure").edits
    assert (edit.kind, edit.a, edit.operation) == ("rewired", "add", False)


def test_arguments_are_told_without_addresses():
    assert text_of(object()) == "object"
    assert text_of({"a": (1, None), "f": text_of}) == "{a: (1, None), f: text_of}"


def test_nothing_in_common_is_said_in_one_line():
    found = layercli.diff(nn.Linear(3, 4), "lenet")
    assert found.unrelated
    assert (
        found.to_json()["verdict"] == "different: nothing in common, no module and no variable of one is in the other"
    )
