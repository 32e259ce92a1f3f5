"""Operations with the names of NumPy functions, as ``keras.ops.numpy``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layercli.core.namespace import keep_functions
from layercli.ops.namespace import finder

if TYPE_CHECKING:  # for type checkers and editors; a test holds it to the names below
    from layercli.ops import abs as abs
    from layercli.ops import absolute as absolute
    from layercli.ops import add as add
    from layercli.ops import all as all
    from layercli.ops import allclose as allclose
    from layercli.ops import amax as amax
    from layercli.ops import amin as amin
    from layercli.ops import angle as angle
    from layercli.ops import any as any
    from layercli.ops import append as append
    from layercli.ops import arange as arange
    from layercli.ops import arccos as arccos
    from layercli.ops import arccosh as arccosh
    from layercli.ops import arcsin as arcsin
    from layercli.ops import arcsinh as arcsinh
    from layercli.ops import arctan as arctan
    from layercli.ops import arctan2 as arctan2
    from layercli.ops import arctanh as arctanh
    from layercli.ops import argmax as argmax
    from layercli.ops import argmin as argmin
    from layercli.ops import argpartition as argpartition
    from layercli.ops import argsort as argsort
    from layercli.ops import array as array
    from layercli.ops import array_split as array_split
    from layercli.ops import average as average
    from layercli.ops import bartlett as bartlett
    from layercli.ops import bincount as bincount
    from layercli.ops import bitwise_and as bitwise_and
    from layercli.ops import bitwise_invert as bitwise_invert
    from layercli.ops import bitwise_left_shift as bitwise_left_shift
    from layercli.ops import bitwise_not as bitwise_not
    from layercli.ops import bitwise_or as bitwise_or
    from layercli.ops import bitwise_right_shift as bitwise_right_shift
    from layercli.ops import bitwise_xor as bitwise_xor
    from layercli.ops import blackman as blackman
    from layercli.ops import broadcast_to as broadcast_to
    from layercli.ops import cbrt as cbrt
    from layercli.ops import ceil as ceil
    from layercli.ops import clip as clip
    from layercli.ops import concatenate as concatenate
    from layercli.ops import conj as conj
    from layercli.ops import conjugate as conjugate
    from layercli.ops import copy as copy
    from layercli.ops import corrcoef as corrcoef
    from layercli.ops import correlate as correlate
    from layercli.ops import cos as cos
    from layercli.ops import cosh as cosh
    from layercli.ops import count_nonzero as count_nonzero
    from layercli.ops import cross as cross
    from layercli.ops import cumprod as cumprod
    from layercli.ops import cumsum as cumsum
    from layercli.ops import deg2rad as deg2rad
    from layercli.ops import diag as diag
    from layercli.ops import diagflat as diagflat
    from layercli.ops import diagonal as diagonal
    from layercli.ops import diff as diff
    from layercli.ops import digitize as digitize
    from layercli.ops import divide as divide
    from layercli.ops import divide_no_nan as divide_no_nan
    from layercli.ops import dot as dot
    from layercli.ops import dsplit as dsplit
    from layercli.ops import dstack as dstack
    from layercli.ops import einsum as einsum
    from layercli.ops import empty as empty
    from layercli.ops import empty_like as empty_like
    from layercli.ops import equal as equal
    from layercli.ops import exp as exp
    from layercli.ops import exp2 as exp2
    from layercli.ops import expand_dims as expand_dims
    from layercli.ops import expm1 as expm1
    from layercli.ops import eye as eye
    from layercli.ops import fabs as fabs
    from layercli.ops import flip as flip
    from layercli.ops import fliplr as fliplr
    from layercli.ops import flipud as flipud
    from layercli.ops import floor as floor
    from layercli.ops import floor_divide as floor_divide
    from layercli.ops import fmax as fmax
    from layercli.ops import fmin as fmin
    from layercli.ops import fmod as fmod
    from layercli.ops import full as full
    from layercli.ops import full_like as full_like
    from layercli.ops import gcd as gcd
    from layercli.ops import geomspace as geomspace
    from layercli.ops import get_item as get_item
    from layercli.ops import greater as greater
    from layercli.ops import greater_equal as greater_equal
    from layercli.ops import hamming as hamming
    from layercli.ops import hanning as hanning
    from layercli.ops import heaviside as heaviside
    from layercli.ops import histogram as histogram
    from layercli.ops import hsplit as hsplit
    from layercli.ops import hstack as hstack
    from layercli.ops import hypot as hypot
    from layercli.ops import i0 as i0
    from layercli.ops import identity as identity
    from layercli.ops import imag as imag
    from layercli.ops import inner as inner
    from layercli.ops import isclose as isclose
    from layercli.ops import isfinite as isfinite
    from layercli.ops import isin as isin
    from layercli.ops import isinf as isinf
    from layercli.ops import isnan as isnan
    from layercli.ops import isneginf as isneginf
    from layercli.ops import isposinf as isposinf
    from layercli.ops import isreal as isreal
    from layercli.ops import kaiser as kaiser
    from layercli.ops import kron as kron
    from layercli.ops import lcm as lcm
    from layercli.ops import ldexp as ldexp
    from layercli.ops import left_shift as left_shift
    from layercli.ops import less as less
    from layercli.ops import less_equal as less_equal
    from layercli.ops import linspace as linspace
    from layercli.ops import log as log
    from layercli.ops import log1p as log1p
    from layercli.ops import log2 as log2
    from layercli.ops import log10 as log10
    from layercli.ops import logaddexp as logaddexp
    from layercli.ops import logaddexp2 as logaddexp2
    from layercli.ops import logical_and as logical_and
    from layercli.ops import logical_not as logical_not
    from layercli.ops import logical_or as logical_or
    from layercli.ops import logical_xor as logical_xor
    from layercli.ops import logspace as logspace
    from layercli.ops import matmul as matmul
    from layercli.ops import max as max
    from layercli.ops import maximum as maximum
    from layercli.ops import mean as mean
    from layercli.ops import median as median
    from layercli.ops import meshgrid as meshgrid
    from layercli.ops import min as min
    from layercli.ops import minimum as minimum
    from layercli.ops import mod as mod
    from layercli.ops import moveaxis as moveaxis
    from layercli.ops import multiply as multiply
    from layercli.ops import nan_to_num as nan_to_num
    from layercli.ops import nanargmax as nanargmax
    from layercli.ops import nanargmin as nanargmin
    from layercli.ops import nancumprod as nancumprod
    from layercli.ops import nancumsum as nancumsum
    from layercli.ops import nanmax as nanmax
    from layercli.ops import nanmean as nanmean
    from layercli.ops import nanmedian as nanmedian
    from layercli.ops import nanmin as nanmin
    from layercli.ops import nanpercentile as nanpercentile
    from layercli.ops import nanprod as nanprod
    from layercli.ops import nanquantile as nanquantile
    from layercli.ops import nanstd as nanstd
    from layercli.ops import nansum as nansum
    from layercli.ops import nanvar as nanvar
    from layercli.ops import ndim as ndim
    from layercli.ops import negative as negative
    from layercli.ops import nextafter as nextafter
    from layercli.ops import nonzero as nonzero
    from layercli.ops import not_equal as not_equal
    from layercli.ops import ones as ones
    from layercli.ops import ones_like as ones_like
    from layercli.ops import outer as outer
    from layercli.ops import pad as pad
    from layercli.ops import percentile as percentile
    from layercli.ops import power as power
    from layercli.ops import prod as prod
    from layercli.ops import ptp as ptp
    from layercli.ops import quantile as quantile
    from layercli.ops import rad2deg as rad2deg
    from layercli.ops import ravel as ravel
    from layercli.ops import real as real
    from layercli.ops import reciprocal as reciprocal
    from layercli.ops import repeat as repeat
    from layercli.ops import reshape as reshape
    from layercli.ops import right_shift as right_shift
    from layercli.ops import roll as roll
    from layercli.ops import rot90 as rot90
    from layercli.ops import round as round
    from layercli.ops import searchsorted as searchsorted
    from layercli.ops import select as select
    from layercli.ops import sign as sign
    from layercli.ops import signbit as signbit
    from layercli.ops import sin as sin
    from layercli.ops import sinc as sinc
    from layercli.ops import sinh as sinh
    from layercli.ops import size as size
    from layercli.ops import slogdet as slogdet
    from layercli.ops import sort as sort
    from layercli.ops import split as split
    from layercli.ops import sqrt as sqrt
    from layercli.ops import square as square
    from layercli.ops import squeeze as squeeze
    from layercli.ops import stack as stack
    from layercli.ops import std as std
    from layercli.ops import subtract as subtract
    from layercli.ops import sum as sum
    from layercli.ops import swapaxes as swapaxes
    from layercli.ops import take as take
    from layercli.ops import take_along_axis as take_along_axis
    from layercli.ops import tan as tan
    from layercli.ops import tanh as tanh
    from layercli.ops import tensordot as tensordot
    from layercli.ops import tile as tile
    from layercli.ops import trace as trace
    from layercli.ops import transpose as transpose
    from layercli.ops import trapezoid as trapezoid
    from layercli.ops import tri as tri
    from layercli.ops import tril as tril
    from layercli.ops import triu as triu
    from layercli.ops import true_divide as true_divide
    from layercli.ops import trunc as trunc
    from layercli.ops import unique as unique
    from layercli.ops import unravel_index as unravel_index
    from layercli.ops import vander as vander
    from layercli.ops import var as var
    from layercli.ops import vdot as vdot
    from layercli.ops import vectorize as vectorize
    from layercli.ops import view as view
    from layercli.ops import vsplit as vsplit
    from layercli.ops import vstack as vstack
    from layercli.ops import where as where
    from layercli.ops import zeros as zeros
    from layercli.ops import zeros_like as zeros_like

NAMES = (
    "abs absolute add all allclose amax amin angle any append arange arccos arccosh arcsin arcsinh arctan arctan2 "
    "arctanh argmax argmin argpartition argsort array array_split average bartlett bincount bitwise_and "
    "bitwise_invert bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor blackman broadcast_to "
    "cbrt ceil clip concatenate conj conjugate copy corrcoef correlate cos cosh count_nonzero cross cumprod cumsum "
    "deg2rad diag diagflat diagonal diff digitize divide divide_no_nan dot dsplit dstack einsum empty empty_like "
    "equal exp exp2 expand_dims expm1 eye fabs flip fliplr flipud floor floor_divide fmax fmin fmod full full_like "
    "gcd geomspace get_item greater greater_equal hamming hanning heaviside histogram hsplit hstack hypot i0 identity "
    "imag inner isclose isfinite isin isinf isnan isneginf isposinf isreal kaiser kron lcm ldexp left_shift less "
    "less_equal linspace log log10 log1p log2 logaddexp logaddexp2 logical_and logical_not logical_or logical_xor "
    "logspace matmul max maximum mean median meshgrid min minimum mod moveaxis multiply nan_to_num nanargmax "
    "nanargmin nancumprod nancumsum nanmax nanmean nanmedian nanmin nanpercentile nanprod nanquantile nanstd nansum "
    "nanvar ndim negative nextafter nonzero not_equal ones ones_like outer pad percentile power prod ptp quantile "
    "rad2deg ravel real reciprocal repeat reshape right_shift roll rot90 round searchsorted select sign signbit sin "
    "sinc sinh size slogdet sort split sqrt square squeeze stack std subtract sum swapaxes take take_along_axis tan "
    "tanh tensordot tile trace transpose trapezoid tri tril triu true_divide trunc unique unravel_index vander var "
    "vdot vectorize view vsplit vstack where zeros zeros_like"
)
"""The operations of this namespace; ``ops`` has them as well."""

__all__ = NAMES.split()  # NAMES is the only list
if not TYPE_CHECKING:  # a type checker would take any name
    __getattr__ = finder(__name__, __all__)


def __dir__() -> list[str]:
    return __all__


keep_functions(__name__)
