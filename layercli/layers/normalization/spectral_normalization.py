"""SpectralNormalization."""

from __future__ import annotations

from layercli.core.input_spec import InputSpec
from layercli.core.spec import Shape
from layercli.core.types import Tensor
from layercli.core.variable import Variable
from layercli.errors import UsageError
from layercli.initializers import TruncatedNormal
from layercli.layers.core.wrapper import Wrapper
from layercli.layers.validators import PositiveInt
from layercli.ops.nn.normalization import SpectralNorm


class SpectralNormalization(Wrapper):
    """Call ``layer`` with its kernel (or embeddings) divided by its largest singular value in training.

    The singular value is estimated by the power method, which continues from call to call. Raises UsageError if ``layer`` has
    neither a kernel nor embeddings. Reference: Miyato et al. 2018, arXiv:1802.05957.

    Args:
        power_iterations: The number of iterations of the power method in each call.
    """

    power_iterations: PositiveInt = 1

    def setup(self) -> None:
        """Make the op."""
        super().setup()
        self.op = SpectralNorm(self.power_iterations)

    def build(self, input_shape: Shape) -> None:
        """Build the layer, take its kernel, and make vector_u (1, the kernel's last size)."""
        super().build(input_shape)
        kernel = getattr(self.layer, "kernel", getattr(self.layer, "embeddings", None))
        if kernel is None:
            raise UsageError(
                f"wraps {self.layer.name} ({type(self.layer).__name__}), which has neither kernel nor embeddings"
            )
        self.kernel = kernel
        self.vector_u = self.add_weight(
            "vector_u", (1, kernel.shape[-1]), TruncatedNormal(stddev=0.02), dtype=kernel.dtype, trainable=False
        )

    @property
    def own_variables(self) -> list[Variable]:
        """The wrapped layer's kernel, as Keras counts it and saves it, and vector_u."""
        return [self.kernel, self.vector_u] if self.built else []

    def _expected_input(self, shape: Shape | None) -> InputSpec | None:
        return InputSpec(min_ndim=1, axes={-1: shape[-1]}) if shape else None

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Return the wrapped layer's outputs; in training, normalize its kernel first."""
        if training:
            kernel, u = self.op(self.kernel, self.vector_u)
            self.kernel.assign(kernel)
            self.vector_u.assign(u)
        out: Tensor = self.layer(inputs)
        return out
