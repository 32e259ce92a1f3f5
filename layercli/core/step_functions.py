"""What fit, evaluate and predict do with a batch as functions that a model may override: Keras's ``make_train_function``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING, Any

StepFunction = Callable[[Iterable[Any]], Any]
"""What takes an iterator of batches, one or ``steps_per_execution`` of them, and returns the logs, or the outputs, of the last."""


class StepFunctions:
    """``make_train_function``, ``make_test_function`` and ``make_predict_function`` of a model, and what they made."""

    if TYPE_CHECKING:

        def _attributes(self) -> None:  # declared in a method, they are no constructor arguments
            self.train_function: StepFunction | None
            self.test_function: StepFunction | None
            self.predict_function: StepFunction | None
    else:
        train_function = test_function = predict_function = None

    def make_train_function(self, force: bool = False) -> StepFunction:
        """Set and return ``train_function``, which takes an iterator of batches, trains on them and returns the logs.

        fit calls this method, and what an override returns. With ``force`` it is made again.
        """
        if self.train_function is None or force:
            self.train_function = self._stepping("train_step")
        return self.train_function

    def make_test_function(self, force: bool = False) -> StepFunction:
        """Set and return ``test_function``, which takes an iterator of batches, evaluates them and returns the logs."""
        if self.test_function is None or force:
            self.test_function = self._stepping("test_step")
        return self.test_function

    def make_predict_function(self, force: bool = False) -> StepFunction:
        """Set and return ``predict_function``, which takes an iterator of batches and returns the outputs."""
        if self.predict_function is None or force:
            self.predict_function = self._stepping("predict_step")
        return self.predict_function

    def _stepping(self: Any, step: str) -> StepFunction:
        def function(iterator: Iterable[Any]) -> Any:
            found = None
            for data in islice(iter(iterator), self.steps_per_execution):
                found = getattr(self, step)(data)
            return found

        return function


def step_of(model: object, mode: str) -> Callable[[Any], Any]:
    """Return what takes one batch in ``mode``, train, test or predict: the model's step, or the function of its override."""
    make = f"make_{mode}_function"
    function = getattr(model, make)()
    if getattr(type(model), make) is getattr(StepFunctions, make):
        return getattr(model, f"{mode}_step")  # type: ignore[no-any-return]  # the model's method
    return lambda data: function(iter([data]))
