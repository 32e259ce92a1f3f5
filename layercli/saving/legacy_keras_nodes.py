"""The calls in a graph of Keras 1 or 2, lists of ``[layer, call, output, arguments]``, as Keras 3 describes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layercli.saving.functional_deserialization import MODELS, TENSOR, is_history

CONSTANT = "_CONSTANT_VALUE"
"""Where Keras 2 has a value in the place of a layer's name."""
RECURRENT = ("RNN", "LSTM", "GRU", "SimpleRNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "Bidirectional")


class Renumbered:
    """The numbers of calls in a graph: Keras 2 counted the call by which a nested model was made, Keras 3 among ends only."""

    def __init__(self, layers: list[Any], settings: dict[str, object]) -> None:
        self.ahead: dict[str, int] = {}
        self.functional: set[str] = set()
        used: dict[str, set[int]] = {}
        for name, call, _ in _places([each.get("inbound_nodes") for each in layers] + [settings.get("output_layers")]):
            used.setdefault(name, set()).add(call)
        for each in layers:
            if each.get("class_name") in MODELS and _is_old(each.get("inbound_nodes")):
                name = name_of(each)
                functional = each["class_name"] != "Sequential"
                self.ahead[name] = _ahead(used.get(name, set()), len(each["inbound_nodes"]), functional)
                self.functional |= {name} if functional else set()

    def argument(self, history: list[Any]) -> dict[str, Any]:
        """Return a tensor among the arguments of a call."""
        name, call, output = history[:3]
        place = [name, call - self.ahead.get(name, 0), output]
        return {"class_name": TENSOR, "config": {"keras_history": place}}

    def ends(self, value: Any) -> Any:
        """Return the inputs or the outputs of a graph."""
        if is_history(value):
            name, call, output = value
            if name not in self.ahead:
                return value
            return [name, call - self.ahead[name] + (name in self.functional), output]
        if isinstance(value, dict):
            return {key: self.ends(item) for key, item in value.items()}
        return [self.ends(item) for item in value] if isinstance(value, list) else value


def _ahead(used: set[int], calls: int, functional: bool) -> int:
    """Return the number of a nested model's first call in a graph where its calls have the numbers ``used``."""
    if not used or 0 in used:
        return 0
    return 1 if functional or max(used) == calls else 0


def _is_old(calls: object) -> bool:
    return isinstance(calls, list) and not any(isinstance(call, dict) and "args" in call for call in calls)


def _places(value: object) -> list[list[Any]]:
    """Return every place of a tensor in lists and dicts."""
    if isinstance(value, list) and _is_place(value):
        return [value[:3], *_places(value[3:])]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [place for item in items for place in _places(item)]


def _is_place(value: object) -> bool:
    return isinstance(value, list) and 3 <= len(value) <= 4 and is_history(value[:3])


def name_of(described: Any) -> str:
    """Return the name of a layer of a graph."""
    return str(described.get("name") or (described.get("config") or {}).get("name"))


def nodes(described: dict[str, Any], numbers: Renumbered) -> list[Any]:
    """Return the calls of a layer."""
    calls = described.get("inbound_nodes") or []
    if not _is_old(calls):
        return list(calls)
    return [call_of(described, call, numbers) for call in calls]


def call_of(described: Mapping[str, object], call: object, numbers: Renumbered) -> dict[str, object]:
    """Return a call with ``args`` and ``kwargs``; ``told`` lists ``training`` if the file gives it."""
    args, kwargs = arguments(call, numbers)
    flat = args[0] if len(args) == 1 and isinstance(args[0], list) else args
    if described.get("class_name") in RECURRENT and isinstance(flat, list) and len(flat) > 1:
        args, kwargs = [flat[0]], {"initial_state": flat[1:], **kwargs}
    explicit = {"told": ["training"]} if kwargs.get("training") is not None else {}
    return {"args": args, "kwargs": kwargs, **explicit}


def arguments(call: object, numbers: Renumbered) -> tuple[list[Any], dict[str, Any]]:
    """Return the arguments of a call: its tensors, alone or nested as they were given, and those that have names."""
    kwargs: dict[str, object] = {}
    found = _inputs(call, numbers, kwargs)
    while isinstance(found, list) and len(found) == 1:
        found = found[0]
    return [found], {key: named(value, numbers) for key, value in kwargs.items() if key != "name"}


def _inputs(value: object, numbers: Renumbered, kwargs: dict[str, object]) -> Any:
    """Return the tensors of a call, the arguments that stand beside each put into ``kwargs``."""
    if isinstance(value, list) and len(value) >= 3 and isinstance(value[0], str):
        if len(value) > 3 and isinstance(value[3], dict):
            kwargs |= value[3]
        return value[2] if value[0] == CONSTANT else numbers.argument(value)
    if isinstance(value, dict):
        return {key: _inputs(item, numbers, kwargs) for key, item in value.items()}
    return [_inputs(item, numbers, kwargs) for item in value] if isinstance(value, list) else value


def named(value: Any, numbers: Renumbered) -> Any:
    """Return an argument that has a name, the places of tensors in it as Keras 3 has them."""
    if is_history(value):
        return value[2] if value[0] == CONSTANT else numbers.argument(value)
    if isinstance(value, list):
        if len(value) == 3 and value[0] == CONSTANT:
            return value[2]
        return [named(item, numbers) for item in value]
    return {key: named(item, numbers) for key, item in value.items()} if isinstance(value, dict) else value
