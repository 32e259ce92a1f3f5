"""A model that is the same after a run as before, whatever it counts or keeps while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from layercli.runtime.inference.prepared_model import PreparedModel


@contextmanager
def preserve_buffers(*programs: PreparedModel) -> Iterator[None]:
    """Put every buffer back that the body writes into, or puts another in the place of."""
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
