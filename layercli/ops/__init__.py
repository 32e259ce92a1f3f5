"""Operations as functions: ``ops.relu(x)``, for symbolic tensors and torch tensors. Each module is imported at first
use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for type checkers and editors; a test holds it to the table below
    from layercli.ops import image as image
    from layercli.ops import linalg as linalg
    from layercli.ops import nn as nn
    from layercli.ops import numpy as numpy
    from layercli.ops.core.associative import associative_scan as associative_scan
    from layercli.ops.core.autodiff import custom_gradient as custom_gradient
    from layercli.ops.core.autodiff import jvp as jvp
    from layercli.ops.core.autodiff import stop_gradient as stop_gradient
    from layercli.ops.core.conditionals import cond as cond
    from layercli.ops.core.conditionals import switch as switch
    from layercli.ops.core.conversion import array as array
    from layercli.ops.core.conversion import cast as cast
    from layercli.ops.core.conversion import convert_to_numpy as convert_to_numpy
    from layercli.ops.core.conversion import convert_to_tensor as convert_to_tensor
    from layercli.ops.core.conversion import dtype as dtype
    from layercli.ops.core.conversion import is_tensor as is_tensor
    from layercli.ops.core.conversion import view as view
    from layercli.ops.core.dynamic_slice import slice as slice
    from layercli.ops.core.dynamic_slice import slice_update as slice_update
    from layercli.ops.core.loops import fori_loop as fori_loop
    from layercli.ops.core.loops import scan as scan
    from layercli.ops.core.loops import while_loop as while_loop
    from layercli.ops.core.mapping import map as map
    from layercli.ops.core.mapping import vectorize as vectorize
    from layercli.ops.core.mapping import vectorized_map as vectorized_map
    from layercli.ops.core.scatter_gather import scatter as scatter
    from layercli.ops.core.scatter_gather import scatter_update as scatter_update
    from layercli.ops.core.scatter_gather import take as take
    from layercli.ops.core.scatter_gather import take_along_axis as take_along_axis
    from layercli.ops.core.shape import ndim as ndim
    from layercli.ops.core.shape import shape as shape
    from layercli.ops.core.shape import size as size
    from layercli.ops.core.slicing import get_item as get_item
    from layercli.ops.core.slicing import getitem as getitem
    from layercli.ops.einops import rearrange as rearrange
    from layercli.ops.image.patches import fold as fold
    from layercli.ops.image.patches import unfold as unfold
    from layercli.ops.image.pixel_shuffle import depth_to_space as depth_to_space
    from layercli.ops.image.pixel_shuffle import space_to_depth as space_to_depth
    from layercli.ops.linalg.decompositions import cholesky as cholesky
    from layercli.ops.linalg.decompositions import cholesky_inverse as cholesky_inverse
    from layercli.ops.linalg.decompositions import det as det
    from layercli.ops.linalg.decompositions import eig as eig
    from layercli.ops.linalg.decompositions import eigh as eigh
    from layercli.ops.linalg.decompositions import inv as inv
    from layercli.ops.linalg.decompositions import logdet as logdet
    from layercli.ops.linalg.decompositions import lu_factor as lu_factor
    from layercli.ops.linalg.decompositions import matrix_rank as matrix_rank
    from layercli.ops.linalg.decompositions import pinv as pinv
    from layercli.ops.linalg.decompositions import qr as qr
    from layercli.ops.linalg.decompositions import slogdet as slogdet
    from layercli.ops.linalg.decompositions import svd as svd
    from layercli.ops.linalg.norms import cdist as cdist
    from layercli.ops.linalg.norms import norm as norm
    from layercli.ops.linalg.norms import normalize as normalize
    from layercli.ops.linalg.norms import psnr as psnr
    from layercli.ops.linalg.solvers import lstsq as lstsq
    from layercli.ops.linalg.solvers import solve as solve
    from layercli.ops.linalg.solvers import solve_triangular as solve_triangular
    from layercli.ops.math.fft import fft as fft
    from layercli.ops.math.fft import fft2 as fft2
    from layercli.ops.math.fft import ifft2 as ifft2
    from layercli.ops.math.fft import irfft as irfft
    from layercli.ops.math.fft import rfft as rfft
    from layercli.ops.math.segment import segment_max as segment_max
    from layercli.ops.math.segment import segment_min as segment_min
    from layercli.ops.math.segment import segment_prod as segment_prod
    from layercli.ops.math.segment import segment_sum as segment_sum
    from layercli.ops.math.special_functions import erf as erf
    from layercli.ops.math.special_functions import erfc as erfc
    from layercli.ops.math.special_functions import erfinv as erfinv
    from layercli.ops.math.special_functions import i0 as i0
    from layercli.ops.math.special_functions import sinc as sinc
    from layercli.ops.math.stft import extract_sequences as extract_sequences
    from layercli.ops.math.stft import istft as istft
    from layercli.ops.math.stft import stft as stft
    from layercli.ops.nn.activation_functions import celu as celu
    from layercli.ops.nn.activation_functions import elu as elu
    from layercli.ops.nn.activation_functions import exponential as exponential
    from layercli.ops.nn.activation_functions import glu as glu
    from layercli.ops.nn.activation_functions import hard_shrink as hard_shrink
    from layercli.ops.nn.activation_functions import hard_sigmoid as hard_sigmoid
    from layercli.ops.nn.activation_functions import hard_silu as hard_silu
    from layercli.ops.nn.activation_functions import hard_swish as hard_swish
    from layercli.ops.nn.activation_functions import hard_tanh as hard_tanh
    from layercli.ops.nn.activation_functions import leaky_relu as leaky_relu
    from layercli.ops.nn.activation_functions import log_sigmoid as log_sigmoid
    from layercli.ops.nn.activation_functions import log_softmax as log_softmax
    from layercli.ops.nn.activation_functions import mish as mish
    from layercli.ops.nn.activation_functions import relu6 as relu6
    from layercli.ops.nn.activation_functions import relu_ as relu_
    from layercli.ops.nn.activation_functions import selu as selu
    from layercli.ops.nn.activation_functions import sigmoid as sigmoid
    from layercli.ops.nn.activation_functions import silu as silu
    from layercli.ops.nn.activation_functions import soft_shrink as soft_shrink
    from layercli.ops.nn.activation_functions import softmax as softmax
    from layercli.ops.nn.activation_functions import softplus as softplus
    from layercli.ops.nn.activation_functions import softsign as softsign
    from layercli.ops.nn.activation_functions import sparse_plus as sparse_plus
    from layercli.ops.nn.activation_functions import sparse_sigmoid as sparse_sigmoid
    from layercli.ops.nn.activation_functions import sparsemax as sparsemax
    from layercli.ops.nn.activation_functions import squareplus as squareplus
    from layercli.ops.nn.activation_functions import swish as swish
    from layercli.ops.nn.activation_functions import tanh as tanh
    from layercli.ops.nn.activation_functions import tanh_shrink as tanh_shrink
    from layercli.ops.nn.activation_functions import threshold as threshold
    from layercli.ops.nn.attention import dot_product_attention as dot_product_attention
    from layercli.ops.nn.conv_transpose import conv_transpose as conv_transpose
    from layercli.ops.nn.convolution import conv as conv
    from layercli.ops.nn.convolution import depthwise_conv as depthwise_conv
    from layercli.ops.nn.convolution import separable_conv as separable_conv
    from layercli.ops.nn.ctc import ctc_decode as ctc_decode
    from layercli.ops.nn.ctc import ctc_loss as ctc_loss
    from layercli.ops.nn.linear_units import gelu as gelu
    from layercli.ops.nn.linear_units import relu as relu
    from layercli.ops.nn.losses import binary_crossentropy as binary_crossentropy
    from layercli.ops.nn.losses import categorical_crossentropy as categorical_crossentropy
    from layercli.ops.nn.losses import sparse_categorical_crossentropy as sparse_categorical_crossentropy
    from layercli.ops.nn.normalization import batch_normalization as batch_normalization
    from layercli.ops.nn.normalization import layer_normalization as layer_normalization
    from layercli.ops.nn.normalization import rms_normalization as rms_normalization
    from layercli.ops.nn.one_hot import multi_hot as multi_hot
    from layercli.ops.nn.one_hot import one_hot as one_hot
    from layercli.ops.nn.pooling import adaptive_average_pool as adaptive_average_pool
    from layercli.ops.nn.pooling import adaptive_max_pool as adaptive_max_pool
    from layercli.ops.nn.pooling import average_pool as average_pool
    from layercli.ops.nn.pooling import max_pool as max_pool
    from layercli.ops.numpy.arithmetic import abs as abs
    from layercli.ops.numpy.arithmetic import absolute as absolute
    from layercli.ops.numpy.arithmetic import add as add
    from layercli.ops.numpy.arithmetic import cbrt as cbrt
    from layercli.ops.numpy.arithmetic import ceil as ceil
    from layercli.ops.numpy.arithmetic import copy as copy
    from layercli.ops.numpy.arithmetic import divide as divide
    from layercli.ops.numpy.arithmetic import divide_no_nan as divide_no_nan
    from layercli.ops.numpy.arithmetic import fabs as fabs
    from layercli.ops.numpy.arithmetic import floor as floor
    from layercli.ops.numpy.arithmetic import floor_divide as floor_divide
    from layercli.ops.numpy.arithmetic import fmax as fmax
    from layercli.ops.numpy.arithmetic import fmin as fmin
    from layercli.ops.numpy.arithmetic import fmod as fmod
    from layercli.ops.numpy.arithmetic import gcd as gcd
    from layercli.ops.numpy.arithmetic import heaviside as heaviside
    from layercli.ops.numpy.arithmetic import lcm as lcm
    from layercli.ops.numpy.arithmetic import ldexp as ldexp
    from layercli.ops.numpy.arithmetic import maximum as maximum
    from layercli.ops.numpy.arithmetic import minimum as minimum
    from layercli.ops.numpy.arithmetic import mod as mod
    from layercli.ops.numpy.arithmetic import multiply as multiply
    from layercli.ops.numpy.arithmetic import negative as negative
    from layercli.ops.numpy.arithmetic import nextafter as nextafter
    from layercli.ops.numpy.arithmetic import power as power
    from layercli.ops.numpy.arithmetic import reciprocal as reciprocal
    from layercli.ops.numpy.arithmetic import round as round
    from layercli.ops.numpy.arithmetic import rsqrt as rsqrt
    from layercli.ops.numpy.arithmetic import sign as sign
    from layercli.ops.numpy.arithmetic import signbit as signbit
    from layercli.ops.numpy.arithmetic import sqrt as sqrt
    from layercli.ops.numpy.arithmetic import square as square
    from layercli.ops.numpy.arithmetic import subtract as subtract
    from layercli.ops.numpy.arithmetic import true_divide as true_divide
    from layercli.ops.numpy.arithmetic import trunc as trunc
    from layercli.ops.numpy.bitwise import bitwise_and as bitwise_and
    from layercli.ops.numpy.bitwise import bitwise_invert as bitwise_invert
    from layercli.ops.numpy.bitwise import bitwise_left_shift as bitwise_left_shift
    from layercli.ops.numpy.bitwise import bitwise_not as bitwise_not
    from layercli.ops.numpy.bitwise import bitwise_or as bitwise_or
    from layercli.ops.numpy.bitwise import bitwise_right_shift as bitwise_right_shift
    from layercli.ops.numpy.bitwise import bitwise_xor as bitwise_xor
    from layercli.ops.numpy.bitwise import left_shift as left_shift
    from layercli.ops.numpy.bitwise import right_shift as right_shift
    from layercli.ops.numpy.clipping import clip as clip
    from layercli.ops.numpy.clipping import nan_to_num as nan_to_num
    from layercli.ops.numpy.clipping import saturate_cast as saturate_cast
    from layercli.ops.numpy.comparison import allclose as allclose
    from layercli.ops.numpy.comparison import in_top_k as in_top_k
    from layercli.ops.numpy.comparison import isclose as isclose
    from layercli.ops.numpy.comparison import isin as isin
    from layercli.ops.numpy.complex import angle as angle
    from layercli.ops.numpy.complex import conj as conj
    from layercli.ops.numpy.complex import conjugate as conjugate
    from layercli.ops.numpy.complex import imag as imag
    from layercli.ops.numpy.complex import polar as polar
    from layercli.ops.numpy.complex import real as real
    from layercli.ops.numpy.complex import view_as_complex as view_as_complex
    from layercli.ops.numpy.complex import view_as_real as view_as_real
    from layercli.ops.numpy.creation import empty as empty
    from layercli.ops.numpy.creation import empty_like as empty_like
    from layercli.ops.numpy.creation import eye as eye
    from layercli.ops.numpy.creation import full as full
    from layercli.ops.numpy.creation import full_like as full_like
    from layercli.ops.numpy.creation import identity as identity
    from layercli.ops.numpy.creation import ones as ones
    from layercli.ops.numpy.creation import ones_like as ones_like
    from layercli.ops.numpy.creation import zeros as zeros
    from layercli.ops.numpy.creation import zeros_like as zeros_like
    from layercli.ops.numpy.cumulative import cumprod as cumprod
    from layercli.ops.numpy.cumulative import cumsum as cumsum
    from layercli.ops.numpy.cumulative import diff as diff
    from layercli.ops.numpy.cumulative import nancumprod as nancumprod
    from layercli.ops.numpy.cumulative import nancumsum as nancumsum
    from layercli.ops.numpy.diagonal import diag as diag
    from layercli.ops.numpy.diagonal import diagflat as diagflat
    from layercli.ops.numpy.diagonal import diagonal as diagonal
    from layercli.ops.numpy.diagonal import trace as trace
    from layercli.ops.numpy.einsum import einsum as einsum
    from layercli.ops.numpy.exponential import exp as exp
    from layercli.ops.numpy.exponential import exp2 as exp2
    from layercli.ops.numpy.exponential import expm1 as expm1
    from layercli.ops.numpy.exponential import log as log
    from layercli.ops.numpy.exponential import log1p as log1p
    from layercli.ops.numpy.exponential import log2 as log2
    from layercli.ops.numpy.exponential import log10 as log10
    from layercli.ops.numpy.exponential import logaddexp as logaddexp
    from layercli.ops.numpy.exponential import logaddexp2 as logaddexp2
    from layercli.ops.numpy.grids import meshgrid as meshgrid
    from layercli.ops.numpy.grids import trapezoid as trapezoid
    from layercli.ops.numpy.grids import unravel_index as unravel_index
    from layercli.ops.numpy.grids import vander as vander
    from layercli.ops.numpy.histogram import bincount as bincount
    from layercli.ops.numpy.histogram import digitize as digitize
    from layercli.ops.numpy.histogram import histogram as histogram
    from layercli.ops.numpy.histogram import searchsorted as searchsorted
    from layercli.ops.numpy.joining import append as append
    from layercli.ops.numpy.joining import array_split as array_split
    from layercli.ops.numpy.joining import concatenate as concatenate
    from layercli.ops.numpy.joining import dsplit as dsplit
    from layercli.ops.numpy.joining import dstack as dstack
    from layercli.ops.numpy.joining import hsplit as hsplit
    from layercli.ops.numpy.joining import hstack as hstack
    from layercli.ops.numpy.joining import split as split
    from layercli.ops.numpy.joining import stack as stack
    from layercli.ops.numpy.joining import unstack as unstack
    from layercli.ops.numpy.joining import vsplit as vsplit
    from layercli.ops.numpy.joining import vstack as vstack
    from layercli.ops.numpy.linear import matmul as matmul
    from layercli.ops.numpy.logic import equal as equal
    from layercli.ops.numpy.logic import greater as greater
    from layercli.ops.numpy.logic import greater_equal as greater_equal
    from layercli.ops.numpy.logic import isfinite as isfinite
    from layercli.ops.numpy.logic import isinf as isinf
    from layercli.ops.numpy.logic import isnan as isnan
    from layercli.ops.numpy.logic import isneginf as isneginf
    from layercli.ops.numpy.logic import isposinf as isposinf
    from layercli.ops.numpy.logic import isreal as isreal
    from layercli.ops.numpy.logic import less as less
    from layercli.ops.numpy.logic import less_equal as less_equal
    from layercli.ops.numpy.logic import logical_and as logical_and
    from layercli.ops.numpy.logic import logical_not as logical_not
    from layercli.ops.numpy.logic import logical_or as logical_or
    from layercli.ops.numpy.logic import logical_xor as logical_xor
    from layercli.ops.numpy.logic import not_equal as not_equal
    from layercli.ops.numpy.logic import where as where
    from layercli.ops.numpy.padding import pad as pad
    from layercli.ops.numpy.products import cross as cross
    from layercli.ops.numpy.products import dot as dot
    from layercli.ops.numpy.products import inner as inner
    from layercli.ops.numpy.products import kron as kron
    from layercli.ops.numpy.products import outer as outer
    from layercli.ops.numpy.products import tensordot as tensordot
    from layercli.ops.numpy.products import vdot as vdot
    from layercli.ops.numpy.quantiles import nanmedian as nanmedian
    from layercli.ops.numpy.quantiles import nanpercentile as nanpercentile
    from layercli.ops.numpy.quantiles import nanquantile as nanquantile
    from layercli.ops.numpy.quantiles import percentile as percentile
    from layercli.ops.numpy.quantiles import quantile as quantile
    from layercli.ops.numpy.ranges import arange as arange
    from layercli.ops.numpy.ranges import geomspace as geomspace
    from layercli.ops.numpy.ranges import linspace as linspace
    from layercli.ops.numpy.ranges import logspace as logspace
    from layercli.ops.numpy.rearrangement import flip as flip
    from layercli.ops.numpy.rearrangement import fliplr as fliplr
    from layercli.ops.numpy.rearrangement import flipud as flipud
    from layercli.ops.numpy.rearrangement import repeat as repeat
    from layercli.ops.numpy.rearrangement import roll as roll
    from layercli.ops.numpy.rearrangement import rot90 as rot90
    from layercli.ops.numpy.rearrangement import tile as tile
    from layercli.ops.numpy.reductions import all as all
    from layercli.ops.numpy.reductions import amax as amax
    from layercli.ops.numpy.reductions import amin as amin
    from layercli.ops.numpy.reductions import any as any
    from layercli.ops.numpy.reductions import count_nonzero as count_nonzero
    from layercli.ops.numpy.reductions import logsumexp as logsumexp
    from layercli.ops.numpy.reductions import max as max
    from layercli.ops.numpy.reductions import mean as mean
    from layercli.ops.numpy.reductions import median as median
    from layercli.ops.numpy.reductions import min as min
    from layercli.ops.numpy.reductions import nanmax as nanmax
    from layercli.ops.numpy.reductions import nanmean as nanmean
    from layercli.ops.numpy.reductions import nanmin as nanmin
    from layercli.ops.numpy.reductions import nanprod as nanprod
    from layercli.ops.numpy.reductions import nanstd as nanstd
    from layercli.ops.numpy.reductions import nansum as nansum
    from layercli.ops.numpy.reductions import nanvar as nanvar
    from layercli.ops.numpy.reductions import prod as prod
    from layercli.ops.numpy.reductions import ptp as ptp
    from layercli.ops.numpy.reductions import std as std
    from layercli.ops.numpy.reductions import sum as sum
    from layercli.ops.numpy.reductions import var as var
    from layercli.ops.numpy.reshaping import broadcast_to as broadcast_to
    from layercli.ops.numpy.reshaping import expand_dims as expand_dims
    from layercli.ops.numpy.reshaping import moveaxis as moveaxis
    from layercli.ops.numpy.reshaping import ravel as ravel
    from layercli.ops.numpy.reshaping import reshape as reshape
    from layercli.ops.numpy.reshaping import squeeze as squeeze
    from layercli.ops.numpy.reshaping import swapaxes as swapaxes
    from layercli.ops.numpy.reshaping import transpose as transpose
    from layercli.ops.numpy.selection import select as select
    from layercli.ops.numpy.set_ops import nonzero as nonzero
    from layercli.ops.numpy.set_ops import unique as unique
    from layercli.ops.numpy.sorting import argmax as argmax
    from layercli.ops.numpy.sorting import argmin as argmin
    from layercli.ops.numpy.sorting import argpartition as argpartition
    from layercli.ops.numpy.sorting import argsort as argsort
    from layercli.ops.numpy.sorting import nanargmax as nanargmax
    from layercli.ops.numpy.sorting import nanargmin as nanargmin
    from layercli.ops.numpy.sorting import sort as sort
    from layercli.ops.numpy.sorting import top_k as top_k
    from layercli.ops.numpy.statistics import average as average
    from layercli.ops.numpy.statistics import corrcoef as corrcoef
    from layercli.ops.numpy.statistics import correlate as correlate
    from layercli.ops.numpy.statistics import moments as moments
    from layercli.ops.numpy.triangular import tri as tri
    from layercli.ops.numpy.triangular import tril as tril
    from layercli.ops.numpy.triangular import triu as triu
    from layercli.ops.numpy.trigonometry import arccos as arccos
    from layercli.ops.numpy.trigonometry import arccosh as arccosh
    from layercli.ops.numpy.trigonometry import arcsin as arcsin
    from layercli.ops.numpy.trigonometry import arcsinh as arcsinh
    from layercli.ops.numpy.trigonometry import arctan as arctan
    from layercli.ops.numpy.trigonometry import arctan2 as arctan2
    from layercli.ops.numpy.trigonometry import arctanh as arctanh
    from layercli.ops.numpy.trigonometry import cos as cos
    from layercli.ops.numpy.trigonometry import cosh as cosh
    from layercli.ops.numpy.trigonometry import deg2rad as deg2rad
    from layercli.ops.numpy.trigonometry import hypot as hypot
    from layercli.ops.numpy.trigonometry import rad2deg as rad2deg
    from layercli.ops.numpy.trigonometry import sin as sin
    from layercli.ops.numpy.trigonometry import sinh as sinh
    from layercli.ops.numpy.trigonometry import tan as tan
    from layercli.ops.numpy.window_functions import bartlett as bartlett
    from layercli.ops.numpy.window_functions import blackman as blackman
    from layercli.ops.numpy.window_functions import hamming as hamming
    from layercli.ops.numpy.window_functions import hanning as hanning
    from layercli.ops.numpy.window_functions import kaiser as kaiser

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


if not TYPE_CHECKING:  # a type checker would take any name

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
    module = import_module(__name__)
    for name in MODULE_OF:
        getattr(module, name)
