"""TensorBoard."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from layercli.callbacks.callback import Callback, Logs
from layercli.callbacks.learning_rate_scheduler import rated
from layercli.core.backend import get_backend
from layercli.errors import UsageError


class TensorBoard(Callback):
    """Write event files for TensorBoard to ``log_dir/train`` and ``log_dir/validation``, with Keras's names of the values.

    Every epoch: ``epoch_<log>`` and the learning rate. Every evaluation: ``evaluation_<log>_vs_iterations``. Raises UsageError for
    an invalid argument, MissingPackageError without the package tensorboard.

    Args:
        log_dir: The folder of the event files.
        histogram_freq: The number of epochs between histograms of the variables; 0 for none.
        write_graph: Whether to write the layers of a Sequential or functional model.
        write_images: Whether to write the variables as images too.
        write_steps_per_second: Whether to write the training speed.
        update_freq: "epoch", "batch", or the number of batches between writes of batch_<log>, which wait for the device.
        profile_batch: The batch to profile with torch's profiler, or the first and the last one, from 1; 0 for none.
        embeddings_freq: Must be 0: embeddings are not written.
        embeddings_metadata: Must be None.
    """

    writes = True

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: Any = "epoch",
        profile_batch: object = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: object = None,
    ) -> None:
        if embeddings_freq or embeddings_metadata is not None:
            raise UsageError(
                "TensorBoard does not write embeddings: embeddings_freq must be 0, embeddings_metadata None"
            )
        self.log_dir = Path(log_dir)
        self.histogram_freq = histogram_freq
        self.write_graph = write_graph
        self.write_images = write_images
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = {"epoch": 0, "batch": 1}.get(update_freq, update_freq)
        if not isinstance(self.update_freq, int) or self.update_freq < 0:
            raise UsageError(f"update_freq is epoch, batch or a number of batches, got {update_freq!r}")
        self.profiled = span(profile_batch)
        self._writers: dict[str, Any] = {}
        self._trace: object = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Draw the graph."""
        self._batch = 0
        if self.write_graph:
            self._to("train").graph(self.model)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Look at the clock."""
        self._began = time.perf_counter(), self.model.optimizer.update_count

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Look at the clock, and begin the trace where it is due."""
        self._batch += 1
        self._batch_began = time.perf_counter()
        if self._batch == self.profiled[0]:
            self._trace = self._to("train").trace()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Write the batch, where it is due."""
        if self._trace is not None and self._batch >= self.profiled[1]:
            self._end_trace()
        if self.update_freq and self._batch % self.update_freq == 0:
            found = {f"batch_{name}": value for name, value in (logs or {}).items()}
            if self.write_steps_per_second:
                found["batch_steps_per_second"] = 1 / (time.perf_counter() - self._batch_began)
            self._to("train").scalars(found, self._batch)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write the epoch."""
        found = {name: value for name, value in (logs or {}).items() if not name.startswith("val_")}
        found |= {name: float(optimizer.learning_rate) for name, optimizer in rated(self.model.optimizer)}
        if self.write_steps_per_second:
            began, steps = self._began
            found["steps_per_second"] = (self.model.optimizer.update_count - steps) / (time.perf_counter() - began)
        self._to("train").scalars({f"epoch_{name}": value for name, value in found.items()}, epoch)
        validated = {name[4:]: value for name, value in (logs or {}).items() if name.startswith("val_")}
        if validated:
            self._to("validation").scalars({f"epoch_{name}": value for name, value in validated.items()}, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._to("train").variables(self.model, epoch, images=self.write_images)

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Write the evaluation."""
        if self.model.optimizer is not None:
            found = {f"evaluation_{name}_vs_iterations": value for name, value in (logs or {}).items()}
            self._to("validation").scalars(found, self.model.optimizer.update_count)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Close the files."""
        if self._trace is not None:
            self._end_trace()
        for writer in self._writers.values():
            writer.close()
        self._writers = {}

    def _to(self, part: str) -> Any:
        if part not in self._writers:
            self._writers[part] = get_backend().event_writer(self.log_dir / part)
        return self._writers[part]

    def _end_trace(self) -> None:
        self._to("train").end_trace(self._trace, self._batch)
        self._trace = None


def span(profile_batch: object) -> tuple[int, int]:
    """Return the first and the last batch to trace; (0, 0) is none."""
    given = profile_batch
    if isinstance(given, str):
        given = [int(part) if part.strip().isdigit() else part for part in given.split(",")]
    given = given if isinstance(given, list | tuple) else (given, given)
    if len(given) != 2 or not all(isinstance(batch, int) for batch in given) or not 0 <= given[0] <= given[1]:
        raise UsageError(f"profile_batch is a batch from 1, or a first and a last one, got {profile_batch!r}")
    return given[0], given[1]
