"""A functional model as its calls are made again, and what a file says of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from layercli.core import tree
from layercli.core.functional import Functional
from layercli.core.types import Config
from layercli.errors import FormatError, LayercliError
from layercli.saving import operation_deserialization, operation_names

if TYPE_CHECKING:
    from layercli.saving.deserialization import Reader

MODELS = ("Sequential", "Functional", "Model")
TENSOR = "__keras_tensor__"
UNFIT = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError)
"""The exceptions that a call raises for invalid arguments."""


class Drawing:
    """A functional model as its calls are made again, each as soon as what it needs is there."""

    def __init__(self, reader: Reader, settings: Config) -> None:
        self.reader = reader
        self.settings = settings
        self.described = reader.configs(settings, "layers")
        self.made: dict[str, Any] = {}
        self.outputs: dict[str, list[Any]] = defaultdict(list)
        self.first: dict[str, int] = defaultdict(int)
        self.offsets()

    def offsets(self) -> None:
        """Find where the numbers of each model's calls begin among arguments: at 0, or at 1 if the last call's number says so.

        Keras 3 begins at 0 there. Keras 2 counted the call by which a model was made, and began at 1.
        """
        used: dict[str, int] = defaultdict(int)
        for history in histories(self.described):
            used[history[0]] = max(used[history[0]], history[1])
        for each in self.described:
            name, calls = self.name_of(each), each.get("inbound_nodes")
            if each.get("class_name") in MODELS and isinstance(calls, list):
                self.first[name] = int(len(calls) > 0 and used[name] == len(calls))

    def first_end(self, name: str, numbers: list[int]) -> int:
        """Return the number of a layer's first call among the model's inputs and outputs, where it has these numbers.

        Keras counts there, unlike among arguments, the call by which a functional model was made. layercli 0.1 did not.
        """
        return int(isinstance(self.made.get(name), Functional) and 0 not in numbers)

    def name_of(self, described: Any) -> str:
        """Return the name of a layer of the graph."""
        return str(described.get("name") or (described.get("config") or {}).get("name"))

    def model(self) -> Functional:
        """Return the model."""
        pending: dict[str, list[Any]] = {}
        for each in self.described:
            name = self.name_of(each)
            if each.get("class_name") == "InputLayer":
                self.outputs[name] = [self.reader.input(each)]
                continue
            self.made[name] = self.operation(each) if operation_names.is_operation(each) else self.reader.made(each)
            pending[name] = self.reader.configs(each, "inbound_nodes")
        while any(pending.values()):
            progress = False
            for name, calls in pending.items():
                while calls and self.ready(calls[0]):
                    self.call(name, calls.pop(0))
                    progress = True
            if not progress:
                raise self.damaged("calls that wait for each other")
        ends = [tree_of(self.settings.get(key), checked) for key in ("input_layers", "output_layers")]
        numbers: dict[str, list[int]] = defaultdict(list)
        for name, call, _ in ends_of(ends):
            numbers[name].append(call)
        first = {name: self.first_end(name, numbers[name]) for name in numbers}
        ends = [tree_of(end, lambda history: self.tensor(history, first)) for end in ends]
        return Functional(ends[0], ends[1], name=self.settings.get("name"))

    def ready(self, call: object) -> bool:
        """Return whether everything a call takes is there."""
        return all(self.place(history) < len(self.outputs[history[0]]) for history in histories(call))

    def place(self, history: Any) -> int:
        """Return which of its layer's calls a tensor comes from."""
        return int(history[1]) - self.first[history[0]]

    def call(self, name: str, call: Any) -> None:
        """Make a call again."""
        if not isinstance(call.get("args"), list) or not isinstance(call.get("kwargs"), dict):
            raise self.damaged(f"a call of {name!r} without args and kwargs")
        args, kwargs = self.filled(call["args"]), self.filled(call["kwargs"])
        if "training" not in (call.get("told") or ()):  # Keras writes its default into every call
            kwargs.pop("training", None)
        kwargs = {key: value for key, value in kwargs.items() if value is not None}
        try:
            self.outputs[name].append(self.made[name](*args, **kwargs))
        except LayercliError as error:
            raise FormatError(f"{self.reader.where}: {error}", hint=error.hint) from error
        except UNFIT as error:
            raise self.damaged(f"a call of {name!r} that cannot be made: {error}") from error

    def operation(self, described: Any) -> Callable[..., Any]:
        """Return an operation, to be called as in Keras."""
        try:
            return operation_deserialization.operation(self.reader.where, described)
        except UNFIT as error:
            if isinstance(error, LayercliError):
                raise
            raise self.damaged(f"settings of {described['class_name']} that it cannot have: {error}") from error

    def filled(self, value: object) -> Any:
        """Return arguments with the tensors they speak of, and slices and arrays in place of their descriptions."""
        if isinstance(value, dict) and value.get("class_name") == TENSOR:
            return self.tensor(value["config"]["keras_history"])
        if isinstance(value, dict) and str(value.get("class_name")).startswith("__"):
            try:
                return operation_deserialization.literal(value)
            except UNFIT as error:
                raise self.damaged(f"a {value['class_name']} that is none") from error
        if isinstance(value, dict):
            return {key: self.filled(item) for key, item in value.items()}
        return [self.filled(item) for item in value] if isinstance(value, list) else value

    def tensor(self, history: Any, first: dict[str, int] | None = None) -> Any:
        """Return the tensor of a layer's name, a call of it, and an output of that; ``first`` are the first calls' numbers."""
        found = self.outputs.get(history[0], [])
        place = int(history[1]) - (self.first if first is None else first)[history[0]]
        if not 0 <= place < len(found):
            raise self.damaged(f"the output {history!r}, which nothing gives")
        leaves = tree.sorted_leaves(found[place])
        if not 0 <= int(history[2]) < len(leaves):
            raise self.damaged(f"the output {history!r}, which nothing gives")
        return leaves[int(history[2])]

    def damaged(self, what: str) -> FormatError:
        """Return the error for a graph that cannot be."""
        return FormatError(f"{self.reader.where} has a graph with {what}")


def histories(value: object) -> list[Any]:
    """Return where every tensor among some arguments comes from."""
    if isinstance(value, dict) and value.get("class_name") == TENSOR:
        config = value.get("config")
        return [checked(config.get("keras_history") if isinstance(config, dict) else None)]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [history for item in items for history in histories(item)]


def ends_of(value: object) -> list[Any]:
    """Return the places of tensors in a tree of them, flat."""
    if is_history(value):
        return [value]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [history for item in items for history in ends_of(item)]


def is_history(value: object) -> bool:
    """Return whether ``value`` is a name and two numbers."""
    return (
        isinstance(value, list)
        and len(value) == 3
        and isinstance(value[0], str)
        and type(value[1]) is type(value[2]) is int
    )


def checked(history: object) -> Any:
    """Return ``history``; FormatError unless it is one."""
    if not is_history(history):
        raise FormatError(f"{history!r} is no place of a tensor: a layer's name, a call of it, and an output of that")
    return history


def tree_of(value: Any, tensor: Any) -> object:
    """Return the ends of a graph: a single one, or a list or dict of them; a list of one, as old files have it, is that one."""
    if isinstance(value, dict):
        return {key: tree_of(item, tensor) for key, item in value.items()}
    if isinstance(value, list) and value and not isinstance(value[0], str):
        ends = [tree_of(item, tensor) for item in value]
        return ends[0] if len(ends) == 1 else ends
    return tensor(checked(value))
