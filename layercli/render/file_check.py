"""What ``layercli check`` found, as a table and as annotations for GitHub Actions."""

from __future__ import annotations

from layercli.inspect import checksums
from layercli.inspect.file_check import FileCheck
from layercli.render.github import annotation
from layercli.render.quantities import show_bytes
from layercli.render.table import Column, Table, severity_style, show


def tables(found: FileCheck) -> list[Table]:
    """Return the answer with its findings, and the sums where they were asked for."""
    columns = [Column("Severity", style=severity_style), Column("Code"), Column("Finding", folds=True)]
    rows = [[each.severity, each.code, each.message] for each in found.findings]
    facts = [("Files", show(len(found.files))), ("Tensors", show(found.tensors)), ("Bytes", show_bytes(found.bytes))]
    drawn = [Table(found.sentence, columns if rows else [], rows, facts)]
    if found.sums:
        lines = [[line[:64], line[66:]] for line in checksums.lines_of(found.sums)]
        drawn.append(Table("SHA-256", [Column("Sum", shortens=16), Column("Tensor", middle=True)], lines))
    return drawn


def github(found: FileCheck) -> str:
    """Return GitHub Actions annotations: the answer, and one for each finding."""
    lines = [annotation("error" if found.errors else "notice", "layercli check", found.sentence)]
    lines += [annotation(each.severity, f"check {each.code}", each.message) for each in found.findings]
    return "\n".join(lines) + "\n"
