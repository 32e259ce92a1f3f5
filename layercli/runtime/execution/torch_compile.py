"""Run a trainer's model through torch.compile for ``jit_compile=True`` in fit, evaluate and predict."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from layercli.core.model import Model
from layercli.errors import UsageError


def check(jit_compile: object) -> None:
    """Raise UsageError unless ``jit_compile`` is True, False or "auto" (which does not compile)."""
    if jit_compile not in (True, False, "auto"):
        raise UsageError(f"jit_compile is True, False or auto, got {jit_compile!r}")


def write_precision_twice() -> None:
    """Write the precision of float32 products that a user set by ``fp32_precision`` into torch's older setting, too.

    torch.compile of torch before 2.13 reads the older one, and torch refuses to tell it where only the newer one is set.
    """
    try:
        torch.get_float32_matmul_precision()
    except RuntimeError:
        tf32 = torch.backends.cuda.matmul.fp32_precision == "tf32"
        torch.set_float32_matmul_precision("high" if tf32 else "highest")


@contextmanager
def compiled(model: Model, jit_compile: object) -> Iterator[None]:
    """Run calls of the built ``model`` compiled within the block, if ``jit_compile`` is True.

    The compiled function is kept with the model. UsageError if torch.compile fails, for example without a C++ compiler.
    """
    if jit_compile is not True:
        yield
        return
    from torch._dynamo.exc import TorchDynamoException

    write_precision_twice()
    mirror = model.module
    kept = mirror.__dict__.get("compiled_call")
    if kept is None:
        mirror.compile()
        mirror.__dict__["compiled_call"] = mirror._compiled_call_impl
    else:
        mirror._compiled_call_impl = kept
    try:
        yield
    except TorchDynamoException as error:
        reason = re.split(r"(?<!:)\n", str(error).strip())[0].replace("\n", " ")
        raise UsageError(
            f"torch.compile cannot compile {model.name}: {reason}", hint="jit_compile=False trains it as it is"
        ) from error
    finally:
        mirror._compiled_call_impl = None
