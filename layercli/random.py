"""Random tensors, as ``keras.random``, and the global seed.

Shapes, dtypes and distributions are Keras's; the values are not. ``seed``: None uses torch's generator; an integer
gives the same values at every call; a SeedGenerator gives new values at every call.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from layercli.core import dtypes
from layercli.core import seed as seeds
from layercli.core.seed import seed as seed
from layercli.core.seed import set_seed as set_seed
from layercli.core.types import Config, DTypeLike, ShapeLike, Tensor
from layercli.errors import DTypeError, UsageError, ValueRangeError
from layercli.lazy import torch
from layercli.ops.core import conversion
from layercli.ops.numpy import creation
from layercli.ops.random import distributions, parameterized


class SeedGenerator:
    """A reproducible sequence of seeds: call n with this generator uses (seed, n). None is the global seed.

    The counter is a tensor, so that compiled code advances it. It is not part of a layer's saved state.

    >>> seed = SeedGenerator(1)
    >>> bool((uniform((2,), seed=seed) == uniform((2,), seed=SeedGenerator(1))).all())
    True
    """

    def __init__(self, seed: int | None = None, name: str | None = None) -> None:
        if seed is not None and (not isinstance(seed, int) or seed < 0):
            raise UsageError(f"SeedGenerator expects a seed that is an integer of at least 0, got {seed!r}")
        self.seed = seeds.seed() if seed is None else seed
        self.name = name or "seed_generator"
        self._from_arguments: Any = None

    @property
    def state(self) -> Tensor:
        """The seed and the counter, as in Keras."""
        count = 0 if self._from_arguments is None else int(self._from_arguments)
        return torch.tensor([self.seed, count])

    def next(self, ordered: bool = True) -> Any:
        """Return the counter as a tensor, and increment it. ``ordered`` is accepted as in Keras."""
        if self._from_arguments is None:
            self._from_arguments = torch.zeros((), dtype=torch.int64)
        count = self._from_arguments.clone()
        self._from_arguments.add_(1)
        return count

    def get_config(self) -> Config:
        """Return the seed and the name."""
        return {"seed": self.seed, "name": self.name}

    @classmethod
    def from_config(cls, config: Config) -> SeedGenerator:
        """Return a new generator with this config, whose counter is 0."""
        return cls(**config)


Seed = int | SeedGenerator | None


def normal(
    shape: ShapeLike, mean: float = 0.0, stddev: float = 1.0, dtype: DTypeLike | None = None, seed: Seed = None
) -> Any:
    """Return normal values of ``shape`` with ``mean`` and ``stddev``, float32 by default."""
    return _from_arguments("normal", shape, (mean, stddev), dtype, seed)


def truncated_normal(
    shape: ShapeLike, mean: float = 0.0, stddev: float = 1.0, dtype: DTypeLike | None = None, seed: Seed = None
) -> Any:
    """Return normal values of ``shape`` within 2 ``stddev`` of ``mean``, float32 by default."""
    return _from_arguments("truncated_normal", shape, (mean, stddev), dtype, seed)


def uniform(
    shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: DTypeLike | None = None, seed: Seed = None
) -> Any:
    """Return uniform values of ``shape`` in [minval, maxval), float32 by default."""
    return _from_arguments("uniform", shape, (minval, maxval), dtype, seed)


def gamma(shape: ShapeLike, alpha: object, dtype: DTypeLike | None = None, seed: Seed = None) -> Any:
    """Return gamma values of ``shape`` with the shape parameter ``alpha``, a number or a tensor, and scale 1."""
    return _from_parameters("gamma", shape, (alpha,), dtype, seed)


def beta(shape: ShapeLike, alpha: object, beta: Tensor, dtype: DTypeLike | None = None, seed: Seed = None) -> Any:
    """Return beta values of ``shape``; ``alpha`` and ``beta`` are numbers, or tensors that broadcast to it."""
    return _from_parameters("beta", shape, (alpha, beta), dtype, seed)


def binomial(
    shape: ShapeLike, counts: object, probabilities: Tensor, dtype: DTypeLike | None = None, seed: Seed = None
) -> Any:
    """Return binomial values of ``shape``: the successes of ``counts`` trials with ``probabilities``, numbers or
    tensors.
    """
    return _from_parameters("binomial", shape, (counts, probabilities), dtype, seed)


def randint(shape: ShapeLike, minval: int, maxval: int, dtype: DTypeLike = "int32", seed: Seed = None) -> Any:
    """Return uniform integers of ``shape`` in [minval, maxval). Raises ValueRangeError where there are none."""
    if isinstance(minval, int) and isinstance(maxval, int) and minval >= maxval:
        raise ValueRangeError(f"randint expects minval below maxval, got {minval} and {maxval}")
    return _from_arguments("randint", shape, (minval, maxval), dtype, seed)


def categorical(logits: Tensor, num_samples: int, dtype: DTypeLike = "int32", seed: Seed = None) -> Tensor:
    """Return ``num_samples`` classes for each row of ``logits`` (batch, classes), with the probabilities
    softmax(logits).
    """
    return distributions.Categorical(num_samples, dtypes.name_of(dtype), seed)(logits)


def shuffle(x: Tensor, axis: int = 0, seed: Seed = None) -> Tensor:
    """Return x permuted at random along ``axis``."""
    return distributions.Shuffle(axis, seed)(x)


def dropout(inputs: Tensor, rate: float, noise_shape: Iterable[int | None] | None = None, seed: Seed = None) -> Tensor:
    """Return inputs / (1 - rate) with probability 1 - rate, else 0; one decision per index of ``noise_shape``, which
    broadcasts.
    """
    return distributions.DropoutMask(rate, None if noise_shape is None else tuple(noise_shape), seed)(inputs)


def _from_parameters(
    distribution: str, shape: ShapeLike, parameters: tuple[object, ...], dtype: Any, seed: Seed
) -> object:
    given = [x if isinstance(x, (int, float)) else conversion.convert_to_tensor(x) for x in parameters]
    op = parameterized.ParameterizedRandom(distribution, creation.sizes_of(shape), _floating(distribution, dtype), seed)
    return creation.create(op, *given)


def _from_arguments(
    distribution: str, shape: ShapeLike, settings: tuple[float, float], dtype: Any, seed: Seed
) -> object:
    wanted = creation.dtype_or(dtype, "float32") if distribution == "randint" else _floating(distribution, dtype)
    return creation.create(distributions.RandomTensor(distribution, creation.sizes_of(shape), settings, wanted, seed))


def _floating(distribution: str, dtype: DTypeLike) -> str:
    """Return the name of a dtype, float32 for None; DTypeError where it is not floating."""
    name = creation.dtype_or(dtype, "float32")
    if not dtypes.is_floating(name):
        raise DTypeError(f"{distribution} expects a floating dtype, got {name}", hint="randint returns integers")
    return name
