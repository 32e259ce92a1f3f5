"""Utilities for data and models, as in Keras; arrays in, NumPy arrays out."""

from __future__ import annotations

import random
from collections.abc import Iterable
from collections.abc import Sequence as Sequences
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from layercli import ops
from layercli.backend import clear_session, is_keras_tensor, standardize_dtype
from layercli.callbacks.progbar import Progbar
from layercli.core import seed as seeds
from layercli.core.backend import get_backend
from layercli.core.custom_objects import (
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)
from layercli.core.interactive_logging import (
    disable_interactive_logging,
    enable_interactive_logging,
    is_interactive_logging_enabled,
)
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.refusals import refused
from layercli.core.types import TensorLike
from layercli.errors import ArgumentError, IndexRangeError, ShapeError, UsageError
from layercli.lazy import torch
from layercli.saving import CustomObjectScope, deserialize_keras_object, serialize_keras_object
from layercli.utils.cached_files import get_file
from layercli.utils.config import Config
from layercli.utils.dot_picture import DotPicture
from layercli.utils.image_files import array_to_img, img_to_array, load_img, save_img
from layercli.utils.py_dataset import PyDataset
from layercli.utils.splitting import split_dataset
from layercli.utils.timeseries import timeseries_dataset_from_array

if TYPE_CHECKING:
    from layercli.formats.image_dataset import image_dataset_from_directory
    from layercli.layers.preprocessing.feature_space import FeatureSpace
    from layercli.utils.file_datasets import audio_dataset_from_directory, text_dataset_from_directory

__all__ = [
    "Config",
    "CustomObjectScope",
    "FeatureSpace",
    "Progbar",
    "PyDataset",
    "Sequence",
    "array_to_img",
    "audio_dataset_from_directory",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "disable_interactive_logging",
    "enable_interactive_logging",
    "get_custom_objects",
    "get_file",
    "get_registered_name",
    "get_registered_object",
    "get_source_inputs",
    "image_dataset_from_directory",
    "img_to_array",
    "is_interactive_logging_enabled",
    "is_keras_tensor",
    "load_img",
    "model_to_dot",
    "normalize",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "plot_model",
    "register_keras_serializable",
    "save_img",
    "serialize_keras_object",
    "set_random_seed",
    "split_dataset",
    "standardize_dtype",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
    "to_categorical",
    "unpack_x_y_sample_weight",
]

Sequence = PyDataset


def set_random_seed(seed: int) -> None:
    """Seed Python's, numpy's and torch's generators, and the draws of variables; UsageError for no integer."""
    if not isinstance(seed, int | np.integer):
        raise UsageError(f"a seed is an integer, got {seed!r}")
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    seeds.set_seed(seed)


def to_categorical(x: Any, num_classes: int | None = None) -> Any:
    """Return class numbers as rows with a 1 at their place: (..., num_classes), by default one more than the highest.

    >>> to_categorical([0, 2])
    array([[1., 0., 0.],
           [0., 0., 1.]])

    Raises UsageError where ``x`` holds no integers, IndexRangeError for one of ``num_classes`` or more.
    """
    if not isinstance(x, (np.ndarray, list, tuple)) and hasattr(x, "detach"):
        x = x[..., 0] if x.ndim > 1 and x.shape[-1] == 1 else x
        return ops.one_hot(x, int(x.max()) + 1 if num_classes is None else num_classes)
    try:
        labels = np.array(x, dtype="int64")
    except (ValueError, TypeError) as error:
        raise ArgumentError(f"to_categorical expects integers, the classes, got {x!r}") from error
    if not labels.size and not num_classes:
        raise UsageError("to_categorical expects num_classes where there are no labels")
    labels = labels[..., 0] if labels.ndim > 1 and labels.shape[-1] == 1 else labels
    classes = num_classes or int(labels.max()) + 1
    if labels.size and not -classes <= labels.min() <= labels.max() < classes:
        raise IndexRangeError(f"to_categorical got the class {labels.max()}, and there are {classes}, counted from 0")
    return np.eye(classes)[labels]


def normalize(x: TensorLike, axis: int = -1, order: float = 2) -> Any:
    """Return ``x`` divided by its norm of that order along ``axis``; where that is 0, x.

    >>> normalize(np.array([[3.0, 4.0], [0.0, 0.0]]))
    array([[0.6, 0.8],
           [0. , 0. ]])
    """
    if not isinstance(x, np.ndarray):
        return ops.normalize(x, axis=axis, order=order)
    norms = np.linalg.norm(x, order, axis, keepdims=True)
    return x / np.where(norms == 0, 1, norms)


def pack_x_y_sample_weight(x: object, y: object = None, sample_weight: object = None) -> Any:
    """Return what fit takes as a batch: x alone, in a tuple if it is nested, or (x, y) or (x, y, sample_weight).

    >>> pack_x_y_sample_weight(1), pack_x_y_sample_weight([1]), pack_x_y_sample_weight(1, 2)
    (1, ([1],), (1, 2))
    """
    if sample_weight is not None:
        return (x, y, sample_weight)
    if y is not None:
        return (x, y)
    return (x,) if isinstance(x, (list, tuple, dict)) else x


def unpack_x_y_sample_weight(data: object) -> tuple[Any, Any, Any]:
    """Return x, y and sample weights of a batch, None for what it lacks. UsageError for a tuple of another length.

    >>> unpack_x_y_sample_weight((1, 2)), unpack_x_y_sample_weight(1)
    ((1, 2, None), (1, None, None))
    """
    parts = tuple(data) if isinstance(data, (list, tuple)) else (data,)
    if not 1 <= len(parts) <= 3:
        raise UsageError(f"a batch is x, (x, y) or (x, y, sample_weight), got {len(parts)} parts")
    x, y, sample_weight = (*parts, None, None)[:3]
    return x, y, sample_weight


def pad_sequences(
    sequences: Sequences[Sequences[Any]],
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> np.ndarray:
    """Return sequences as one array (sequences, maxlen, ...): ``value`` fills up, before (pre) or after (post) what is there.

    A sequence longer than ``maxlen``, by default the longest, loses its beginning (pre) or its end (post). ShapeError where
    the steps are not of one shape.

    >>> pad_sequences([[1], [2, 3], [4, 5, 6]], maxlen=2)
    array([[0, 1],
           [2, 3],
           [5, 6]], dtype=int32)
    """
    for name, side in (("padding", padding), ("truncating", truncating)):
        if side not in ("pre", "post"):
            raise UsageError(f"pad_sequences expects {name} to be pre or post, got {side!r}")
    if not isinstance(sequences, Iterable) or any(not hasattr(sequence, "__len__") for sequence in sequences):
        raise UsageError("pad_sequences expects a list of sequences")
    length = max(map(len, sequences), default=0) if maxlen is None else maxlen
    step = next((np.asarray(sequence).shape[1:] for sequence in sequences if len(sequence)), ())
    padded = np.full((len(sequences), length, *step), value, dtype)
    for row, sequence in zip(padded, sequences, strict=True):
        first = max(len(sequence) - length, 0) if truncating == "pre" else 0
        kept = np.asarray(sequence, dtype)[first : first + length]
        if len(kept) and kept.shape[1:] != step:
            raise ShapeError(f"pad_sequences expects steps of one shape, got {kept.shape[1:]} beside {step}")
        if len(kept):
            row[-len(kept) if padding == "pre" else 0 :][: len(kept)] = kept
    return padded


def model_to_dot(
    model: object,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    subgraph: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
) -> DotPicture:
    """Return the picture of a Layer or Model in Graphviz's DOT language; the arguments are those of ``plot_model``.

    UsageError for ``subgraph``: the picture is a whole one.
    """
    if subgraph:
        raise UsageError("model_to_dot has no subgraph: it returns a whole picture")
    return DotPicture(model, expand_nested, runs_down("model_to_dot", rankdir), dpi)


def runs_down(function: str, rankdir: str) -> bool:
    """Return whether edges run down; UsageError for a direction that is none."""
    if rankdir not in ("TB", "LR"):
        raise UsageError(f"{function} expects rankdir TB or LR, got {rankdir!r}")
    return rankdir == "TB"


def plot_model(
    model: Any,
    to_file: str = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
) -> None:
    """Write a picture of a Layer or Model to a file: .png (extra ``plot``), .svg, .pdf, .dot, .mmd or .txt, as ``layercli plot``.

    ``expand_nested`` opens the layers inside layers, ``rankdir`` is TB (down) or LR (to the right), ``dpi`` is of a PNG. Boxes
    always have names, classes, shapes and parameters, so ``show_*`` change nothing, nor does ``splines``. UsageError for a model
    that was never called and another ending of the name.
    """
    down = runs_down("plot_model", rankdir)
    get_backend().plot(model, str(to_file), nested=expand_nested, down=down, dpi=dpi)


LATE = {
    "image_dataset_from_directory": "layercli.formats.image_dataset",
    "FeatureSpace": "layercli.layers.preprocessing.feature_space",
    "audio_dataset_from_directory": "layercli.utils.file_datasets",
    "text_dataset_from_directory": "layercli.utils.file_datasets",
}
"""The names whose modules are imported when they are first used."""


def get_source_inputs(tensor: SymbolicTensor) -> list[SymbolicTensor]:
    """Return the inputs of the graph that a symbolic tensor comes from, itself for an input."""
    found: dict[int, SymbolicTensor] = {}
    seen: set[int] = set()
    waiting = [tensor]
    while waiting:
        x = waiting.pop()
        if x.node is None:
            found[id(x)] = x
        elif id(x.node) not in seen:
            seen.add(id(x.node))
            waiting += reversed(x.node.inputs)
    return list(found.values())


def __getattr__(name: str) -> Any:
    if name == "bounding_boxes":
        return import_module("layercli.utils.bounding_boxes")
    if name in LATE:
        return getattr(import_module(LATE[name]), name)
    return refused(__name__, name)


def __dir__() -> list[str]:
    return sorted(__all__)
