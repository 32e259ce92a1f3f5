"""The bin of a text: its FarmHash, or with a salt its SipHash, modulo the number of bins, as in TensorFlow."""

from __future__ import annotations

from typing import Any

from layercli.core.fields import Validator
from layercli.layers.preprocessing.farmhash import fingerprint64
from layercli.layers.preprocessing.siphash import siphash


def _salt(value: Any) -> list[int] | None:
    if value is None:
        return None
    both = [value, value] if isinstance(value, int) else list(value)
    if len(both) != 2:
        raise ValueError
    return [int(each) for each in both]


SALT = Validator("an integer, two of them, or None", _salt)


def bucket(text: str, buckets: int, salt: list[int] | None = None) -> int:
    """Return the bin of a text, from 0 up to ``buckets``.

    >>> [bucket(letter, 3) for letter in "ABCDE"]
    [1, 0, 1, 1, 2]
    """
    data = text.encode()
    return (fingerprint64(data) if salt is None else siphash(data, (salt[0], salt[1]))) % buckets
