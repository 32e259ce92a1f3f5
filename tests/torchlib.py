"""torch's ONNX exporter reads the sources of 500 functions for every graph, half of its time: here once in a process."""

from __future__ import annotations

import sys
from functools import cache


def read_once():
    """Keep the table of those functions from now on, if the exporter was imported; each export gets a copy."""
    exporter = sys.modules.get("torch.onnx._internal.exporter._registration")
    if exporter is None or isinstance(vars(exporter.ONNXRegistry)["from_torchlib"], staticmethod):
        return
    read = cache(exporter.ONNXRegistry.from_torchlib)

    def from_torchlib(*args, **kwargs):
        kept, table = read(*args, **kwargs), exporter.ONNXRegistry()
        table._opset_version = kept._opset_version
        table.functions = {name: list(functions) for name, functions in kept.functions.items()}
        return table

    exporter.ONNXRegistry.from_torchlib = staticmethod(from_torchlib)
