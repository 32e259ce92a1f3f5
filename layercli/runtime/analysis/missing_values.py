"""Whether code that failed on tensors without values may succeed with real ones."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import torch

from layercli.errors import ShapeError
from layercli.runtime.analysis.dispatch_tracer import Tracer
from layercli.runtime.analysis.fake_tensors import NeedsValues

TORCH = str(Path(torch.__file__).parent) + os.sep
WRONG_SHAPES = re.compile(
    r"shapes? .*cannot be multiplied|same reduction dim|input.* to have \d+ channels|must match the size|size mismatch"
)


def reason_of(error: Exception) -> str:
    """Return the reason why fake values are not enough."""
    return f"{error.operation} needs values" if isinstance(error, NeedsValues) else "fake values are not enough"


def may_need_values(error: Exception, tracer: Tracer) -> bool:
    """Whether an error under ``tracer`` may come from the lack of values; others would be raised with real values too.

    It may if a value was asked for, an operation failed, random indices were used, or torch itself raised the error. An error
    of shapes does not depend on values, and neither does one that Python raises in the code of the model: a KeyError, a missing
    argument; nor that torch refuses an argument of another type, as in ``nn.Linear(None, 4)``.
    """
    if any(isinstance(each, NeedsValues) for each in chain(error)):
        return True
    if WRONG_SHAPES.search(str(error)) or refuses_an_argument(error, tracer):
        return False
    by_torch = isinstance(error, RuntimeError) and not isinstance(error, ShapeError)
    return tracer.failure is not None or bool(tracer.drawn) or by_torch or raised_in_torch(error)


def refuses_an_argument(error: Exception, tracer: Tracer) -> bool:
    """Whether torch refuses the type of an argument that is no tensor without values."""
    return isinstance(error, TypeError) and error is not tracer.failure and "FakeTensor" not in str(error)


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and those that it was raised from or while handling, each once: an error may come after itself."""
    seen: list[BaseException] = []
    while error is not None and not any(error is each for each in seen):
        seen.append(error)
        error = error.__cause__ or error.__context__
    yield from seen


def raised_in_torch(error: BaseException) -> bool:
    """Whether the line of Python that raised the error belongs to torch."""
    found = error.__traceback__
    while found is not None and found.tb_next is not None:
        found = found.tb_next
    return found is not None and found.tb_frame.f_code.co_filename.startswith(TORCH)
