"""Memory that did not suffice: the one place that knows how numpy, torch, oneDNN, CUDA's libraries and onnxruntime say so."""

from __future__ import annotations

import re

from layercli.errors import DeviceError

SAID = re.compile(
    "out of memory"
    "|can't allocate memory"
    "|Failed to allocate memory"
    "|bad allocation"
    "|array is too big"
    "|Maximum allowed dimension exceeded"
    "|[Ii]nteger multiplication overflow"
    "|Storage size calculation overflowed"
    "|_STATUS_ALLOC_FAILED"
    "|^could not create a (primitive|memory object)$"
)
"""What their messages have in common; where oneDNN has no such kernel at all it speaks of a primitive *descriptor*."""

ASKED = re.compile(r"(?:allocate|of size) (\d[\d.]*(?: [KMGTPE]?i?B\b)?)", re.IGNORECASE)
"""The requested size, in bytes if no unit follows."""


def shortage(error: BaseException) -> DeviceError | None:
    """Return the error to tell where ``error`` says that memory did not suffice, or None where it says another thing.

    >>> print(shortage(RuntimeError("can't allocate memory: you tried to allocate 822083584 bytes.")))
    memory does not suffice: 784.0 MiB more were asked for
    """
    message = str(error).strip()
    if not isinstance(error, MemoryError) and not SAID.search(message):
        return None
    found = ASKED.search(message)
    if found is None:
        more = ""
    else:
        size = found[1] if " " in found[1] else f"{int(found[1]) / 2**20:.1f} MiB"
        more = f": {size} more were asked for"
    return DeviceError(f"memory does not suffice{more}", hint="a smaller batch or shape needs less")
