"""Callbacks: what happens beside training, at the beginnings and ends of epochs and batches."""

from __future__ import annotations

from typing import Any

from layercli.core.catalogue import Catalogue

_catalogue = Catalogue(
    "layercli.callbacks",
    "callback",
    {
        "callback": "Callback",
        "history": "History",
        "stopping": "EarlyStopping TerminateOnNaN",
        "checkpoint": "ModelCheckpoint",
        "backup": "BackupAndRestore",
        "averages": "SwapEMAWeights",
        "rate": "LearningRateScheduler ReduceLROnPlateau",
        "csv_logger": "CSVLogger",
        "tensorboard": "TensorBoard",
        "remote": "RemoteMonitor",
        "progress": "ProgbarLogger",
        "functions": "LambdaCallback",
    },
)

__all__ = [*_catalogue.homes]


def __getattr__(name: str) -> Any:
    return _catalogue.load(name)


def __dir__() -> list[str]:
    return sorted(__all__)
