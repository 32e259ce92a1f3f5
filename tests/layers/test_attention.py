"""Attention against Keras."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from layercli.core import masking
from layercli.errors import ArgumentError, ShapeError, UsageError
from layercli.layers.attention.additive_attention import AdditiveAttention
from layercli.layers.attention.attention import Attention
from layercli.layers.attention.grouped_query_attention import GroupedQueryAttention
from layercli.layers.attention.multi_head_attention import MultiHeadAttention
from layercli.layers.core.einsum_dense import EinsumDense
from layercli.layers.core.embedding import Embedding
from layercli.layers.core.input_layer import Input
from tests.keras_parity import check, close, image, jax, keras

QUERY, VALUE, KEY = image(2, 5, 8), image(2, 6, 8, seed=1), image(2, 6, 8, seed=4)


KEY_BIAS = ("bias 3",)
"""Adding the same to every score changes no softmax: the gradient of the key's bias is 0."""


def booleans(*shape, seed=0):
    """Return a random mask that leaves nothing without a source."""
    mask = np.random.default_rng(seed).random(shape) < 0.6
    mask[..., 0] = True
    return mask


@pytest.mark.parametrize(
    ("settings", "shape"),
    [
        ({"equation": "abc,cd->abd", "output_shape": (None, 7), "bias_axes": "d"}, (2, 3, 4)),
        ({"equation": "ab,bc->ac", "output_shape": 7, "bias_axes": "c", "activation": "relu"}, (2, 4)),
        ({"equation": "...x,xy->...y", "output_shape": 7, "bias_axes": "y"}, (2, 3, 4)),
        ({"equation": "abc,cde->abde", "output_shape": (None, 3, 5), "bias_axes": "de"}, (2, 3, 4)),
        ({"equation": "abc,cde->abde", "output_shape": (None, 3, 5), "bias_axes": "e"}, (2, 3, 4)),
        ({"equation": "abc,cde->abde", "output_shape": (None, 3, 5), "bias_axes": "d"}, (2, 3, 4)),
        ({"equation": "abc,bcd->abd", "output_shape": (3, 5)}, (2, 3, 4)),
        ({"equation": "ab...,bc->ac...", "output_shape": (5,), "bias_axes": "c"}, (2, 4, 3)),
        ({"equation": "abcd,cde->abe", "output_shape": (None, 6), "bias_axes": "e"}, (2, 3, 4, 5)),
    ],
    ids=str,
)
def test_einsum_dense(settings, shape):
    check(EinsumDense(**settings), keras.layers.EinsumDense(**settings), image(*shape))


CALLS = [
    {},
    {"use_causal_mask": True},
    {"return_attention_scores": True},
    {"return_attention_scores": True, "use_causal_mask": True},
    {"attention_mask": booleans(2, 5, 6)},
    {"attention_mask": booleans(2, 5, 6), "return_attention_scores": True},
    {"attention_mask": booleans(1, 5, 6), "use_causal_mask": True},
    {"attention_mask": booleans(5, 6)},
    {"value_mask": booleans(2, 6)},
    {"key_mask": booleans(2, 6), "value_mask": booleans(2, 6, seed=3), "use_causal_mask": True},
]
SETTINGS = [{}, {"use_bias": False}, {"output_shape": 7}, {"use_gate": True, "sliding_window": 2}]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("call", CALLS, ids=list)
def test_multi_head_attention(settings, call):
    theirs = keras.layers.MultiHeadAttention(2, 3, **settings)
    check(
        MultiHeadAttention(2, 3, **settings),
        theirs,
        QUERY,
        VALUE,
        call=call,
        vanishing=KEY_BIAS if settings.get("use_bias", True) else (),
    )


def test_multi_head_attention_with_another_value_dim():
    """Keras on JAX can do it only where it makes the scores; without them we must agree with ourselves."""
    layer, call = MultiHeadAttention(2, 3, value_dim=5), {"return_attention_scores": True}
    check(layer, keras.layers.MultiHeadAttention(2, 3, value_dim=5), QUERY, VALUE, call=call, vanishing=KEY_BIAS)
    close(layer(QUERY, VALUE).detach(), layer(QUERY, VALUE, **call)[0].detach())


def test_multi_head_attention_with_a_key_of_its_own():
    check(MultiHeadAttention(2, 3), keras.layers.MultiHeadAttention(2, 3), QUERY, VALUE, KEY, vanishing=KEY_BIAS)


@pytest.mark.parametrize("axes", [None, 1, (2,), (1, 2), (-2,)], ids=str)
@pytest.mark.parametrize("scores", [False, True])
def test_multi_head_attention_over_axes(axes, scores):
    settings, x = {"num_heads": 2, "key_dim": 3, "attention_axes": axes}, image(2, 3, 4, 6)
    call = {"return_attention_scores": scores}
    check(
        MultiHeadAttention(**settings),
        keras.layers.MultiHeadAttention(**settings),
        x,
        x * 0.5,
        call=call,
        vanishing=KEY_BIAS,
    )


@pytest.mark.parametrize("settings", [{}, {"use_bias": False, "use_gate": True}, {"sliding_window": 2}], ids=str)
@pytest.mark.parametrize("heads", [(4, 2), (4, 1), (2, 2)])
@pytest.mark.parametrize("call", CALLS, ids=list)
def test_grouped_query_attention(settings, heads, call):
    """In float64, through the scores on Keras's side (its fused kernel on JAX is float32): masks leave sums that cancel."""
    settings, inputs = {**settings, "dtype": "float64"}, (QUERY.astype("float64"), VALUE.astype("float64"))
    ours, theirs = GroupedQueryAttention(3, *heads, **settings), keras.layers.GroupQueryAttention(3, *heads, **settings)
    vanishing = KEY_BIAS if settings.get("use_bias", True) else ()
    scores = {**call, "return_attention_scores": True}
    with jax.enable_x64(True):
        check(ours, theirs, *inputs, call=scores, vanishing=vanishing)
    dead = settings.get("sliding_window") and any(
        "mask" in key for key in call
    )  # some targets may look nowhere: 0 there, the mean here
    if "return_attention_scores" not in call and not dead:
        close(ours(*inputs, **call).detach(), ours(*inputs, **scores)[0].detach(), 1e-10)


def test_grouped_query_attention_by_the_fused_kernel():
    check(GroupedQueryAttention(3, 4, 2), keras.layers.GroupQueryAttention(3, 4, 2), QUERY, VALUE, vanishing=KEY_BIAS)


@pytest.mark.parametrize("inputs", [[QUERY, VALUE], [QUERY, VALUE, KEY]], ids=len)
@pytest.mark.parametrize(
    "mask", [None, [booleans(2, 5), booleans(2, 6)], [None, booleans(2, 6)]], ids=["none", "both", "value"]
)
@pytest.mark.parametrize("call", [{}, {"use_causal_mask": True}, {"return_attention_scores": True}], ids=list)
@pytest.mark.parametrize(
    ("ours", "theirs", "settings"),
    [
        (Attention, keras.layers.Attention, {}),
        (Attention, keras.layers.Attention, {"use_scale": True}),
        (Attention, keras.layers.Attention, {"score_mode": "concat", "use_scale": True}),
        (AdditiveAttention, keras.layers.AdditiveAttention, {}),
        (AdditiveAttention, keras.layers.AdditiveAttention, {"use_scale": False}),
    ],
    ids=str,
)
def test_attention(ours, theirs, settings, inputs, mask, call):
    """In float64 on both sides: a gradient with respect to one number is a sum that cancels, where float32 loses digits."""
    settings, inputs = {**settings, "dtype": "float64"}, [x.astype("float64") for x in inputs]
    with jax.enable_x64(True):
        call = call if mask is None else {**call, "mask": mask}
        check(ours(**settings), theirs(**settings), inputs, call=call)


def test_a_target_that_may_look_nowhere_gets_the_mean():
    layer = MultiHeadAttention(2, 3)
    """So its scores have no gradient."""
    mask = np.zeros((2, 5, 6), bool)
    check(
        layer,
        keras.layers.MultiHeadAttention(2, 3),
        QUERY,
        VALUE,
        call={"attention_mask": mask},
        vanishing=("kernel 0", "bias 1", "kernel 2", *KEY_BIAS, "input 0"),
    )


def test_masks_travel_to_attention():
    tokens = torch.tensor([[3, 1, 0, 0], [2, 2, 4, 0]])
    embedding, layer = Embedding(5, 8, mask_zero=True), MultiHeadAttention(2, 3)
    x = embedding(tokens)
    out = layer(x, x)
    mask = tokens != 0
    plain = x.detach().clone()
    expected = layer(plain, plain, query_mask=mask, value_mask=mask)
    assert torch.allclose(out, expected)
    assert not torch.allclose(out, layer(plain, plain))
    assert torch.equal(masking.mask_of(out), mask)


@pytest.mark.parametrize("layer", [MultiHeadAttention(2, 3, dropout=0.5), GroupedQueryAttention(3, 4, 2, dropout=0.5)])
def test_dropout_drops_scores_in_training_only(layer):
    x = torch.from_numpy(QUERY)
    assert torch.equal(layer(x, x), layer(x, x))
    assert not torch.equal(layer(x, x, training=True), layer(x, x, training=True))
    out, scores = layer(x, x, training=True, return_attention_scores=True)
    assert torch.allclose(scores.sum(-1), torch.ones(()))
    assert out.shape == x.shape


def test_shapes_are_known_without_values():
    x, y = Input(("T", 8)), Input(("S", 8))
    out, scores = MultiHeadAttention(2, 3)(x, y, return_attention_scores=True)
    assert [str(z.spec) for z in (out, scores)] == ["float32[None, T, 8]", "float32[None, 2, T, S]"]
    assert str(MultiHeadAttention(2, 3)(x, y).spec) == "float32[None, T, 8]"
    out = Attention()([x, y])
    assert str(out.spec) == "float32[None, T, 8]"


def test_sublayers_have_keras_names():
    layer = MultiHeadAttention(2, 3, use_gate=True)
    layer(QUERY, VALUE)
    assert [path for path, _ in layer.children()] == [
        "query_dense",
        "key_dense",
        "_gate_dense",
        "value_dense",
        "output_dense",
    ]
    grouped = GroupedQueryAttention(3, 4, 2)
    grouped(QUERY, VALUE)
    assert [path for path, _ in grouped.children()] == ["_query_dense", "_key_dense", "_value_dense", "_output_dense"]


def test_it_can_be_traced_whole():
    layer = MultiHeadAttention(2, 3)
    x = torch.from_numpy(QUERY)
    expected = layer(x, x)
    compiled = torch.compile(layer.module, fullgraph=True, backend="aot_eager")
    assert torch.allclose(compiled(x, x), expected, atol=1e-6)


def message(function, *args, **kwargs):
    with pytest.raises((UsageError, ShapeError)) as caught:
        function(*args, **kwargs)
    return str(caught.value)


def test_messages():
    with pytest.raises(ArgumentError, match="cannot be called on these inputs: missing a required argument: 'value'"):
        MultiHeadAttention(2, 3)(Input((4, 3)))
    layer = MultiHeadAttention(2, 3, name="m")
    layer(QUERY, VALUE)
    assert message(layer, QUERY, VALUE[..., :7]) == (
        "key_dense (EinsumDense) expects c of abc,cde->abde to be 8, got 7 (x = float32[2, 6, 7])"
    )
    assert message(layer, QUERY, VALUE, attention_mask=booleans(2, 5, 4)) == (
        "m (MultiHeadAttention) expects an attention mask that broadcasts to (2, 5, 6), got bool[2, 5, 4]"
    )
    assert message(layer, QUERY, VALUE, value_mask=booleans(2, 5)) == (
        "m (MultiHeadAttention) expects a value mask of the shape (2, 6), got bool[2, 5]"
    )
    assert message(MultiHeadAttention(2, 3, name="m"), QUERY[0], VALUE) == (
        "m (MultiHeadAttention) expects query with at least 3 axes, got 2 (query is (5, 8))"
    )
    assert message(MultiHeadAttention(2, 3, name="m"), QUERY, VALUE, KEY[:, :4]) == (
        "m (MultiHeadAttention) expects value and key with as many steps, got (2, 6, 8) and (2, 4, 8)"
    )
    assert message(GroupedQueryAttention, 3, 4, 3) == (
        "GroupedQueryAttention expects num_query_heads to be a multiple of num_key_value_heads, got 4 and 3"
    )
    assert message(Attention(name="a"), QUERY) == (
        "a (Attention) expects a list of inputs, [query, value] or [query, value, key], got one tensor"
    )
    assert message(Attention(name="a"), [QUERY, VALUE[..., :7]]) == (
        "a (Attention) expects key with 8 features, as query has, got 7 (query = float32[2, 5, 8], key = float32[2, 6, 7])"
    )
    assert message(EinsumDense, "ab,bc", 3) == "expects an equation like 'ab,bc->ac', got 'ab,bc'"
    assert (
        message(EinsumDense, "ab,bc->ac", 3, bias_axes="x")
        == "EinsumDense expects bias_axes to be letters of ac, got 'x'"
    )
    assert (
        message(EinsumDense("ab,bc->ac", 3, name="e"), QUERY)
        == "e (EinsumDense) expects x with 2 axes for ab,bc->ac, got 3"
    )
