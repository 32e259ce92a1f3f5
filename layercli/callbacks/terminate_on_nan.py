"""TerminateOnNaN."""

from __future__ import annotations

import math

from layercli.callbacks.callback import Callback, Logs
from layercli.errors import UsageError


class TerminateOnNaN(Callback):
    """Stop training when the loss is NaN or infinite. Reading the loss waits for the device after each batch.

    Args:
        raise_error: Whether to raise UsageError instead of stopping.
    """

    def __init__(self, raise_error: bool = False) -> None:
        self.raise_error = raise_error

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Look at the loss."""
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise UsageError(f"the loss is {loss} after batch {batch}")
        self.model.stop_training = True
