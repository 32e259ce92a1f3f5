"""Whether a folder's ``config.json`` describes the weights beside it, for ``layercli check``."""

from __future__ import annotations

from collections.abc import Iterator

from layercli.errors import FormatError
from layercli.inspect.file_check import FileCheck, FileFinding, Severity
from layercli.inspect.layer_call import described
from layercli.sources import huggingface


def check_config(found: FileCheck, path: str) -> None:
    """Add to the sound weights of a folder what its config says otherwise; nothing without a config or with other files."""
    if not found.errors and huggingface.is_folder(path):
        found.findings += config_findings(path)


def config_findings(path: str) -> Iterator[FileFinding]:
    """Yield the faults of a config, the tensors that it asks for in vain or in another shape, and those it says nothing of.

    Tensors that are left over are a warning, and so is each difference of quantized weights, which have names of their own.
    """
    try:
        opened = huggingface.open(path)
        if opened.model is not None:
            described(opened.model)
        match = opened.matched()
    except FormatError as error:
        config = str(huggingface.config_in(path))
        message = error.message  # some name the file with its folder
        text = message.replace(huggingface.CONFIG, config, 1) if message.startswith(huggingface.CONFIG) else message
        yield FileFinding("bad-config", "error", config, text)
        return
    if match is None or opened.weights is None:
        return
    file = str(opened.weights.file)
    if opened.contradiction:
        text = f"{file}: {opened.contradiction}"
        yield FileFinding("bad-config", "error", str(huggingface.config_in(path)), text)
    severity: Severity = "error" if opened.quantization is None else "warning"
    for name, shape, asked in match.other_shape:
        text = f"{file}: {name!r} has the shape {shape}, and config.json asks for {asked}"
        yield FileFinding("other-shape", severity, file, text, name)
    for name in match.missing:
        yield FileFinding(
            "missing-tensor", severity, file, f"{file}: {name!r} is missing, which config.json asks for", name
        )
    for name in match.unexpected:
        yield FileFinding(
            "extra-tensor", "warning", file, f"{file}: {name!r} is nothing that config.json asks for", name
        )
