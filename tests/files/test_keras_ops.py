"""Operations outside of layers in a ``.keras`` file: Keras 3.15.1 loads ours, we load Keras's, and the outputs are the same."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest
from keras_parity import close, keras

import layercli
from layercli import ops
from layercli.core.functional import Functional
from layercli.errors import FormatError, UsageError
from layercli.ops.image.resize import Upsample
from layercli.saving import operation_names

RNG = np.random.default_rng(3)
A, B = (RNG.standard_normal((2, 4, 6)).astype("float32") for _ in range(2))
TABLE = RNG.standard_normal((6, 3)).astype("float32")

OPERATORS = {
    "add": lambda o, a, b: a + b,
    "number first": lambda o, a, b: 2.0 + a,
    "array": lambda o, a, b: a + TABLE[:, 0],
    "subtract": lambda o, a, b: 1 - a,
    "multiply": lambda o, a, b: a * 3,
    "divide": lambda o, a, b: a / (b * b + 1.0),
    "floor_divide": lambda o, a, b: a // 2,
    "mod": lambda o, a, b: a % 2,
    "negative": lambda o, a, b: -a,
    "power": lambda o, a, b: a**2,
    "absolute": lambda o, a, b: abs(a),
    "less": lambda o, a, b: o.cast(a < b, "float32"),
    "matmul": lambda o, a, b: a @ o.transpose(b, (0, 2, 1)),
    "matmul with an array": lambda o, a, b: o.matmul(a, TABLE),
    "place": lambda o, a, b: a[:, 0],
    "slices": lambda o, a, b: a[..., None, 1:5:2],
    "last": lambda o, a, b: a[:, -1, 2:],
}


def named(name, **settings):
    return lambda o, a, b: getattr(o, name)(a, **settings)


UNARY = """
arcsinh arctan cosh exp2 isinf sinh trunc
ceil cos erf exp expm1 floor round sign sin square celu elu hard_shrink hard_sigmoid hard_silu hard_tanh leaky_relu log_sigmoid
log_softmax relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus sparse_sigmoid squareplus tanh
tanh_shrink ones_like zeros_like
"""
MORE = """
angle cbrt conj copy deg2rad erfc fabs flipud fliplr i0 imag isneginf isposinf isreal rad2deg real signbit sinc rot90 nanmax
nanmean nanmin nanstd nansum nanvar ptp trace view_as_real
"""


def whole(o, x):
    return o.cast(x * 3.0, "int32")


def gram(o, x):
    return o.matmul(x, o.transpose(x, (0, 2, 1))) + 3.0 * np.eye(4, dtype="float32")


FUNCTIONS = {
    **{name: named(name) for name in MORE.split()},
    "nanprod": named("nanprod", axis=-1),  # each factor adds its relative error: that of one near 0 is large
    "places of numbers": lambda o, a, b: o.cast(o.nanargmax(a, axis=1) + o.nanargmin(b, axis=1), "float32"),
    "running around gaps": lambda o, a, b: o.nancumsum(a, axis=1) + o.nancumprod(b, axis=-1),
    "two more": lambda o, a, b: o.fmax(a, b) + o.fmin(a, 0.1) + o.logaddexp2(a, b) + o.fmod(a, 2.0) + o.heaviside(a, b),
    "bits": lambda o, a, b: o.cast(o.bitwise_xor(o.cast(a, "int32"), o.left_shift(o.cast(b, "int32"), 2)), "float32"),
    "diagonals": lambda o, a, b: o.diagonal(a, 1) + o.diagonal(b, axis1=1, axis2=2, offset=-1)[:, :2][0, 0],
    "kron": lambda o, a, b: o.kron(a, b),
    "second names": lambda o, a, b: o.conjugate(a) + o.cast(o.bitwise_invert(whole(o, a)), "float32"),
    "shifts": lambda o, a, b: o.cast(
        o.bitwise_left_shift(whole(o, a), 1) + o.bitwise_right_shift(whole(o, b), 1) + o.right_shift(whole(o, a), 1),
        "float32",
    ),
    "more bits": lambda o, a, b: o.cast(
        o.bitwise_and(o.bitwise_or(whole(o, a), whole(o, b)), o.bitwise_not(whole(o, a))), "float32"
    ),
    "divisors": lambda o, a, b: o.cast(o.gcd(whole(o, a), whole(o, b)) + o.lcm(whole(o, a), whole(o, b)), "float32"),
    "scaled": lambda o, a, b: o.ldexp(a, whole(o, b)) + o.nextafter(a, b),
    "rows": lambda o, a, b: o.vsplit(a, 2)[1],
    "columns": lambda o, a, b: o.hsplit(a, 2)[1],
    "layers": lambda o, a, b: o.dsplit(a, 3)[1],
    "stacked in depth": lambda o, a, b: o.dstack([a, b]),
    "cross": lambda o, a, b: o.cross(a[..., :3], b[..., :3]),
    "grid": lambda o, a, b: o.meshgrid(a[0, :, 0], b[0, 0])[0],
    "areas": lambda o, a, b: o.trapezoid(a, axis=1),
    "correlated": lambda o, a, b: o.corrcoef(a[0]),
    "complex": lambda o, a, b: o.real(o.polar(a, b)) + o.sum(o.view_as_real(o.view_as_complex(a[..., :2]))),
    "near the top": lambda o, a, b: o.cast(o.in_top_k(o.argmax(a[0], axis=-1), b[0], 3), "float32"),
    "saturated": lambda o, a, b: o.cast(o.saturate_cast(a * 300.0, "int8"), "float32"),
    "determinants": lambda o, a, b: o.det(gram(o, a)) + o.logdet(gram(o, b)) + o.slogdet(gram(o, a))[1],
    "factors": lambda o, a, b: o.cholesky(gram(o, a)) + o.cholesky(gram(o, b), upper=True),
    "orthogonal": lambda o, a, b: o.abs(o.qr(a)[1]),
    "eigenvalues": lambda o, a, b: o.eigh(gram(o, a))[0],
    "inverses of any": lambda o, a, b: o.pinv(a),
    "ranks": lambda o, a, b: o.cast(o.matrix_rank(a), "float32"),
    "solved": lambda o, a, b: o.solve(gram(o, a), b) + o.solve_triangular(gram(o, a), b, lower=True),
    "square matrices": lambda o, a, b: o.inv(gram(o, a)),
    **{name: named(name) for name in UNARY.split()},
    **{f"{name} of an axis": named(name, axis=1) for name in ("mean", "sum", "max", "min", "prod", "std", "var")},
    "sum of axes": lambda o, a, b: o.sum(a, axis=(1, 2), keepdims=True),
    "all and any": lambda o, a, b: o.cast(o.logical_or(o.all(a > 0, axis=-1), o.any(b > 1, axis=-1)), "int32"),
    "logical": lambda o, a, b: o.cast(o.logical_and(o.logical_not(a > 0), o.isfinite(b)), "float32"),
    "equal": lambda o, a, b: o.cast(o.equal(a, b), "float32") + o.cast(o.not_equal(a, b), "float32"),
    "compare": lambda o, a, b: o.cast(o.less_equal(a, b), "float32") - o.cast(o.greater_equal(a, 0.5), "float32"),
    "isnan": lambda o, a, b: o.cast(o.isnan(a), "float32"),
    "log": lambda o, a, b: o.log(o.square(a) + 1.0) + o.log1p(o.square(b)),
    "sqrt": lambda o, a, b: o.sqrt(o.square(a) + 1.0) * o.rsqrt(o.square(b) + 1.0),
    "maximum": lambda o, a, b: o.maximum(a, 0.5) - o.minimum(a, b),
    "tangent": lambda o, a, b: o.tan(o.tanh(a)),  # away from its poles, where any two libraries part
    "inverses": lambda o, a, b: o.arcsin(o.tanh(a) / 2) + o.arccos(o.tanh(b) / 2),
    "inverses of sums": lambda o, a, b: o.arctanh(o.tanh(a) / 2) + o.erfinv(o.tanh(b) / 2),
    "logarithms": lambda o, a, b: (
        o.log2(o.square(a) + 1.0) + o.log10(o.square(b) + 1.0) + o.arccosh(o.exp(o.square(a)))
    ),
    "reciprocal": lambda o, a, b: o.reciprocal(o.square(a) + 1.0) + o.divide_no_nan(b, o.relu(b)),
    "two": lambda o, a, b: o.arctan2(a, b) + o.hypot(a, b) + o.logaddexp(a, b),
    "xor": lambda o, a, b: o.cast(o.logical_xor(a > 0, b > 0), "float32"),
    "limits": lambda o, a, b: o.clip(a, -0.5, 0.5) + o.nan_to_num(b, 1.0),
    "extremes": lambda o, a, b: o.cast(o.argmax(a, axis=1) + o.argmin(b, axis=1), "float32"),
    "reduced": lambda o, a, b: o.logsumexp(a, axis=1) + o.median(b, axis=1),
    "counted": lambda o, a, b: o.cast(o.count_nonzero(a, axis=-1), "float32"),
    "ordered": lambda o, a, b: o.sort(a, axis=1) + o.cast(o.argsort(b, axis=-1), "float32"),
    "top": lambda o, a, b: o.top_k(a, 2)[0],
    "running": lambda o, a, b: o.cumsum(a, axis=1) + o.cumprod(b, axis=-1),
    "moved": lambda o, a, b: o.flip(a, axis=1) + o.roll(b, 2, axis=-1),
    "triangles": lambda o, a, b: o.tril(a, 1) + o.triu(b),
    "taken": lambda o, a, b: o.take_along_axis(a, o.argsort(b, axis=1), axis=1),
    "taken by a list": lambda o, a, b: o.take(a, [0, 2], axis=1),
    "unstacked": lambda o, a, b: o.unstack(a, axis=1)[2],
    "classes": lambda o, a, b: o.one_hot(o.argmax(a, axis=-1), 6),
    "written": lambda o, a, b: o.scatter_update(a, [[0, 1], [1, 2]], b[:, 0], "add"),
    "products": lambda o, a, b: o.einsum("bij,bkj,bk->bi", a, b, b[:, :, 0]) + o.tensordot(a, b[0, 0], 1),
    "joined": lambda o, a, b: (
        o.hstack([a, b]) + o.append(b, a, axis=1) + o.concatenate([o.vstack([a[:1, :], b[1:, :]])] * 2, 1)
    ),
    "dots": lambda o, a, b: o.dot(a, b[0, 0]) + o.inner(a, b[1, 1]),
    "outer": lambda o, a, b: o.outer(a[0, 0], b[0, 0]) + o.vdot(a, b),
    "in another order": lambda o, a, b: o.swapaxes(a, 1, 2) + o.moveaxis(b, 1, -1),
    "differences": lambda o, a, b: o.diff(a, 2, axis=1),
    "averages": lambda o, a, b: o.average(a, axis=1) + o.amax(a, axis=1) - o.amin(a, axis=1),
    "in a row": lambda o, a, b: o.ravel(b) * 2.0,
    "gelu exact": lambda o, a, b: o.gelu(a, approximate=False),
    "gelu with a tanh": lambda o, a, b: o.gelu(a, approximate=True),
    "slope": lambda o, a, b: o.leaky_relu(a, 0.3) + o.elu(b, 0.5),
    "threshold": lambda o, a, b: o.threshold(a, 0.1, -1.0),
    "glu": lambda o, a, b: o.glu(a, axis=-1),
    "softmax of an axis": lambda o, a, b: o.softmax(a, axis=1) + o.log_softmax(b, axis=1),
    "softmax of axes": lambda o, a, b: o.softmax(a, axis=(1, 2)),
    "concatenate": lambda o, a, b: o.concatenate([a, b], axis=1),
    "stack": lambda o, a, b: o.stack([a, b], axis=1),
    "split": lambda o, a, b: o.split(a, 2, axis=1)[1],
    "split at": lambda o, a, b: o.split(a, [1, 3], axis=1)[2],
    "reshape": lambda o, a, b: o.reshape(a, (-1, 24)),
    "squeeze": lambda o, a, b: o.squeeze(o.expand_dims(a, 1), 1),
    "squeeze all": lambda o, a, b: o.squeeze(o.expand_dims(a, -1)),
    "broadcast": lambda o, a, b: o.broadcast_to(o.sum(a, axis=(0, 1), keepdims=True), (2, 4, 6)),
    "pad": lambda o, a, b: o.pad(a, [[0, 0], [1, 2], [0, 1]]),
    "pad with a value": lambda o, a, b: o.pad(a, [[0, 0], [1, 2], [0, 1]], constant_values=2.0),
    "reflect": lambda o, a, b: o.pad(a, [[0, 0], [1, 2], [0, 1]], mode="reflect"),
    "repeat": lambda o, a, b: o.repeat(a, 2, axis=1),
    "tile": lambda o, a, b: o.tile(a, (1, 2, 1)),
    "where": lambda o, a, b: o.where(a > 0, a, b),
    "full_like": lambda o, a, b: o.full_like(a, 3.0),
    "cast": lambda o, a, b: o.cast(a * 10, "int32"),
    "einsum": lambda o, a, b: o.einsum("bij,bkj->bik", a, b),
}
CALLS = {**OPERATORS, **FUNCTIONS}


def drawn(api, functions):
    a, b = api.Input((4, 6), name="a"), api.Input((4, 6), name="b")
    used = api.layers.Dense(6, name="used")(a)
    return api.Model(
        [a, b], {name: call(ops if api is layercli else keras.ops, used, b) for name, call in functions.items()}
    )


def outputs(model):
    return {
        name: np.asarray(value.detach() if hasattr(value, "detach") else value) for name, value in model([A, B]).items()
    }


def the_same(left, right):
    assert left.keys() == right.keys()
    for name in left:
        close(left[name].astype("float64"), right[name].astype("float64"), 5e-6, name)


def test_keras_loads_our_operations_and_gives_the_same(tmp_path):
    model = drawn(layercli, CALLS)
    model.save(tmp_path / "ours.keras")
    the_same(outputs(keras.models.load_model(tmp_path / "ours.keras")), outputs(model))


def test_we_load_keras_operations_and_give_the_same(tmp_path):
    model = drawn(keras, CALLS)
    model.save(tmp_path / "theirs.keras")
    the_same(outputs(layercli.load_model(tmp_path / "theirs.keras")), outputs(model))


def test_activations_called_as_functions_are_loaded(tmp_path):
    names = ["relu", "gelu", "softmax", "elu", "swish", "exponential", "leaky_relu"]
    calls = {name: lambda o, a, b, name=name: getattr(keras.activations, name)(a) for name in names}
    calls["capped"] = lambda o, a, b: keras.activations.relu(a, max_value=1.0, negative_slope=0.1)
    model = drawn(keras, calls)
    model.save(tmp_path / "theirs.keras")
    ours = layercli.load_model(tmp_path / "theirs.keras")
    the_same(outputs(ours), outputs(model))
    ours.save(tmp_path / "ours.keras")
    the_same(outputs(keras.models.load_model(tmp_path / "ours.keras")), outputs(model))


def pictures(o, a):
    """Return a batch of pictures, 4 high, 6 wide, of 3 channels between 0 and 1."""
    return o.sigmoid(o.stack([a, a * 2.0, a - 1.0], axis=-1))


def k(*shape):
    """Return fixed values of a shape, each of its own."""
    return (np.arange(np.prod(shape), dtype="float32").reshape(shape) % 7 - 3) / 5


FEATURES = np.float32([1, 2, 3, 4, 5, 6])
READ = {
    "round": lambda o, a, b: o.round(a, decimals=1) + o.round(b * 100, decimals=-1),
    "initial": lambda o, a, b: o.max(a, axis=1, initial=0.5) + o.min(b, axis=1, keepdims=False, initial=-0.1),
    "product": lambda o, a, b: o.prod(a, axis=1, dtype="float64"),
    "resize": lambda o, a, b: o.image.resize(pictures(o, a), (6, 8)),
    "resize cubic": lambda o, a, b: o.image.resize(pictures(o, a), (5, 7), interpolation="bicubic"),
    "resize nearest": lambda o, a, b: o.image.resize(pictures(o, a), (8, 9), interpolation="nearest"),
    "colors": lambda o, a, b: o.image.rgb_to_grayscale(pictures(o, a)),
    "hsv": lambda o, a, b: o.image.hsv_to_rgb(o.image.rgb_to_hsv(pictures(o, a))),
    "patches": lambda o, a, b: o.image.extract_patches(pictures(o, a), (2, 2)),
    "pad pictures": lambda o, a, b: o.image.pad_images(pictures(o, a), 1, 2, target_height=8, target_width=9),
    "crop pictures": lambda o, a, b: o.image.crop_images(pictures(o, a), 1, 2, target_height=2, target_width=3),
    "blur": lambda o, a, b: o.image.gaussian_blur(pictures(o, a), (3, 3), (1.0, 1.0)),
    "affine": lambda o, a, b: o.image.affine_transform(pictures(o, a), np.float32([[1, 0.1, 0, 0, 1, 0.2, 0, 0]] * 2)),
    "edges": lambda o, a, b: o.image.sobel_edges(pictures(o, a)),
    "pool": lambda o, a, b: o.max_pool(a, (2,), (2,)) + o.average_pool(b, (2,), (2,)),
    "pool to a size": lambda o, a, b: o.adaptive_average_pool(a, (2,)) + o.adaptive_max_pool(b, (2,)),
    "convolution": lambda o, a, b: o.conv(a, k(3, 6, 2), padding="same") + o.conv(b, k(1, 6, 2), strides=1),
    "depthwise": lambda o, a, b: o.depthwise_conv(pictures(o, a), k(2, 2, 3, 2)),
    "separable": lambda o, a, b: o.separable_conv(pictures(o, a), k(2, 2, 3, 2), k(1, 1, 6, 4)),
    "losses": lambda o, a, b: o.binary_crossentropy(o.sigmoid(a), o.sigmoid(b)),
    "categories": lambda o, a, b: o.categorical_crossentropy(o.softmax(a), o.softmax(b), from_logits=False),
    "sparse categories": lambda o, a, b: o.sparse_categorical_crossentropy(o.argmax(a, -1), b, from_logits=True),
    "moments": lambda o, a, b: sum(o.moments(a, axes=[1])),
    "normalize": lambda o, a, b: o.normalize(a, axis=1, order=2),
    "batch normalization": lambda o, a, b: o.batch_normalization(a, FEATURES, FEATURES * 2, -1, FEATURES, FEATURES + 1),
    "layer normalization": lambda o, a, b: o.layer_normalization(a, FEATURES, FEATURES + 1, axis=-1),
    "rms normalization": lambda o, a, b: o.rms_normalization(a, FEATURES),
    "attention": lambda o, a, b: o.dot_product_attention(
        *[o.reshape(x, (-1, 4, 2, 3)) for x in (a, b, a)], is_causal=True
    ),
    "depth": lambda o, a, b: o.depth_to_space(o.reshape(a, (-1, 2, 3, 4)), 2),
    "space": lambda o, a, b: o.space_to_depth(pictures(o, a), 2),
    "quantiles": lambda o, a, b: o.quantile(a, 0.3) + o.percentile(b, 40) + o.nanmedian(a),
    "near": lambda o, a, b: o.cast(o.isclose(a, b, 0.5, 0.5), "int32"),
    "places": lambda o, a, b: o.searchsorted(FEATURES, a[0, 0]) + o.digitize(b[0, 0], FEATURES),
    "among": lambda o, a, b: o.isin(o.cast(a, "int32"), np.int32([0, 1])),
    "counts": lambda o, a, b: o.bincount(o.argmax(a[0], -1), minlength=6),
    "correlation": lambda o, a, b: o.correlate(a[0, 0], b[0, 0], mode="same"),
    "one diagonal": lambda o, a, b: o.diag(a[0, 0]) + o.vander(b[0, 0]),
    "select": lambda o, a, b: o.select([a > 0, b > 0], [a, b], 0.5),
    "parts": lambda o, a, b: o.array_split(a, 4, axis=2)[1],
    "segments": lambda o, a, b: (
        o.segment_sum(a[0], np.int32([0, 0, 1, 2]), 3) + o.segment_max(b[0], np.int32([0, 1, 1, 2]), 3)
    ),
    "distances": lambda o, a, b: o.cdist(a[0], b[0]),
    "spectrum": lambda o, a, b: o.rfft(a)[0] + o.fft((a, b))[1][..., :4],
    "frames": lambda o, a, b: o.extract_sequences(a, 3, 2),
    "windows": lambda o, a, b: (
        o.slice_update(a, [0, 1, 0], b[:, :2]) + o.pad(o.slice(a, [0, 0, 0], (1, 1, 1)), [[0, 1], [0, 3], [0, 5]])
    ),
    "scatter": lambda o, a, b: o.scatter(np.int32([[0], [2]]), a[0, :2], (4, 6)),
    "gradient": lambda o, a, b: o.stop_gradient(a),
    "singular values": lambda o, a, b: o.svd(a, compute_uv=False),
    "rearranged": lambda o, a, b: o.rearrange(a[0], "h w -> w h"),
}


@pytest.mark.parametrize("name", READ)
def test_an_operation_of_keras_s_is_read(name, tmp_path):
    try:
        model = drawn(keras, {"y": READ[name]})
        expected = outputs(model)
    except (TypeError, ValueError) as error:
        pytest.fail(f"Keras: {error}")
    model.save(tmp_path / "theirs.keras")
    the_same(outputs(layercli.load_model(tmp_path / "theirs.keras")), expected)


def test_every_operation_that_a_file_can_name_is_tried():
    used = set()
    for call in (drawn(layercli, CALLS), drawn(layercli, {"mish": lambda o, a, b: o.mish(a)})):
        used |= {each["class_name"] for each in call.get_config()["layers"]} & set(operation_names.MODULE_OF)
    others = {"Amax", "Amin", "TrueDivide", "ReLU", "OnesLike", "ZerosLike"}  # each written under another of its names
    others |= {"Append", "Average", "Diff", "Dot", "Hstack", "Inner", "Moveaxis"}  # written as what they are made of
    others |= {
        "BitwiseInvert",
        "BitwiseLeftShift",
        "BitwiseRightShift",
        "Conjugate",
        "Corrcoef",
        "Cross",
        "Dsplit",
        "Dstack",
    }
    others |= {"Fliplr", "Flipud", "Hsplit", "Logdet", "Rot90", "SaturateCast", "Trace", "Trapezoid", "Vsplit"}
    others |= {"Outer", "Ravel", "Swapaxes", "Tensordot", "Vdot", "Vstack"}
    wrong_in_keras = {"Sparsemax", "Norm"}  # on JAX it is no projection, and no norm that it has saved can be computed
    assert used == set(operation_names.MODULE_OF) - others - wrong_in_keras


def test_our_file_again_gives_the_same_file(tmp_path):
    model = drawn(layercli, CALLS)
    model.save(tmp_path / "a.keras")
    again = layercli.load_model(tmp_path / "a.keras")
    again.save(tmp_path / "b.keras")
    configs = [zipfile.ZipFile(tmp_path / file).read("config.json") for file in ("a.keras", "b.keras")]
    assert configs[0] == configs[1]


def test_an_operation_keras_lacks_is_written_by_its_own_class(tmp_path):
    images = layercli.Input((4, 6, 2))
    model = layercli.Model(images, Upsample((2, 3))(images) * 2.0)
    model.save(tmp_path / "m.keras")
    described = model.get_config()["layers"][1]
    assert (described["module"], described["class_name"]) == ("layercli.ops", "Upsample")
    x = RNG.standard_normal((2, 4, 6, 2)).astype("float32")
    assert np.array_equal(layercli.load_model(tmp_path / "m.keras").predict(x), model.predict(x))


def twice_used(api):
    """Two Dense layers of one shape, whose order in the file follows from operations and masks on the way to the output."""
    tokens = api.Input((5,), dtype="int32")
    x = api.layers.Embedding(7, 6)(tokens)
    one, other = api.layers.Dense(6), api.layers.Dense(6)
    relu = ops.relu if api is layercli else keras.ops.relu
    left = relu(relu(relu(one(x))))
    right = api.layers.Masking(0.0)(other(x))
    right = api.layers.SimpleRNN(6, return_sequences=True)(right)
    return api.Model(tokens, left + right)


def test_weights_keep_their_layers_where_operations_and_masks_set_the_order(tmp_path):
    x = RNG.integers(0, 7, (3, 5)).astype("int32")
    theirs, ours = twice_used(keras), twice_used(layercli)
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    ours.load_weights(tmp_path / "theirs.weights.h5")
    close(ours.predict(x), np.asarray(theirs(x)), 5e-6)
    ours.save(tmp_path / "ours.keras")
    close(np.asarray(keras.models.load_model(tmp_path / "ours.keras")(x)), ours.predict(x), 5e-6)
    theirs.save(tmp_path / "theirs.keras")
    close(layercli.load_model(tmp_path / "theirs.keras").predict(x), np.asarray(theirs(x)), 5e-6)


def refused(call):
    with pytest.raises(UsageError) as raised:
        call().get_config()
    return str(raised.value)


def test_what_no_file_can_hold():
    import torch

    inputs, steps = layercli.Input((6,), name="i"), layercli.Input(("T", "C", 6))
    dense = layercli.layers.Dense(6, name="d")
    hidden = dense(inputs)
    layercli.core.naming.clear_session()
    assert refused(lambda: layercli.Model(inputs, torch.cumsum(hidden, 1))) == (
        "a .keras file cannot hold a call of cumsum outside of a layer"
    )
    assert refused(lambda: layercli.Model(inputs, inputs @ dense.kernel, name="m")) == (
        "a .keras file cannot hold m: it uses the variable d/kernel outside of a layer"
    )
    assert refused(lambda: layercli.Model(steps, ops.reshape(steps, (6, steps.shape[2], -1, 1)))) == (
        "a .keras file cannot hold a reshape to (6, C, -1, 1) outside of a layer: only one of its sizes may be unknown"
    )


def config(change):
    model = drawn(layercli, {"y": lambda o, a, b: o.split(o.softmax(a, axis=1), 2, axis=1)[0]}).get_config()
    found = {
        each["class_name"].replace("InputLayer", each["name"]): each for each in json.loads(json.dumps(model))["layers"]
    }
    change(found)
    return {**model, "layers": list(found.values())}


def first(class_name):
    return lambda found, **changes: found[class_name].update(changes)


softmax, split = first("Softmax"), first("Split")
NO_ARRAY = [{"class_name": "__numpy__", "config": {"value": {}, "dtype": "object"}}]
HOSTILE = [
    (lambda c: softmax(c, class_name="WhileLoop"), "holds the operation WhileLoop, which layercli does not have"),
    (
        lambda c: softmax(c, module="layercli.ops", class_name="TorchFunction"),
        "holds the operation TorchFunction, which layercli does not have",
    ),
    (
        lambda c: softmax(c, module="os", class_name="system"),
        "holds a system, which layercli does not make from a file",
    ),
    (lambda c: softmax(c, config=3), "describes a Softmax without its config"),
    (
        lambda c: softmax(c, config={"axes": 3}),
        "has a graph with a call of 'softmax' that cannot be made: softmax() got an unexpected keyword argument 'axes'",
    ),
    (lambda c: softmax(c, config={"axis": 9}), "expects x with an axis 9 (x = float32[None, 4, 6])"),
    (
        lambda c: split(c, config={"indices_or_sections": 10**9}),
        "has 1,000,000,000 parts or repetitions of one operation, more than the limit of 65,536",
    ),
    (
        lambda c: split(c, inbound_nodes=[{"args": NO_ARRAY, "kwargs": {}}]),
        "has a graph with a __numpy__ that is none",
    ),
]


@pytest.mark.parametrize(("change", "message"), HOSTILE)
def test_hostile_operations_are_refused(change, message):
    with pytest.raises(FormatError) as raised:
        Functional.from_config(config(change))
    assert str(raised.value).removeprefix("the config").lstrip(": ") == message
