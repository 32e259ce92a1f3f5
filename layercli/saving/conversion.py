"""Weights from one kind of file to another, tensor by tensor, read back and compared before they take the place of a file."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from layercli.errors import FileError, FormatError, UsageError, nearest
from layercli.formats import detect, strict_json
from layercli.formats.atomic import replacing, staged
from layercli.formats.stored import blocks_of, is_quantized
from layercli.formats.weight_file import TensorEntry, WeightFile
from layercli.saving.conversion_result import Conversion, ConversionOptions
from layercli.saving.conversion_streams import Q8_BLOCK, Q8_BYTES, stream_of
from layercli.saving.conversion_writers import write_one

ENDINGS = {
    ".safetensors": "safetensors",
    ".pt": "torch",
    ".pth": "torch",
    ".bin": "torch",
    ".ckpt": "torch",
    ".npz": "npz",
    ".weights.h5": "keras",
    ".h5": "h5",
    ".hdf5": "h5",
    ".gguf": "gguf",
    ".keras": "archive",
    ".onnx": "onnx",
    ".pt2": "pt2",
}
WHOLE = ("archive", "onnx", "pt2")
"""The kinds that hold a whole model, which ``runtime/export/model_conversion.py`` writes."""
DTYPES = ("float32", "float16", "bfloat16", "float64", "q8_0")


def convert(file: WeightFile, target: str, options: ConversionOptions | None = None) -> Conversion:
    """Write the tensors of ``file`` to ``target``, whose ending says the kind; UsageError for what that cannot hold."""
    options = options or ConversionOptions()
    kind = kind_of(target)
    plan, sources = planned(file, kind, options)
    done = Conversion(str(file.file), target, kind, plan, dry_run=options.dry_run)
    shards = sharded(plan, kind, options.shard_size)
    paths = names_of(Path(target), len(shards))
    replaced = shards_of(paths[-1]) if len(shards) > 1 and options.force else []
    if any(path in replaced for path in paths):
        paths = unused_names(Path(target), len(shards))
    done.files = [str(path) for path in paths]
    add_notes(done, file, kind)
    if kind == "keras":
        from layercli.formats.hdf5_writer import check_keras_names

        check_keras_names(target, plan)
    existing = next((path for path in paths if os.path.lexists(path)), None)
    if existing is not None and not options.force:
        raise FileError(f"{existing} exists already", hint="--force overwrites it")
    if not options.dry_run:
        write_all(done, file, sources, shards, options)
        for path in replaced:
            path.unlink(missing_ok=True)
    return done


def kind_of(target: str) -> str:
    """Return the kind of file that a name's ending asks for."""
    for ending, kind in ENDINGS.items():
        if target.endswith(ending):
            return kind
    ending = Path(target).suffix
    like = nearest(ending, ENDINGS) if ending else None
    raise UsageError(f"{target} ends in none of {', '.join(ENDINGS)}", hint=like)


def planned(
    file: WeightFile, kind: str, options: ConversionOptions
) -> tuple[dict[str, TensorEntry], dict[str, TensorEntry]]:
    """Return the entries to be written by their new names, and the entry of ``file`` that each is made of."""
    kept = [entry for entry in file.entries.values() if options.keep(entry.path)]
    if not kept:
        raise UsageError(f"nothing of {file.file} is left to convert")
    plan: dict[str, TensorEntry] = {}
    sources: dict[str, TensorEntry] = {}
    first: dict[str, str] = {}
    for entry in kept:
        name = options.rename(entry.path)
        if not name:
            raise UsageError(f"{file.file}: {entry.path!r} would have no name", hint="--rename RULES gives it one")
        if name in plan:
            raise UsageError(f"{entry.path!r} would be called {name!r}, as {sources[name].path!r} is")
        shared = first.setdefault(entry.same_as or entry.path, name)
        dtype = dtype_for(entry, kind, options.dtype)
        held = entry.held if is_quantized(dtype) and dtype == entry.dtype else None
        if dtype == "q8_0" and held is None:
            held = entry.size // Q8_BLOCK * Q8_BYTES
        plan[name] = TensorEntry(name, entry.shape, dtype, held, None if shared == name else shared)
        sources[name] = entry
    return plan, sources


def dtype_for(entry: TensorEntry, kind: str, wanted: str | None) -> str:
    """Return the dtype that a tensor is written in: the wanted one where it is floating, q8_0 where its rows allow that."""
    floating = is_quantized(entry.dtype) or entry.dtype.startswith(("float", "bfloat"))
    if wanted is not None and floating:
        if wanted != "q8_0":
            return wanted
        if kind != "gguf":
            raise UsageError("q8_0 is a type of GGUF: the target must end in .gguf")
        if len(entry.shape) > 1 and entry.shape[-1] % Q8_BLOCK == 0:
            return "q8_0"
        return "float32" if is_quantized(entry.dtype) else entry.dtype
    if is_quantized(entry.dtype) and kind != "gguf":
        raise UsageError(f"{entry.path!r} is quantized ({entry.dtype}), which GGUF alone holds", hint="--dtype float16")
    return entry.dtype


def add_notes(done: Conversion, file: WeightFile, kind: str) -> None:
    """Say what the target cannot hold as the source does."""
    shared = [name for name, entry in done.tensors.items() if entry.same_as is not None]
    if shared:
        how = {
            "torch": "shares its storage with",
            "h5": "is a link to",
            "keras": "is a link to",
            "safetensors": "is left out and noted in the metadata: it is",
        }.get(kind, "is left out: it is")
        done.notes += [f"{name} {how} {done.tensors[name].same_as}" for name in shared]
    if getattr(file, "metadata_span", None) is not None and kind != "gguf":
        done.notes.append(f"the metadata of {file.file} is left out: {kind} files have no place for it")


def sharded(plan: dict[str, TensorEntry], kind: str, size: int | None) -> list[list[str]]:
    """Return the names of each file's tensors: one file, or as many as keep each below ``size`` bytes where that can be."""
    if size is None:
        return [list(plan)]
    if kind != "safetensors":
        raise UsageError("--shard-size is for .safetensors alone")
    found: list[list[str]] = [[]]
    held = 0
    for name, entry in plan.items():
        taken = entry.bytes if entry.same_as is None else 0
        if found[-1] and held + taken > size:
            found.append([])
            held = 0
        if entry.same_as is None or entry.same_as in found[-1]:
            found[-1].append(name)
            held += taken
    return found


def names_of(target: Path, count: int, more: str = "") -> list[Path]:
    """Return the files that are written: the shards, then their index, or the target alone; ``more`` is in shards' names."""
    if count == 1:
        return [target]
    stem = target.name.removesuffix(".safetensors") + more
    shards = [target.with_name(f"{stem}-{i:05}-of-{count:05}.safetensors") for i in range(1, count + 1)]
    return [*shards, target.with_name(f"{target.name}.index.json")]


def unused_names(target: Path, count: int) -> list[Path]:
    """Return the files that are written where there are shards of these names.

    The old index goes with the old shards until it is replaced, by which all change at once: no shard is written over.
    """
    for number in itertools.count(2):
        paths = names_of(target, count, f"-{number}")
        if not any(os.path.lexists(path) for path in paths[:-1]):
            return paths
    raise AssertionError


def shards_of(index: Path) -> list[Path]:
    """Return the shards that an index beside them names, of those that ``names_of`` gives names; none without an index."""
    stem = re.escape(index.name.removesuffix(".safetensors.index.json"))
    try:
        held = strict_json.parse(index, index.read_bytes(), "an index")["weight_map"]
        names = sorted({str(name) for name in held.values()})
    except (OSError, FormatError, KeyError, TypeError, AttributeError):
        return []
    return [
        index.with_name(name) for name in names if re.fullmatch(stem + r"(-\d+)?-\d{5}-of-\d{5}\.safetensors", name)
    ]


def write_all(
    done: Conversion,
    file: WeightFile,
    sources: dict[str, TensorEntry],
    shards: list[list[str]],
    options: ConversionOptions,
) -> None:
    """Write every file beside its target, compare what it holds, and put all in their places, an index last."""
    with ExitStack() as stack:
        if len(shards) > 1:
            stack.enter_context(index_written(done, shards))
        for names, path in zip(shards, done.files, strict=False):
            temporary = stack.enter_context(staged(path))
            streams = [stream_of(done, file, sources[name], done.tensors[name], options) for name in names]
            digests = write_one(done.kind, temporary, streams, file)
            compare_back(temporary, path, done.tensors, digests)


def index_written(done: Conversion, shards: list[list[str]]) -> Any:
    """Return the context in which the index of the shards is written."""
    stack = ExitStack()
    stream = stack.enter_context(replacing(done.files[-1]))
    names = {
        name: Path(path).name
        for part, path in zip(shards, done.files, strict=False)
        for name in part
        if done.tensors[name].same_as is None
    }
    index = {"metadata": {"total_size": done.bytes}, "weight_map": names}
    stream.write(json.dumps(index, indent=2).encode())
    return stack


def compare_back(path: Path, target: str, plan: dict[str, TensorEntry], digests: dict[str, bytes]) -> None:
    """Read a written file, and raise FormatError unless it holds every tensor as it was meant."""
    written = detect.open_single(path)
    for name, digest in digests.items():
        expected, found = plan[name], written.entries.get(name)
        if found is None or (found.shape, found.dtype) != (expected.shape, expected.dtype):
            raise FormatError(f"{target} was not written as it should be: {name!r} is another one there")
        read = hashlib.blake2b(digest_size=16)
        for block in blocks_of(written, name):
            read.update(block.data)
        if read.digest() != digest:
            raise FormatError(f"{target} was not written as it should be: {name!r} has other values there")
