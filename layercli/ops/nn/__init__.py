"""Operations of neural networks, as ``keras.ops.nn``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layercli.core.namespace import keep_functions
from layercli.ops.namespace import finder

if TYPE_CHECKING:  # for type checkers and editors; a test holds it to the names below
    from layercli.ops import adaptive_average_pool as adaptive_average_pool
    from layercli.ops import adaptive_max_pool as adaptive_max_pool
    from layercli.ops import average_pool as average_pool
    from layercli.ops import batch_normalization as batch_normalization
    from layercli.ops import binary_crossentropy as binary_crossentropy
    from layercli.ops import categorical_crossentropy as categorical_crossentropy
    from layercli.ops import celu as celu
    from layercli.ops import conv as conv
    from layercli.ops import conv_transpose as conv_transpose
    from layercli.ops import ctc_decode as ctc_decode
    from layercli.ops import ctc_loss as ctc_loss
    from layercli.ops import depth_to_space as depth_to_space
    from layercli.ops import depthwise_conv as depthwise_conv
    from layercli.ops import dot_product_attention as dot_product_attention
    from layercli.ops import elu as elu
    from layercli.ops import fold as fold
    from layercli.ops import gelu as gelu
    from layercli.ops import glu as glu
    from layercli.ops import hard_shrink as hard_shrink
    from layercli.ops import hard_sigmoid as hard_sigmoid
    from layercli.ops import hard_silu as hard_silu
    from layercli.ops import hard_swish as hard_swish
    from layercli.ops import hard_tanh as hard_tanh
    from layercli.ops import layer_normalization as layer_normalization
    from layercli.ops import leaky_relu as leaky_relu
    from layercli.ops import log_sigmoid as log_sigmoid
    from layercli.ops import log_softmax as log_softmax
    from layercli.ops import max_pool as max_pool
    from layercli.ops import moments as moments
    from layercli.ops import multi_hot as multi_hot
    from layercli.ops import normalize as normalize
    from layercli.ops import one_hot as one_hot
    from layercli.ops import polar as polar
    from layercli.ops import psnr as psnr
    from layercli.ops import relu as relu
    from layercli.ops import relu6 as relu6
    from layercli.ops import rms_normalization as rms_normalization
    from layercli.ops import selu as selu
    from layercli.ops import separable_conv as separable_conv
    from layercli.ops import sigmoid as sigmoid
    from layercli.ops import silu as silu
    from layercli.ops import soft_shrink as soft_shrink
    from layercli.ops import softmax as softmax
    from layercli.ops import softplus as softplus
    from layercli.ops import softsign as softsign
    from layercli.ops import space_to_depth as space_to_depth
    from layercli.ops import sparse_categorical_crossentropy as sparse_categorical_crossentropy
    from layercli.ops import sparse_plus as sparse_plus
    from layercli.ops import sparse_sigmoid as sparse_sigmoid
    from layercli.ops import sparsemax as sparsemax
    from layercli.ops import squareplus as squareplus
    from layercli.ops import swish as swish
    from layercli.ops import tanh_shrink as tanh_shrink
    from layercli.ops import threshold as threshold
    from layercli.ops import unfold as unfold

NAMES = (
    "adaptive_average_pool adaptive_max_pool average_pool batch_normalization binary_crossentropy "
    "categorical_crossentropy celu conv conv_transpose ctc_decode ctc_loss depth_to_space depthwise_conv "
    "dot_product_attention elu fold gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh "
    "layer_normalization leaky_relu log_sigmoid log_softmax max_pool moments multi_hot normalize one_hot polar psnr "
    "relu relu6 rms_normalization selu separable_conv sigmoid silu soft_shrink softmax softplus softsign "
    "space_to_depth sparse_categorical_crossentropy sparse_plus sparse_sigmoid sparsemax squareplus swish tanh_shrink "
    "threshold unfold"
)
"""The operations of this namespace; ``ops`` has them as well."""

__all__ = NAMES.split()  # NAMES is the only list
if not TYPE_CHECKING:  # a type checker would take any name
    __getattr__ = finder(__name__, __all__)


def __dir__() -> list[str]:
    return __all__


keep_functions(__name__)
