"""The values variables start from: Keras's initializers, drawn by numpy in the dtype they are wanted in.

Each is called with a shape, a dtype and a numpy ``Generator``, and returns a new array. A setting may give one as a
name, a config, an instance, or any function of a shape and a dtype.
"""

from __future__ import annotations

from typing import Any

from layercli.core.registry import Registry
from layercli.initializers.constant import Constant, Identity, Ones, Zeros
from layercli.initializers.fourier import STFT
from layercli.initializers.initializer import Initializer, values
from layercli.initializers.random import Orthogonal, RandomNormal, RandomUniform, TruncatedNormal
from layercli.initializers.scaling import (
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

zeros, ones, identity, stft = Zeros, Ones, Identity, STFT
random_normal, random_uniform, truncated_normal = RandomNormal, RandomUniform, TruncatedNormal
glorot_normal, glorot_uniform, he_normal, he_uniform = GlorotNormal, GlorotUniform, HeNormal, HeUniform
lecun_normal, lecun_uniform, variance_scaling, orthogonal = LecunNormal, LecunUniform, VarianceScaling, Orthogonal

CLASSES = (
    Constant, Identity, Ones, Zeros, STFT,
    Orthogonal, RandomNormal, RandomUniform, TruncatedNormal,
    GlorotNormal, GlorotUniform, HeNormal, HeUniform, LecunNormal, LecunUniform, VarianceScaling,
)  # fmt: skip
ALIASES = {
    "zero": Zeros,
    "one": Ones,
    "normal": RandomNormal,
    "uniform": RandomUniform,
    "IdentityInitializer": Identity,
    "OrthogonalInitializer": Orthogonal,
    "STFTInitializer": STFT,
}
REGISTRY = Registry("initializer", CLASSES, ALIASES)


def get(identifier: Any) -> Any:
    """Return the initializer of a name, a config dict, a class, or anything that can be called; None for None.

    Raises UsageError for anything else, with the nearest names as a hint.

    >>> str(get("he_normal")), str(get({"class_name": "RandomNormal", "config": {"stddev": 0.02}}))
    ('he_normal', 'random_normal(stddev=0.02)')
    """
    return REGISTRY.get(identifier)


def deserialize(config: Any) -> Any:
    """Return the initializer that ``serialize`` made a dict of; see ``get``."""
    return REGISTRY.get(config)


def serialize(initializer: Any) -> dict[str, Any] | None:
    """Return an initializer as the dict of ``class_name`` and ``config`` that ``get`` turns back into it.

    >>> serialize(get("zeros"))
    {'class_name': 'Zeros', 'config': {}}
    """
    return REGISTRY.serialize(initializer)
