"""Write a whole model as HDF5 in the layout that Keras 2 wrote and Keras 3 reads for ``.h5``; see ``legacy_h5``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from layercli.core.types import ConfigLike, PathLike
from layercli.formats.hdf5_create import created
from layercli.formats.keras_h5_writer import Writer
from layercli.saving.legacy_h5 import COMPILED, CONFIG, LAYERS, MODEL, NAMES, OPTIMIZER, TOP

if TYPE_CHECKING:
    import numpy as np

VERSION = "3.0.0"
"""The version of Keras whose layout is written."""
LONGEST = 60_000
"""The bytes of an attribute above which its names are split into several: HDF5's limit is 64 KiB."""

OF_OUTPUTS = ("accuracy", "acc", "crossentropy", "ce")
"""The metrics whose class depends on the outputs."""

Arrays = Sequence[tuple[str, "np.ndarray"]]
"""Names of arrays in a group, with their values."""


def write_model(
    path: PathLike, config: ConfigLike, layers: Mapping[str, Arrays], own: Arrays, optimizer: Arrays | None
) -> None:
    """Write a model to ``path``: its config, with the ``compile_config`` of a compiled one, and its arrays layer by layer.

    ``own`` are the variables of the model itself; ``optimizer`` is None for a model without.
    """
    with created(path) as file:
        described = {key: value for key, value in config.items() if key not in ("compile_config", "build_config")}
        file.attrs.update({"keras_version": VERSION, "backend": "torch", CONFIG: as_json(described)})
        if (compiled := config.get("compile_config")) and optimizer is not None:
            file.attrs[COMPILED] = as_json(training_config(compiled))
        held = file.create_group(MODEL)
        held.attrs.update({"keras_version": VERSION, "backend": "torch"})
        writer = Writer(file)
        put_names(writer, held.id, LAYERS, layers)
        for name, arrays in layers.items():
            put(writer, f"{MODEL}/{name}", arrays)
        put(writer, f"{MODEL}/{TOP}", own)
        if optimizer is not None:
            put(writer, OPTIMIZER, optimizer)


def training_config(compiled: Mapping[str, object]) -> dict[str, object]:
    """Return the settings of compile as this layout has them: losses and metrics by class, as Keras 3 cannot read aliases here."""
    from layercli import losses, metrics

    found = {key: value for key, value in compiled.items() if key != "optimizer"}
    found["loss"] = by_class(found.get("loss"), losses)
    found["metrics"] = by_class(found.get("metrics"), metrics)
    found["weighted_metrics"] = by_class(found.get("weighted_metrics"), metrics)
    return {**found, "optimizer_config": compiled["optimizer"]}


def by_class(given: Any, package: Any) -> Any:
    """Return names of losses or metrics in a tree as configs of their classes; those that depend on the outputs stay."""
    if isinstance(given, dict) and "class_name" not in given:
        return {key: by_class(value, package) for key, value in given.items()}
    if isinstance(given, (list, tuple)):
        return [by_class(value, package) for value in given]
    if not isinstance(given, str) or given in OF_OUTPUTS:
        return given
    found = package.get(given)
    name = getattr(found, "__name__", type(found).__name__).replace("_", "").lower()
    cls = next((each for each in package.__all__ if each.lower() == name and each[0].isupper()), None)
    return given if cls is None else {"class_name": cls, "config": {"name": given}}


def put(writer: Writer, path: str, arrays: Arrays) -> None:
    """Write arrays into a new group, with the attribute that says their order."""
    group = writer.group(path)
    put_names(writer, group, NAMES, [name for name, _ in arrays])
    for name, array in arrays:
        writer.dataset(group, name, array)


def put_names(writer: Writer, group: object, key: str, names: Iterable[str]) -> None:
    """Write a list of names as an attribute of a low-level group, in parts where it is too long for one."""
    import numpy as np

    encoded = [name.encode() for name in names]
    width = max(map(len, encoded), default=1) + 1
    step = max(1, LONGEST // width)
    if len(encoded) <= step:
        writer.names(group, key, np.array(encoded, f"S{width}") if encoded else np.array([], "S1"))
        return
    for i, start in enumerate(range(0, len(encoded), step)):
        writer.names(group, f"{key}{i}", np.array(encoded[start : start + step], f"S{width}"))


def as_json(value: object) -> bytes:
    """Return JSON as Keras stores it in an attribute."""
    return json.dumps(value).encode()
