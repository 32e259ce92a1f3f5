"""The names of Keras's that layercli refuses, each with its reason.

A refused name can be imported, as in Keras, where it may lack its library; what is done with it raises one sentence.
"""

from __future__ import annotations

from typing import Any, NoReturn, TypeVar

from layercli.errors import UsageError

__all__ = ["REFUSED", "REFUSED_MEMBERS", "reason_for", "refuse_members", "refused"]

_JAX = "it is JAX's, and layercli computes with PyTorch"
_CALIBRATED = "layercli does not calibrate: gptq and awq weights are read from the checkpoints of their own libraries"
_ORDER = "serialized_variables are the variables in the order of files"

REFUSED = {
    "Operation": "a computation of one's own is a Layer",
    "RematScope": "layercli does not compute activations again in the backward pass",
    "StatelessScope": "stateless_call of a layer takes and returns its variables",
    "SymbolicScope": "compute_output_spec of a layer describes it without values",
    "name_scope": "a variable's path follows from the attributes that hold its layers",
    "remat": "layercli does not compute activations again in the backward pass",
    "callbacks.OrbaxCheckpoint": _JAX,
    "config.disable_interactive_logging": "fit, evaluate and predict take verbose=0 or 2",
    "config.enable_traceback_filtering": "tracebacks are always whole",
    "config.enable_unsafe_deserialization": "nothing from a file is ever executed",
    "dtype_policies.AWQDTypePolicy": _CALIBRATED,
    "dtype_policies.DTypePolicyMap": "each layer takes its own dtype",
    "dtype_policies.GPTQDTypePolicy": _CALIBRATED,
    "layers.FlaxLayer": _JAX,
    "layers.JaxLayer": _JAX,
    "layers.TFSMLayer": "a SavedModel is TensorFlow's, and layercli computes with PyTorch",
    "legacy": "the formats of Keras 1 and 2 are read by load_model",
    "optimizers.legacy": "the optimizers of Keras 2 are those of layercli.optimizers",
    "quantizers.AWQConfig": _CALIBRATED,
    "quantizers.GPTQConfig": _CALIBRATED,
    "saving.KerasFileEditor": "layercli check shows and layercli convert rewrites what a file holds",
    "utils.disable_interactive_logging": "fit, evaluate and predict take verbose=0 or 2",
    "utils.legacy": "the formats of Keras 1 and 2 are read by load_model",
    "utils.model_to_dot": "plot_model writes .dot",
}
"""Each name, or namespace with all of its names, by its path below ``keras``."""

_IMAGES = "call on a dict of images, labels and segmentation_masks moves them alike"
_FIT = "fit, evaluate and predict call train_step, test_step and predict_step, which a model may override"

REFUSED_MEMBERS = {
    "Layer.add_metric": "a metric is an attribute of the layer",
    "Layer.rematerialized_call": "layercli does not compute activations again in the backward pass",
    "Layer.variable_serialization_spec": _ORDER,
    "Model.get_quantization_layer_structure": _CALIBRATED,
    "Model.make_predict_function": _FIT,
    "Model.make_test_function": _FIT,
    "Model.make_train_function": _FIT,
    "Model.predict_function": _FIT,
    "Model.stateless_compute_loss": "stateless_call returns outputs, and a loss is a function of them",
    "Model.test_function": _FIT,
    "Model.train_function": _FIT,
    "BaseImagePreprocessingLayer.get_random_transformation": _IMAGES,
    "BaseImagePreprocessingLayer.transform_bounding_boxes": _IMAGES,
    "BaseImagePreprocessingLayer.transform_images": _IMAGES,
    "BaseImagePreprocessingLayer.transform_labels": _IMAGES,
    "BaseImagePreprocessingLayer.transform_segmentation_masks": _IMAGES,
    "BaseImagePreprocessingLayer.transform_single_bounding_box": _IMAGES,
    "BaseImagePreprocessingLayer.transform_single_image": _IMAGES,
    "BaseImagePreprocessingLayer.transform_single_label": _IMAGES,
    "BaseImagePreprocessingLayer.transform_single_segmentation_mask": _IMAGES,
}
"""Each method or attribute of Keras's classes that a script may ask for and that raises one sentence, by its class."""


class Refusal:
    """What stands for a refused name: calling it, subclassing it and asking for what is in it raises UsageError."""

    def __init__(self, path: str, reason: str) -> None:
        self.__doc__ = f"Refused: {reason}."
        self.__name__ = path.rpartition(".")[2]
        self._path, self._reason = path, reason

    def _refuse(self) -> NoReturn:
        raise UsageError(f"layercli has no {self._path}: {self._reason}")

    def __call__(self, *args: object, **kwargs: object) -> NoReturn:
        self._refuse()

    def __mro_entries__(self, bases: tuple[Any, ...]) -> NoReturn:
        self._refuse()

    def __instancecheck__(self, value: object) -> bool:
        return False

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return Refusal(f"{self._path}.{name}", self._reason)

    def __repr__(self) -> str:
        return f"<{self._path}, refused: {self._reason}>"


def reason_for(path: str) -> str | None:
    """Return why a name is refused, None if it is not."""
    while path not in REFUSED and "." in path:
        path = path.rpartition(".")[0]
    return REFUSED.get(path)


def refused(module: str, name: str) -> Refusal:
    """Return what stands for a name that a module lacks. Raises AttributeError if it is no name of Keras's."""
    path = f"{module}.{name}".removeprefix("layercli.")
    if path not in REFUSED:
        raise AttributeError(f"{module} has no {name!r}")
    return Refusal(path, REFUSED[path])


T = TypeVar("T", bound=type)


def refuse_members(cls: T) -> T:
    """Give a class what stands for the members that REFUSED_MEMBERS lists for it."""
    for path, reason in REFUSED_MEMBERS.items():
        owner, _, name = path.partition(".")
        if owner == cls.__name__:
            setattr(cls, name, Refusal(path, reason))
    return cls
