"""SwapEMAWeights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from layercli.callbacks.callback import Callback, Logs
from layercli.errors import UsageError
from layercli.lazy import torch


class SwapEMAWeights(Callback):
    """Use the moving average of the weights in evaluations and predictions, and restore the weights afterwards.

    Raises UsageError for an optimizer without ``use_ema=True``.

    Args:
        swap_on_epoch: Whether to keep the average from the end of an epoch to the next, so that a later ModelCheckpoint saves it.
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        self.swap_on_epoch = swap_on_epoch
        self._weights: list[list[Any]] | None = None

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Train the weights themselves."""
        self._put_back()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Show the average to the callbacks that run later."""
        if self.swap_on_epoch:
            self._put_average()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Forget the weights: the average has taken their place for good."""
        self._weights = None

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Evaluate the average."""
        self._put_average()

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Put the weights back."""
        self._put_back()

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Predict by the average."""
        self._put_average()

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Put the weights back."""
        self._put_back()

    def _put_average(self) -> None:
        if self._weights is None:
            states = [optimizer.built_state for optimizer in averaging(self.model.optimizer)]
            self._weights = [[parameter.detach().clone() for parameter in state.parameters] for state in states]
            for state in states:
                assign(state.parameters, state.slots["average"])

    def _put_back(self) -> None:
        if self._weights is not None:
            for optimizer, weights in zip(averaging(self.model.optimizer), self._weights, strict=True):
                assign(optimizer.built_state.parameters, weights)
            self._weights = None


def averaging(optimizer: Any) -> Iterator[Any]:
    """Yield the optimizers that keep a moving average of their weights; UsageError where none does."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    found = [each for each in getattr(inner, "optimizers", [inner]) if each.use_ema and each.state is not None]
    if not found:
        raise UsageError(
            f"SwapEMAWeights needs an average of the weights, which {inner.name} does not keep",
            hint="give the optimizer use_ema=True",
        )
    yield from found


def assign(parameters: list[Any], values: list[Any]) -> None:
    """Give each parameter its value."""
    with torch.no_grad():
        for parameter, value in zip(parameters, values, strict=True):
            parameter.copy_(value)
