"""The table of latencies."""

from __future__ import annotations

import math
from typing import Any

from layercli.render.quantities import show_bytes, show_share
from layercli.render.table import Column, Table

UNITS = [(1.0, "s"), (1e-3, "ms"), (1e-6, "us")]
PREFIXES = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")]


def show_seconds(value: float) -> str:
    """Return a time in a suitable unit.

    >>> show_seconds(0.01234), show_seconds(2.5), show_seconds(4e-8)
    ('12.34 ms', '2.5 s', '0.04 us')
    """
    size, unit = next(((size, unit) for size, unit in UNITS if value >= size), UNITS[-1])
    return f"{value / size:.4g} {unit}"


def show_rate(value: float | None) -> str:
    """Return a rate per second with a metric prefix.

    >>> show_rate(1.5e12), show_rate(12.0), show_rate(None)
    ('1.5 T', '12', '-')
    """
    if value is None:
        return "-"
    size, prefix = next(((size, prefix) for size, prefix in PREFIXES if value >= size), (1.0, ""))
    return f"{value / size:.4g} {prefix}".rstrip()


def show_roofline(share: float) -> str:
    """Return the text of the share of the roofline; more than all of it says what the roofline did not know."""
    if share <= 1:
        return f"{show_share(share)} of what the device was measured to reach for this work"
    return (
        "above what the device was measured to reach: the weights stay in a cache, or it was busy when it was measured"
    )


FIGURES = ["Minimum", "Median", "p90", "p99", "Mean", "Std"]
YIELDS = {"Std": 1, "Mean": 2, "p90": 3, "p99": 4}


def table(timings: list[Any]) -> Table:
    """Return one row per ``Timing``."""
    columns = [
        Column("Model", shortens=16, middle=True),
        *(Column(title, numeric=True, show=show_seconds, yields=YIELDS.get(title, 0)) for title in FIGURES),
        Column("Items/s", numeric=True, show=show_rate, yields=6),
        Column("FLOP/s", numeric=True, show=show_rate, yields=5),
    ]
    rows = [[t.name, *t.samples.figures().values(), t.items_per_second, t.flops_per_second] for t in timings]
    first = timings[0]
    unknown = first.reason or ("unknown: the model multiplies nothing" if first.share is None else "")
    facts = [
        ("Runs", f"{len(first.samples.seconds)}"),
        ("Roofline", unknown or show_roofline(first.share)),
        ("Peak memory", peak_memory(timings)),
    ]
    return Table("Time", columns, rows, facts)


def peak_memory(timings: list[Any]) -> str:
    """Return the peak memory of each model; models on the CPU share that of their process."""
    shown = [show_bytes(t.peak_memory) for t in timings]
    if len(set(shown)) > 1:
        return ", ".join(f"{each} ({t.name})" for each, t in zip(shown, timings, strict=True))
    return shown[0] + (" for all of them" if len(shown) > 1 else "")


def slowdown(found: Any) -> Table:
    """Return the facts of a ``Slowdown``."""
    known = (
        f"95% interval {found.low:.3f} to {found.high:.3f}" if found.high < math.inf else "too few runs for an interval"
    )
    facts = [
        ("Ratio", f"{found.ratio:.3f}x ({known})"),
        ("Allowed", f"{found.at_most:g}x"),
        ("Verdict", found.verdict),
    ]
    return Table("", [], [], facts)
