"""Examine a module without changing it: restore attributes, hooks, training flags, gradients and random generators."""

from __future__ import annotations

import copy
import random
import sys
import warnings
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

CONTAINERS = (list, dict, set, deque)


def copied(module: nn.Module, memo: dict[int, Any] | None = None) -> nn.Module:
    """Return a deep copy of ``module``, lazy buffers included, which torch does not copy; ``memo`` as in ``copy.deepcopy``."""
    lazy = [x for x in module.buffers() if isinstance(x, nn.UninitializedBuffer)]
    make: Any = nn.UninitializedBuffer  # torch's stubs do not have its arguments
    made = {id(x): make(device=x.device, dtype=x.dtype) for x in lazy}
    with warnings.catch_warnings(action="ignore"):  # torch's on what it copies of itself, in exported programs
        return copy.deepcopy(module, {**(memo or {}), **made})


@contextmanager
def preserved(module: nn.Module) -> Iterator[None]:
    """Restore everything a forward pass may change in ``module``; the tracer protects the values of tensors."""
    modules = list(dict.fromkeys(module.modules()))
    saved = [(each, type(each), dict(vars(each))) for each in modules]
    contents = _contents([x for _, _, attributes in saved for x in attributes.values()])
    try:
        yield
    finally:
        for container, content in contents:
            _restore_content(container, content)
        for each, cls, attributes in saved:
            if type(each) is not cls:  # a lazy module changed its class
                each.__class__ = cls
            if _differs(vars(each), attributes):
                vars(each).clear()
                vars(each).update(attributes)


def _differs(now: Mapping[str, object], before: Mapping[str, object]) -> bool:
    return list(now) != list(before) or any(now[key] is not value for key, value in before.items())


def _contents(values: Sequence[object]) -> list[tuple[object, object]]:
    """Return a copy of the contents of every list, dict, set and deque in ``values``."""
    found: list[tuple[Any, Any]] = []
    pending, seen = list(values), set()
    while pending:
        value = pending.pop()
        if not isinstance(value, CONTAINERS) or id(value) in seen:
            continue
        seen.add(id(value))
        found.append((value, value.copy()))
        pending += value.values() if isinstance(value, dict) else value
    return found


def _restore_content(container: Any, content: Any) -> None:
    if isinstance(container, dict):
        if _differs(container, content):
            container.clear()
            container.update(content)
    elif len(container) != len(content) or any(a is not b for a, b in zip(container, content, strict=True)):
        container.clear()
        (container.update if isinstance(container, set) else container.extend)(content)


@contextmanager
def preserved_generators() -> Iterator[None]:
    """Restore the random generators of Python, NumPy and torch at the end."""
    numpy = sys.modules.get("numpy")
    states = random.getstate(), torch.get_rng_state(), None if numpy is None else numpy.random.get_state()
    try:
        yield
    finally:
        random.setstate(states[0])
        torch.set_rng_state(states[1])
        if numpy is not None:
            numpy.random.set_state(states[2])
