"""The names of layers in place of the keys under which a model keeps them.

A Sequential and a functional model number generated names for each class from the start (``dense``, ``dense_1``), so that the
names of files do not depend on what was made before. In Python a layer is called by its own name, as ``get_layer`` takes it.
"""

from __future__ import annotations

from dataclasses import replace

from layercli.core.functional import Functional
from layercli.core.layer import Layer
from layercli.core.sequential import Sequential
from layercli.inspect.summary import Summary


def with_layer_names(summary: Summary, model: Layer) -> Summary:
    """Return the summary with the layers of functional and sequential models by their own names."""
    names = own_names(model)
    own = [[names.get(path, path) for path in (row.path, *row.shared_with)] for row in summary.rows]
    rows = [replace(row, path=path, shared_with=shared) for row, (path, *shared) in zip(summary.rows, own, strict=True)]
    return replace(summary, rows=rows)


def own_names(model: Layer) -> dict[str, str]:
    """Return the path of each layer below ``model`` made of the layers' names, by the path made of keys."""
    found: dict[str, str] = {}
    pending: list[tuple[str, str, Layer]] = [("", "", model)]
    while pending:
        path, shown, layer = pending.pop()
        if path in found:
            continue
        found[path] = shown
        for key, child in layer.children():
            name = child.name if isinstance(layer, (Functional, Sequential)) else key
            pending.append((f"{path}/{key}".lstrip("/"), f"{shown}/{name}".lstrip("/"), child))
    return found
