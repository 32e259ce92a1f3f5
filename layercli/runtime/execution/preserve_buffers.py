"""Run a model without changing its buffers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from layercli.runtime.inference.prepared_model import PreparedModel


@contextmanager
def preserve_buffers(*programs: PreparedModel) -> Iterator[None]:
    """Restore every buffer that the body writes to or replaces."""
    held = [
        (module._buffers, name, buffer, buffer.clone())
        for program in programs
        for module in program.module.modules()
        for name, buffer in module._buffers.items()
        if buffer is not None
    ]
    try:
        yield
    finally:
        with torch.no_grad():
            for buffers, name, buffer, values in held:
                if buffer.is_inference() or not torch.equal(buffer, values):
                    buffer.copy_(values)
                buffers[name] = buffer
