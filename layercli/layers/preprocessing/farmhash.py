"""FarmHash's Fingerprint64, by which TensorFlow and Keras assign text to bins.

Written by hand: no package of it is maintained, and the layers that hash need the very values of Keras. The algorithm is the one
of G. Pike's public FarmHash library (github.com/google/farmhash, farmhashna::Hash64), which never changes its values.
"""

from __future__ import annotations

from struct import unpack_from

K0, K1, K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
MASK = 2**64 - 1

Pair = tuple[int, int]


def fingerprint64(data: bytes) -> int:
    """Return the 64-bit fingerprint of bytes.

    >>> fingerprint64(b"")
    11160318154034397263
    """
    size = len(data)
    if size <= 16:
        return _to_16(data, size)
    if size <= 32:
        return _to_32(data, size)
    return _to_64(data, size) if size <= 64 else _longer(data, size)


def _word(data: bytes, at: int) -> int:
    return int(unpack_from("<Q", data, at)[0])


def _half(data: bytes, at: int) -> int:
    return int(unpack_from("<I", data, at)[0])


def _rotated(value: int, by: int) -> int:
    value &= MASK
    return (value >> by | value << (64 - by)) & MASK


def shifted(value: int) -> int:
    """Return value xor its upper 17 bits."""
    value &= MASK
    return value ^ value >> 47


def _mixed(u: int, v: int, factor: int) -> int:
    """Return the hash of two words."""
    a = shifted((u ^ v) * factor)
    return shifted((v ^ a) * factor) * factor & MASK


def _to_16(data: bytes, size: int) -> int:
    factor = K2 + size * 2
    if size >= 8:
        a, b = _word(data, 0) + K2, _word(data, size - 8)
        return _mixed((_rotated(b, 37) * factor + a) & MASK, (_rotated(a, 25) + b) * factor & MASK, factor)
    if size >= 4:
        return _mixed(size + (_half(data, 0) << 3), _half(data, size - 4), factor)
    if size:
        y, z = data[0] + (data[size >> 1] << 8), size + (data[-1] << 2)
        return shifted(y * K2 ^ z * K0) * K2 & MASK
    return K2


def _to_32(data: bytes, size: int) -> int:
    factor = K2 + size * 2
    a, b = _word(data, 0) * K1, _word(data, 8)
    c, d = _word(data, size - 8) * factor, _word(data, size - 16) * K2
    first = _rotated(a + b, 43) + _rotated(c, 30) + d
    return _mixed(first & MASK, (a + _rotated(b + K2, 18) + c) & MASK, factor)


def _to_64(data: bytes, size: int) -> int:
    factor = K2 + size * 2
    a, b = _word(data, 0) * K2, _word(data, 8)
    c, d = _word(data, size - 8) * factor, _word(data, size - 16) * K2
    y = (_rotated(a + b, 43) + _rotated(c, 30) + d) & MASK
    z = _mixed(y, (a + _rotated(b + K2, 18) + c) & MASK, factor)
    e, f = _word(data, 16) * factor, _word(data, 24)
    g, h = (y + _word(data, size - 32)) * factor, (z + _word(data, size - 24)) * factor
    first = _rotated(e + f, 43) + _rotated(g, 30) + h
    return _mixed(first & MASK, (e + _rotated(f + a, 18) + g) & MASK, factor)


def _weak(data: bytes, at: int, a: int, b: int) -> Pair:
    """Return a fast hash of 32 bytes with two seeds."""
    w, x, y, z = unpack_from("<4Q", data, at)
    a += w
    b = _rotated(b + a + z, 21)
    c = a
    a += x + y
    b += _rotated(a, 44)
    return (a + z) & MASK, (b + c) & MASK


def _longer(data: bytes, size: int) -> int:
    x, y = 81 * K2 + _word(data, 0), 81 * K1 + 113
    z = shifted(y * K2 + 113) * K2
    v: Pair = (0, 0)
    w: Pair = (0, 0)
    end = (size - 1) // 64 * 64
    for at in range(0, end, 64):
        x, y, z, v, w = _round(data, at, (x, y, z), (v, w), (K1, 1))
    factor = K1 + ((z & 0xFF) << 1)
    w = (w[0] + ((size - 1) & 63), w[1])
    v = (v[0] + w[0], v[1])
    w = (w[0] + v[0], w[1])
    x, y, z, v, w = _round(data, size - 64, (x, y, z), (v, w), (factor, 9))
    first = _mixed(v[0], w[0], factor) + shifted(y) * K0 + z
    return _mixed(first & MASK, (_mixed(v[1], w[1], factor) + x) & MASK, factor)


def _round(
    data: bytes, at: int, words: tuple[int, int, int], pairs: tuple[Pair, Pair], factors: Pair
) -> tuple[int, int, int, Pair, Pair]:
    """Return the state after the 64 bytes at a position: three words and two pairs."""
    (x, y, z), (v, w), (factor, small) = words, pairs, factors
    x = _rotated(x + y + v[0] + _word(data, at + 8), 37) * factor
    y = _rotated(y + v[1] + _word(data, at + 48), 42) * factor
    x = (x ^ w[1] * small) & MASK
    y = (y + v[0] * small + _word(data, at + 40)) & MASK
    z = _rotated(z + w[0], 33) * factor & MASK
    v = _weak(data, at, v[1] * factor, x + w[0])
    w = _weak(data, at + 32, z + w[1], y + _word(data, at + 16))
    return z, y, x, v, w
