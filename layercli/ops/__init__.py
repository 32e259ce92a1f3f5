"""Operations as functions: ``ops.relu(x)``, on symbolic tensors and on torch tensors alike; each family loads when first used."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from layercli.core.symbolic import OPERATORS
from layercli.ops import raw_torch as raw_torch

FAMILIES = {
    "accumulation": "cumprod cumsum diff nancumprod nancumsum",
    "associative": "associative_scan",
    "averages": "average moments norm normalize",
    "bits": "view",
    "blocks": "slice slice_update",
    "blocks_of_pixels": "depth_to_space space_to_depth",
    "branches": "cond switch",
    "comparisons": "allclose in_top_k isclose isin",
    "complexes": "polar view_as_complex view_as_real",
    "conversion": "array convert_to_numpy convert_to_tensor dtype is_tensor",
    "correlation": "corrcoef correlate",
    "counting": "bincount digitize histogram searchsorted",
    "creation": "empty eye full identity ones zeros",
    "crossentropy": "binary_crossentropy categorical_crossentropy sparse_categorical_crossentropy",
    "ctc": "ctc_decode ctc_loss",
    "decompositions": "cholesky cholesky_inverse det eig eigh inv logdet lu_factor matrix_rank pinv qr slogdet svd",
    "diagonals": "diag diagflat diagonal trace",
    "distances": "cdist psnr",
    "elementwise": (
        "abs absolute add angle arccos arccosh arcsin arcsinh arctan arctan2 arctanh bitwise_and bitwise_invert "
        "bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor cast cbrt ceil conj conjugate copy cos "
        "cosh deg2rad divide divide_no_nan equal erf erfc erfinv exp exp2 expm1 fabs floor floor_divide fmax fmin fmod "
        "gcd greater greater_equal heaviside hypot i0 imag isfinite isinf isnan isneginf isposinf isreal lcm ldexp "
        "left_shift less less_equal log log10 log1p log2 logaddexp logaddexp2 logical_and logical_not logical_or "
        "logical_xor maximum minimum mod multiply negative nextafter not_equal power rad2deg real reciprocal right_shift "
        "round rsqrt sign signbit sin sinc sinh sqrt square subtract tan true_divide trunc where"
    ),
    "encoding": "multi_hot one_hot",
    "extent": "ndim shape size",
    "filling": "empty_like full_like ones_like zeros_like",
    "finding": "nonzero unique",
    "fourier": "fft fft2 ifft2 irfft rfft",
    "frames": "extract_sequences istft stft",
    "gradient": "custom_gradient jvp stop_gradient",
    "grids": "meshgrid unravel_index",
    "indexing": "scatter scatter_update take take_along_axis",
    "joining": "append array_split concatenate dsplit dstack hsplit hstack split stack unstack vsplit vstack",
    "letters": "einsum",
    "limits": "clip nan_to_num saturate_cast",
    "linear": "matmul",
    "loops": "fori_loop scan while_loop",
    "mapping": "map vectorize vectorized_map",
    "named_activations": (
        "celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu log_sigmoid "
        "log_softmax mish relu relu6 relu_ selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus "
        "sparse_sigmoid sparsemax squareplus swish tanh tanh_shrink threshold"
    ),
    "named_attention": "dot_product_attention",
    "named_normalizations": "batch_normalization layer_normalization rms_normalization",
    "named_windows": (
        "adaptive_average_pool adaptive_max_pool average_pool conv conv_transpose depthwise_conv max_pool separable_conv"
    ),
    "ordering": "argmax argmin argpartition argsort nanargmax nanargmin sort top_k",
    "padding": "pad",
    "patches": "fold unfold",
    "products": "cross dot inner kron outer tensordot vdot",
    "quantiles": "nanmedian nanpercentile nanquantile percentile quantile",
    "ranges": "arange geomspace linspace logspace",
    "rearranging": "rearrange",
    "reduction": (
        "all amax amin any count_nonzero logsumexp max mean median min nanmax nanmean nanmin nanprod nanstd nansum nanvar "
        "prod ptp std sum var"
    ),
    "repeating": "repeat tile",
    "reshaping": "broadcast_to expand_dims moveaxis ravel reshape squeeze swapaxes transpose",
    "rolling": "flip fliplr flipud roll rot90",
    "segments": "segment_max segment_min segment_prod segment_sum",
    "selection": "select",
    "series": "trapezoid vander",
    "slicing": "get_item getitem",
    "solving": "lstsq solve solve_triangular",
    "tapers": "bartlett blackman hamming hanning kaiser",
    "triangles": "tri tril triu",
}
"""Where each operation is."""

HOMES = {name: family for family, names in FAMILIES.items() for name in names.split()}

__all__ = sorted(HOMES)  # the table is the one list


NAMESPACES = ("image", "linalg", "nn", "numpy")
"""Keras's modules of operations: ``ops.image.resize(x, (8, 8))``."""


def __getattr__(name: str) -> Any:
    if name in NAMESPACES:
        return import_module(f"layercli.ops.{name}")
    if name not in HOMES:
        raise AttributeError(f"layercli.ops has no operation {name!r}")
    operation = getattr(import_module(f"layercli.ops.{HOMES[name]}"), name)
    globals()[name] = operation
    return operation


def __dir__() -> list[str]:
    return __all__


def _operator(name: str) -> Callable[..., Any]:
    """Return what an operator does; the operation is looked up when it is used."""
    return lambda *values: __getattr__(name)(*values)


def load() -> None:
    """Make every operator the operation itself: torch.compile can trace that, and no import inside a call."""
    OPERATORS.update({name: __getattr__(name) for name in HOMES})


OPERATORS.update({name: _operator(name) for name in HOMES})
