"""Callbacks: functions called at the beginnings and ends of training, epochs and batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layercli.core.registry import Registry

if TYPE_CHECKING:  # for type checkers and editors; a test holds it to the table below
    from layercli.callbacks.backup_and_restore import BackupAndRestore as BackupAndRestore
    from layercli.callbacks.callback import Callback as Callback
    from layercli.callbacks.callback_list import CallbackList as CallbackList
    from layercli.callbacks.csv_logger import CSVLogger as CSVLogger
    from layercli.callbacks.early_stopping import EarlyStopping as EarlyStopping
    from layercli.callbacks.history import History as History
    from layercli.callbacks.lambda_callback import LambdaCallback as LambdaCallback
    from layercli.callbacks.learning_rate_scheduler import LearningRateScheduler as LearningRateScheduler
    from layercli.callbacks.model_checkpoint import ModelCheckpoint as ModelCheckpoint
    from layercli.callbacks.progbar_logger import ProgbarLogger as ProgbarLogger
    from layercli.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau as ReduceLROnPlateau
    from layercli.callbacks.remote_monitor import RemoteMonitor as RemoteMonitor
    from layercli.callbacks.swap_ema_weights import SwapEMAWeights as SwapEMAWeights
    from layercli.callbacks.tensorboard import TensorBoard as TensorBoard
    from layercli.callbacks.terminate_on_nan import TerminateOnNaN as TerminateOnNaN

_registry = Registry(
    "layercli.callbacks",
    "callback",
    {
        "callback": "Callback",
        "callback_list": "CallbackList",
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

__all__ = [*_registry.module_of]


if not TYPE_CHECKING:  # a type checker would take any name

    def __getattr__(name: str) -> Any:
        return _registry.load(name)


def __dir__() -> list[str]:
    return sorted(__all__)
