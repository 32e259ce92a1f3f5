"""What a folder says of decoding, ``generation_config.json`` or its config: the tokens that end a text, the padding token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    "suppress_tokens": None,
    "begin_suppress_tokens": None,
    "sequence_bias": None,
}
"""Settings that change which token is chosen, each with the value that changes nothing."""


@dataclass(frozen=True)
class GenerationConfig:
    """The tokens that end a text, the padding token, and the settings that greedy decoding does not follow."""

    ends: tuple[int, ...] = ()
    pad: int = 0
    not_followed: tuple[str, ...] = ()


def generation_config(folder: Path, config: Mapping[str, Any]) -> GenerationConfig:
    """Return what a folder with this ``config`` says of decoding; FormatError for an invalid value."""
    file = folder / NAME
    given = huggingface.read_config(file) if file.exists() else config
    name = NAME if file.exists() else huggingface.CONFIG
    ends = given.get("eos_token_id")
    listed = ends if isinstance(ends, list) else [] if ends is None else [ends]
    pad = given.get("pad_token_id")
    pads = [] if pad is None else [pad]
    for key, values in (("eos_token_id", listed), ("pad_token_id", pads)):
        if not all(type(value) is int and abs(value) < 2**31 for value in values):
            raise FormatError(f"{name} has {key} = {shown(given[key])}, which is not a token id")
    others = [key for key, usual in OTHER_RULES.items() if given.get(key) not in (usual, None)]
    return GenerationConfig(tuple(listed), (pads or listed or [0])[0], tuple(others))
