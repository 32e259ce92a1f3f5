"""The supported values of ``model_type`` in a ``config.json``, and the module of each; modules are imported on demand."""

from __future__ import annotations

from importlib import import_module

from layercli.core.types import ConfigLike
from layercli.errors import FormatError
from layercli.models.pretrained import Pretrained, UnknownArchitectureError
from layercli.models.reading import shown

FAMILIES = {
    "albert": "albert",
    "bert": "bert",
    "bloom": "bloom",
    "camembert": "roberta",
    "clip": "clip",
    "cohere": "cohere",
    "cohere2": "cohere2",
    "deberta-v2": "deberta_v2",
    "deepseek_v2": "deepseek_v2",
    "deepseek_v3": "deepseek_v3",
    "dinov2": "dinov2",
    "distilbert": "distilbert",
    "electra": "electra",
    "falcon": "falcon",
    "gemma": "gemma",
    "gemma2": "gemma2",
    "gemma3_text": "gemma3",
    "glm4": "glm4",
    "gpt2": "gpt2",
    "gpt_neox": "gpt_neox",
    "granite": "granite",
    "llama": "llama",
    "llava": "llava",
    "mamba": "mamba",
    "mistral": "mistral",
    "mixtral": "mixtral",
    "modernbert": "modernbert",
    "mt5": "mt5",
    "olmo2": "olmo2",
    "opt": "opt",
    "phi": "phi",
    "phi3": "phi3",
    "qwen2": "qwen2",
    "qwen2_moe": "qwen2_moe",
    "qwen3": "qwen3",
    "qwen3_moe": "qwen3_moe",
    "roberta": "roberta",
    "siglip": "siglip",
    "smollm3": "smollm3",
    "stablelm": "stablelm",
    "starcoder2": "starcoder2",
    "t5": "t5",
    "umt5": "umt5",
    "vit": "vit",
    "whisper": "whisper",
    "xlm-roberta": "roberta",
}
"""The module in ``layercli.models`` for each ``model_type``."""


def describe(config: ConfigLike) -> Pretrained:
    """Return the unbuilt model that a ``config.json`` describes.

    UnknownArchitectureError for a ``model_type`` or architecture that layercli does not implement, FormatError for invalid
    values.
    """
    kind = config.get("model_type")
    if not isinstance(kind, str):
        if kind is None:
            raise FormatError("config.json has no model_type, so it describes no model")
        raise FormatError(f"config.json has model_type = {shown(kind)}, which is not text")
    if kind not in FAMILIES:
        raise UnknownArchitectureError(f"layercli does not implement the model_type {shown(kind)}")
    found: Pretrained = import_module(f"layercli.models.{FAMILIES[kind]}").model(config, architecture_of(config))
    found.keep_description(config)
    return found


def architecture_of(config: ConfigLike) -> str | None:
    """Return the class that the checkpoint was saved from, the first of ``architectures``, or None."""
    given = config.get("architectures")
    if given is None or given == []:
        return None
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise FormatError(f"config.json has architectures = {shown(given)}, which is not a list of texts")
    return str(given[0])
