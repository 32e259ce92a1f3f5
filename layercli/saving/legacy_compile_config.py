"""How an older Keras wrote what a model is compiled with, as Keras 3 writes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layercli.saving.functional_deserialization import is_history

WRAPPERS = ("MeanMetricWrapper", "LossFunctionWrapper", "SumOverBatchSizeMetricWrapper")
GONE = ("is_legacy_optimizer", "jit_compile", "schedule_decay", "decay", "lr", "loss_scale", "dynamic")
"""Settings of optimizers that Keras 3 has no more, or under another name."""
SCHEDULES = "keras.optimizers.schedules"
KNOWN = ("loss", "loss_weights", "metrics", "weighted_metrics", "steps_per_execution")


def compile_config(described: object, model: Mapping[str, object]) -> dict[str, object]:
    """Return the ``compile_config`` of a ``training_config``, or of tf.keras's ``compile_config``, for the config of a model."""
    if not isinstance(described, dict):
        return {}
    found = {key: plain(described[key]) for key in KNOWN if described.get(key) is not None}
    optimizer = described.get("optimizer_config", described.get("optimizer"))
    found["optimizer"] = optimizer_config(optimizer) if isinstance(optimizer, dict) else optimizer
    if found.get("metrics") == []:
        del found["metrics"]
    for key in ("metrics", "weighted_metrics"):
        if key in found:
            found[key] = of_each_output(found[key], outputs_of(model))
    return found


def outputs_of(model: Mapping[str, object]) -> int:
    """Return how many outputs the model of a config has; 1 where it does not say."""
    settings = model.get("config")
    ends = settings.get("output_layers") if isinstance(settings, dict) else None
    return len(ends) if isinstance(ends, (list, dict)) and not is_history(ends) else 1


def of_each_output(metrics: object, outputs: int) -> object:
    """Return metrics for Keras 3, where a list has an entry for each output: a flat one was for all of them.

    >>> of_each_output(["mae"], 2)
    [['mae'], ['mae']]
    """
    flat = isinstance(metrics, list) and not any(isinstance(each, list) for each in metrics)
    return [metrics] * outputs if flat and outputs > 1 else metrics


def optimizer_config(described: dict[str, object]) -> dict[str, object]:
    """Return the config of an optimizer; ``decay`` is a schedule.

    >>> optimizer_config({"class_name": "SGD", "config": {"lr": 0.5, "decay": 0.0, "momentum": 0.9}})
    {'class_name': 'SGD', 'config': {'momentum': 0.9, 'learning_rate': 0.5}}
    """
    name = str(described.get("class_name")).rpartition(">")[2]
    settings = described.get("config")
    if not isinstance(settings, dict):
        return described
    own = {key: plain(value) for key, value in settings.items() if key not in GONE}
    if "lr" in settings:
        own["learning_rate"] = settings["lr"]
    if settings.get("decay"):
        own["learning_rate"] = _decaying(own.get("learning_rate", 0.01), settings["decay"])
    if "epsilon" in own and own["epsilon"] is None:
        own["epsilon"] = 1e-7
    inner = own.get("inner_optimizer")
    if isinstance(inner, dict):
        own["inner_optimizer"] = optimizer_config(inner)
    return {"class_name": {"adam": "Adam", "sgd": "SGD", "rmsprop": "RMSprop"}.get(name, name), "config": own}


def _decaying(rate: object, decay: float) -> dict[str, object]:
    """Return the schedule of ``rate / (1 + decay * step)``."""
    settings = {"initial_learning_rate": rate, "decay_steps": 1, "decay_rate": decay, "staircase": False}
    return {"module": SCHEDULES, "class_name": "InverseTimeDecay", "config": settings}


def plain(value: object) -> Any:
    """Return settings with functions in wrappers by their names alone, and without the reduction that was the default."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    name, settings = value.get("class_name"), value.get("config")
    if not isinstance(settings, dict):
        return {key: plain(item) for key, item in value.items()}
    if name in WRAPPERS and isinstance(settings.get("fn"), str):
        return settings["fn"]
    own = {key: plain(item) for key, item in settings.items() if key != "fn"}
    if own.get("reduction") == "auto":
        del own["reduction"]
    module = {"module": SCHEDULES} if str(name).endswith(("Decay", "DecayRestarts")) else {}
    return {**module, "class_name": name, "config": own}
