"""The seed that variables are drawn from, and draws for layers.

The draws are Keras's in shape, dtype and distribution, not in their values. ``seed`` is None, which draws from torch's
generator, an integer, which gives the same values each time, or a SeedGenerator, which gives others each time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from layercli.core import dtypes
from layercli.core import seed as seeds
from layercli.core.seed import generator as generator
from layercli.core.seed import seed as seed
from layercli.core.seed import set_seed as set_seed
from layercli.errors import DTypeError, UsageError
from layercli.lazy import torch
from layercli.ops.core import conversion
from layercli.ops.numpy import creation
from layercli.ops.random import distributions, parameterized


class SeedGenerator:
    """A stream of draws: the first, the second, ... under ``seed``, the same in each run; None is the seed in force.

    How many were drawn is a tensor, so that compiled code goes on counting. It is no part of a layer's saved state.

    >>> seed = SeedGenerator(1)
    >>> bool((uniform((2,), seed=seed) == uniform((2,), seed=SeedGenerator(1))).all())
    True
    """

    def __init__(self, seed: int | None = None, name: str | None = None) -> None:
        if seed is not None and (not isinstance(seed, int) or seed < 0):
            raise UsageError(f"SeedGenerator expects a seed that is an integer, at least 0, got {seed!r}")
        self.seed = seeds.seed() if seed is None else seed
        self.name = name or "seed_generator"
        self._drawn: Any = None

    def next(self) -> Any:
        """Return the number of the draw that comes next, as a tensor, and count it."""
        if self._drawn is None:
            self._drawn = torch.zeros((), dtype=torch.int64)
        count = self._drawn.clone()
        self._drawn.add_(1)
        return count

    def get_config(self) -> dict[str, Any]:
        """Return the seed and the name."""
        return {"seed": self.seed, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SeedGenerator:
        """Return a new generator of these settings, which starts anew."""
        return cls(**config)


Seed = int | SeedGenerator | None


def normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Seed = None) -> Any:
    """Return values of a normal distribution in ``shape``, in float32 unless told otherwise."""
    return _drawn("normal", shape, (mean, stddev), dtype, seed)


def truncated_normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Seed = None) -> Any:
    """Return values of a normal distribution in ``shape``, none of them 2 ``stddev`` or more away from the mean."""
    return _drawn("truncated_normal", shape, (mean, stddev), dtype, seed)


def uniform(shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Seed = None) -> Any:
    """Return values in ``shape`` from ``minval`` up to but not including ``maxval``, all as likely."""
    return _drawn("uniform", shape, (minval, maxval), dtype, seed)


def gamma(shape: Any, alpha: Any, dtype: Any = None, seed: Seed = None) -> Any:
    """Return values of a gamma distribution of the shape ``alpha``, a number or a tensor, and the scale 1, in ``shape``."""
    return _shaped("gamma", shape, (alpha,), dtype, seed)


def beta(shape: Any, alpha: Any, beta: Any, dtype: Any = None, seed: Seed = None) -> Any:
    """Return values of a beta distribution in ``shape``; ``alpha`` and ``beta`` are numbers, or tensors that broadcast to it."""
    return _shaped("beta", shape, (alpha, beta), dtype, seed)


def binomial(shape: Any, counts: Any, probabilities: Any, dtype: Any = None, seed: Seed = None) -> Any:
    """Return, in ``shape``, how many of ``counts`` draws succeed that each do so with ``probabilities``: numbers or tensors."""
    return _shaped("binomial", shape, (counts, probabilities), dtype, seed)


def randint(shape: Any, minval: int, maxval: int, dtype: Any = "int32", seed: Seed = None) -> Any:
    """Return integers in ``shape`` from ``minval`` up to but not including ``maxval``, all as likely."""
    return _drawn("randint", shape, (minval, maxval), dtype, seed)


def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Seed = None) -> Any:
    """Return ``num_samples`` classes for each row of ``logits`` (batch, classes), drawn with the probabilities softmax(logits)."""
    return distributions.Categorical(num_samples, dtypes.name_of(dtype), seed)(logits)


def shuffle(x: Any, axis: int = 0, seed: Seed = None) -> Any:
    """Return x with its places along ``axis`` in a random order."""
    return distributions.Shuffle(axis, seed)(x)


def dropout(inputs: Any, rate: float, noise_shape: Iterable[int | None] | None = None, seed: Seed = None) -> Any:
    """Return inputs / (1 - rate) with probability 1 - rate, else 0, each place of ``noise_shape`` deciding for itself."""
    return distributions.DropoutMask(rate, None if noise_shape is None else tuple(noise_shape), seed)(inputs)


def _shaped(distribution: str, shape: Any, parameters: tuple[Any, ...], dtype: Any, seed: Seed) -> Any:
    given = [x if isinstance(x, (int, float)) else conversion.convert_to_tensor(x) for x in parameters]
    op = parameterized.ParameterizedRandom(distribution, creation.sizes_of(shape), _floating(distribution, dtype), seed)
    return creation.create(op, *given)


def _drawn(distribution: str, shape: Any, settings: tuple[float, float], dtype: Any, seed: Seed) -> Any:
    wanted = creation.dtype_or(dtype, "float32") if distribution == "randint" else _floating(distribution, dtype)
    return creation.create(distributions.RandomTensor(distribution, creation.sizes_of(shape), settings, wanted, seed))


def _floating(distribution: str, dtype: Any) -> str:
    """Return the name of a dtype, float32 where it is None; DTypeError where it has no fractions."""
    name = creation.dtype_or(dtype, "float32")
    if not dtypes.is_floating(name):
        raise DTypeError(f"{distribution} expects a floating dtype, got {name}", hint="randint draws integers")
    return name
