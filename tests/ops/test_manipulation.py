"""Values put in other places, and the matrices, grids and windows made of them: Keras's, on the same inputs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from keras_parity import agree, close, image, keras

from layercli import Input, ops
from layercli.errors import DTypeError, ShapeError, UsageError

X, Y = image(2, 5, 4), image(2, 3, 4, seed=1)
WHOLE = np.random.default_rng(0).integers(-2, 3, (4, 4)).astype("int32")


@pytest.mark.parametrize("name", ["bartlett", "blackman", "hamming", "hanning"])
def test_tapers(name):
    for count in (1, 3, 7, 8):
        agree(lambda k, count=count: getattr(k, name)(count), gradients=False)


def test_kaiser():
    agree(lambda k: k.kaiser(9, 8.5), gradients=False, tolerance=4e-6)  # JAX's series of i0
    agree(lambda k: k.kaiser(8, beta=14.0), gradients=False, tolerance=4e-6)


PATTERNS = [
    ("b h w -> w b h", {}),
    ("b h w -> (b h) w", {}),
    ("b h (w v) -> b (h v) w", {"v": 2}),
    ("(a b) h (w v) -> b (h v) (w a)", {"v": 2, "a": 2}),
    ("b h w -> (w h b)", {}),
]


@pytest.mark.parametrize(("pattern", "sizes"), PATTERNS)
def test_rearrange(pattern, sizes):
    agree(lambda k, x: k.rearrange(x, pattern, **sizes), X)


@pytest.mark.parametrize("block", [2, 3])
@pytest.mark.parametrize("form", ["channels_last", "channels_first"])
def test_blocks_of_pixels(block, form):
    deep = image(2, 3, 5, 36) if form == "channels_last" else image(2, 36, 3, 5)
    wide = image(2, 12, 6, 5) if form == "channels_last" else image(2, 5, 12, 6)
    agree(lambda k, x: k.depth_to_space(x, block, form), deep)
    agree(lambda k, x: k.space_to_depth(x, block, data_format=form), wide)


SETTINGS = [{}, {"stride": 2}, {"padding": 1, "dilation": 2}, {"stride": (1, 2), "padding": (1, 0), "dilation": (2, 1)}]


@pytest.mark.parametrize("settings", SETTINGS, ids=range(len(SETTINGS)))
def test_windows_as_columns(settings):
    x = image(2, 3, 7, 9)
    agree(lambda k, x: k.unfold(x, (2, 3), **settings), x)
    columns = np.asarray(keras.ops.unfold(x, (2, 3), **settings))
    ours = ops.fold(torch.from_numpy(columns), (7, 9), (2, 3), **settings)
    assert str(ops.fold(Input(batch_shape=columns.shape), (7, 9), (2, 3), **settings).spec) == "float32[2, 3, 7, 9]"
    theirs = torch.nn.functional.fold(torch.from_numpy(columns), (7, 9), (2, 3), **settings)
    assert torch.equal(ours, theirs)
    if settings == {}:
        agree(lambda k, x: k.fold(x, (7, 9), (2, 3)), columns)


@pytest.mark.parametrize("k", [-3, -1, 0, 2, 5])
def test_diagonals(k):
    agree(lambda api, x: api.diag(x, k), X[0])
    agree(lambda api, x: api.diag(x, k=k), X[0, 0])
    agree(lambda api, x: api.diagflat(x, k), X[0])
    agree(lambda api, x: api.diagonal(x, k), X)
    agree(lambda api, x: api.diagonal(x, offset=k, axis1=-1, axis2=0), X)
    agree(lambda api, x: api.trace(x, k), X)
    agree(lambda api, x: api.trace(x, offset=k), WHOLE, gradients=False)
    agree(lambda api: api.tri(3, 5, k), gradients=False)
    agree(lambda api: api.tri(4, k=k, dtype="int32"), gradients=False)


def test_kron():
    agree(lambda k, x, y: k.kron(x, y), X[0], Y[0])
    agree(lambda k, x, y: k.kron(x, y), X[0, 0], Y)
    agree(lambda k, x: k.kron(x, x), WHOLE, gradients=False)


@pytest.mark.parametrize("sizes", [(3, 3), (2, 2), (3, 2), (2, 3)])
def test_cross(sizes):
    x, y = X[..., : sizes[0]], image(5, sizes[1], seed=4)
    agree(lambda k, x, y: k.cross(x, y), x, y, sizes="known")
    if sizes == (3, 3):
        agree(lambda k, x, y: k.cross(x, y, axis=0), image(3, 4), image(3, 4, seed=1), sizes="known")
        agree(lambda k, x, y: k.cross(x, y, 0, -1, 0), image(3, 4), image(4, 3, seed=1), sizes="known")


def test_cdist_and_psnr():
    agree(lambda k, x, y: k.cdist(x, y), X, Y)
    agree(lambda k, x, y: k.cdist(x, y), X, Y[0])
    agree(lambda k, x, y: k.psnr(x, y, 1.0), X, X + Y[:, :1] * 0.1)
    agree(lambda k, x, y: k.psnr(x, y, max_val=255), X[0], X[1])


@pytest.mark.parametrize("mode", ["valid", "same", "full"])
def test_correlate(mode):
    for n, m in ((9, 4), (9, 3), (4, 9), (3, 9), (5, 5)):
        agree(lambda k, x, y: k.correlate(x, y, mode), image(n), image(m, seed=1), sizes="known")
    agree(lambda k, x, y: k.correlate(x, y, mode=mode), WHOLE[0], WHOLE[1, :3], gradients=False, sizes="known")


def test_corrcoef():
    agree(lambda k, x: k.corrcoef(x), X[0], tolerance=4e-6)
    agree(lambda k, x: k.corrcoef(x), X[0, 0])
    agree(lambda k, x: k.corrcoef(x), WHOLE, gradients=False)


def test_meshgrid():
    for indexing in ("xy", "ij"):
        agree(lambda k, x, y, i=indexing: k.meshgrid(x, y, indexing=i), X[0, 0], Y[0, 0, :3])
        agree(lambda k, x, y, i=indexing: k.meshgrid(x, y, x, indexing=i), X[0, 0], Y[0, 0, :3])
    agree(lambda k, x: k.meshgrid(x), X[0, 0])


def test_unravel_index():
    agree(lambda k, x: k.unravel_index(x, (3, 4, 5)), np.array([[0, 59, 17], [23, -1, 4]], "int32"), gradients=False)
    agree(lambda k, x: k.unravel_index(x, (7,)), np.array([0, 6]), gradients=False)


def test_vander():
    agree(lambda k, x: k.vander(x), X[0, 0])
    agree(lambda k, x: k.vander(x, 3, True), X[0, 0])
    agree(lambda k, x: k.vander(x, N=5, increasing=False), WHOLE[0], gradients=False)


def test_trapezoid():
    agree(lambda k, x: k.trapezoid(x), X)
    agree(lambda k, x: k.trapezoid(x, dx=0.5, axis=1), X)
    agree(lambda k, x, y: k.trapezoid(x, y, axis=1), X, X[0, :, 0])
    agree(lambda k, x, y: k.trapezoid(x, x=y), X, X + 1)
    agree(lambda k, x: k.trapezoid(x), WHOLE, gradients=False)


SPACED = {
    "logspace": lambda k: k.logspace(0, 3, 7),
    "logspace of 2": lambda k: k.logspace(-1.0, 3, num=5, base=2, endpoint=False),
    "logspace in int32": lambda k: k.logspace(0, 3, 4, dtype="int32"),
    "geomspace": lambda k: k.geomspace(1, 1000, 7),
    "geomspace open": lambda k: k.geomspace(0.5, 8.0, num=5, endpoint=False),
}


@pytest.mark.parametrize("name", SPACED)
def test_spaced(name):
    agree(lambda k: SPACED[name](k), gradients=False, tolerance=4e-6)


@pytest.mark.parametrize("axis", [0, -1])
def test_spaced_between_tensors(axis):
    x, y = np.abs(X[0]) + 1, np.abs(X[1]) + 2
    agree(lambda k, x, y: k.logspace(x, y, 4, axis=axis), x, y, gradients=False, tolerance=2e-5)  # JAX's powers
    agree(lambda k, x, y: k.geomspace(x, y, 4, axis=axis), x, y, gradients=False, tolerance=1e-5)


def test_splits():
    for parts in (1, 2, 3):
        agree(lambda k, x, n=parts: k.array_split(x, n, 1), X)
        agree(lambda k, x, n=parts: k.array_split(x, n, axis=-1), X)
    agree(lambda k, x: k.hsplit(x, [1, 4]), X)
    agree(lambda k, x: k.hsplit(x, 2), X[0, 0], sizes="known")
    agree(lambda k, x: k.vsplit(x, 2), X, sizes="known")
    agree(lambda k, x: k.dsplit(x, 2), X, sizes="known")
    agree(lambda k, x, y: k.dstack([x, y]), X, X + 1)
    agree(lambda k, x, y: k.dstack([x, y]), X[0], X[1])
    agree(lambda k, x: k.dstack([x, x]), X[0, 0])


def test_scatter():
    points = np.array([[1, 2], [0, 0], [1, 2]], "int32")
    agree(lambda k, i, v: k.scatter(i, v, (2, 4)), points, X[0, :3, 0])
    agree(lambda k, i, v: k.scatter(i, v, (3, 4)), points[:, :1], X[0, :3])
    agree(lambda k, i, v: k.scatter(i, v, shape=(2, 4)), points.reshape(1, 3, 2), X[:1, :3, 0])


def test_view():
    agree(lambda k, x: k.view(x, "int32"), X, gradients=False)
    agree(lambda k, x: k.view(x, "int8"), X, gradients=False)
    agree(lambda k, x: k.view(x, dtype="int32"), X.astype("float16"), gradients=False)
    agree(lambda k, x: k.view(x), X)


def test_values_as_tensors():
    agree(lambda k, x: k.array(x, "float16"), X, gradients=False)
    agree(lambda k: k.array([[1, 2], [3, 4]]), gradients=False)
    agree(lambda k, x: k.empty_like(x, "int32") * 0, X, gradients=False)
    agree(lambda k, x: k.get_item(x, (0, slice(1, 3))), X, sizes="known")
    x = torch.from_numpy(X)
    assert ops.array(x) is not x
    assert (ops.dtype(x), ops.dtype(Input((4,))), ops.dtype([1.5])) == ("float32", "float32", "float32")
    assert [ops.is_tensor(each) for each in (x, Input((4,)), X, 3)] == [True, True, False, False]


MESSAGES = [
    (ShapeError, lambda x: ops.rearrange(x, "a b -> b a"), "expects x with 2 axes, got 3 (x = float32[2, 5, 4])"),
    (
        ShapeError,
        lambda x: ops.rearrange(x, "a b (c d) -> a b c d", d=3),
        "expects 3 to divide the axis (c d), got 4 (x of (2, 5, 4))",
    ),
    (
        UsageError,
        lambda x: ops.rearrange(x, "a b (c d) -> a b c d"),
        "rearrange expects all but one of the sizes of (c d) in 'a b (c d) -> a b c d'",
    ),
    (
        UsageError,
        lambda x: ops.rearrange(x, "a b c -> a b"),
        "rearrange expects a pattern like 'b h w -> b (h w)', got 'a b c -> a b'",
    ),
    (UsageError, lambda x: ops.depth_to_space(x, 1), "depth_to_space expects a block_size of at least 2, got 1"),
    (ShapeError, lambda x: ops.space_to_depth(x[None], 3), None),
    (ShapeError, lambda x: ops.unfold(x, 2), "expects x with 4 axes, got 3 (x = float32[2, 5, 4])"),
    (
        ShapeError,
        lambda x: ops.fold(x, 3, 2),
        "expects x with windows of a multiple of 4 values, got 5 (x = float32[2, 5, 4])",
    ),
    (ShapeError, lambda x: ops.diag(x), "expects x with 1 or 2 axes, got 3 (x = float32[2, 5, 4])"),
    (
        ShapeError,
        lambda x: ops.cross(x, x),
        "expects vectors of 2 or 3 components, got float32[2, 5, 4] and float32[2, 5, 4]",
    ),
    (
        ShapeError,
        lambda x: ops.psnr(x, x[0], 1.0),
        "expects x1 and x2 of one shape, got float32[2, 5, 4] and float32[5, 4]",
    ),
    (UsageError, lambda x: ops.correlate(x, x, "fill"), "correlate has no mode 'fill'"),
    (
        DTypeError,
        lambda x: ops.unravel_index(x, (2,)),
        "expects indices of an integer dtype (indices = float32[2, 5, 4])",
    ),
    (ShapeError, lambda x: ops.view_as_complex(x), None),
    (UsageError, lambda x: ops.meshgrid(x, indexing="yx"), "meshgrid expects indexing to be xy or ij, got 'yx'"),
]


@pytest.mark.parametrize(("kind", "call", "message"), MESSAGES, ids=range(len(MESSAGES)))
def test_an_input_that_does_not_fit(kind, call, message):
    for x in (torch.from_numpy(X), Input(batch_shape=X.shape)):
        with pytest.raises(kind) as error:
            call(x)
        assert message is None or str(error.value) == message


def test_a_model_drawn_of_them_gives_the_same():
    from layercli import Model

    def call(x):
        rows, _ = ops.meshgrid(ops.mean(x, (0, 2)), ops.mean(x, (0, 1)))
        turned = ops.rearrange(ops.rot90(x, 1, (1, 2)), "b h (w v) -> b (h v) w", v=5)
        return ops.kron(turned, ops.ones((1, 2))), rows, ops.quantile(x, [0.1, 0.5], axis=(1, 2))

    x = Input((5, 4))
    model = Model(x, list(call(x)))
    for ours, eager in zip(model(torch.from_numpy(X)), call(torch.from_numpy(X)), strict=True):
        close(ours.detach(), eager)
