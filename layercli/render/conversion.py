"""What ``layercli convert`` has written, as a table."""

from __future__ import annotations

from collections import Counter

from layercli.render.quantities import show_bytes
from layercli.render.table import Table, show
from layercli.saving.conversion_result import Conversion

MOST = 8


def table(done: Conversion) -> Table:
    """Return the facts of a conversion."""
    dtypes = Counter(entry.dtype for entry in done.tensors.values())
    kinds = ", ".join(f"{show(number)} {name}" for name, number in dtypes.most_common())
    files = files_of(done)
    facts = [
        ("Would write" if done.dry_run else "Written", files),
        ("Tensors", kinds),
        ("Bytes", show_bytes(done.bytes)),
    ]
    if done.worst is not None:
        name, rounding = done.worst
        facts.append(("Worst rounding", f"{rounding.relative:.2g} of the largest value, in {name}"))
    rest = len(done.notes) - MOST
    notes = [*done.notes[:MOST], *([f"and {rest:,} more"] if rest > 0 else [])]
    return Table(f"{done.source} -> {done.target}", [], [], facts, notes)


def files_of(done: Conversion) -> str:
    """Return what was written in words: the file, the shards with their index, or the files of a folder."""
    if done.kind == "folder":
        return f"{show(len(done.files))} files in {done.target}"
    return done.files[0] if len(done.files) == 1 else f"{show(len(done.files) - 1)} shards and {done.files[-1]}"
