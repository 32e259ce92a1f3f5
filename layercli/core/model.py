"""Models: a layer made of layers. Written as a class, drawn from inputs to outputs, or stacked (see sequential)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self, overload

from layercli.core import tree
from layercli.core.backend import get_backend
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.layer import Layer
from layercli.errors import UsageError


class Model(Layer):
    """A layer that nests layers, to be trained, saved and looked at.

    Subclass it and write ``call``, or give it the ends of what was drawn with ``Input``: ``Model(inputs, outputs)``.
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

    if TYPE_CHECKING:

        @overload
        def __init__(self, inputs: Any, outputs: Any, name: str | None = None, *, trainable: bool = True) -> None: ...

        @overload
        def __init__(
            self, *, name: str | None = None, trainable: bool = True, dtype: Any = None, **kwargs: Any
        ) -> None: ...

        def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Return a Functional for ``Model(inputs, outputs)``."""
        if cls is Model and (len(args) == 2 or "outputs" in kwargs):
            from layercli.core.functional import Functional

            return super().__new__(Functional, *args, **kwargs)  # type: ignore[return-value]  # it is a Model too
        if is_functional_init(args, kwargs):
            inject_functional_base(cls)
        return super().__new__(cls, *args, **kwargs)

    def _init_as_functional(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        if not is_functional_init(args, kwargs):
            return False
        from layercli.core.functional import Functional

        inject_functional_base(type(self))
        Functional.__init__(self, *args, **kwargs)  # type: ignore[arg-type]  # draw has made it one
        return True

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return the direct sublayer of that name, or at that place."""
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

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
        gradient_accumulation: int | None = None,
    ) -> None:
        """Say how to train: each a name, a config or an object; for several outputs, lists or dicts by their names.

        ``metrics`` ignore sample weights, ``weighted_metrics`` count them. Callbacks hear of every
        ``steps_per_execution``-th batch; the optimizer updates once in ``gradient_accumulation`` steps, by the mean. A model
        that computes in float16 has its loss scaled, unless ``auto_scale_loss`` is false. ``jit_compile=True`` runs the model
        through torch.compile, unless it is to ``run_eagerly``; ``auto``, as Keras has it with torch, does not. UsageError for
        a name nobody has.
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
        )

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Iterable[Any] | None = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int = 1,
    ) -> Any:
        """Train for the epochs from ``initial_epoch`` up to ``epochs`` and return the History.

        ``x`` and ``y`` are arrays, tensors, or lists and dicts of them, in memory or mapped from a file; or ``x`` is a torch
        Dataset, a DataLoader, or a generator of ``(x, y)`` or ``(x, y, sample_weight)``. The order of the samples and the
        draws of dropout follow from the seed and the steps taken, so that a run resumed goes on as it would have.
        ``verbose``: 0 is silent, 1 or auto a bar per epoch on a terminal and a line off it, 2 lines; all on stderr.
        UsageError or ShapeError says what does not fit.
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
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Iterable[Any] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Return the loss and the metrics over data as ``fit`` takes it: a list (one number if it is alone), or a dict."""
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
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Iterable[Any] | None = None,
    ) -> Any:
        """Return the outputs for ``x`` as numpy arrays, computed batch by batch."""
        return get_backend().predict(self, x=x, batch_size=batch_size, steps=steps, callbacks=callbacks)

    def train_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None, return_dict: bool = False
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

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Evaluate one batch and return its loss and metrics."""
        return get_backend().on_batch(
            self, "test", x=x, y=y, sample_weight=sample_weight, class_weight=None, return_dict=return_dict
        )

    def predict_on_batch(self, x: Any) -> Any:
        """Return the outputs for one batch as numpy arrays."""
        return get_backend().predict(self, x=x, batch_size=2**62, steps=None, callbacks=None)

    def save(self, path: Any) -> None:
        """Write the model to a ``.keras`` file, whole or not at all: config, weights, and how it is compiled and trained.

        For stacks and functional models of layercli's layers; Keras 3 loads the file. UsageError for another model or ending.
        """
        get_backend().save(self, path)

    def to_json(self, **kwargs: Any) -> str:
        """Return the model's config as JSON, no values in it: ``models.model_from_json`` makes a model of it.

        ``kwargs`` are for json.dumps. UsageError for a model that no file can name.
        """
        return get_backend().to_json(self, **kwargs)

    def export(self, path: Any) -> None:
        """Write the model in inference as a graph, whole or not at all: ``.pt2`` of torch.export, or ``.onnx``.

        Sizes that are not known stay open, the batch among them; inputs have their names. The graph runs where this library
        is not. UsageError for a model that torch cannot trace, or another ending; NotBuiltError before it was called.
        """
        get_backend().export(self, path)

    def save_weights(self, path: Any) -> None:
        """Write the variables to ``.safetensors`` or, as Keras lays them out, ``.weights.h5``, whole or not at all."""
        get_backend().save_weights(self, path)

    def load_weights(self, path: Any) -> None:
        """Set the variables from a file of weights; FormatError where it does not fit, and then nothing is set."""
        get_backend().load_weights(self, path)

    def train_step(self, data: Any) -> Mapping[str, Any]:
        """Take one step and return the logs so far; override it to train otherwise.

        ``data`` is what fit was given of one batch: ``x`` alone, ``(x, y)`` or ``(x, y, sample_weight)``.
        """
        return self._require_trainer("train_step").train_step(data)  # type: ignore[no-any-return]  # core knows no Trainer

    def test_step(self, data: Any) -> Mapping[str, Any]:
        """Evaluate ``data``, as in ``train_step``, and return the logs so far; override it to evaluate otherwise."""
        return self._require_trainer("test_step").test_step(data)  # type: ignore[no-any-return]  # core knows no Trainer

    def predict_step(self, data: Any) -> Any:
        """Return the outputs for ``data``, as in ``train_step``; override it to predict otherwise."""
        return self(data[0] if isinstance(data, (list, tuple)) else data, training=False)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """Return the loss to minimise: that of compile, with the penalties of regularizers and what add_loss was given."""
        return self._require_trainer("compute_loss").compute_loss(y, y_pred, sample_weight)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Mapping[str, Any]:
        """Add a batch to the metrics and return the logs so far."""
        return self._require_trainer("compute_metrics").compute_metrics(y, y_pred, sample_weight)  # type: ignore[no-any-return]

    @property
    def metrics(self) -> list[Any]:
        """The metrics of compile, once a batch was seen, and those in the model's attributes."""
        return [] if self._trainer is None else list(self._trainer.metrics)

    @property
    def metrics_names(self) -> list[str]:
        """The names of what ``evaluate`` returns, in its order."""
        return ["loss", *(metric.name for metric in self.metrics)]

    def get_metrics_result(self) -> Mapping[str, Any]:
        """Return the metrics so far, as a ``train_step`` of one's own may return them."""
        return self._require_trainer("get_metrics_result").results()  # type: ignore[no-any-return]  # core knows no Trainer

    def reset_metrics(self) -> None:
        """Forget every batch that the loss and the metrics have seen."""
        self._require_trainer("reset_metrics").reset()

    def parameters(self) -> Any:
        """Return an iterator over the torch Parameters of the mirror."""
        return self.module.parameters()

    def zero_grad(self) -> None:
        """Drop the gradients that a backward pass left in the parameters."""
        self.module.zero_grad()

    def _require_trainer(self, what: str) -> Any:
        return get_backend().trainer(self, what)


def is_functional_init(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Whether a model is given the inputs and the outputs of what was drawn."""
    ends = [*args[:2], *(kwargs[key] for key in ("inputs", "outputs") if key in kwargs)]
    return len(ends) == 2 and all(isinstance(x, SymbolicTensor) for x in tree.flatten(ends))


def inject_functional_base(cls: type) -> None:
    """Let a subclass of Model that is given the ends of what was drawn be one of Functional, as in Keras."""
    from layercli.core.functional import Functional

    for each in cls.__mro__:
        if Model in each.__bases__ and not issubclass(each, Functional):
            each.__bases__ = tuple(Functional if base is Model else base for base in each.__bases__)
