"""Greedy decoding: the most likely token after each text, computed step by step with the cache of the steps before."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import torch

from layercli.core import tree
from layercli.core.layer import Layer
from layercli.core.types import TensorTree, Tree
from layercli.dataclass import dataclass
from layercli.errors import UsageError
from layercli.inspect.decoding import CACHE_ARGUMENT
from layercli.inspect.input_names import NamedInputs
from layercli.models.pretrained import Pretrained
from layercli.runtime.execution import tensors
from layercli.runtime.inference.forward_pass import ForwardRun, output_of
from layercli.runtime.inference.prepared_model import PreparedModel

OUTPUT = "generated"


@dataclass(frozen=True)
class DecodingRules:
    """The tokens that end a text, the token that fills the rows of texts that have ended, and tokens that are not chosen.

    ``suppressed`` are never chosen, ``suppressed_first`` not as the first token.
    """

    ends: Collection[int] = ()
    pad: int = 0
    suppressed: Collection[int] = ()
    suppressed_first: Collection[int] = ()

    def suppress(self, logits: torch.Tensor, *, first: bool) -> torch.Tensor:
        """Return logits (batch, vocabulary) with minus infinity for the tokens that are not chosen."""
        listed = {*self.suppressed, *(self.suppressed_first if first else ())}
        unwanted = sorted(token for token in listed if 0 <= token < logits.shape[1])
        return logits.index_fill(1, torch.tensor(unwanted, device=logits.device), -torch.inf) if unwanted else logits


def generate(program: PreparedModel, inputs: Tree, count: int, rules: DecodingRules) -> ForwardRun:
    """Return up to ``count`` new tokens (batch, new) for texts (batch, steps): the arg max of the logits of each step.

    ``inputs`` may have an ``attention_mask`` that is 0 for padding before the texts. A text ends after one of the tokens in
    ``rules``; decoding ends when all texts have. UsageError for a model without a cache, and for padding after a text.
    """
    check_decoder(program.name, program.model)
    given = program.place(inputs)
    prompt, options = (given.inputs, dict(given.optional)) if isinstance(given, NamedInputs) else (given, {})
    ids = tokens_of(program.model, prompt)
    mask, positions = options.get("attention_mask"), options.get("position_ids")
    check_prompt(program, ids, mask, count)
    with torch.inference_mode():
        if positions is None:
            positions = positions_of(torch.ones_like(ids[:1]) if mask is None or has_encoder(program.model) else mask)
        found = decode(program, prompt, mask, positions, count, rules)
    shown = [f"{tensors.name_of(x.dtype)}{list(x.shape)}" for x in (*tree.flatten(prompt), *options.values())]
    return ForwardRun(program.name, str(program.device), shown, [output_of(OUTPUT, found)])


def decode(
    program: PreparedModel,
    prompt: object,
    mask: torch.Tensor | None,
    positions: torch.Tensor,
    count: int,
    rules: DecodingRules,
) -> torch.Tensor:
    """Return the new tokens, each row filled with the padding token after its end.

    ``prompt`` are token ids, or a list of them and of what the first step alone takes: images, an encoder's inputs.
    """
    model: Any = program.model
    takes, encodes = model.call_names(), has_encoder(model)
    cache: Any = ()
    ends = torch.tensor(sorted(rules.ends), dtype=torch.int64, device=positions.device)
    open_rows = torch.ones(len(tokens_of(model, prompt)), dtype=torch.bool, device=positions.device)
    made: list[torch.Tensor] = []
    step = prompt
    while True:
        optional = {"attention_mask": mask, "position_ids": positions, CACHE_ARGUMENT: cache}
        given = {name: x for name, x in optional.items() if x is not None and name in takes}
        logits, cache = program.call(NamedInputs(step, given))
        chosen = rules.suppress(logits[:, -1].float(), first=not made).argmax(-1)
        chosen = torch.where(open_rows, chosen, rules.pad)
        made.append(chosen)
        open_rows = open_rows & ~torch.isin(chosen, ends)
        if len(made) == count or not open_rows.any():
            return torch.stack(made, 1)
        step = model.continued(chosen.unsqueeze(1)) if isinstance(model, Pretrained) else chosen.unsqueeze(1)
        mask = mask if mask is None or encodes else torch.cat([mask, mask.new_ones(len(mask), 1)], 1)
        positions = positions[:, -1:] + 1


def has_encoder(model: object) -> bool:
    """Whether an encoder reads the first input and its mask, and decoding continues the last input."""
    return isinstance(model, Pretrained) and model.is_encoder_decoder


def tokens_of(model: object, prompt: Any) -> torch.Tensor:
    """Return the token ids that a prompt is continued after: the last input of an encoder-decoder, of others the first."""
    found: torch.Tensor = prompt[-1 if has_encoder(model) else 0] if isinstance(prompt, (list, tuple)) else prompt
    return found


def positions_of(mask: torch.Tensor) -> torch.Tensor:
    """Return the number of each token in its text (batch, steps), 0 for padding."""
    kept = mask != 0
    return (kept.long().cumsum(-1) - 1).masked_fill(~kept, 0)


def next_logits(program: PreparedModel, inputs: TensorTree, array: np.ndarray) -> np.ndarray | None:
    """Return a decoder's logits (batch, vocabulary) after the last step of each text that is no padding.

    ``array`` are the outputs for ``inputs``; None for a model that predicts no tokens.
    """
    if not isinstance(program.model, Pretrained) or not program.model.predicts_tokens or array.ndim != 3:
        return None
    mask = inputs.optional.get("attention_mask") if isinstance(inputs, NamedInputs) else None
    last = np.full(len(array), array.shape[1] - 1)
    if mask is not None:
        last -= np.argmax(np.asarray(mask)[:, ::-1] != 0, axis=1)
    found: np.ndarray = array[np.arange(len(array)), last]
    return found


def check_decoder(name: str, model: object) -> None:
    """Raise UsageError unless the model predicts tokens and has a cache."""
    if not isinstance(model, Layer) or CACHE_ARGUMENT not in model.call_names():
        raise UsageError(f"--generate is for decoders with a cache, and {name} has none")
    if isinstance(model, Pretrained) and not model.predicts_tokens:
        raise UsageError(f"--generate needs logits of tokens, and {name} ends in no projection to its vocabulary")


def check_prompt(program: PreparedModel, ids: torch.Tensor, mask: torch.Tensor | None, count: int) -> None:
    """Raise UsageError for an empty text, padding after a text, or more steps than the model has positions."""
    if ids.ndim == 2 and not ids.shape[1]:
        raise UsageError("--generate continues texts of at least one token")
    model = program.model
    if not has_encoder(model) and mask is not None and mask.shape == ids.shape and not bool((mask[:, -1] != 0).all()):
        raise UsageError(
            "--generate continues the last token of each text, and attention_mask is 0 there: pad in front"
        )
    most = model.longest if isinstance(model, Pretrained) else None
    if most is not None and ids.ndim == 2 and ids.shape[1] + count - 1 > most:
        raise UsageError(
            f"{program.name} has {most:,} positions, and {ids.shape[1]:,} tokens and {count:,} more do not fit"
        )
