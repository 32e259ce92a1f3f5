"""What the description of a model asks of those who run, save and draw it: the one way up from ``core``.

The description (core, ops, layers, callbacks, saving, formats) imports nothing above itself. Where it needs tensors, training,
files or a terminal it calls ``get_backend()``, which ``layercli/runtime/backend.py`` implements with torch.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from layercli.core.types import Config, ConfigLike, PathLike, Tensor, TensorTree

if TYPE_CHECKING:
    from layercli.core.keras_tensor import SymbolicTensor
    from layercli.core.layer import Layer
    from layercli.core.model import Model
    from layercli.core.variable import Variable


class Backend(Protocol):
    """What runs the description. No method keeps state of its own: what a running call needs is kept for its thread."""

    @property
    def ops(self) -> Any:
        """The operations as functions, ``layercli.ops``, for the operators of symbolic tensors and variables."""

    # Calls

    def call(self, layer: Layer, args: tuple[Any, ...], kwargs: Config) -> Any:
        """Return ``layer(*args, **kwargs)`` for tensors, arrays and nested lists, building the layer first."""

    def build_module(self, layer: Layer, *, ready: bool) -> None:
        """Make the layer's module, or add to it the variables and sublayers that it does not hold yet."""

    def wrap_module(self, module: object) -> Layer:
        """Return the layer of a torch.nn.Module."""

    def registered_as(self) -> type:
        """Return torch.nn.Module, as which torch takes a layer, after telling torch to register the layer module in its place."""

    def torch_function(self, function: object, args: object, kwargs: Config) -> Any:
        """Apply a function of torch to arguments that contain symbolic tensors or variables, and record the call."""

    def tensor_attribute(self, x: Any, name: str) -> Any:
        """Return the attribute ``name`` that a symbolic tensor or a variable would have as a torch tensor."""

    def constant_value(self, x: Any) -> Any:
        """Return the torch tensor that a symbolic tensor is in every call, or None if it depends on inputs or variables."""

    def linear(self, x: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor | None:
        """Return x @ kernel + bias for a large kernel by a faster product than torch's linear, or None where that is to be used."""

    def all_reduce(self, tensors: Sequence[Any]) -> Sequence[Any]:
        """Return tensors summed, with their gradients, over the ranks that this thread trains with; alone, the same tensors."""

    @property
    def distribution(self) -> Any:
        """The functions that ``layercli.distribution`` asks for devices, ranks, meshes and distributed tensors."""

    # Tensors

    def is_array(self, x: object) -> bool:
        """Return whether ``x`` is a NumPy array, or nested lists of numbers."""

    def as_tensor(self, x: object) -> Any:
        """Return an array, nested lists or a variable as a torch tensor."""

    def to_numpy(self, x: Any, axes: tuple[int, ...] | None = None) -> Any:
        """Return a copy of a tensor as a NumPy array, its axes permuted."""

    def cast(self, x: Any, dtype: str) -> Any:
        """Return a floating tensor in ``dtype``; any other value unchanged."""

    def as_one_dtype(self, values: Sequence[Any], dtype: str) -> list[Any]:
        """Return the tensors among ``values`` in ``dtype``, other values unchanged."""

    def assign(self, stored: object, value: Any, layout: tuple[int, ...] | None) -> None:
        """Copy ``value``, of the logical shape, into the tensor ``stored``, whose axes are in the order ``layout``."""

    def cast_number(self, value: Any, dtype: str) -> Any:
        """Return a number as a tensor of that dtype."""

    def stateless_call(self, layer: Layer, *arguments: Any) -> Any:
        """Run Layer.stateless_call: pairs of variables and values, trained and not, then args, kwargs and return_losses."""

    def as_stored(self, variable: Variable, value: Any) -> Any:
        """Return a value, of the logical shape, as a tensor of the dtype, device and layout in which the variable is stored."""

    def checkpoint(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Config) -> Any:
        """Return what a function returns; what it computes in between is computed again in the backward pass."""

    def variable_module(self, variable: Variable) -> Any:
        """Return a torch module that holds the value of a variable that is of no layer."""

    # Training and inference

    def compile(self, model: Model, **arguments: Any) -> None:
        """Run Model.compile."""

    def fit(self, model: Model, **arguments: Any) -> Any:
        """Run Model.fit."""

    def evaluate(self, model: Model, **arguments: Any) -> Any:
        """Run Model.evaluate."""

    def on_batch(self, model: Model, mode: str, **arguments: Any) -> Any:
        """Run Model.train_on_batch or test_on_batch; ``mode`` is ``train`` or ``test``."""

    def predict(self, model: Model, **arguments: Any) -> Any:
        """Run Model.predict."""

    def trainer(self, model: Model, method: str) -> Any:
        """Return what compile has made of the model; UsageError, which names ``method``, where it was not compiled."""

    def backups(self, folder: str, kept: int) -> Any:
        """Return the training backups in ``folder``, of which the newest ``kept`` are kept."""

    def event_writer(self, folder: PathLike) -> Any:
        """Return a writer of TensorBoard's event files in ``folder``."""

    def html(self, shown: object) -> str:
        """Return a model, a variable, a history, a summary, a diff or a GPU report as HTML for a notebook."""

    def text(self, shown: object) -> str:
        """Return a summary as the table that is printed."""

    # Files

    def calibrate(self, model: Model, mode: str | None, config: Any, filters: Any) -> None:
        """See Model.quantize, for the modes gptq and awq."""

    def save(self, model: Model, path: PathLike, include_optimizer: bool = True) -> None:
        """Run Model.save."""

    def save_weights(self, model: Model, path: PathLike, max_shard_size: float | None = None) -> None:
        """Run Model.save_weights."""

    def load_weights(
        self,
        model: Model,
        path: PathLike,
        skip_mismatch: bool = False,
        by_name: bool | None = None,
        skipped: Collection[Any] | None = None,
    ) -> None:
        """Run Model.load_weights."""

    def load_model(self, path: PathLike, custom_objects: Mapping[str, Any] | None, compile: bool) -> Model:
        """Run saving.load_model."""

    def export(self, model: Model, path: PathLike, format: str | None, input_signature: Any, settings: Config) -> None:
        """Run Model.export."""

    def write_archive(self, path: PathLike, *parts: Any) -> None:
        """Run ExportArchive.write_out: the endpoints by name, the tracked layers, the collections of variables by name."""

    def to_json(self, model: Model, **arguments: Any) -> str:
        """Run Model.to_json."""

    def functional_config(self, model: Model) -> dict[str, object]:
        """Return the config of a functional model, with its layers and the calls between them."""

    def deserialize(self, config: Any) -> Any:
        """Return the objects that a config, or a list of them, describes; FormatError or UsageError for an unknown class."""

    def functional_from_config(self, config: ConfigLike, custom_objects: Mapping[str, Any] | None) -> Any:
        """Return the functional model that ``config`` describes; FormatError where it describes none."""

    def sequential_config(self, model: Model) -> dict[str, object]:
        """Return the config of a Sequential, with those of its layers."""

    def sequential_from_config(self, cls: type, config: ConfigLike, custom_objects: Mapping[str, Any] | None) -> Any:
        """Return the Sequential, of the class ``cls``, that ``config`` describes; FormatError where it describes none."""

    # Inspection

    def input_layer(self, x: SymbolicTensor) -> Layer:
        """Return the InputLayer of a symbolic input."""

    def summarize(
        self, layer: Layer, inputs: TensorTree, columns: str | None, depth: int, width: int | None, print_fn: object
    ) -> None:
        """Print the summary of a layer for inputs of these Specs, or of None."""

    def dot(self, layer: Layer, *, nested: bool, down: bool) -> str:
        """Return the picture of a layer in the DOT language."""

    def plot(self, layer: Layer, path: str, *, nested: bool, down: bool, dpi: int) -> None:
        """Write the picture of a layer to a file."""


_backend: Backend | None = None


def get_backend() -> Backend:
    """Return the backend, which is imported when it is first asked for; it imports torch when it needs it."""
    global _backend
    if _backend is None:
        from layercli.runtime.backend import TorchBackend

        _backend = TorchBackend()
    return _backend
