"""Models: layers made of layers. A model is a subclass, a functional model, or Sequential."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, overload

from layercli.core import tree
from layercli.core.backend import get_backend
from layercli.core.custom_objects import custom_object_scope
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.layer import Layer
from layercli.core.paths import path_text
from layercli.core.refusals import refuse_members
from layercli.core.registry import require_config
from layercli.core.state_tree import StateTree
from layercli.core.training_methods import TrainingMethods
from layercli.core.types import Config
from layercli.errors import ArgumentError, UsageError, nearest


@refuse_members
class Model(TrainingMethods, Layer, StateTree):
    """A layer made of layers that can be trained, saved and inspected.

    Subclass it and write ``call``, or make a functional model from symbolic inputs and outputs: ``Model(inputs, outputs)``.

    Args:
        inputs: A symbolic tensor, or a list, tuple or dict of them.
        outputs: A symbolic tensor, or a list, tuple or dict of them.
        name: The name of the model.
    """

    if TYPE_CHECKING:

        def _attributes(self) -> None:  # declared in a method, they are no constructor arguments
            self.optimizer: Any
            self.loss: Any
            self.history: Any
            self._trainer: Any
    else:
        optimizer = loss = history = _trainer = None
    stop_training = False
    takes_text = True

    if TYPE_CHECKING:

        @overload
        def __init__(self, inputs: Any, outputs: Any, name: str | None = None, *, trainable: bool = True) -> None: ...

        @overload
        def __init__(
            self, *, name: str | None = None, trainable: bool = True, dtype: Any = None, **kwargs: Any
        ) -> None: ...

        def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    def __new__(cls, *args: object, **kwargs: object) -> Self:
        """Return a Functional for ``Model(inputs, outputs)``."""
        if cls is Model and (len(args) == 2 or "outputs" in kwargs):
            from layercli.core.functional import Functional

            return super().__new__(Functional, *args, **kwargs)  # type: ignore[return-value]  # it is a Model too
        if is_functional_init(args, kwargs):
            inject_functional_base(cls)
        return super().__new__(cls, *args, **kwargs)

    def _init_as_functional(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> bool:
        if not is_functional_init(args, kwargs):
            return False
        from layercli.core.functional import Functional

        inject_functional_base(type(self))
        Functional.__init__(self, *args, **kwargs)  # type: ignore[arg-type]  # draw has made it one
        return True

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return the direct sublayer of that name or index; UsageError for none, or for both."""
        if index is not None and name is not None:
            raise UsageError(f"get_layer takes a name or an index, got {name!r} and {index}")
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise UsageError(f"{self.name} has {len(self.layers)} layers, there is none at {index}")
            return self.layers[index]
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise UsageError(
            f"{self.name} has no layer {name!r}", hint=f"its layers: {', '.join(x.name for x in self.layers)}"
        )

    def quantize(  # type: ignore[override]  # of all layers, with Keras's filters
        self, mode: str | None = None, config: Any = None, filters: Any = None, **kwargs: Any
    ) -> None:
        """Store the weights of all layers that can be quantized as ``int8`` or ``int4``; ``config`` says more than ``mode``.

        ``gptq`` and ``awq`` choose the integers of Dense and EinsumDense by their inputs on the data of a GPTQConfig or AWQConfig.

        ``filters``: a regular expression, or a list of them, that the name of a layer has to contain, or a function of the layer
        that returns whether it is meant. Layers without such weights are left as they are, with a warning each.
        """
        from layercli.core.quantize_model import quantize_layers

        quantize_layers(self, mode, config, filters, **kwargs)

    def get_quantization_layer_structure(self, mode: str | None = None) -> dict[str, Any] | None:
        """Return what ``quantize`` of the mode gptq or awq calibrates, None here; a class of one's own overrides it.

        A dict: ``pre_block_layers``, through which the data goes first, and ``sequential_blocks``, whose layers are quantized one
        block after the other. The config of quantize may give it instead.
        """
        return None

    def save(self, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any) -> None:
        """Write the model to a ``.keras`` file, whole or not at all: config, weights, and compile arguments with optimizer state.

        A file that ends in ``.h5`` or ``.hdf5`` gets the layout of Keras 2, in a folder that is made where there is none; with
        ``include_optimizer=False`` it has no settings of compile. The model must be Sequential or functional, made of layercli's
        layers; Keras 3 loads the file. Raises UsageError otherwise, and for a file that exists unless ``overwrite``.
        ``zipped`` must not be false: the file is an archive. ``save_format`` is ignored with a warning: the ending says it.
        """
        include_optimizer = kwargs.pop("include_optimizer", True)
        save_format = kwargs.pop("save_format", None)
        refuse_others("save", kwargs, ["include_optimizer", "save_format"])
        path = path_text(filepath)
        if save_format:
            check_format(path, save_format)
        if zipped is False:
            raise UsageError("save writes an archive, not a folder: leave zipped out")
        check_free(path, overwrite)
        get_backend().save(self, filepath, include_optimizer)

    def to_json(self, **kwargs: object) -> str:
        """Return the model's config and that of compile as JSON, without weights: ``models.model_from_json`` makes a model from it.

        ``kwargs`` go to json.dumps. Raises UsageError for a model that cannot be serialized.
        """
        return get_backend().to_json(self, **kwargs)

    def export(
        self,
        filepath: Any,
        format: str | None = None,
        verbose: bool | None = None,
        input_signature: Any = None,
        **kwargs: Any,
    ) -> None:
        """Write the inference graph, whole or not at all, to ``.pt2`` (torch.export) or ``.onnx``.

        Unknown sizes stay dynamic, the batch among them; inputs keep their names. The graph runs without layercli.
        Raises UsageError for a model that torch cannot trace or another format, NotBuiltError before the first call.

        Args:
            filepath: The file.
            format: ``"torch"`` or ``"onnx"``; None for what the ending says. SavedModel and LiteRT are TensorFlow's, and refused.
            verbose: Whether to print where the graph was written.
            input_signature: A list of InputSpec, KerasTensor or tensors that describe the inputs; None for those of the last call.
            **kwargs: For torch what ``torch.export.export`` takes, such as ``dynamic_shapes``; for onnx ``opset_version``.
        """
        if format not in (None, "torch", "onnx"):
            raise UsageError(
                f"export writes the formats torch and onnx, got {format!r}",
                hint="SavedModel and LiteRT are TensorFlow's",
            )
        get_backend().export(self, path_text(filepath), format, input_signature, kwargs)
        if verbose:
            print(f"Saved the graph of {self.name} in {os.fspath(filepath)}")

    def save_weights(self, filepath: Any, overwrite: bool = True, max_shard_size: float | None = None) -> None:
        """Write the variables to ``.safetensors`` or ``.weights.h5`` (Keras's layout), whole or not at all.

        With ``max_shard_size`` in GiB they are written to ``.weights.json``, an index, and to files of Keras's layout beside it.
        Raises UsageError for a file that exists, unless ``overwrite``, and for a variable that is larger than ``max_shard_size``.
        """
        check_free(path_text(filepath), overwrite)
        get_backend().save_weights(self, filepath, max_shard_size)

    def load_weights(self, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> None:
        """Load the variables from a file of weights; raise FormatError if it does not fit, and then change nothing.

        With ``skip_mismatch`` a layer that does not fit keeps its values, with a warning; from a file in Keras 2's layout, a
        variable of another shape. ``by_name=True``, for that layout alone: only the layers are loaded whose names are in the file.
        ``objects_to_skip``, for the others of ``.weights.h5`` and ``.weights.json``: layers that keep their values, with all below.
        """
        by_name, skipped = kwargs.pop("by_name", None), kwargs.pop("objects_to_skip", None)
        refuse_others("load_weights", kwargs, ["by_name", "objects_to_skip"])
        if skipped is not None and not isinstance(skipped, (list, tuple, set)):
            raise ArgumentError(f"objects_to_skip is a list of layers, got {skipped!r}")
        get_backend().load_weights(self, path_text(filepath), skip_mismatch, by_name, skipped)

    def parameters(self) -> Any:
        """Return an iterator over the torch Parameters of the layer module."""
        return self.module.parameters()

    def zero_grad(self) -> None:
        """Reset the gradients of all parameters."""
        self.module.zero_grad()

    @classmethod
    def from_config(cls, config: Config, custom_objects: Any = None) -> Any:
        """Return a new model from its config; ``Model`` itself takes those of functional models."""
        require_config(cls, config)
        if cls is Model and "input_layers" in config:
            return get_backend().functional_from_config(config, custom_objects)
        with custom_object_scope(custom_objects or {}):
            return super().from_config(config)


def is_functional_init(args: tuple[object, ...], kwargs: Mapping[str, object]) -> bool:
    """Return whether the arguments of a model are symbolic inputs and outputs."""
    ends = [*args[:2], *(kwargs[key] for key in ("inputs", "outputs") if key in kwargs)]
    return len(ends) == 2 and all(isinstance(x, SymbolicTensor) for x in tree.flatten(ends))


def inject_functional_base(cls: type) -> None:
    """Make a subclass of Model that is given symbolic inputs and outputs a subclass of Functional, as Keras does."""
    from layercli.core.functional import Functional

    for each in cls.__mro__:
        if Model in each.__bases__ and not issubclass(each, Functional):
            each.__bases__ = tuple(Functional if base is Model else base for base in each.__bases__)


def refuse_others(method: str, given: Mapping[str, object], known: list[str]) -> None:
    """Raise ArgumentError for an argument that a method takes no more of."""
    for name in given:
        raise ArgumentError(f"{method} has no argument {name!r}", hint=nearest(name, known, "arguments"))


def check_format(path: str, save_format: object) -> None:
    """Warn that ``save_format`` is not needed; UsageError where the ending of ``path`` does not say the format."""
    if not path.endswith((".keras", ".h5", ".hdf5")):
        raise UsageError(
            f"save_format={save_format!r} is of Keras 2, and {path!r} has no ending of a model",
            hint="leave it out, and end the path in .keras or .h5",
        )
    warnings.warn("save_format is ignored: the ending of the path says the format", stacklevel=3)


def check_free(path: str, overwrite: bool) -> None:
    """Raise UsageError for a file that exists, unless it may be overwritten."""
    if not overwrite and os.path.exists(path):
        raise UsageError(f"{path} exists", hint="overwrite=True writes over it")
