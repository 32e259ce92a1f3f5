"""ProgressReporter, the base class of callbacks that show progress."""

from __future__ import annotations

from layercli.callbacks.callback import Callback


class ProgressReporter(Callback):
    """Shows the progress of epochs.

    In distributed training it runs on the first rank only, and the ranks exchange no logs of batches for it.
    """

    writes = True

    def close(self) -> None:
        """Restore the terminal, even if an epoch was interrupted."""
