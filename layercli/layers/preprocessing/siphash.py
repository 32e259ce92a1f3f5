"""SipHash-2-4, by which TensorFlow and Keras assign text to bins where a salt is given.

Written by hand: Python's own SipHash takes no key. See J.-P. Aumasson and D. J. Bernstein, "SipHash: a fast short-input PRF", 2012.
"""

from __future__ import annotations

from struct import iter_unpack

MASK = 2**64 - 1
CONSTANTS = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)

State = tuple[int, int, int, int]


def siphash(data: bytes, key: tuple[int, int]) -> int:
    """Return the 64-bit SipHash-2-4 of bytes under a key of two 64-bit words.

    >>> hex(siphash(bytes(range(15)), (0x0706050403020100, 0x0F0E0D0C0B0A0908)))  # the paper's own example
    '0xa129ca6149be45e5'
    """
    halves = (key[0] & MASK, key[1] & MASK) * 2
    state: State = tuple(a ^ b for a, b in zip(halves, CONSTANTS, strict=True))  # type: ignore[assignment]  # four of each
    padded = data + bytes(7 - len(data) % 8) + bytes([len(data) & 0xFF])
    for (word,) in iter_unpack("<Q", padded):
        v0, v1, v2, v3 = state
        v0, v1, v2, v3 = _round(_round((v0, v1, v2, v3 ^ word)))
        state = v0 ^ word, v1, v2, v3
    v0, v1, v2, v3 = state
    state = v0, v1, v2 ^ 0xFF, v3
    for _ in range(4):
        state = _round(state)
    return state[0] ^ state[1] ^ state[2] ^ state[3]


def _rotated(value: int, by: int) -> int:
    return (value << by | value >> (64 - by)) & MASK


def _round(state: State) -> State:
    v0, v1, v2, v3 = state
    v0 = v0 + v1 & MASK
    v2 = v2 + v3 & MASK
    v1, v3 = _rotated(v1, 13) ^ v0, _rotated(v3, 16) ^ v2
    v0 = _rotated(v0, 32) + v3 & MASK
    v2 = v2 + v1 & MASK
    v3, v1 = _rotated(v3, 21) ^ v0, _rotated(v1, 17) ^ v2
    return v0, v1, _rotated(v2, 32), v3
