"""Where the tensors of a GGUF file lie: each where the one before it ends, at the next multiple of the alignment."""

from __future__ import annotations

from collections.abc import Iterator

from layercli.formats.gguf import GgufFile
from layercli.formats.weight_file import WeightFile


def layout_faults(file: WeightFile) -> Iterator[tuple[str, str, str]]:
    """Yield the code of what is wrong with the place of a tensor in a GGUF file, the tensor, and why.

    llama.cpp opens no such file.
    """
    if not isinstance(file, GgufFile):
        return
    free = file.begin
    for path, place in sorted(file.places.items(), key=lambda each: each[1].start):
        offset = place.start - file.begin
        if offset % file.alignment:
            yield "unaligned", path, f"begins at byte {offset:,}, which is no multiple of {file.alignment}"
        elif place.start > free:
            yield "gap", path, f"leaves a gap of {place.start - free:,} bytes before it"
        end = offset + file.entries[path].bytes
        free = max(free, file.begin + -(-end // file.alignment) * file.alignment)
