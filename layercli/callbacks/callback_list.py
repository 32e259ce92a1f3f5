"""CallbackList: calls the hooks of several callbacks."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, TextIO

from layercli.callbacks.callback import HOOKS, Callback, Logs, overrides_hook
from layercli.errors import UsageError
from layercli.escaping import printable


def listed(callbacks: Any) -> list[Any]:
    """Return one callback, several or None as a list; UsageError for anything else."""
    given = [callbacks] if isinstance(callbacks, Callback) else list(callbacks or ())
    for each in given:
        if not isinstance(each, Callback):
            raise UsageError(f"callbacks are Callback objects, got {each!r}")
    return given


class CallbackList:
    """A list of callbacks. A hook is called on those that override it."""

    def __init__(self, callbacks: Iterable[Callback], model: object, params: Mapping[str, object]) -> None:
        self.all = list(callbacks)
        for callback in self.all:
            callback.set_model(model)
            callback.set_params(params)
        self._listening = {hook: [c for c in self.all if overrides_hook(c, hook)] for hook in HOOKS}

    def tell(self, hook: str, *what: Any) -> None:
        """Call ``hook`` of every callback that has it; a beginning has empty logs."""
        what = (*what, {}) if hook.endswith("_begin") else what
        for callback in self._listening[hook]:
            getattr(callback, hook)(*what)


def record(logs: Logs | None, name: str, value: object) -> None:
    """Add a number to the logs of an epoch, for the callbacks that run after this one; History is the last."""
    if isinstance(logs, MutableMapping):
        logs[name] = value


def say(verbose: int, message: str) -> None:
    """Print what a callback does, if it is to say it: on stderr, or in a notebook on stdout."""
    if verbose:
        print(printable(message), file=messages(), flush=True)


def messages() -> TextIO:
    """Return the stream for messages: stderr, but stdout in a notebook, which shows stderr as an error."""
    return sys.stdout if "ipykernel" in sys.modules else sys.stderr
