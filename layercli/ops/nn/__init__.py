"""Operations of neural networks, as ``keras.ops.nn``."""

from __future__ import annotations

from layercli.core.namespace import keep_functions
from layercli.ops.namespace import finder

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
__getattr__ = finder(__name__, __all__)


def __dir__() -> list[str]:
    return __all__


keep_functions(__name__)
