"""Scopes in which variables have other values, and the notes of what assignments replace: Keras's StatelessScope."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from layercli.core.backend import get_backend
from layercli.core.variable_owner import HoldsTensors
from layercli.errors import ShapeError, UsageError

if TYPE_CHECKING:
    from layercli.core.variable import Variable


class _OpenScopes(threading.local):
    scopes: tuple[Any, ...] = ()
    symbolic = 0

    def __init__(self) -> None:
        self.values: dict[int, Any] = {}
        """The stored tensors that variables have in this thread, by their ids."""


_thread = _OpenScopes()

open_scopes: list[StatelessScope] = []
"""The open StatelessScopes of all threads: where there is none, reading a variable costs nothing more."""


def replacement(variable: Variable) -> Any:
    """Return the tensor that a scope of this thread lets a variable have, in its physical layout; None where there is none."""
    return _thread.values.get(id(variable))


def tensors_of(held: dict[str, Any]) -> dict[str, Any]:
    """Return the tensors of a metric or an optimizer as this thread has them: in a StatelessScope, copies that end with it."""
    return _tensors_in(_thread.scopes, held) if _thread.scopes else held


def _tensors_in(scopes: tuple[Any, ...], held: dict[str, Any]) -> dict[str, Any]:
    if not scopes:
        return held
    *outer, scope = scopes
    return scope.copied(held, lambda: _tensors_in(tuple(outer), held))  # type: ignore[no-any-return]  # a dict


def replace_stored(variable: Variable, tensor: Any) -> Any:
    """Let a variable have another stored tensor in this thread, and return the one before; None stands for that of its module."""
    before = _thread.values.pop(id(variable), None)
    if tensor is not None:
        _thread.values[id(variable)] = tensor
    return before


def assigned(variable: Variable, value: object) -> bool:
    """Tell the scopes of this thread of an assignment, innermost first; return whether one keeps the value."""
    return any(scope.assign(variable, value) for scope in reversed(_thread.scopes))


def add_loss(loss: object) -> bool:
    """Give a loss to the innermost scope of this thread that collects losses; return whether there is one."""
    scope = next((scope for scope in reversed(_thread.scopes) if scope.collect_losses), None)
    if scope is not None:
        scope.add_loss(loss)
    return scope is not None


def in_stateless_scope() -> bool:
    """Return whether this thread is in a StatelessScope."""
    return any(isinstance(scope, StatelessScope) for scope in _thread.scopes)


@contextmanager
def outside_scopes() -> Iterator[None]:
    """Let variables have the values that they have outside the scopes of this thread, and keep what is assigned there."""
    before = _thread.scopes, _thread.values
    _thread.scopes, _thread.values = (), {}
    try:
        yield
    finally:
        _thread.scopes, _thread.values = before


class _Scope:
    """A scope of this thread while its context is open."""

    collect_losses = False

    def copied(self, held: dict[str, Any], outer: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return what the scope has in place of the tensors ``held`` of a metric: what the scopes around it have."""
        return outer()

    def __enter__(self) -> Self:
        _thread.scopes = (*_thread.scopes, self)
        return self

    def __exit__(self, *error: object) -> None:
        _thread.scopes = _thread.scopes[:-1]


class StatelessScope(_Scope):
    """A context in which variables have the values of ``state_mapping``, and in which assignments leave them as they were.

    Other threads read the values that the variables have outside. ``get_current_value`` returns what a variable had at the end;
    ``losses`` are those given to ``add_loss``, if collected.

    Args:
        state_mapping: Pairs of a variable and its value, a tensor, an array or a variable of the same shape.
        collect_losses: Whether the scope keeps the losses that layers add.
        initialize_variables: Accepted as in Keras: a variable is initialized when its value is first needed.
    """

    def __init__(
        self,
        state_mapping: Iterable[tuple[Variable, Any]] | Mapping[Variable, Any] | None = None,
        collect_losses: bool = False,
        initialize_variables: bool = True,
    ) -> None:
        self.collect_losses, self.initialize_variables = collect_losses, initialize_variables
        self.losses: list[Any] = []
        self._given: list[tuple[Variable, Any]] = []
        self._before: dict[int, tuple[Variable, Any]] = {}
        self._values: dict[int, Any] = {}
        self._copies: dict[int, tuple[dict[str, Any], dict[str, Any]]] = {}
        pairs = state_mapping.items() if isinstance(state_mapping, Mapping) else state_mapping or ()
        for variable, value in pairs:
            if not hasattr(variable, "made_trainable"):
                raise UsageError(f"StatelessScope expects pairs of a variable and its value, got {variable!r}")
            shape = tuple(value.shape) if hasattr(value, "shape") else tuple(get_backend().as_tensor(value).shape)
            if shape != variable.shape:
                raise ShapeError(f"the variable {variable.path} has the shape {variable.shape}, not {shape}")
            self._given.append((variable, value))

    def __enter__(self) -> Self:
        given = [(variable, get_backend().as_stored(variable, value)) for variable, value in self._given]
        super().__enter__()  # once all values are read: one may be a variable that the scope gives another value
        open_scopes.append(self)
        for variable, stored in given:
            self._replace(variable, stored)
        return self

    def __exit__(self, *error: object) -> None:
        self._values = {key: variable.value for key, (variable, _) in self._before.items()}
        for variable, stored in self._before.values():
            replace_stored(variable, stored)
        self._before = {}
        open_scopes.remove(self)
        super().__exit__(*error)

    def hold(self, held: dict[str, Any], tensors: dict[str, Any]) -> None:
        """Let a metric have ``tensors`` in place of those that it ``held``."""
        self._copies[id(held)] = held, tensors

    def copied(self, held: dict[str, Any], outer: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return the copies of the tensors ``held``, which are made on first use: metrics add to their tensors in place."""
        if id(held) not in self._copies:
            self.hold(held, {name: tensor.clone() for name, tensor in outer().items()})
        return self._copies[id(held)][1]

    def assign(self, variable: Variable, value: Any) -> bool:
        """Let a variable have a value until the context ends."""
        self._replace(variable, get_backend().as_stored(variable, value))
        return True

    def _replace(self, variable: Variable, stored: Any) -> None:
        if isinstance(variable.owner, HoldsTensors):
            variable.owner.put(variable.key, stored.clone())
            return
        before = replace_stored(variable, stored)
        self._before.setdefault(id(variable), (variable, before))

    def add_update(self, update: tuple[Variable, object]) -> None:
        """Set the value of a variable in the scope, given as a pair."""
        self.assign(*update)

    def add_loss(self, loss: object) -> None:
        """Keep a loss."""
        self.losses.append(loss)

    def get_current_value(self, variable: Variable) -> Any:
        """Return the value of a variable in the scope, also after its end; None for one that it does not know."""
        if isinstance(variable.owner, HoldsTensors):
            return self._copy_of(variable.owner, variable.key)
        if id(variable) in self._before:
            return variable.value
        given = next((value for each, value in self._given if each is variable), None)
        return self._values.get(id(variable), given)

    def _copy_of(self, owner: HoldsTensors, key: str) -> Any:
        """Return the tensor that the scope has of a metric or an optimizer; None if there is none."""
        now = owner.tensors()
        return next((own.get(key) for held, own in self._copies.values() if now is held or now is own), None)


class AssignmentNotes(_Scope):
    """A context that notes what variables had before they were assigned to, so that a computation can be repeated."""

    def __init__(self) -> None:
        self._before: dict[int, tuple[Variable, Any]] = {}

    def assign(self, variable: Variable, value: Any) -> bool:
        """Note the value before the first assignment, which is left to be made."""
        if id(variable) not in self._before:
            self._before[id(variable)] = (variable, variable.value.detach().clone())
        return False

    def as_before(self) -> StatelessScope:
        """Return a scope in which the variables have the noted values and nothing that is computed is kept."""
        return StatelessScope(self._before.values(), collect_losses=True)


class SymbolicScope:
    """A context that says that what is computed in it is described: Keras's mark, which ``in_symbolic_scope`` reads.

    Symbolic tensors describe what is done with them here and everywhere else.
    """

    def __enter__(self) -> Self:
        _thread.symbolic += 1
        return self

    def __exit__(self, *error: object) -> None:
        _thread.symbolic -= 1


def in_symbolic_scope() -> bool:
    """Return whether this thread is in a SymbolicScope."""
    return _thread.symbolic > 0
