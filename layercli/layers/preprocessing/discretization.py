"""Discretization."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from layercli.core.fields import Validator
from layercli.core.layer import Layer
from layercli.core.types import Config, Tensor
from layercli.errors import UsageError
from layercli.layers.preprocessing.category_encoding import ENCODINGS, check_dense
from layercli.layers.validators import Bool, Number, OptionalPositiveInt, one_of
from layercli.ops.nn.category_encoding import Bucketize

if TYPE_CHECKING:
    import numpy as np


def _ascending(value: Any) -> list[float] | None:
    numbers = None if value is None else [float(one) for one in value]
    if numbers is not None and numbers != sorted(numbers):
        raise ValueError
    return numbers


class Discretization(Layer):
    """out = the index of the bin of x, the number of bin_boundaries <= x, as int32; or encoded as by CategoryEncoding.

    ``adapt`` finds the boundaries of num_bins bins with about as many values each. Raises UsageError unless exactly one of
    bin_boundaries and num_bins is given, and for a call without boundaries.

    Args:
        bin_boundaries: The boundaries in ascending order.
        num_bins: The number of bins whose boundaries adapt finds.
        epsilon: The fraction of the values that one sample of adapt stands for: smaller is more accurate.
    """

    bin_boundaries: Annotated[Any, Validator("ascending numbers", _ascending)] = None
    num_bins: OptionalPositiveInt = None
    epsilon: Number = 0.01
    output_mode: Annotated[str, one_of("int", "one_hot", "multi_hot", "count")] = "int"
    sparse: Bool = False

    _positional = ("bin_boundaries", "num_bins", "epsilon", "output_mode", "sparse", "dtype", "name")

    def setup(self) -> None:
        """Check the settings, and make the ops where the boundaries are known."""
        check_dense(self)
        if (self.bin_boundaries is None) == (self.num_bins is None):
            raise UsageError("Discretization expects bin_boundaries or num_bins, and not both")
        self._summarized: np.ndarray | None = None
        self._set_boundaries()

    def _set_boundaries(self) -> None:
        """Make the ops of the boundaries."""
        bounds = self.bin_boundaries
        self.op = None if bounds is None else Bucketize(tuple(bounds))
        encoded = bounds is not None and self.output_mode != "int"
        self.encoding = ENCODINGS[self.output_mode](len(bounds) + 1, self.compute_dtype) if encoded else None

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Find the boundaries in an array, or in batches of arrays, at most ``steps`` of them, which are iterated once.

        UsageError where the boundaries were given, or there is no data.
        """
        self.reset_state()
        for step, batch in enumerate([data] if hasattr(data, "shape") else data):
            if steps is not None and step >= steps:
                break
            self.update_state(batch)
        self.finalize_state()

    def reset_state(self) -> None:
        """Forget the data; UsageError where the boundaries were given."""
        if self.num_bins is None:
            raise UsageError(f"{self.name} has boundaries of its own, so there is nothing to adapt")
        self._summarized = None

    def update_state(self, data: Any) -> None:
        """Add a batch to the summary of the data."""
        import numpy as np

        before = np.zeros((2, 0), "float32") if self._summarized is None else self._summarized
        self._summarized = merge_summaries(summarize(np.asarray(data, "float32"), self.epsilon), before, self.epsilon)

    def finalize_state(self) -> None:
        """Take the boundaries from the summary; UsageError where there is no data."""
        if self._summarized is None or not self._summarized.shape[1]:
            raise UsageError(f"{self.name} got no data to adapt to")
        self.bin_boundaries = compress_summary(self._summarized, 1.0 / self.num_bins)[0, :-1].tolist()
        self._set_boundaries()

    @property
    def output_dtype(self) -> str:
        """The dtype of the outputs: int64 for numbers of bins, else that of the computation."""
        return "int64" if self.output_mode == "int" else self.compute_dtype

    def call(self, inputs: Tensor) -> Tensor:
        """Return the bins' numbers, or vectors of them."""
        if self.op is None:
            raise UsageError("has no boundaries yet: adapt it to data, or give it bin_boundaries")
        bins = self.op(inputs)
        return bins if self.encoding is None else self.encoding(bins)

    @classmethod
    def from_config(cls, config: Config, custom_objects: Any = None) -> Any:
        """Return a new layer of this config, and with the boundaries that another one was adapted to."""
        found = config.get("bin_boundaries") if config.get("num_bins") is not None else None
        layer = super().from_config(config if found is None else {**config, "bin_boundaries": None}, custom_objects)
        if found is not None:
            layer.bin_boundaries = _ascending(found)
            layer._set_boundaries()
        return layer


def summarize(values: np.ndarray, epsilon: float) -> np.ndarray:
    """Return a summary (2, samples) of values: evenly placed ones among them, sorted, and how many each stands for."""
    import numpy as np

    ordered = np.sort(values.reshape(-1))
    step = max(ordered.size / (1.0 / epsilon), 1)
    samples = ordered[int(step - 1) :: int(step)]
    return np.stack([samples, np.ones_like(samples) * step])


def merge_summaries(left: np.ndarray, right: np.ndarray, epsilon: float) -> np.ndarray:
    """Return one summary of two."""
    import numpy as np

    both = np.concatenate((left, right), 1)
    return compress_summary(both[:, np.argsort(both[0])], epsilon)


def compress_summary(summary: np.ndarray, epsilon: float) -> np.ndarray:
    """Return a summary of about 1 / epsilon samples: at those parts of the whole weight, between the samples linearly."""
    import numpy as np

    if summary.shape[1] * epsilon < 1:
        return summary
    parts = epsilon + np.arange(0.0, 1.0, epsilon)
    weights = summary[1].cumsum()
    cumulative = weights / weights[-1]
    samples, reached = np.interp(parts, cumulative, summary[0]), np.interp(parts, cumulative, weights)
    return np.stack((samples, np.diff(reached, prepend=0))).astype("float32")
