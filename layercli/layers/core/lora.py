"""Low-rank adaptation: the kernel is frozen and the product of two thin matrices is trained."""

from __future__ import annotations

from typing import Any

from layercli import ops
from layercli.core.fields import argument
from layercli.core.layer import Layer
from layercli.core.variable import Variable
from layercli.errors import LayercliError, NotBuiltError, UsageError


class LoraMixin(Layer):
    """A layer whose weight may get a low-rank update: kernel + lora_alpha / lora_rank * (a @ b) (Hu et al. 2021).

    a is (..., lora_rank) and b (lora_rank, units), both in float32. Files hold the sum, as Keras's do, so that a and b start again
    after a model is loaded.
    """

    _left_out = frozenset({"lora_rank", "lora_alpha"})
    adapted = "kernel"
    _lora: tuple[Variable, Variable] | None = argument(default=None, init=False)

    def enable_lora(
        self,
        rank: int,
        lora_alpha: float | None = None,
        a_initializer: object = "he_uniform",
        b_initializer: object = "zeros",
    ) -> None:
        """Stop training the kernel, and make the two that are trained instead; ``lora_alpha`` is the rank by default.

        NotBuiltError for a layer without variables yet; UsageError for one with a constraint, or one that is adapted already.
        """
        held = vars(self).get(self.adapted)
        if held is None:
            raise self._own_error(NotBuiltError("has no variables yet, which low-rank adaptation needs"))
        if held.constraint is not None:
            raise self._own_error(
                UsageError(f"has a constraint on its {self.adapted}, which low-rank adaptation would break")
            )
        if self._lora is not None:
            raise self._own_error(UsageError("is adapted already"))
        if isinstance(rank, bool) or not isinstance(rank, int) or rank < 1:
            raise self._own_error(UsageError(f"expects lora_rank to be a positive integer, got {rank!r}"))
        settings = {"dtype": "float32", "regularizer": getattr(self, f"{self.adapted}_regularizer")}
        sizes = self.adapted_sizes()
        name = f"lora_{self.adapted}"
        self._lora = (
            self.add_weight(f"{name}_a", (*sizes[:-1], rank), a_initializer, **settings),
            self.add_weight(f"{name}_b", (rank, sizes[-1]), b_initializer, **settings),
        )
        for variable in self._lora:
            setattr(self, variable.key, variable)
        held.trainable = False
        self.lora_rank, self.lora_alpha = rank, rank if lora_alpha is None else lora_alpha

    @property
    def lora_enabled(self) -> bool:
        """Whether the layer is adapted."""
        return self._lora is not None

    def adapted_sizes(self) -> tuple[int, ...]:
        """Return the shape of the weight that is adapted."""
        sizes: tuple[int, ...] = vars(self)[self.adapted].sizes
        return sizes

    def _own_error(self, error: LayercliError) -> LayercliError:
        """Return an error that names this layer."""
        error.trail.append(self)
        return error

    def maybe_enable_lora(self) -> None:
        """Adapt the variable, where the settings say so: the end of ``build``."""
        if self.lora_rank is not None:
            self.enable_lora(self.lora_rank, self.lora_alpha)

    def lora_value(self) -> Any:
        """Return the variable, or the sum that is in its place."""
        held = vars(self)[self.adapted]
        if self._lora is None:
            return held
        a, b = self._lora
        return held + ops.matmul(a, b) * (self.lora_alpha / self.lora_rank)

    @property
    def serialized_variables(self) -> list[Variable]:
        """The variables that a file of Keras's holds: not the two thin ones."""
        thin = {id(variable) for variable in self._lora or ()}
        return [variable for variable in self.own_variables if id(variable) not in thin]

    def serialized_value(self, variable: Variable) -> Any:
        """Return a variable's value, of the one that is adapted the sum."""
        value = variable.numpy()
        if self._lora is None or variable is not vars(self)[self.adapted]:
            return value
        a, b = (each.numpy() for each in self._lora)
        return value + (a @ b * (self.lora_alpha / self.lora_rank)).astype(value.dtype)

    def reset_after_load(self) -> list[tuple[Variable, Any]]:
        """Return the variables that such a file does not hold, with the values they have once it is read."""
        import numpy as np

        return [] if self._lora is None else [(self._lora[1], np.zeros(self._lora[1].sizes, "float32"))]
