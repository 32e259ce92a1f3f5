"""torch's activation checkpointing for computations that draw random numbers and assign to variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import torch
from torch.utils import checkpoint as torch_checkpointing

from layercli.core.stateless_scope import AssignmentNotes
from layercli.runtime.execution import training_modes

torch_checkpoint: Any = getattr(torch_checkpointing.checkpoint, "__wrapped__", torch_checkpointing.checkpoint)
"""torch's function itself: what wraps it imports the compiler, which takes seconds."""


def checkpoint(f: Callable[..., Any], args: tuple[object, ...], kwargs: Mapping[str, object]) -> object:
    """Return ``f`` of the arguments; the backward pass computes it again from the values that variables had."""
    if not torch.is_grad_enabled():
        return f(*args, **kwargs)
    if torch.compiler.is_compiling():  # which cannot trace the contexts
        return torch_checkpoint(f, *args, use_reentrant=False, **kwargs)
    notes, training = AssignmentNotes(), training_modes.current_mode()

    def contexts() -> tuple[AbstractContextManager[object], AbstractContextManager[object]]:
        return notes, _Again(notes, training)

    return torch_checkpoint(f, *args, use_reentrant=False, context_fn=contexts, **kwargs)


class _Again:
    """The context of the second computation, which is made when it begins: only then the notes are complete.

    Its layers are in the mode that they were in.
    """

    def __init__(self, notes: AssignmentNotes, training: AbstractContextManager[None]) -> None:
        self.notes, self.training = notes, training

    def __enter__(self) -> None:
        self.scope = ExitStack()
        self.scope.enter_context(self.notes.as_before())
        self.scope.enter_context(self.training)

    def __exit__(self, *error: Any) -> None:
        self.scope.__exit__(*error)
