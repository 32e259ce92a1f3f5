"""CUDA's error codes, recognised in the sentences that torch passes on."""

from __future__ import annotations

import re

PHRASES = {
    2: ("out of memory",),
    35: ("driver version is insufficient", "driver on your system is too old"),
    46: ("busy or unavailable",),
    79: ("fallen off the bus",),
    100: ("no cuda-capable device is detected", "no cuda gpus are available"),
    101: ("invalid device ordinal",),
    209: ("no kernel image is available",),
    700: ("illegal memory access",),
    719: ("unspecified launch failure",),
    802: ("system not yet initialized",),
    803: ("unsupported display driver / cuda driver combination",),
    804: ("forward compatibility was attempted",),
    999: ("cuda unknown error", "cuda error: unknown error"),
}
NUMBER = re.compile(r"\berror (\d{1,3}):", re.IGNORECASE)
PLACE = re.compile(r"(/|[A-Za-z]:\\)[\w.~+-]+([/\\][\w.~+-]*)+")


def code(message: str) -> int | None:
    """Return the CUDA error code in torch's message, or None."""
    if found := NUMBER.search(message):
        return int(found.group(1))
    lowered = message.lower()
    return next((number for number, phrases in PHRASES.items() if any(phrase in lowered for phrase in phrases)), None)


def first_line(message: str) -> str:
    """Return a message's first line without the folders it names, which may hold somebody's name."""
    line = next(iter(message.strip().splitlines()), "")
    return PLACE.sub("(path)", line)[:300].rstrip(" .")
