"""Callbacks: what happens beside training, at the beginnings and ends of epochs and batches."""

from __future__ import annotations

from typing import Any

from layercli.core.registry import Registry

_catalogue = Registry(
    "layercli.callbacks",
    "callback",
    {
        "callback": "Callback",
        "history": "History",
        "early_stopping": "EarlyStopping",
        "terminate_on_nan": "TerminateOnNaN",
        "model_checkpoint": "ModelCheckpoint",
        "backup_and_restore": "BackupAndRestore",
        "swap_ema_weights": "SwapEMAWeights",
        "learning_rate_scheduler": "LearningRateScheduler",
        "reduce_lr_on_plateau": "ReduceLROnPlateau",
        "csv_logger": "CSVLogger",
        "tensorboard": "TensorBoard",
        "remote_monitor": "RemoteMonitor",
        "progbar_logger": "ProgbarLogger",
        "lambda_callback": "LambdaCallback",
    },
)

__all__ = [*_catalogue.homes]


def __getattr__(name: str) -> Any:
    return _catalogue.load(name)


def __dir__() -> list[str]:
    return sorted(__all__)
