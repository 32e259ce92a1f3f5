"""Layers under Keras's names; each is imported when first used, so that a list of them costs nothing and torch stays away."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from layercli.core.refusals import refused

if TYPE_CHECKING:  # for type checkers and editors; a test holds it to the table below
    from layercli.core.layer import Layer as Layer
    from layercli.layers.activations.activation import Activation as Activation
    from layercli.layers.activations.elu import ELU as ELU
    from layercli.layers.activations.leaky_relu import LeakyReLU as LeakyReLU
    from layercli.layers.activations.prelu import PReLU as PReLU
    from layercli.layers.activations.relu import ReLU as ReLU
    from layercli.layers.activations.softmax import Softmax as Softmax
    from layercli.layers.attention.additive_attention import AdditiveAttention as AdditiveAttention
    from layercli.layers.attention.attention import Attention as Attention
    from layercli.layers.attention.grouped_query_attention import GroupedQueryAttention as GroupedQueryAttention
    from layercli.layers.attention.multi_head_attention import MultiHeadAttention as MultiHeadAttention
    from layercli.layers.convolutional.conv import Conv1D as Conv1D
    from layercli.layers.convolutional.conv import Conv2D as Conv2D
    from layercli.layers.convolutional.conv import Conv3D as Conv3D
    from layercli.layers.convolutional.conv_transpose import Conv1DTranspose as Conv1DTranspose
    from layercli.layers.convolutional.conv_transpose import Conv2DTranspose as Conv2DTranspose
    from layercli.layers.convolutional.conv_transpose import Conv3DTranspose as Conv3DTranspose
    from layercli.layers.convolutional.depthwise_conv import DepthwiseConv1D as DepthwiseConv1D
    from layercli.layers.convolutional.depthwise_conv import DepthwiseConv2D as DepthwiseConv2D
    from layercli.layers.convolutional.separable_conv import SeparableConv1D as SeparableConv1D
    from layercli.layers.convolutional.separable_conv import SeparableConv2D as SeparableConv2D
    from layercli.layers.core.dense import Dense as Dense
    from layercli.layers.core.einsum_dense import EinsumDense as EinsumDense
    from layercli.layers.core.embedding import Embedding as Embedding
    from layercli.layers.core.identity import Identity as Identity
    from layercli.layers.core.input_layer import Input as Input
    from layercli.layers.core.input_layer import InputLayer as InputLayer
    from layercli.layers.core.lambda_layer import Lambda as Lambda
    from layercli.layers.core.masking import Masking as Masking
    from layercli.layers.core.reversible_embedding import ReversibleEmbedding as ReversibleEmbedding
    from layercli.layers.core.torch_module_wrapper import TorchModuleWrapper as TorchModuleWrapper
    from layercli.layers.core.wrapper import Wrapper as Wrapper
    from layercli.layers.merging.add import Add as Add
    from layercli.layers.merging.average import Average as Average
    from layercli.layers.merging.concatenate import Concatenate as Concatenate
    from layercli.layers.merging.dot import Dot as Dot
    from layercli.layers.merging.functions import add as add
    from layercli.layers.merging.functions import average as average
    from layercli.layers.merging.functions import concatenate as concatenate
    from layercli.layers.merging.functions import dot as dot
    from layercli.layers.merging.functions import maximum as maximum
    from layercli.layers.merging.functions import minimum as minimum
    from layercli.layers.merging.functions import multiply as multiply
    from layercli.layers.merging.functions import subtract as subtract
    from layercli.layers.merging.maximum import Maximum as Maximum
    from layercli.layers.merging.minimum import Minimum as Minimum
    from layercli.layers.merging.multiply import Multiply as Multiply
    from layercli.layers.merging.subtract import Subtract as Subtract
    from layercli.layers.normalization.batch_normalization import BatchNormalization as BatchNormalization
    from layercli.layers.normalization.group_normalization import GroupNormalization as GroupNormalization
    from layercli.layers.normalization.layer_normalization import LayerNormalization as LayerNormalization
    from layercli.layers.normalization.rms_normalization import RMSNormalization as RMSNormalization
    from layercli.layers.normalization.spectral_normalization import SpectralNormalization as SpectralNormalization
    from layercli.layers.normalization.unit_normalization import UnitNormalization as UnitNormalization
    from layercli.layers.pooling.adaptive_pooling import AdaptiveAveragePooling1D as AdaptiveAveragePooling1D
    from layercli.layers.pooling.adaptive_pooling import AdaptiveAveragePooling2D as AdaptiveAveragePooling2D
    from layercli.layers.pooling.adaptive_pooling import AdaptiveAveragePooling3D as AdaptiveAveragePooling3D
    from layercli.layers.pooling.adaptive_pooling import AdaptiveMaxPooling1D as AdaptiveMaxPooling1D
    from layercli.layers.pooling.adaptive_pooling import AdaptiveMaxPooling2D as AdaptiveMaxPooling2D
    from layercli.layers.pooling.adaptive_pooling import AdaptiveMaxPooling3D as AdaptiveMaxPooling3D
    from layercli.layers.pooling.average_pooling import AveragePooling1D as AveragePooling1D
    from layercli.layers.pooling.average_pooling import AveragePooling2D as AveragePooling2D
    from layercli.layers.pooling.average_pooling import AveragePooling3D as AveragePooling3D
    from layercli.layers.pooling.global_pooling import GlobalAveragePooling1D as GlobalAveragePooling1D
    from layercli.layers.pooling.global_pooling import GlobalAveragePooling2D as GlobalAveragePooling2D
    from layercli.layers.pooling.global_pooling import GlobalAveragePooling3D as GlobalAveragePooling3D
    from layercli.layers.pooling.global_pooling import GlobalMaxPooling1D as GlobalMaxPooling1D
    from layercli.layers.pooling.global_pooling import GlobalMaxPooling2D as GlobalMaxPooling2D
    from layercli.layers.pooling.global_pooling import GlobalMaxPooling3D as GlobalMaxPooling3D
    from layercli.layers.pooling.max_pooling import MaxPooling1D as MaxPooling1D
    from layercli.layers.pooling.max_pooling import MaxPooling2D as MaxPooling2D
    from layercli.layers.pooling.max_pooling import MaxPooling3D as MaxPooling3D
    from layercli.layers.preprocessing.aug_mix import AugMix as AugMix
    from layercli.layers.preprocessing.auto_contrast import AutoContrast as AutoContrast
    from layercli.layers.preprocessing.category_encoding import CategoryEncoding as CategoryEncoding
    from layercli.layers.preprocessing.center_crop import CenterCrop as CenterCrop
    from layercli.layers.preprocessing.contrast_limited_adaptive_histogram_equalization import (
        ContrastLimitedAdaptiveHistogramEqualization as ContrastLimitedAdaptiveHistogramEqualization,
    )
    from layercli.layers.preprocessing.cut_mix import CutMix as CutMix
    from layercli.layers.preprocessing.discretization import Discretization as Discretization
    from layercli.layers.preprocessing.equalization import Equalization as Equalization
    from layercli.layers.preprocessing.hashed_crossing import HashedCrossing as HashedCrossing
    from layercli.layers.preprocessing.hashing import Hashing as Hashing
    from layercli.layers.preprocessing.integer_lookup import IntegerLookup as IntegerLookup
    from layercli.layers.preprocessing.max_num_bounding_boxes import MaxNumBoundingBoxes as MaxNumBoundingBoxes
    from layercli.layers.preprocessing.mel_spectrogram import MelSpectrogram as MelSpectrogram
    from layercli.layers.preprocessing.mix_up import MixUp as MixUp
    from layercli.layers.preprocessing.normalization import Normalization as Normalization
    from layercli.layers.preprocessing.pipeline import Pipeline as Pipeline
    from layercli.layers.preprocessing.rand_augment import RandAugment as RandAugment
    from layercli.layers.preprocessing.random_brightness import RandomBrightness as RandomBrightness
    from layercli.layers.preprocessing.random_color_degeneration import (
        RandomColorDegeneration as RandomColorDegeneration,
    )
    from layercli.layers.preprocessing.random_color_jitter import RandomColorJitter as RandomColorJitter
    from layercli.layers.preprocessing.random_contrast import RandomContrast as RandomContrast
    from layercli.layers.preprocessing.random_crop import RandomCrop as RandomCrop
    from layercli.layers.preprocessing.random_elastic_transform import RandomElasticTransform as RandomElasticTransform
    from layercli.layers.preprocessing.random_erasing import RandomErasing as RandomErasing
    from layercli.layers.preprocessing.random_flip import RandomFlip as RandomFlip
    from layercli.layers.preprocessing.random_gaussian_blur import RandomGaussianBlur as RandomGaussianBlur
    from layercli.layers.preprocessing.random_grayscale import RandomGrayscale as RandomGrayscale
    from layercli.layers.preprocessing.random_hue import RandomHue as RandomHue
    from layercli.layers.preprocessing.random_invert import RandomInvert as RandomInvert
    from layercli.layers.preprocessing.random_perspective import RandomPerspective as RandomPerspective
    from layercli.layers.preprocessing.random_posterization import RandomPosterization as RandomPosterization
    from layercli.layers.preprocessing.random_rotation import RandomRotation as RandomRotation
    from layercli.layers.preprocessing.random_saturation import RandomSaturation as RandomSaturation
    from layercli.layers.preprocessing.random_sharpness import RandomSharpness as RandomSharpness
    from layercli.layers.preprocessing.random_shear import RandomShear as RandomShear
    from layercli.layers.preprocessing.random_translation import RandomTranslation as RandomTranslation
    from layercli.layers.preprocessing.random_zoom import RandomZoom as RandomZoom
    from layercli.layers.preprocessing.rescaling import Rescaling as Rescaling
    from layercli.layers.preprocessing.resizing import Resizing as Resizing
    from layercli.layers.preprocessing.solarization import Solarization as Solarization
    from layercli.layers.preprocessing.stft_spectrogram import STFTSpectrogram as STFTSpectrogram
    from layercli.layers.preprocessing.string_lookup import StringLookup as StringLookup
    from layercli.layers.preprocessing.text_vectorization import TextVectorization as TextVectorization
    from layercli.layers.regularization.activity_regularization import ActivityRegularization as ActivityRegularization
    from layercli.layers.regularization.alpha_dropout import AlphaDropout as AlphaDropout
    from layercli.layers.regularization.dropout import Dropout as Dropout
    from layercli.layers.regularization.gaussian_dropout import GaussianDropout as GaussianDropout
    from layercli.layers.regularization.gaussian_noise import GaussianNoise as GaussianNoise
    from layercli.layers.regularization.spatial_dropout import SpatialDropout1D as SpatialDropout1D
    from layercli.layers.regularization.spatial_dropout import SpatialDropout2D as SpatialDropout2D
    from layercli.layers.regularization.spatial_dropout import SpatialDropout3D as SpatialDropout3D
    from layercli.layers.reshaping.cropping import Cropping1D as Cropping1D
    from layercli.layers.reshaping.cropping import Cropping2D as Cropping2D
    from layercli.layers.reshaping.cropping import Cropping3D as Cropping3D
    from layercli.layers.reshaping.flatten import Flatten as Flatten
    from layercli.layers.reshaping.permute import Permute as Permute
    from layercli.layers.reshaping.repeat_vector import RepeatVector as RepeatVector
    from layercli.layers.reshaping.reshape import Reshape as Reshape
    from layercli.layers.reshaping.up_sampling import UpSampling1D as UpSampling1D
    from layercli.layers.reshaping.up_sampling import UpSampling2D as UpSampling2D
    from layercli.layers.reshaping.up_sampling import UpSampling3D as UpSampling3D
    from layercli.layers.reshaping.zero_padding import ZeroPadding1D as ZeroPadding1D
    from layercli.layers.reshaping.zero_padding import ZeroPadding2D as ZeroPadding2D
    from layercli.layers.reshaping.zero_padding import ZeroPadding3D as ZeroPadding3D
    from layercli.layers.rnn.bidirectional import Bidirectional as Bidirectional
    from layercli.layers.rnn.conv_lstm import ConvLSTM1D as ConvLSTM1D
    from layercli.layers.rnn.conv_lstm import ConvLSTM2D as ConvLSTM2D
    from layercli.layers.rnn.conv_lstm import ConvLSTM3D as ConvLSTM3D
    from layercli.layers.rnn.gru import GRU as GRU
    from layercli.layers.rnn.gru import GRUCell as GRUCell
    from layercli.layers.rnn.lstm import LSTM as LSTM
    from layercli.layers.rnn.lstm import LSTMCell as LSTMCell
    from layercli.layers.rnn.rnn import RNN as RNN
    from layercli.layers.rnn.simple_rnn import SimpleRNN as SimpleRNN
    from layercli.layers.rnn.simple_rnn import SimpleRNNCell as SimpleRNNCell
    from layercli.layers.rnn.stacked_rnn_cells import StackedRNNCells as StackedRNNCells
    from layercli.layers.rnn.time_distributed import TimeDistributed as TimeDistributed

    AvgPool1D = AveragePooling1D
    AvgPool2D = AveragePooling2D
    AvgPool3D = AveragePooling3D
    Convolution1D = Conv1D
    Convolution1DTranspose = Conv1DTranspose
    Convolution2D = Conv2D
    Convolution2DTranspose = Conv2DTranspose
    Convolution3D = Conv3D
    Convolution3DTranspose = Conv3DTranspose
    GlobalAvgPool1D = GlobalAveragePooling1D
    GlobalAvgPool2D = GlobalAveragePooling2D
    GlobalAvgPool3D = GlobalAveragePooling3D
    GlobalMaxPool1D = GlobalMaxPooling1D
    GlobalMaxPool2D = GlobalMaxPooling2D
    GlobalMaxPool3D = GlobalMaxPooling3D
    GroupQueryAttention = GroupedQueryAttention
    MaxPool1D = MaxPooling1D
    MaxPool2D = MaxPooling2D
    MaxPool3D = MaxPooling3D
    SeparableConvolution1D = SeparableConv1D
    SeparableConvolution2D = SeparableConv2D

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
    "preprocessing.aug_mix": "AugMix",
    "preprocessing.auto_contrast": "AutoContrast",
    "preprocessing.category_encoding": "CategoryEncoding",
    "preprocessing.center_crop": "CenterCrop",
    "preprocessing.contrast_limited_adaptive_histogram_equalization": "ContrastLimitedAdaptiveHistogramEqualization",
    "preprocessing.cut_mix": "CutMix",
    "preprocessing.discretization": "Discretization",
    "preprocessing.equalization": "Equalization",
    "preprocessing.hashed_crossing": "HashedCrossing",
    "preprocessing.hashing": "Hashing",
    "preprocessing.integer_lookup": "IntegerLookup",
    "preprocessing.max_num_bounding_boxes": "MaxNumBoundingBoxes",
    "preprocessing.mel_spectrogram": "MelSpectrogram",
    "preprocessing.mix_up": "MixUp",
    "preprocessing.normalization": "Normalization",
    "preprocessing.pipeline": "Pipeline",
    "preprocessing.rand_augment": "RandAugment",
    "preprocessing.random_brightness": "RandomBrightness",
    "preprocessing.random_color_degeneration": "RandomColorDegeneration",
    "preprocessing.random_color_jitter": "RandomColorJitter",
    "preprocessing.random_contrast": "RandomContrast",
    "preprocessing.random_crop": "RandomCrop",
    "preprocessing.random_elastic_transform": "RandomElasticTransform",
    "preprocessing.random_erasing": "RandomErasing",
    "preprocessing.random_flip": "RandomFlip",
    "preprocessing.random_gaussian_blur": "RandomGaussianBlur",
    "preprocessing.random_grayscale": "RandomGrayscale",
    "preprocessing.random_hue": "RandomHue",
    "preprocessing.random_invert": "RandomInvert",
    "preprocessing.random_perspective": "RandomPerspective",
    "preprocessing.random_posterization": "RandomPosterization",
    "preprocessing.random_rotation": "RandomRotation",
    "preprocessing.random_saturation": "RandomSaturation",
    "preprocessing.random_sharpness": "RandomSharpness",
    "preprocessing.random_shear": "RandomShear",
    "preprocessing.random_translation": "RandomTranslation",
    "preprocessing.random_zoom": "RandomZoom",
    "preprocessing.rescaling": "Rescaling",
    "preprocessing.resizing": "Resizing",
    "preprocessing.solarization": "Solarization",
    "preprocessing.stft_spectrogram": "STFTSpectrogram",
    "preprocessing.string_lookup": "StringLookup",
    "preprocessing.text_vectorization": "TextVectorization",
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

OTHERS = {
    "InputSpec": ("layercli.core.input_spec", "InputSpec"),
    "deserialize": ("layercli.saving.objects", "deserialize_layer"),
    "serialize": ("layercli.saving", "serialize_keras_object"),
}
"""What Keras's ``layers`` has besides layers."""

__all__ = sorted([*MODULES, *ALIASES])  # the table is the one list


if not TYPE_CHECKING:  # a type checker would take any name

    def __getattr__(name: str) -> Any:
        own = ALIASES.get(name, name)
        if name in OTHERS:
            module, own = OTHERS[name]
            return getattr(import_module(module), own)
        if own not in MODULES:
            return refused(__name__, name)
        module = MODULES[own]
        found = getattr(import_module(module), own)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return __all__
