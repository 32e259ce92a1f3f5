"""Keras's initializers: the initial values of variables, computed by numpy.

Each is called with a shape, a dtype and a numpy ``Generator``, and returns a new array. A layer's argument takes a
name, a config, an instance, or any function of a shape and a dtype.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layercli.core import registry
from layercli.core.registry import Registry
from layercli.core.types import ConfigLike
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
    with_axes,
)

__all__ = [
    "STFT",
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "IdentityInitializer",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "OrthogonalInitializer",
    "RandomNormal",
    "RandomUniform",
    "STFTInitializer",
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
    "with_axes",
    "zeros",
]

IdentityInitializer, OrthogonalInitializer, STFTInitializer = Identity, Orthogonal, STFT
constant, zeros, ones, identity, stft = Constant, Zeros, Ones, Identity, STFT
random_normal, random_uniform, truncated_normal = RandomNormal, RandomUniform, TruncatedNormal
glorot_normal, glorot_uniform, he_normal, he_uniform = GlorotNormal, GlorotUniform, HeNormal, HeUniform
lecun_normal, lecun_uniform, variance_scaling, orthogonal = LecunNormal, LecunUniform, VarianceScaling, Orthogonal

_registry = Registry(
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
get = _registry.get


def deserialize(config: ConfigLike, custom_objects: Mapping[str, object] | None = None) -> Any:
    """Return the initializer that ``config``, a name or the dict that ``serialize`` returned, describes.

    ``custom_objects``: the user's own classes and functions by name. Raises UsageError for an unknown name.
    """
    return _registry.deserialize(config, custom_objects)


def serialize(initializer: object) -> Any:
    """Return the initializer as a dict of its class name and config, or of its name for a function, as Keras does."""
    return registry.serialize(initializer)
