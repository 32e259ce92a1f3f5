"""The tokenizer of a Hugging Face folder, ``tokenizer.json``: texts to token ids and back, by tokenizers (an optional extra)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from layercli.errors import FileError, FormatError, MissingPackageError
from layercli.formats.os_errors import reading

NAME = "tokenizer.json"
LONGEST = 200_000_000
MOST_GROWTH = 1000
"""How many letters a letter may become: the replacements of real tokenizers have one or two."""


class TextTokenizer:
    """The tokenizer in a folder; nothing of the file is executed.

    FileError if there is none, FormatError for an invalid one, MissingPackageError without tokenizers.
    """

    def __init__(self, folder: Path) -> None:
        file = folder / NAME
        if not file.exists():
            raise FileError(
                f"{folder} has no {NAME}, which turns texts into token ids", hint="--input input_ids=ids.npy"
            )
        try:
            from tokenizers import Tokenizer
        except ImportError:
            raise MissingPackageError(
                "texts need tokenizers, which is not installed", hint="pip install 'layercli[tokenizers]'"
            ) from None
        with reading(file), file.open("rb") as stream:
            raw = stream.read(LONGEST + 1)
        if len(raw) > LONGEST:
            raise FormatError(f"{file} is longer than any tokenizer")
        self._file = file
        with self._failures("is not a tokenizer"):
            self._tokenizer: Any = Tokenizer.from_buffer(raw)
        for part in (self._tokenizer.normalizer, self._tokenizer.pre_tokenizer, self._tokenizer.decoder):
            if part is not None and growth(json.loads(part.__getstate__())) > MOST_GROWTH:
                raise FormatError(f"{file} makes a text more than {MOST_GROWTH:,} times as long", code="unsafe")
        self._tokenizer.no_padding()  # as transformers does where they are not asked for
        self._tokenizer.no_truncation()

    @contextmanager
    def _failures(self, what: str) -> Iterator[None]:
        """Raise FormatError for what tokenizers raises, which is no class of its own, or a panic, which is no Exception."""
        try:
            yield
        except (KeyboardInterrupt, SystemExit, MemoryError):
            raise
        except BaseException as error:
            raise FormatError(f"{self._file} {what}: {error}") from None

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each text, with the special tokens that the tokenizer adds."""
        with self._failures("cannot encode a text"):
            return [self._tokenizer.encode(text).ids for text in texts]

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of token ids, without special tokens."""
        with self._failures("cannot decode the tokens"):
            return str(self._tokenizer.decode(list(ids)))

    def token(self, index: int) -> str | None:
        """Return the text of one token as it is decoded, or its name if that is empty; None for an unknown id."""
        name = self._tokenizer.id_to_token(index)
        return None if name is None else self.decode([index]) or str(name)


def growth(part: object) -> int:
    """Return how many letters one letter becomes, at most, by what a part of a tokenizer puts in its place, step after step.

    >>> growth({"type": "Sequence", "normalizers": [{"type": "Replace", "content": "ab"}, {"type": "Replace", "content": "xyz"}]})
    6
    """
    if isinstance(part, dict):
        own = len(part["content"]) if isinstance(part.get("content"), str) else 1
        return max(own, 1) * growth(list(part.values()))
    return math.prod(map(growth, part)) if isinstance(part, list) else 1
