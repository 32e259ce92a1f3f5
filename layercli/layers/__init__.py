"""Layers under Keras's names; each is imported when first used, so that a list of them costs nothing and torch stays away."""

from __future__ import annotations

from importlib import import_module
from typing import Any

MODULES = {
    "Layer": "layercli.core.layer",
    **dict.fromkeys(["Input", "InputLayer"], "input"),
    "Dense": "dense",
    **dict.fromkeys(["BatchNormalization", "LayerNormalization", "RMSNormalization"], "normalization"),
    **dict.fromkeys(["GroupNormalization", "UnitNormalization"], "normalization"),
    "SpectralNormalization": "spectral_normalization",
    **dict.fromkeys(["Activation", "ReLU", "LeakyReLU", "ELU", "PReLU", "Softmax"], "activation"),
    "ActivityRegularization": "activity_regularization",
    **dict.fromkeys(["Dropout", "AlphaDropout", "GaussianDropout", "GaussianNoise"], "dropout"),
    **dict.fromkeys(["SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"], "dropout"),
    **dict.fromkeys(["Embedding", "ReversibleEmbedding", "Masking"], "embedding"),
    **dict.fromkeys(["Conv1D", "Conv2D", "Conv3D"], "convolution"),
    **dict.fromkeys(["Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"], "transposed_convolution"),
    **dict.fromkeys(["DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D"], "depthwise"),
    **dict.fromkeys(["MaxPooling1D", "MaxPooling2D", "MaxPooling3D"], "pooling"),
    **dict.fromkeys(["AveragePooling1D", "AveragePooling2D", "AveragePooling3D"], "pooling"),
    **dict.fromkeys(["GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D"], "global_pooling"),
    **dict.fromkeys(["GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D"], "global_pooling"),
    **dict.fromkeys(["AdaptiveMaxPooling1D", "AdaptiveMaxPooling2D", "AdaptiveMaxPooling3D"], "adaptive_pooling"),
    **dict.fromkeys(
        ["AdaptiveAveragePooling1D", "AdaptiveAveragePooling2D", "AdaptiveAveragePooling3D"], "adaptive_pooling"
    ),
    **dict.fromkeys(["Flatten", "Reshape", "Permute", "RepeatVector"], "reshaping"),
    **dict.fromkeys(["ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D"], "padding"),
    **dict.fromkeys(["Cropping1D", "Cropping2D", "Cropping3D"], "padding"),
    **dict.fromkeys(["UpSampling1D", "UpSampling2D", "UpSampling3D"], "upsampling"),
    **dict.fromkeys(["Resizing", "CenterCrop", "RandomCrop"], "resizing"),
    "RandomFlip": "flipping",
    **dict.fromkeys(["RandomTranslation", "RandomRotation", "RandomZoom"], "affine"),
    **dict.fromkeys(["RandomContrast", "RandomBrightness"], "color"),
    "CategoryEncoding": "categories",
    "Discretization": "bins",
    **dict.fromkeys(["Identity", "Rescaling"], "rescaling"),
    "Normalization": "standardization",
    **dict.fromkeys(["LSTM", "GRU", "SimpleRNN", "RNN"], "recurrent"),
    **dict.fromkeys(["LSTMCell", "GRUCell", "SimpleRNNCell", "StackedRNNCells"], "recurrent_cells"),
    **dict.fromkeys(["ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"], "conv_lstm"),
    "Bidirectional": "bidirectional",
    "Wrapper": "wrapper",
    "Lambda": "function",
    "TorchModuleWrapper": "torch_module",
    "TimeDistributed": "time_distributed",
    "EinsumDense": "einsum_dense",
    **dict.fromkeys(["Attention", "AdditiveAttention"], "attention"),
    **dict.fromkeys(["MultiHeadAttention", "GroupedQueryAttention"], "multi_head_attention"),
    **dict.fromkeys(["Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Dot"], "merging"),
    **dict.fromkeys(["add", "subtract", "multiply", "average", "maximum", "minimum", "concatenate", "dot"], "merging"),
}
"""Where each name is: a module of this package, or a whole path."""

ALIASES = {
    **{f"Convolution{n}D": f"Conv{n}D" for n in (1, 2, 3)},
    **{f"Convolution{n}DTranspose": f"Conv{n}DTranspose" for n in (1, 2, 3)},
    "GroupQueryAttention": "GroupedQueryAttention",
    **{f"SeparableConvolution{n}D": f"SeparableConv{n}D" for n in (1, 2)},
    **{f"MaxPool{n}D": f"MaxPooling{n}D" for n in (1, 2, 3)},
    **{f"AvgPool{n}D": f"AveragePooling{n}D" for n in (1, 2, 3)},
    **{f"GlobalMaxPool{n}D": f"GlobalMaxPooling{n}D" for n in (1, 2, 3)},
    **{f"GlobalAvgPool{n}D": f"GlobalAveragePooling{n}D" for n in (1, 2, 3)},
}
"""Keras's second names."""

__all__ = sorted([*MODULES, *ALIASES])  # the table is the one list


def __getattr__(name: str) -> Any:
    own = ALIASES.get(name, name)
    if own not in MODULES:
        raise AttributeError(f"layercli.layers has no {name!r}")
    module = MODULES[own]
    found = getattr(import_module(module if "." in module else f"{__name__}.{module}"), own)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__
