"""Models: layers made of layers. A model is a subclass, a functional model, or Sequential."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self, overload

from layercli.core import tree
from layercli.core.backend import get_backend
from layercli.core.custom_objects import custom_object_scope
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.layer import Layer
from layercli.core.refusals import refuse_members
from layercli.core.state_tree import StateTree
from layercli.core.types import Config
from layercli.errors import UsageError


@refuse_members
class Model(Layer, StateTree):
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

    def _init_as_functional(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
        if not is_functional_init(args, kwargs):
            return False
        from layercli.core.functional import Functional

        inject_functional_base(type(self))
        Functional.__init__(self, *args, **kwargs)  # type: ignore[arg-type]  # draw has made it one
        return True

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return the direct sublayer of that name or index."""
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

        ``filters``: a regular expression, or a list of them, that the name of a layer has to contain, or a function of the layer
        that returns whether it is meant. Layers without such weights are left as they are, with a warning each.
        """
        from layercli.core.quantize_model import quantize_layers

        quantize_layers(self, mode, config, filters, **kwargs)

    def compile(
        self,
        optimizer: object = "rmsprop",
        loss: object = None,
        loss_weights: object = None,
        metrics: object = None,
        weighted_metrics: object = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
        gradient_accumulation: int | None = None,
    ) -> None:
        """Configure training: each argument is a name, a config or an object, or a list or dict of them for several outputs.

        ``metrics`` ignore sample weights, ``weighted_metrics`` use them. Callbacks run once in ``steps_per_execution`` batches;
        the optimizer updates once in ``gradient_accumulation`` steps, with the mean gradient. The loss of a float16 model is scaled
        unless ``auto_scale_loss`` is false. ``jit_compile=True`` compiles the model with torch.compile unless ``run_eagerly``;
        "auto" does not, as in Keras with torch. Raises UsageError for an unknown name.
        """
        get_backend().compile(
            self,
            optimizer=optimizer,
            loss=loss,
            loss_weights=loss_weights,
            metrics=metrics,
            weighted_metrics=weighted_metrics,
            steps_per_execution=steps_per_execution,
            gradient_accumulation=gradient_accumulation,
            jit_compile=False if run_eagerly else jit_compile,
            auto_scale_loss=auto_scale_loss,
            run_eagerly=run_eagerly,
        )

    def fit(
        self,
        x: object = None,
        y: object = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: object = "auto",
        callbacks: Iterable[Any] | None = None,
        validation_split: float = 0.0,
        validation_data: object = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: object = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int = 1,
    ) -> Any:
        """Train from epoch ``initial_epoch`` to ``epochs`` and return the History.

        ``x`` and ``y`` are arrays, tensors, or lists and dicts of them, in memory or memory-mapped; or ``x`` is a torch Dataset, a
        DataLoader, or a generator of ``(x, y)`` or ``(x, y, sample_weight)``. The order of the samples and the random numbers of
        dropout follow from the seed and the number of steps, so that a resumed run continues as an uninterrupted one would.
        ``verbose``: 0 is silent; 1 or "auto" shows a bar for each epoch on a terminal and a line elsewhere; 2 prints lines;
        all on stderr. Raises UsageError or ShapeError for arguments that do not fit.
        """
        return get_backend().fit(
            self,
            x=x,
            y=y,
            batch_size=batch_size,
            epochs=epochs,
            verbose=verbose,
            callbacks=callbacks,
            validation_split=validation_split,
            validation_data=validation_data,
            shuffle=shuffle,
            class_weight=class_weight,
            sample_weight=sample_weight,
            initial_epoch=initial_epoch,
            steps_per_epoch=steps_per_epoch,
            validation_steps=validation_steps,
            validation_batch_size=validation_batch_size,
            validation_freq=validation_freq,
        )

    def evaluate(
        self,
        x: object = None,
        y: object = None,
        batch_size: int | None = None,
        verbose: object = "auto",
        sample_weight: object = None,
        steps: int | None = None,
        callbacks: Iterable[Any] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Return the loss and the metrics over data, given as for ``fit``: a list (a number if there is one value), or a dict."""
        return get_backend().evaluate(
            self,
            x=x,
            y=y,
            batch_size=batch_size,
            verbose=verbose,
            sample_weight=sample_weight,
            steps=steps,
            callbacks=callbacks,
            return_dict=return_dict,
        )

    def predict(
        self,
        x: object,
        batch_size: int | None = None,
        verbose: object = "auto",
        steps: int | None = None,
        callbacks: Iterable[Any] | None = None,
    ) -> Any:
        """Return the outputs for ``x`` as numpy arrays, computed batch by batch."""
        return get_backend().predict(self, x=x, batch_size=batch_size, steps=steps, callbacks=callbacks)

    def train_on_batch(
        self,
        x: object,
        y: object = None,
        sample_weight: object = None,
        class_weight: object = None,
        return_dict: bool = False,
    ) -> Any:
        """Take one step on one batch and return its loss and metrics."""
        return get_backend().on_batch(
            self,
            "train",
            x=x,
            y=y,
            sample_weight=sample_weight,
            class_weight=class_weight,
            return_dict=return_dict,
        )

    def test_on_batch(
        self, x: object, y: object = None, sample_weight: object = None, return_dict: bool = False
    ) -> Any:
        """Evaluate one batch and return its loss and metrics."""
        return get_backend().on_batch(
            self, "test", x=x, y=y, sample_weight=sample_weight, class_weight=None, return_dict=return_dict
        )

    def predict_on_batch(self, x: object) -> Any:
        """Return the outputs for one batch as numpy arrays."""
        return get_backend().predict(self, x=x, batch_size=2**62, steps=None, callbacks=None)

    def save(self, filepath: Any, overwrite: bool = True, zipped: bool | None = None) -> None:
        """Write the model to a ``.keras`` file, whole or not at all: config, weights, and compile arguments with optimizer state.

        A file that ends in ``.h5`` gets the layout of Keras 2. The model must be Sequential or functional, made of layercli's
        layers; Keras 3 loads the file. Raises UsageError otherwise, and for a file that exists unless ``overwrite``.
        ``zipped`` must not be false: the file is an archive.
        """
        if zipped is False:
            raise UsageError("save writes an archive, not a folder: leave zipped out")
        check_free(filepath, overwrite)
        get_backend().save(self, filepath)

    def to_json(self, **kwargs: object) -> str:
        """Return the model's config as JSON, without weights: ``models.model_from_json`` makes a model from it.

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
        get_backend().export(self, filepath, format, input_signature, kwargs)
        if verbose:
            print(f"Saved the graph of {self.name} in {os.fspath(filepath)}")

    def save_weights(self, filepath: Any, overwrite: bool = True, max_shard_size: float | None = None) -> None:
        """Write the variables to ``.safetensors`` or ``.weights.h5`` (Keras's layout), whole or not at all.

        Raises UsageError for a file that exists, unless ``overwrite``, and for a ``max_shard_size``: it is one file.
        """
        if max_shard_size is not None:
            raise UsageError("save_weights writes one file, and takes no max_shard_size")
        check_free(filepath, overwrite)
        get_backend().save_weights(self, filepath)

    def load_weights(self, filepath: Any, skip_mismatch: bool = False) -> None:
        """Load the variables from a file of weights; raise FormatError if it does not fit, and then change nothing.

        With ``skip_mismatch`` a layer that does not fit keeps its values, with a warning.
        """
        get_backend().load_weights(self, filepath, skip_mismatch)

    def train_step(self, data: Any) -> Mapping[str, Any]:
        """Take one training step and return the logs; override it for a custom training step.

        ``data`` is one batch of the data of fit: ``x``, ``(x, y)`` or ``(x, y, sample_weight)``.
        """
        return self._require_trainer("train_step").train_step(data)  # type: ignore[no-any-return]  # core knows no Trainer

    def test_step(self, data: Any) -> Mapping[str, Any]:
        """Evaluate ``data`` (see ``train_step``) and return the logs; override it for a custom evaluation step."""
        return self._require_trainer("test_step").test_step(data)  # type: ignore[no-any-return]  # core knows no Trainer

    def predict_step(self, data: Any) -> Any:
        """Return the outputs for ``data`` (see ``train_step``); override it for a custom prediction step."""
        return self(data[0] if isinstance(data, (list, tuple)) else data, training=False)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """Return the training loss: that of compile plus regularization penalties and added losses."""
        return self._require_trainer("compute_loss").compute_loss(y, y_pred, sample_weight)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Mapping[str, Any]:
        """Update the metrics with a batch and return the logs."""
        return self._require_trainer("compute_metrics").compute_metrics(y, y_pred, sample_weight)  # type: ignore[no-any-return]

    @property
    def metrics(self) -> list[Any]:
        """The mean loss, the metrics of compile as one, and those in the attributes of the model and of the layers below."""
        return self.own_metrics() if self._trainer is None else list(self._trainer.model_metrics())

    @property
    def metrics_variables(self) -> list[Any]:
        """The variables of the metrics."""
        return [variable for metric in self.metrics for variable in metric.variables]

    @property
    def compiled(self) -> bool:
        """Whether ``compile`` was called."""
        return self._trainer is not None

    @property
    def run_eagerly(self) -> bool:
        """Whether ``compile`` got ``run_eagerly=True``."""
        return self._trainer is not None and bool(self._trainer.run_eagerly)

    @property
    def jit_compile(self) -> bool:
        """Whether torch.compile compiles the model in training."""
        return self._trainer is not None and self._trainer.jit_compile is True

    def get_compile_config(self) -> Config | None:
        """Return the arguments of ``compile`` as plain values, or None before it was called."""
        return None if self._trainer is None else self._trainer.get_config()

    @property
    def steps_per_execution(self) -> int:
        """In how many batches callbacks run once; 1 before ``compile``."""
        return 1 if self._trainer is None else int(self._trainer.steps_per_execution)

    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        """Call ``compile`` with the arguments that ``get_compile_config`` returned."""
        self.compile(**config)

    @property
    def metrics_names(self) -> list[str]:
        """The names of ``metrics``; ``compile_metrics`` is that of all metrics of compile."""
        return [metric.name for metric in self.metrics]

    def get_metrics_result(self) -> Mapping[str, Any]:
        """Return the current metrics, for a custom ``train_step``."""
        return self._require_trainer("get_metrics_result").results()  # type: ignore[no-any-return]  # core knows no Trainer

    def reset_metrics(self) -> None:
        """Reset the loss and the metrics."""
        self._require_trainer("reset_metrics").reset()

    def parameters(self) -> Any:
        """Return an iterator over the torch Parameters of the layer module."""
        return self.module.parameters()

    def zero_grad(self) -> None:
        """Reset the gradients of all parameters."""
        self.module.zero_grad()

    @classmethod
    def from_config(cls, config: Config, custom_objects: Any = None) -> Any:
        """Return a new model from its config; ``Model`` itself takes those of functional models."""
        if cls is Model and "input_layers" in config:
            return get_backend().functional_from_config(config, custom_objects)
        with custom_object_scope(custom_objects or {}):
            return super().from_config(config)

    def _require_trainer(self, what: str) -> Any:
        return get_backend().trainer(self, what)


def is_functional_init(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Return whether the arguments of a model are symbolic inputs and outputs."""
    ends = [*args[:2], *(kwargs[key] for key in ("inputs", "outputs") if key in kwargs)]
    return len(ends) == 2 and all(isinstance(x, SymbolicTensor) for x in tree.flatten(ends))


def inject_functional_base(cls: type) -> None:
    """Make a subclass of Model that is given symbolic inputs and outputs a subclass of Functional, as Keras does."""
    from layercli.core.functional import Functional

    for each in cls.__mro__:
        if Model in each.__bases__ and not issubclass(each, Functional):
            each.__bases__ = tuple(Functional if base is Model else base for base in each.__bases__)


def check_free(path: Any, overwrite: bool) -> None:
    """Raise UsageError for a file that exists, unless it may be overwritten."""
    if not overwrite and os.path.exists(path):
        raise UsageError(f"{os.fspath(path)} exists", hint="overwrite=True writes over it")
