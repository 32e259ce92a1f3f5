"""What a folder says of decoding, ``generation_config.json`` or its config: the tokens that end a text, the padding token."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from layercli.dataclass import dataclass
from layercli.errors import FormatError
from layercli.models.reading import shown
from layercli.sources import huggingface

NAME = "generation_config.json"
OTHER_RULES: Mapping[str, Any] = {
    "num_beams": 1,
    "repetition_penalty": 1.0,
    "encoder_repetition_penalty": 1.0,
    "no_repeat_ngram_size": 0,
    "min_length": 0,
    "min_new_tokens": None,
    "bad_words_ids": None,
    "forced_bos_token_id": None,
    "forced_eos_token_id": None,
    "sequence_bias": None,
    "forced_decoder_ids": None,
    "is_multilingual": False,
}
"""Settings that change which token is chosen, each with the value that changes nothing."""


@dataclass(frozen=True)
class GenerationConfig:
    """The tokens that end a text, the padding token, tokens that are never chosen or not as the first, and the settings that
    greedy decoding does not follow.
    """

    ends: tuple[int, ...] = ()
    pad: int = 0
    suppressed: tuple[int, ...] = ()
    suppressed_first: tuple[int, ...] = ()
    not_followed: tuple[str, ...] = ()


def generation_config(folder: Path, config: Mapping[str, object]) -> GenerationConfig:
    """Return what a folder with this ``config`` says of decoding; FormatError for an invalid value."""
    file = folder / NAME
    given = huggingface.read_config(file) if file.exists() else config
    name = NAME if file.exists() else huggingface.CONFIG

    def tokens(key: str) -> tuple[int, ...]:
        value = given.get(key)
        listed = value if isinstance(value, list) else [] if value is None else [value]
        if not all(type(each) is int and abs(each) < 2**31 for each in listed):
            raise FormatError(f"{name} has {key} = {shown(value)}, which is not a token id")
        return tuple(listed)

    ends, pads = tokens("eos_token_id"), tokens("pad_token_id")
    others = [key for key, usual in OTHER_RULES.items() if given.get(key) not in (usual, None)]
    suppressed, first = tokens("suppress_tokens"), tokens("begin_suppress_tokens")
    return GenerationConfig(ends, (pads or ends or (0,))[0], suppressed, first, tuple(others))
