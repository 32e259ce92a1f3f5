"""The table of a run's outputs."""

from __future__ import annotations

from typing import Any

from layercli.core.spec import show_shape
from layercli.render.summary import shape_field
from layercli.render.table import Column, Table, red_if_not, show


def show_first(values: list[object]) -> str:
    """Return the first values as text."""
    return " ".join(map(show, values))


def table(run: Any) -> Table:
    """Return one row per output of a ``ForwardRun``, after the requested layers."""
    columns = [
        Column("Layer or output" if run.layers else "Output", key="name", shortens=24, middle=True),
        Column("Shape", show=show_shape, yields=5, fields=shape_field("shape")),
        Column("Dtype", yields=2),
        Column("Minimum", numeric=True, yields=4),
        Column("Mean", numeric=True, yields=3),
        Column("Maximum", numeric=True, yields=4),
        Column("First values", key="first", show=show_first, shortens=16, yields=1),
        Column("Finite", style=red_if_not),
    ]
    rows = [
        [
            name, out.array.shape, out.dtype,
            out.statistics.minimum, out.statistics.mean, out.statistics.maximum,
            out.first, out.finite,
        ]
        for name, out in run.rows
    ]  # fmt: skip
    return Table(run.source, columns, rows, [("Input", ", ".join(run.inputs)), ("Device", run.device)])


def ranking(guesses: list[Any], title: str = "Highest classes") -> Table:
    """Return one row per class of a list of ``Guess``."""
    labelled = any(guess.label is not None for guess in guesses)
    columns = [
        Column("Item", numeric=True),
        Column("Rank", numeric=True),
        Column("Class", numeric=True),
        *([Column("Label", shortens=16)] if labelled else []),
        Column("Value", numeric=True),
    ]
    rows = [
        [guess.item, guess.rank, guess.index, *([guess.label] if labelled else []), guess.value] for guess in guesses
    ]
    return Table(title, columns, rows)


def generated(rows: list[dict[str, Any]]) -> Table:
    """Return one row per text of the batch: its new tokens, and their text where the folder has a tokenizer."""
    with_text = any(row["text"] is not None for row in rows)
    columns = [Column("Item", numeric=True), Column("Tokens", show=show_tokens, folds=True)]
    columns += [Column("Text", folds=True)] if with_text else []
    return Table(
        "Generated", columns, [[row["item"], row["tokens"], *([row["text"]] if with_text else [])] for row in rows]
    )


def show_tokens(ids: list[int]) -> str:
    """Return token ids as text."""
    return " ".join(map(str, ids))


def reproduction(found: Any) -> Table:
    """Return the facts of a ``Verdict``."""
    facts = [
        ("Inputs and weights", "the same" if found.same_inputs else "not the same"),
        ("Changed since", ", ".join(found.changed) or "nothing"),
        ("Bit-equal", show(found.bit_equal)),
    ]
    return Table("Reproduction", [], [], facts)


def streamed(facts: dict[str, Any]) -> Table:
    """Return the facts of a stream."""
    done = facts["rows"] - facts["resumed_at"]
    rows = f"{facts['rows']:,}" + (f", from {facts['resumed_at']:,} on" if facts["resumed_at"] else "")
    rate = [("Rate", f"{done / facts['seconds']:,.0f} rows/s")] if done else []
    return Table("Stream", [], [], [("Rows", rows), ("Batch size", f"{facts['batch_size']:,}"), *rate])
