"""The symbolic calls in progress in this thread: whether a model is being described, and by which layers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import field
from typing import TYPE_CHECKING, Any

from layercli.dataclass import dataclass
from layercli.errors import UsageError

if TYPE_CHECKING:
    from layercli.core.graph import Node
    from layercli.core.layer import Layer


@dataclass
class CallContext:
    """A symbolic call in progress: its node, and whether it runs in training mode, None where no call says so.

    ``equal`` are the first of the calls made inside it that are equal, by what they have in common. ``building`` says that the
    layer's ``build`` runs, where variables and new tensors have values.
    """

    node: Node
    layer: Layer
    training: bool | None
    equal: dict[Any, Node] = field(default_factory=dict)
    building: bool = False


class _Thread(threading.local):
    """The calls in progress in this thread (torch.compile cannot trace a context variable)."""

    call_stack: tuple[CallContext, ...] = ()
    building_functional = True


_thread = _Thread()


def call_stack() -> tuple[CallContext, ...]:
    """Return the symbolic layer calls in progress, outermost first."""
    return _thread.call_stack


def is_describing() -> bool:
    """Return whether a symbolic call is in progress, in which variables and new tensors have no values; in a ``build`` they do."""
    stack = _thread.call_stack
    return bool(stack) and not stack[-1].building


def is_building_functional() -> bool:
    """Return whether the user is building a functional model, outside any other trace."""
    return _thread.building_functional and not _thread.call_stack


def check_may_grow(layer: Layer) -> None:
    """Raise UsageError where ``layer`` makes a variable in its ``call``, so that each call would make one more."""
    if (stack := _thread.call_stack) and stack[-1].layer is layer and not stack[-1].building:
        raise UsageError(
            "makes a variable in call, one more in each", hint="make it in build(input_shape) or in __init__"
        )


def enter_call(call: CallContext) -> AbstractContextManager[None]:
    """Enter a symbolic layer call."""
    return set_call_stack((*_thread.call_stack, call))


@contextmanager
def fresh_trace(*, building_functional: bool = False) -> Iterator[None]:
    """Suspend the calls in progress, so that another trace or a functional model can be made."""
    with set_call_stack((), building_functional):
        yield


@contextmanager
def set_call_stack(call_stack: tuple[CallContext, ...], building_functional: bool = True) -> Iterator[None]:
    """Make ``call_stack`` the calls in progress inside the context."""
    before = _thread.call_stack, _thread.building_functional
    _thread.call_stack, _thread.building_functional = call_stack, building_functional
    try:
        yield
    finally:
        _thread.call_stack, _thread.building_functional = before
