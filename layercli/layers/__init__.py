"""Layers under Keras's names; each is imported when first used, so that a list of them costs nothing and torch stays away."""

from __future__ import annotations

from importlib import import_module
from typing import Any

NAMES = {
    "activations.activation": "Activation",
    "activations.elu": "ELU",
    "activations.leaky_relu": "LeakyReLU",
    "activations.prelu": "PReLU",
    "activations.relu": "ReLU",
    "activations.softmax": "Softmax",
    "attention.additive_attention": "AdditiveAttention",
    "attention.attention": "Attention",
    "attention.grouped_query_attention": "GroupedQueryAttention",
    "attention.multi_head_attention": "MultiHeadAttention",
    "convolutional.conv": "Conv1D Conv2D Conv3D",
    "convolutional.conv_transpose": "Conv1DTranspose Conv2DTranspose Conv3DTranspose",
    "convolutional.depthwise_conv": "DepthwiseConv1D DepthwiseConv2D",
    "convolutional.separable_conv": "SeparableConv1D SeparableConv2D",
    "core.dense": "Dense",
    "core.einsum_dense": "EinsumDense",
    "core.embedding": "Embedding",
    "core.identity": "Identity",
    "core.input_layer": "Input InputLayer",
    "core.lambda_layer": "Lambda",
    "core.masking": "Masking",
    "core.reversible_embedding": "ReversibleEmbedding",
    "core.torch_module_wrapper": "TorchModuleWrapper",
    "core.wrapper": "Wrapper",
    "merging.add": "Add",
    "merging.average": "Average",
    "merging.concatenate": "Concatenate",
    "merging.dot": "Dot",
    "merging.functions": "add subtract multiply average maximum minimum concatenate dot",
    "merging.maximum": "Maximum",
    "merging.minimum": "Minimum",
    "merging.multiply": "Multiply",
    "merging.subtract": "Subtract",
    "normalization.batch_normalization": "BatchNormalization",
    "normalization.group_normalization": "GroupNormalization",
    "normalization.layer_normalization": "LayerNormalization",
    "normalization.rms_normalization": "RMSNormalization",
    "normalization.spectral_normalization": "SpectralNormalization",
    "normalization.unit_normalization": "UnitNormalization",
    "pooling.adaptive_pooling": (
        "AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D AdaptiveAveragePooling1D "
        "AdaptiveAveragePooling2D AdaptiveAveragePooling3D"
    ),
    "pooling.average_pooling": "AveragePooling1D AveragePooling2D AveragePooling3D",
    "pooling.global_pooling": (
        "GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D GlobalAveragePooling1D "
        "GlobalAveragePooling2D GlobalAveragePooling3D"
    ),
    "pooling.max_pooling": "MaxPooling1D MaxPooling2D MaxPooling3D",
    "preprocessing.category_encoding": "CategoryEncoding",
    "preprocessing.center_crop": "CenterCrop",
    "preprocessing.discretization": "Discretization",
    "preprocessing.normalization": "Normalization",
    "preprocessing.random_brightness": "RandomBrightness",
    "preprocessing.random_contrast": "RandomContrast",
    "preprocessing.random_crop": "RandomCrop",
    "preprocessing.random_flip": "RandomFlip",
    "preprocessing.random_rotation": "RandomRotation",
    "preprocessing.random_translation": "RandomTranslation",
    "preprocessing.random_zoom": "RandomZoom",
    "preprocessing.rescaling": "Rescaling",
    "preprocessing.resizing": "Resizing",
    "regularization.activity_regularization": "ActivityRegularization",
    "regularization.alpha_dropout": "AlphaDropout",
    "regularization.dropout": "Dropout",
    "regularization.gaussian_dropout": "GaussianDropout",
    "regularization.gaussian_noise": "GaussianNoise",
    "regularization.spatial_dropout": "SpatialDropout1D SpatialDropout2D SpatialDropout3D",
    "reshaping.cropping": "Cropping1D Cropping2D Cropping3D",
    "reshaping.flatten": "Flatten",
    "reshaping.permute": "Permute",
    "reshaping.repeat_vector": "RepeatVector",
    "reshaping.reshape": "Reshape",
    "reshaping.up_sampling": "UpSampling1D UpSampling2D UpSampling3D",
    "reshaping.zero_padding": "ZeroPadding1D ZeroPadding2D ZeroPadding3D",
    "rnn.bidirectional": "Bidirectional",
    "rnn.conv_lstm": "ConvLSTM1D ConvLSTM2D ConvLSTM3D",
    "rnn.gru": "GRU GRUCell",
    "rnn.lstm": "LSTM LSTMCell",
    "rnn.rnn": "RNN",
    "rnn.simple_rnn": "SimpleRNN SimpleRNNCell",
    "rnn.stacked_rnn_cells": "StackedRNNCells",
    "rnn.time_distributed": "TimeDistributed",
}
"""The layers of each module of this package."""

MODULES = {
    "Layer": "layercli.core.layer",
    **{name: f"{__name__}.{module}" for module, names in NAMES.items() for name in names.split()},
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
    found = getattr(import_module(module), own)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__
