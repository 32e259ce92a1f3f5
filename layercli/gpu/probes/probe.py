"""The probe: take a snapshot of the GPUs without importing torch. It never raises."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from layercli.gpu.probes import environment, libcuda, nvml, os_probe, torch_build
from layercli.gpu.snapshot import Device, Driver, Host, Snapshot, Wheel

T = TypeVar("T")


def snapshot(
    roots: os_probe.Roots | None = None, variables: Mapping[str, str] | None = None, torch_folder: Path | None = None
) -> Snapshot:
    """Return the snapshot; each failed probe adds a note to it.

    Device files are only opened if NVML shows no healthy device: opening one initialises its GPU, which takes seconds.
    """
    places = roots or os_probe.Roots()
    settings = os.environ if variables is None else variables
    notes: list[str] = []
    host = attempt("the operating system", lambda: os_probe.read(places, settings, notes), Host(sys.platform), notes)
    silent: tuple[Driver, list[Device]] = (Driver(), [])
    driver, devices = attempt("NVML", lambda: nvml.read(notes), silent, notes)
    if not devices or any(device.error is not None for device in devices):
        closed = attempt("the device files", lambda: os_probe.denied(places, host), dict[str, str](), notes)
        host = replace(host, denied=closed)
    absent: tuple[bool, str | None] = (False, None)
    loads, cuda = attempt("libcuda", lambda: libcuda.read(notes), absent, notes)
    return Snapshot(
        host=host,
        driver=replace(driver, libcuda=loads, cuda=cuda or driver.cuda),
        wheel=attempt("torch/version.py", lambda: torch_build.read(notes, torch_folder), Wheel("unknown"), notes),
        devices=devices or others(host, places, notes),
        environment=environment.read(settings),
        notes=notes,
    )


def attempt(what: str, look: Callable[[], T], otherwise: T, notes: list[str]) -> T:
    """Return the result of ``look``, or ``otherwise`` and a note: a failing probe must not prevent the others."""
    try:
        return look()
    except Exception as error:
        notes.append(f"looking at {what} failed: {type(error).__name__}")
        return otherwise


def others(host: Host, roots: os_probe.Roots, notes: list[str]) -> list[Device]:
    """Return the devices of other vendors, with notes on what only torch can report."""
    if host.platform == "darwin" and host.machine == "arm64":
        notes.append("an Apple GPU does not report its memory, temperature, power or clocks")
        return [Device(0, vendor="apple", name="Apple GPU")]
    cards = os_probe.amd_devices(roots)
    if cards:
        notes.append("an AMD GPU's temperature, power, clocks and errors are not read: see rocm-smi")
    return cards
