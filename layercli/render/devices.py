"""The devices that a model may be fitted on, as a table: their figures, and where those were read."""

from __future__ import annotations

from collections.abc import Iterable

from layercli.inspect.devices import DeviceLimits
from layercli.render.quantities import show_bytes
from layercli.render.table import Column, Table, show

RATES = ("float32", "bfloat16", "float16", "float8_e4m3fn", "float64")


def devices_table(devices: Iterable[DeviceLimits]) -> Table:
    """Return one row per device: memory, bandwidth, the rates of matrix products by dtype, and the source of them all."""
    columns = [
        Column("Device", key="name"),
        Column("Memory", numeric=True, show=show_bytes),
        Column("Bandwidth", numeric=True, show=lambda rate: f"{rate / 1e9:,.0f} GB/s"),
        *(
            Column(dtype, numeric=True, show=show_rate, yields=len(RATES) - i, key=f"flops_{dtype}")
            for i, dtype in enumerate(RATES)
        ),
        Column("Source", shortens=24),
    ]
    rows = [
        [each.name, each.memory, each.bandwidth, *(each.rate(dtype) for dtype in RATES), each.source]
        for each in devices
    ]
    notes = [
        "rates: FLOP/s of matrix products without sparsity; float32 is TF32 where a device has it",
        "--on here: this machine, measured",
    ]
    return Table("Devices (--on)", columns, rows, [], notes)


def show_rate(rate: float | None) -> str:
    """Return a rate for a reader: ``989.4 T``."""
    return show(None) if rate is None else f"{rate / 1e12:,.4g} T"
