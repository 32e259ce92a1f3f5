"""All variables of a model as one nested dict by their paths, as Keras's state tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from layercli.errors import UsageError, nearest

GROUPS = ("trainable_variables", "non_trainable_variables", "optimizer_variables", "metrics_variables")


class StateTree:
    """``get_state_tree`` and ``set_state_tree`` of a model."""

    def get_state_tree(self, value_format: str = "backend_tensor") -> dict[str, Any]:
        """Return the values by group and path: {"trainable_variables": {"dense": {"kernel": ...}}, ...}.

        They are tensors, or arrays for the format "numpy_array". UsageError for another, and for two variables of one path.
        """
        if value_format not in ("backend_tensor", "numpy_array"):
            raise UsageError(f"value_format is backend_tensor or numpy_array, got {value_format!r}")
        return {group: nested(self._state(group), value_format == "numpy_array") for group in GROUPS}

    def set_state_tree(self, state_tree: Mapping[str, Any]) -> None:
        """Set the variables that a state tree has values for; UsageError for a group that there is not."""
        for group, values in state_tree.items():
            if group not in GROUPS:
                raise UsageError(f"a state tree has no {group!r}", hint=nearest(group, GROUPS))
            found = dict(flat(values))
            for variable in self._state(group):
                if variable.path in found:
                    variable.assign(found[variable.path])

    def _state(self, group: str) -> list[Any]:
        """Return the variables of a group."""
        model: Any = self
        if group != "optimizer_variables":
            return list(getattr(model, group))
        return [] if model.optimizer is None else list(model.optimizer.variables)


def nested(variables: list[Any], arrays: bool) -> dict[str, Any]:
    """Return the values of variables in dicts by the parts of their paths; UsageError for two of one path."""
    tree: dict[str, Any] = {}
    for variable in variables:
        *parts, last = variable.path.split("/")
        place = tree
        for part in parts:
            place = place.setdefault(part, {})
        if last in place:
            raise UsageError(f"two variables have the path {variable.path}", hint="give the layers names of their own")
        place[last] = variable.numpy() if arrays else variable.value
    return tree


def flat(tree: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of nested dicts by their paths."""
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{path}{name}/")
        else:
            yield f"{path}{name}", value
