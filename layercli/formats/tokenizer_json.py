"""The tokenizer of a Hugging Face folder, ``tokenizer.json``: texts to token ids and back, by tokenizers (an optional extra)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from layercli.errors import FileError, FormatError, MissingPackageError
from layercli.formats.os_errors import reading

NAME = "tokenizer.json"
LONGEST = 200_000_000


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
        try:
            self._tokenizer: Any = Tokenizer.from_buffer(raw)
        except Exception as error:  # tokenizers raises no class of its own
            raise FormatError(f"{file} is not a tokenizer: {error}") from None

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each text, with the special tokens that the tokenizer adds."""
        return [self._tokenizer.encode(text).ids for text in texts]

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of token ids, without special tokens."""
        return str(self._tokenizer.decode(list(ids)))

    def token(self, index: int) -> str | None:
        """Return the text of one token as it is decoded, or its name if that is empty; None for an unknown id."""
        name = self._tokenizer.id_to_token(index)
        return None if name is None else self.decode([index]) or str(name)
