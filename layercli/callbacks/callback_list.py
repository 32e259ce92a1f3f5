"""CallbackList: calls the hooks of several callbacks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any

from layercli.callbacks.callback import HOOKS, Callback, Logs, overrides_hook
from layercli.callbacks.history import History
from layercli.callbacks.progbar_logger import ProgbarLogger
from layercli.errors import ArgumentTypeError


def listed(callbacks: Any) -> list[Any]:
    """Return one callback, several or None as a list; ArgumentTypeError for anything else."""
    one = isinstance(callbacks, Callback) or (callbacks and not isinstance(callbacks, Iterable))
    given = [callbacks] if one else list(callbacks or ())
    for each in given:
        if not isinstance(each, Callback):
            raise ArgumentTypeError(f"callbacks are Callback objects, got {each!r}")
    return given


class CallbackList(Callback):
    """Several callbacks as one, for a custom training loop: each of its hooks is called on those that override it.

    ``params`` are what set_params of each callback is given: ``epochs``, ``steps`` and ``verbose``. Raises UsageError where
    ``callbacks`` are no callbacks.

    Args:
        callbacks: One callback, several, or None.
        add_history: Whether to add a History, where ``callbacks`` hold none.
        add_progbar: Whether to add a ProgbarLogger, where ``callbacks`` hold none.
        model: The model that set_model of each callback is given.
    """

    def __init__(
        self,
        callbacks: Iterable[Callback] | Callback | None = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ) -> None:
        self.callbacks = listed(callbacks)
        for kind, wanted in ((ProgbarLogger, add_progbar), (History, add_history)):
            if wanted and not any(isinstance(each, kind) for each in self.callbacks):
                self.callbacks.append(kind())
        self.set_model(model)
        self.set_params(params)

    def append(self, callback: Callback) -> None:
        """Add a callback."""
        self.callbacks += listed(callback)
        self._sort()

    def set_model(self, model: Any) -> None:
        """Give the model to each callback; a History becomes its ``history``."""
        self.model = model
        for callback in self.callbacks:
            if model is not None:
                callback.set_model(model)
                if isinstance(callback, History):
                    model.history = callback
        self._sort()

    def set_params(self, params: Mapping[str, object]) -> None:
        """Give the parameters to each callback."""
        self.params = params
        for callback in self.callbacks:
            if params:
                callback.set_params(params)

    def _sort(self) -> None:
        self._with_hook = {hook: [each for each in self.callbacks if overrides_hook(each, hook)] for hook in HOOKS}

    def call(self, hook: str, *args: Any) -> None:
        """Call ``hook`` of each callback that overrides it."""
        for callback in self._with_hook[hook]:
            getattr(callback, hook)(*args)


def _hook(name: str) -> object:
    """Return the method of a CallbackList for a hook, which takes what the hook takes; logs are empty if there are none."""
    of_run = name.startswith(("on_train_", "on_test_", "on_predict_")) and "_batch_" not in name

    def call_on_run(self: CallbackList, logs: Logs | None = None) -> None:
        self.call(name, {} if logs is None else logs)

    def call_on_step(self: CallbackList, step: int, logs: Logs | None = None) -> None:
        self.call(name, step, {} if logs is None else logs)

    method = call_on_run if of_run else call_on_step
    method.__name__, method.__doc__ = name, f"Call {name} of each callback."
    return method


for _name in HOOKS:
    setattr(CallbackList, _name, _hook(_name))
for _end in ("begin", "end"):
    setattr(CallbackList, f"on_batch_{_end}", getattr(CallbackList, f"on_train_batch_{_end}"))


def record(logs: Logs | None, name: str, value: object) -> None:
    """Add a number to the logs of an epoch, for the callbacks that run after this one; History is the last."""
    if isinstance(logs, MutableMapping):
        logs[name] = value
