"""torch's activation checkpointing for computations that draw random numbers and assign to variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch.utils import checkpoint as torch_checkpointing

from layercli.core.stateless_scope import AssignmentNotes

torch_checkpoint: Any = getattr(torch_checkpointing.checkpoint, "__wrapped__", torch_checkpointing.checkpoint)
"""torch's function itself: what wraps it imports the compiler, which takes seconds."""


def checkpoint(f: Callable[..., Any], args: tuple[object, ...], kwargs: Mapping[str, object]) -> object:
    """Return ``f`` of the arguments; the backward pass computes it again from the values that variables had."""
    if not torch.is_grad_enabled():
        return f(*args, **kwargs)
    if torch.compiler.is_compiling():  # which cannot trace the contexts
        return torch_checkpoint(f, *args, use_reentrant=False, **kwargs)
    notes = AssignmentNotes()

    def contexts() -> tuple[AbstractContextManager[object], AbstractContextManager[object]]:
        return notes, _Again(notes)

    return torch_checkpoint(f, *args, use_reentrant=False, context_fn=contexts, **kwargs)


class _Again:
    """The context of the second computation, which is made when it begins: only then the notes are complete."""

    def __init__(self, notes: AssignmentNotes) -> None:
        self.notes = notes

    def __enter__(self) -> None:
        self.scope = self.notes.as_before()
        self.scope.__enter__()

    def __exit__(self, *error: object) -> None:
        self.scope.__exit__(*error)
