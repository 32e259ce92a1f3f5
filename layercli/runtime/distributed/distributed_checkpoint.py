"""Distributed checkpoints in safetensors files: written by all ranks, loadable with any world size.

The folder holds one numbered checkpoint and is never incomplete: a new one is written under a temporary name, renamed, and
then the previous one is removed. No pickle is written or read.
"""

from __future__ import annotations

import os
import re
import shutil
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from layercli.core.model import Model
from layercli.errors import FileError, FormatError, nearest
from layercli.formats.atomic import real, sync, sync_all
from layercli.formats.locks import locked
from layercli.formats.os_errors import writing
from layercli.formats.temporary import imitate
from layercli.runtime.distributed import process_group

WRITING = ".writing"
NUMBERED = re.compile("[0-9]{8,18}")


def is_folder(path: str) -> bool:
    """Return whether ``path`` is a folder, or ends in a slash."""
    return path.endswith("/") or os.path.isdir(path)


def newest(folder: str | os.PathLike[str]) -> Path | None:
    """Return the checkpoint in ``folder``, or None."""
    names = os.listdir(folder) if os.path.isdir(folder) else []
    numbered = [name for name in names if NUMBERED.fullmatch(name) and not os.path.islink(Path(folder, name))]
    return Path(folder, max(numbered, key=int)) if numbered else None


def save(model: Model, folder: str | os.PathLike[str]) -> None:
    """Write the variables of ``model`` and its optimizer's state into ``folder``; all ranks take part.

    FileError if it cannot be written; the previous checkpoint is then kept.
    """
    joined, base = process_group.current(), Path(folder)
    if joined is not None and not joined.first:
        _save(model, base, joined)
        return
    with writing(base):
        base.parent.mkdir(parents=True, exist_ok=True)
    with locked(base):
        _save(model, base, joined)


def _save(model: Model, base: Path, joined: process_group.Group | None) -> None:
    from torch.distributed.checkpoint.api import CheckpointException  # importing these takes nearly a second
    from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageWriter
    from torch.distributed.checkpoint.state_dict_saver import save as write

    before, state = newest(base), {key: tensor.contiguous() for key, tensor in state_of(model).items()}
    target = base / f"{int(before.name) + 1 if before else 1:08d}"
    try:
        if joined is None or joined.first:
            remove(base / WRITING)
            (base / WRITING).mkdir(parents=True)
            if before is not None:
                imitate(base / WRITING, before.stat())
        if joined is not None:
            joined.wait()
        writer = HuggingFaceStorageWriter(str(base / WRITING), save_distributed=True)
        with alone_in_silence():
            write(state, storage_writer=writer, no_dist=joined is None)
        if joined is None or joined.first:
            sync_all(base / WRITING)
            os.rename(base / WRITING, target)
            sync(real(base))
            if before is not None:
                shutil.rmtree(before)
    except CheckpointException as error:
        [*_, (reason, _)] = error.failures.values()
        raise FileError(f"cannot write {base}: {reason}") from error
    except OSError as error:
        raise FileError(f"cannot write {base}: {error.strerror}") from error
    if joined is not None:
        joined.wait()


def remove(folder: Path) -> None:
    """Remove an incomplete folder, or a symbolic link at its path."""
    with suppress(FileNotFoundError):
        folder.unlink() if folder.is_symlink() else shutil.rmtree(folder)


def load(model: Model, folder: str | os.PathLike[str]) -> None:
    """Set the variables of ``model``, and its optimizer's state if any, from the checkpoint in ``folder``.

    FormatError if there is none or it does not fit; nothing is then changed.
    """
    from torch.distributed.checkpoint.api import CheckpointException
    from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader
    from torch.distributed.checkpoint.state_dict_loader import load as read

    found = newest(folder)
    if found is None:
        raise FormatError(f"{os.fspath(folder)} holds no checkpoint")
    state = state_of(model)
    reader = HuggingFaceStorageReader(str(found))
    try:
        check(state, reader.read_metadata().state_dict_metadata, os.fspath(folder))
        with alone_in_silence():
            read(state, storage_reader=reader, no_dist=process_group.current() is None)
    except (SafetensorError, CheckpointException, KeyError) as error:
        raise FormatError(f"{found} is damaged: {str(error).splitlines()[0]}") from error
    numbers = {key: tensor.item() for key, tensor in state.items() if key in numbers_of(model)}
    if numbers:
        own = model.optimizer.state_dict()
        keys = keys_of(model, own)
        model.optimizer.load_state_dict({key: numbers.get(keys[key], value) for key, value in own.items()})


@contextmanager
def alone_in_silence() -> Iterator[None]:
    """Silence torch's warning about running without other processes."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "torch.distributed is disabled", UserWarning)
        yield


MODEL, OPTIMIZER = "model.", "optimizer."


def state_of(model: Model) -> dict[str, torch.Tensor]:
    """Return everything that training resumes from: the module's tensors, the optimizer's tensors, and its numbers as tensors."""
    held = {f"{MODEL}{key}": tensor.detach() for key, tensor in model.module.state_dict().items()}
    state = optimizer_state(model)
    keys = keys_of(model, state)
    return held | {
        keys[key]: value if isinstance(value, torch.Tensor) else torch.tensor(value, dtype=kind(value))
        for key, value in state.items()
    }


def keys_of(model: Model, state: Mapping[str, object]) -> dict[str, str]:
    """Return the checkpoint key of each entry of an optimizer's state, by the path of its variable.

    Automatic layer names are numbered per process and differ in the next one.
    """
    places = {variable.path: place.replace("/", ".") for place, variable in model.named_variables().items()}
    keys = {}
    for key in state:
        outer, path, slot = re.fullmatch(r"((?:inner\.|\d+\.)*)(.*?)(\.?[^./]*)", key).groups()  # type: ignore[union-attr]
        keys[key] = f"{OPTIMIZER}{outer}{places.get(path, path)}{slot}"
    return keys


def numbers_of(model: Model) -> set[str]:
    """Return the keys of the optimizer's state that are not tensors."""
    state = optimizer_state(model)
    keys = keys_of(model, state)
    return {keys[key] for key, value in state.items() if not isinstance(value, torch.Tensor)}


def optimizer_state(model: Model) -> dict[str, Any]:
    """Return the state of the model's optimizer, or an empty dict."""
    from layercli.runtime.execution.optimizer_restoring import built

    optimizer = model.optimizer
    return dict(optimizer.state_dict()) if optimizer is not None and built(optimizer) else {}


def kind(value: float) -> torch.dtype:
    """Return the dtype that stores a number exactly."""
    return torch.int64 if isinstance(value, int) else torch.float64


def check(state: dict[str, torch.Tensor], found: dict[str, Any], where: str) -> None:
    """Raise FormatError unless ``found``, the metadata of a checkpoint, has all of ``state`` in its shapes."""
    for key, tensor in state.items():
        if key not in found:
            raise FormatError(f"{where} has no {key}", hint=nearest(key, list(found)))
        if tuple(found[key].size) != tuple(tensor.shape):
            raise FormatError(
                f"{key} in {where} has the shape {tuple(found[key].size)}, the model's is {tuple(tensor.shape)}"
            )
    extra = [key for key in found if key.startswith(MODEL) and key not in state]
    if extra:
        raise FormatError(f"{where} has {extra[0]}, which the model does not have")
