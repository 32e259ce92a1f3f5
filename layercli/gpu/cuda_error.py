"""Recognise CUDA error codes in torch's error messages."""

from __future__ import annotations

import re

PHRASES = {
    2: ("out of memory",),
    3: ("initialization error",),
    34: ("driver is a stub library",),
    35: ("driver version is insufficient", "driver on your system is too old"),
    46: ("busy or unavailable",),
    79: ("fallen off the bus",),
    100: ("no cuda-capable device is detected", "no cuda gpus are available"),
    101: ("invalid device ordinal",),
    209: ("no kernel image is available",),
    214: ("uncorrectable ecc error",),
    222: ("ptx was compiled with an unsupported toolchain",),
    304: ("os call failed or operation not supported on this os",),
    700: ("illegal memory access",),
    702: ("launch timed out and was terminated",),
    710: ("device-side assert triggered",),
    714: ("hardware stack error",),
    715: ("illegal instruction was encountered",),
    716: ("misaligned address",),
    718: ("invalid program counter",),
    719: ("unspecified launch failure",),
    802: ("system not yet initialized",),
    803: ("unsupported display driver / cuda driver combination",),
    804: ("forward compatibility was attempted",),
    805: ("mps client failed to connect",),
    806: ("procedural call between the mps server and the mps client failed",),
    807: ("mps server is not ready",),
    808: ("resources required to create mps client have been exhausted",),
    809: ("resources required to support device connections have been exhausted",),
    999: ("cuda unknown error", "cuda error: unknown error"),
}
STICKY = frozenset({214, 700, 702, 710, 714, 715, 716, 718, 719})
"""Errors after which the CUDA context of the process is unusable."""

NUMBER = re.compile(r"\berror (\d{1,3}):", re.IGNORECASE)
PLACE = re.compile(r"(/|[A-Za-z]:\\)[\w.~+-]+([/\\][\w.~+-]*)+")


def code(message: str) -> int | None:
    """Return the CUDA error code in torch's message, or None."""
    if found := NUMBER.search(message):
        return int(found.group(1))
    lowered = message.lower()
    return next((number for number, phrases in PHRASES.items() if any(phrase in lowered for phrase in phrases)), None)


def first_line(message: str) -> str:
    """Return a message's first line without folder names, which may contain a user's name."""
    line = next(iter(message.strip().splitlines()), "")
    return PLACE.sub("(path)", line)[:300].rstrip(" .")
