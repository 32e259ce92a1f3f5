"""``layercli run --generate``: decode tokens, and show them with their text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from layercli.cli import output
from layercli.cli.commands.run_report import ReportSection
from layercli.errors import FileError, MissingPackageError, UsageError

if TYPE_CHECKING:
    from layercli.cli.prepared import Prepared
    from layercli.formats.tokenizer_json import TextTokenizer
    from layercli.inspect.model_loader import ModelSource
    from layercli.runtime.inference.forward_pass import ForwardRun


def check(count: int | None, others: Mapping[str, object]) -> None:
    """Reject options that decoding does not support."""
    for name, value in others.items():
        if count is not None and value:
            raise UsageError(f"--generate runs the model once for each token, which {name} does not go with")


def generate(ready: Prepared, count: int) -> tuple[ForwardRun, ReportSection]:
    """Return the report on the new tokens, and their section."""
    from layercli.render.run import generated
    from layercli.runtime.inference import generation
    from layercli.sources.generation_config import GenerationConfig, generation_config

    checkpoint = ready.subject.checkpoint
    rules = GenerationConfig() if checkpoint is None else generation_config(checkpoint.path, checkpoint.config)
    if rules.not_followed:
        output.print_info(f"decoding is greedy, without {', '.join(rules.not_followed)} of the folder")
    wanted = generation.DecodingRules(rules.ends, rules.pad, rules.suppressed, rules.suppressed_first)
    report = generation.generate(ready.program, ready.inputs, count, wanted)
    tokenizer = tokenizer_of(ready.subject)
    rows = [until_end(row, rules.ends) for row in report.outputs[0].array.tolist()]
    texts = [None if tokenizer is None else tokenizer.decode(row) for row in rows]
    document = [{"item": i, "tokens": row, "text": text} for i, (row, text) in enumerate(zip(rows, texts, strict=True))]
    return report, ReportSection([generated(document)], {"generated": document})


def until_end(row: list[int], ends: tuple[int, ...]) -> list[int]:
    """Return the tokens up to the first one that ends the text, including it."""
    place = next((i for i, token in enumerate(row) if token in ends), len(row))
    return row[: place + 1]


def tokenizer_of(subject: ModelSource) -> TextTokenizer | None:
    """Return the tokenizer of a folder; None without one, or if tokenizers is not installed."""
    from layercli.formats.tokenizer_json import TextTokenizer

    if subject.checkpoint is None:
        return None
    try:
        return TextTokenizer(subject.checkpoint.path)
    except (FileError, MissingPackageError):
        return None
