"""Which variable of one model is which of another: ten ways to name one model, layouts, ties, and what does not match."""

from __future__ import annotations

import numpy as np
import pytest

import layercli
from layercli.errors import FormatError
from layercli.formats.safetensors import save
from layercli.inspect.layouts import orders, show_order
from layercli.inspect.rename_rules import RenameRule, read_rules, renamed, rules_for, rules_of, text_of_rules
from layercli.testing import assert_same_model

RNG = np.random.default_rng(7)
HEADS = ("query", "key", "value")


def bert():
    """Return a small model of two blocks, in the names of BERT."""
    found = {"embeddings.word.weight": (20, 8), "pooler.dense.weight": (8, 8), "pooler.dense.bias": (8,)}
    for i in range(2):
        block = f"encoder.layer.{i}"
        for head in HEADS:
            found[f"{block}.attention.self.{head}.weight"] = (8, 8)
            found[f"{block}.attention.self.{head}.bias"] = (8,)
        found[f"{block}.attention.output.weight"] = (8, 8)
        found[f"{block}.intermediate.weight"] = (16, 8)
        found[f"{block}.norm.weight"] = found[f"{block}.norm.bias"] = (8,)
    return {name: RNG.standard_normal(shape).astype("float32") for name, shape in found.items()}


RENAMINGS = {
    "prefix": lambda name: f"module.{name}",
    "two prefixes": lambda name: f"model.bert.{name}",
    "blocks": lambda name: name.replace("encoder.layer", "layers"),
    "slashes": lambda name: name.replace(".", "/"),
    "heads": lambda name: name.replace("query", "q_proj").replace("key", "k_proj").replace("value", "v_proj"),
    "attention": lambda name: name.replace("attention.self", "attn"),
    "kernel": lambda name: name.replace("weight", "kernel"),
    "gamma": lambda name: name.replace("norm.weight", "norm.gamma").replace("norm.bias", "norm.beta"),
    "several": lambda name: (
        "net." + name.replace("encoder.layer", "h").replace("self.query", "q").replace("dense", "fc")
    ),
    "suffix": lambda name: name.replace(".weight", ".linear.weight").replace(".bias", ".linear.bias"),
}


@pytest.mark.parametrize("how", RENAMINGS)
def test_renamings_are_found(how, tmp_path):
    weights, change = bert(), RENAMINGS[how]
    save(tmp_path / "a.safetensors", weights)
    save(tmp_path / "b.safetensors", {change(name): x for name, x in weights.items()})
    found = layercli.diff(tmp_path / "a.safetensors", tmp_path / "b.safetensors", values=True)
    assert {pair.a.path: pair.b.path for pair in found.matching.pairs} == {name: change(name) for name in weights}
    assert found.same


@pytest.mark.parametrize("how", ["prefix", "blocks", "heads", "attention", "several"])
def test_renamings_are_found_where_the_values_differ(how, tmp_path):
    weights, change = bert(), RENAMINGS[how]
    save(tmp_path / "a.safetensors", weights)
    save(tmp_path / "b.safetensors", {change(name): x + 1e-3 for name, x in weights.items()})
    found = layercli.diff(tmp_path / "a.safetensors", tmp_path / "b.safetensors")
    assert {pair.a.path: pair.b.path for pair in found.matching.pairs} == {name: change(name) for name in weights}


def test_the_rules_are_told():
    assert rules_of([("module.a.w", "a.w"), ("module.b.w", "b.w")]) == [RenameRule("module.", "", 2)]
    [rule] = rules_of([("encoder.layer.0.w", "layers.0.w"), ("encoder.layer.1.w", "layers.1.w")])
    assert str(rule) == "encoder.layer -> layers"


def test_rules_are_written_and_read(tmp_path):
    weights, change = bert(), RENAMINGS["several"]
    names = [(name, change(name)) for name in weights]
    (tmp_path / "rules.txt").write_text("# found\n\n" + text_of_rules(rules_for(names)))
    rules = read_rules(str(tmp_path / "rules.txt"))
    assert [(name, renamed(name, rules)) for name, _ in names] == names


def test_a_line_that_is_no_rule_is_refused(tmp_path):
    (tmp_path / "rules.txt").write_text("a -> b\nmodule.\n")
    with pytest.raises(FormatError) as error:
        read_rules(str(tmp_path / "rules.txt"))
    assert str(error.value) == f"{tmp_path}/rules.txt, line 2: expects OLD -> NEW, got 'module.'"


def test_layouts_are_no_difference(tmp_path):
    a = {
        "c.kernel": RNG.standard_normal((3, 3, 2, 4)),
        "d.kernel": RNG.standard_normal((6, 6)),
        "e.kernel": RNG.random((2, 5)),
    }
    b = {"c.weight": a["c.kernel"].transpose(3, 2, 0, 1), "d.weight": a["d.kernel"].T, "e.weight": a["e.kernel"].T}
    np.savez(tmp_path / "a.npz", **a)
    np.savez(tmp_path / "b.npz", **b)
    found = layercli.diff(tmp_path / "a.npz", tmp_path / "b.npz", values=True)
    assert [pair.order for pair in found.matching.pairs] == [(3, 2, 0, 1), (1, 0), (1, 0)]
    assert found.to_json()["verdict"] == "same: 3 variables, every value; 3 renamed, 3 in another layout"
    assert show_order((3, 2, 0, 1)) == "HWIO -> OIHW"


def test_a_square_matrix_has_the_layout_of_the_others(tmp_path):
    np.savez(tmp_path / "a.npz", a=np.ones((4, 4)), b=np.ones((4, 5)))
    np.savez(tmp_path / "b.npz", a=np.ones((4, 4)), b=np.ones((5, 4)))
    found = layercli.diff(tmp_path / "a.npz", tmp_path / "b.npz", only="names")
    assert [pair.order for pair in found.matching.pairs] == [(1, 0), (1, 0)]


def test_orders_of_many_axes_are_not_searched():
    assert orders((1,) * 20, (1,) * 20) == (tuple(range(20)),)


def test_what_does_not_match_is_told(tmp_path):
    save(
        tmp_path / "a.safetensors",
        {"a.w": np.ones((2, 3), "f4"), "b.w": np.ones(4, "f4"), "c.w": np.ones((2, 2), "f4")},
    )
    save(
        tmp_path / "b.safetensors",
        {"a.w": np.ones((2, 4), "f4"), "b.w": np.ones(4, "f2"), "d.w": np.ones((3, 3), "f4")},
    )
    found = layercli.diff(tmp_path / "a.safetensors", tmp_path / "b.safetensors")
    assert found.to_json()["verdict"] == (
        "different: 1 variable added, 1 variable removed, 1 variable of another shape; 1 variable cast float32 -> float16"
    )
    assert [row.path for row in found.matching.removed] == ["c.w"]


def test_assert_same_model_says_what_differs(tmp_path):
    save(tmp_path / "a.safetensors", {"a.w": np.ones((2, 3), "f4")})
    save(tmp_path / "b.safetensors", {"a.w": np.full((2, 3), 2, "f4")})
    assert_same_model(tmp_path / "a.safetensors", tmp_path / "a.safetensors")
    assert_same_model(tmp_path / "a.safetensors", tmp_path / "b.safetensors", values=False)
    assert_same_model(tmp_path / "a.safetensors", tmp_path / "b.safetensors", rtol=1)
    with pytest.raises(AssertionError, match=r"^different: 1 of 1 variable with other values, by 1 of their norm"):
        assert_same_model(tmp_path / "a.safetensors", tmp_path / "b.safetensors")
