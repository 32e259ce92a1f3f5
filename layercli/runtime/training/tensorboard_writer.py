"""TensorBoard event files: scalars, histograms, images, a graph and traces, written by torch and tensorboard."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from layercli.core.model import Model
from layercli.errors import MissingPackageError, UsageError
from layercli.formats.atomic import staged
from layercli.formats.os_errors import writing
from layercli.saving.serialization import config_of


class Events:
    """The event file of one run in ``folder``; MissingPackageError without tensorboard, FileError if it cannot be written."""

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard.writer import SummaryWriter
        except ModuleNotFoundError:
            raise MissingPackageError(
                "TensorBoard's files need tensorboard, which is not installed",
                hint="pip install 'layercli[tensorboard]'",
            ) from None
        self.folder = folder
        with writing(folder):
            self._writer: Any = SummaryWriter(str(folder))

    def scalars(self, values: Mapping[str, object], step: int) -> None:
        """Write the scalars among ``values``."""
        for name, value in values.items():
            if isinstance(value, float | int):
                self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def variables(self, model: Model, step: int, *, images: bool) -> None:
        """Write a histogram of every numeric variable, and an image of those with a suitable shape."""
        for variable in model.variables:
            values = variable.value.detach().float()
            if values.numel() and bool(values.isfinite().all()):
                self._writer.add_histogram(f"{variable.path}/histogram", values.cpu().numpy(), step)
            if images and (picture := pictured(values)) is not None:
                self._writer.add_image(f"{variable.path}/image", picture, step, dataformats="HWC")
        self._writer.flush()

    def graph(self, model: Model) -> None:
        """Write the graph of a Sequential or functional ``model`` as Keras does."""
        from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
        from tensorboard.compat.proto.tensor_pb2 import TensorProto

        with suppress(UsageError):  # a subclassed model has no such graph
            text = json.dumps(config_of(model)).encode()
            plugin = SummaryMetadata.PluginData(plugin_name="graph_keras_model", content=b"1")
            held = TensorProto(dtype="DT_STRING", string_val=[text])
            value = Summary.Value(tag="keras", tensor=held, metadata=SummaryMetadata(plugin_data=plugin))
            self._writer._get_file_writer().add_summary(Summary(value=[value]), 0)

    def trace(self) -> Any:
        """Start a trace and return it."""
        profiler: Any = torch.profiler.profile()
        profiler.__enter__()
        return profiler

    def end_trace(self, profiler: Any, batch: int) -> None:
        """Stop a trace and write it to ``batch_<number>.trace.json``, for chrome://tracing or Perfetto."""
        profiler.__exit__(None, None, None)
        with staged(self.folder / f"batch_{batch}.trace.json") as temporary:
            profiler.export_chrome_trace(str(temporary))

    def close(self) -> None:
        """Close the file."""
        self._writer.close()


def pictured(values: torch.Tensor) -> torch.Tensor | None:
    """Return a vector or matrix as a one-channel image from 0 to 1; None for other shapes."""
    flat = values.squeeze()
    if not 1 <= flat.ndim <= 2:
        return None
    flat = flat.reshape(1, -1) if flat.ndim == 1 else flat
    low, high = flat.min(), flat.max()
    return ((flat - low) / (high - low).clamp_min(1e-12))[..., None]
