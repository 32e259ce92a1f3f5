"""The values variables start from: Keras's initializers, drawn by numpy in the dtype they are wanted in.

Each is called with a shape, a dtype and a numpy ``Generator``, and returns a new array. A setting may give one as a
name, a config, an instance, or any function of a shape and a dtype.
"""

from __future__ import annotations

from layercli.core.registry import Registry
from layercli.core.registry import serialize as plain
from layercli.initializers.constant_initializers import Constant, Identity, Ones, Zeros
from layercli.initializers.initializer import Initializer, values
from layercli.initializers.random_initializers import Orthogonal, RandomNormal, RandomUniform, TruncatedNormal
from layercli.initializers.stft import STFT
from layercli.initializers.variance_scaling import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
    compute_fans,
)

__all__ = [
    "STFT",
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "compute_fans",
    "constant",
    "deserialize",
    "get",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "lecun_normal",
    "lecun_uniform",
    "ones",
    "orthogonal",
    "random_normal",
    "random_uniform",
    "serialize",
    "stft",
    "truncated_normal",
    "values",
    "variance_scaling",
    "zeros",
]

constant, zeros, ones, identity, stft = Constant, Zeros, Ones, Identity, STFT
random_normal, random_uniform, truncated_normal = RandomNormal, RandomUniform, TruncatedNormal
glorot_normal, glorot_uniform, he_normal, he_uniform = GlorotNormal, GlorotUniform, HeNormal, HeUniform
lecun_normal, lecun_uniform, variance_scaling, orthogonal = LecunNormal, LecunUniform, VarianceScaling, Orthogonal

_catalogue = Registry(
    "layercli.initializers",
    "initializer",
    {
        "constant_initializers": "Constant Identity Ones Zeros",
        "stft": "STFT",
        "random_initializers": "Orthogonal RandomNormal RandomUniform TruncatedNormal",
        "variance_scaling": "GlorotNormal GlorotUniform HeNormal HeUniform LecunNormal LecunUniform VarianceScaling",
    },
    {
        "zero": "Zeros",
        "one": "Ones",
        "normal": "RandomNormal",
        "uniform": "RandomUniform",
        "identityinitializer": "Identity",
        "orthogonalinitializer": "Orthogonal",
        "stftinitializer": "STFT",
    },
)
get, deserialize, serialize = _catalogue.get, _catalogue.deserialize, plain
