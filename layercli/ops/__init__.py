"""Operations as functions: ``ops.relu(x)``, for symbolic tensors and torch tensors. Each module is imported at first
use.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

MODULES = {
    "core.associative": "associative_scan",
    "core.autodiff": "custom_gradient jvp stop_gradient",
    "core.conditionals": "cond switch",
    "core.conversion": "array cast convert_to_numpy convert_to_tensor dtype is_tensor view",
    "core.dynamic_slice": "slice slice_update",
    "core.loops": "fori_loop scan while_loop",
    "core.mapping": "map vectorize vectorized_map",
    "core.scatter_gather": "scatter scatter_update take take_along_axis",
    "core.shape": "ndim shape size",
    "core.slicing": "get_item getitem",
    "einops": "rearrange",
    "image.patches": "fold unfold",
    "image.pixel_shuffle": "depth_to_space space_to_depth",
    "linalg.decompositions": (
        "cholesky cholesky_inverse det eig eigh inv logdet lu_factor matrix_rank pinv qr slogdet svd"
    ),
    "linalg.norms": "cdist norm normalize psnr",
    "linalg.solvers": "lstsq solve solve_triangular",
    "math.fft": "fft fft2 ifft2 irfft rfft",
    "math.segment": "segment_max segment_min segment_prod segment_sum",
    "math.special_functions": "erf erfc erfinv i0 sinc",
    "math.stft": "extract_sequences istft stft",
    "nn.activation_functions": (
        "celu elu exponential glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu log_sigmoid "
        "log_softmax mish relu6 relu_ selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus "
        "sparse_sigmoid sparsemax squareplus swish tanh tanh_shrink threshold"
    ),
    "nn.attention": "dot_product_attention",
    "nn.conv_transpose": "conv_transpose",
    "nn.convolution": "conv depthwise_conv separable_conv",
    "nn.ctc": "ctc_decode ctc_loss",
    "nn.linear_units": "gelu relu",
    "nn.losses": "binary_crossentropy categorical_crossentropy sparse_categorical_crossentropy",
    "nn.normalization": "batch_normalization layer_normalization rms_normalization",
    "nn.one_hot": "multi_hot one_hot",
    "nn.pooling": "adaptive_average_pool adaptive_max_pool average_pool max_pool",
    "numpy.arithmetic": (
        "abs absolute add cbrt ceil copy divide divide_no_nan fabs floor floor_divide fmax fmin fmod gcd heaviside "
        "lcm ldexp maximum minimum mod multiply negative nextafter power reciprocal round rsqrt sign signbit sqrt "
        "square subtract true_divide trunc"
    ),
    "numpy.bitwise": (
        "bitwise_and bitwise_invert bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor "
        "left_shift right_shift"
    ),
    "numpy.clipping": "clip nan_to_num saturate_cast",
    "numpy.comparison": "allclose in_top_k isclose isin",
    "numpy.complex": "angle conj conjugate imag polar real view_as_complex view_as_real",
    "numpy.creation": "empty empty_like eye full full_like identity ones ones_like zeros zeros_like",
    "numpy.cumulative": "cumprod cumsum diff nancumprod nancumsum",
    "numpy.diagonal": "diag diagflat diagonal trace",
    "numpy.einsum": "einsum",
    "numpy.exponential": "exp exp2 expm1 log log10 log1p log2 logaddexp logaddexp2",
    "numpy.grids": "meshgrid trapezoid unravel_index vander",
    "numpy.histogram": "bincount digitize histogram searchsorted",
    "numpy.joining": "append array_split concatenate dsplit dstack hsplit hstack split stack unstack vsplit vstack",
    "numpy.linear": "matmul",
    "numpy.logic": (
        "equal greater greater_equal isfinite isinf isnan isneginf isposinf isreal less less_equal logical_and "
        "logical_not logical_or logical_xor not_equal where"
    ),
    "numpy.padding": "pad",
    "numpy.products": "cross dot inner kron outer tensordot vdot",
    "numpy.quantiles": "nanmedian nanpercentile nanquantile percentile quantile",
    "numpy.ranges": "arange geomspace linspace logspace",
    "numpy.rearrangement": "flip fliplr flipud repeat roll rot90 tile",
    "numpy.reductions": (
        "all amax amin any count_nonzero logsumexp max mean median min nanmax nanmean nanmin nanprod nanstd nansum "
        "nanvar prod ptp std sum var"
    ),
    "numpy.reshaping": "broadcast_to expand_dims moveaxis ravel reshape squeeze swapaxes transpose",
    "numpy.selection": "select",
    "numpy.set_ops": "nonzero unique",
    "numpy.sorting": "argmax argmin argpartition argsort nanargmax nanargmin sort top_k",
    "numpy.statistics": "average corrcoef correlate moments",
    "numpy.triangular": "tri tril triu",
    "numpy.trigonometry": (
        "arccos arccosh arcsin arcsinh arctan arctan2 arctanh cos cosh deg2rad hypot rad2deg sin sinh tan"
    ),
    "numpy.window_functions": "bartlett blackman hamming hanning kaiser",
}
"""The public functions of each module."""

MODULE_OF = {name: module for module, names in MODULES.items() for name in names.split()}

__all__ = sorted(MODULE_OF)  # MODULES is the only list of names


NAMESPACES = ("image", "linalg", "nn", "numpy")
"""The namespaces of ``keras.ops``: ``ops.image.resize(x, (8, 8))``."""


def __getattr__(name: str) -> Any:
    if name in NAMESPACES:
        return import_module(f"layercli.ops.{name}")
    if name not in MODULE_OF:
        raise AttributeError(f"layercli.ops has no operation {name!r}")
    operation = getattr(import_module(f"layercli.ops.{MODULE_OF[name]}"), name)
    globals()[name] = operation
    return operation


def __dir__() -> list[str]:
    return __all__


def load() -> None:
    """Import every operation now: torch.compile can trace a function, and no import inside a call."""
    for name in MODULE_OF:
        __getattr__(name)
