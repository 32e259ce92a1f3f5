"""The backend on PyTorch: each request of the description handed to the module that serves it, which is imported then.

Nothing here imports torch at its top: the operators of symbolic tensors come through here too, and describe without it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from layercli import ops
from layercli.core.types import Config, ConfigLike, PathLike, Tensor, TensorTree

if TYPE_CHECKING:
    from layercli.core.keras_tensor import SymbolicTensor
    from layercli.core.layer import Layer
    from layercli.core.model import Model
    from layercli.core.variable import Variable


class TorchBackend:
    """See ``layercli.core.backend.Backend``."""

    ops = ops

    # Calls

    def call(self, layer: Layer, args: tuple[object, ...], kwargs: Config) -> Any:
        """Run eager_call.call."""
        from layercli.runtime.execution import eager_call

        return eager_call.call(layer, args, kwargs)

    def build_module(self, layer: Layer, *, ready: bool) -> None:
        """Run layer_module.build_module."""
        from layercli.runtime.execution import layer_module

        layer_module.build_module(layer, ready=ready)

    def wrap_module(self, module: object) -> Layer:
        """Return a TorchModuleWrapper."""
        from layercli.layers.core.torch_module_wrapper import TorchModuleWrapper

        return TorchModuleWrapper(module)

    def registered_as(self) -> type:
        """Run module_registration.registered_as."""
        from layercli.runtime.execution import module_registration

        return module_registration.registered_as()

    def torch_function(self, function: Any, args: Any, kwargs: dict[str, object]) -> Any:
        """Run the function on torch's meta device."""
        from layercli.runtime.execution import meta_tensors

        return meta_tensors.torch_function(function, args, kwargs)

    def tensor_attribute(self, x: Tensor, name: str) -> object:
        """Return the attribute of a tensor on torch's meta device."""
        from layercli.runtime.execution import meta_tensors

        return meta_tensors.tensor_attribute(x, name)

    def constant_value(self, x: Any) -> Any:
        """Run constant_values.constant_value."""
        from layercli.core import constant_values

        return constant_values.constant_value(x)

    def linear(self, x: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor | None:
        """Run large_products.product, which later calls reach without this function."""
        from layercli.runtime.inference import large_products

        self.linear = large_products.product  # type: ignore[method-assign]
        return large_products.product(x, kernel, bias)

    def all_reduce(self, tensors: Sequence[Tensor]) -> Sequence[object]:
        """Run process_group.all_reduce."""
        from layercli.runtime.distributed import process_group

        return process_group.all_reduce(tensors)

    @property
    def distribution(self) -> Any:
        """The module device_meshes."""
        from layercli.runtime.distributed import device_meshes

        return device_meshes

    # Tensors

    def is_array(self, x: object) -> bool:
        """Run tensors.is_array."""
        from layercli.runtime.execution import tensors

        return tensors.is_array(x)

    def as_tensor(self, x: object) -> Tensor:
        """Run tensors.as_tensor."""
        from layercli.runtime.execution import tensors

        return tensors.as_tensor(x)

    def to_numpy(self, x: Any, axes: tuple[int, ...] | None = None) -> Any:
        """Run tensors.to_numpy."""
        from layercli.runtime.execution import tensors

        return tensors.to_numpy(x, axes)

    def cast(self, x: object, dtype: str) -> Any:
        """Run tensors.cast."""
        from layercli.runtime.execution import tensors

        return tensors.cast(x, dtype)

    def as_one_dtype(self, values: Sequence[object], dtype: str) -> list[Tensor]:
        """Run tensors.as_one_dtype."""
        from layercli.runtime.execution import tensors

        return tensors.as_one_dtype(values, dtype)

    def assign(self, stored: Any, value: Tensor, layout: tuple[int, ...] | None) -> None:
        """Run tensors.assign."""
        from layercli.runtime.execution import tensors

        tensors.assign(stored, value, layout)

    def cast_number(self, value: float, dtype: str) -> Tensor:
        """Return torch's tensor of a number."""
        import torch

        return torch.tensor(value, dtype=getattr(torch, dtype))

    def stateless_call(self, layer: Layer, *arguments: Any) -> object:
        """Run stateless_call.stateless_call."""
        from layercli.runtime.execution import stateless_call

        return stateless_call.stateless_call(layer, *arguments)

    def as_stored(self, variable: Variable, value: object) -> Tensor:
        """Run stateless_call.as_stored."""
        from layercli.runtime.execution import stateless_call

        return stateless_call.as_stored(variable, value)

    def checkpoint(self, function: Callable[..., Any], args: tuple[object, ...], kwargs: Config) -> object:
        """Run rematerialization.checkpoint."""
        from layercli.runtime.execution import rematerialization

        return rematerialization.checkpoint(function, args, kwargs)

    def variable_module(self, variable: Variable) -> object:
        """Run layer_module.variable_module."""
        from layercli.runtime.execution import layer_module

        return layer_module.variable_module(variable)

    # Training and inference

    def compile(self, model: Model, **arguments: Any) -> None:
        """Run trainer.compile_model."""
        from layercli.runtime.training.trainer import compile_model

        compile_model(model, **arguments)

    def fit(self, model: Model, **arguments: object) -> Any:
        """Run training_loop.fit."""
        from layercli.runtime.training import training_loop

        return training_loop.fit(model, **arguments)

    def evaluate(self, model: Model, **arguments: object) -> Any:
        """Run training_loop.evaluate."""
        from layercli.runtime.training import training_loop

        return training_loop.evaluate(model, **arguments)

    def on_batch(self, model: Model, mode: str, **arguments: Any) -> object:
        """Run training_loop.on_batch."""
        from layercli.runtime.training import training_loop

        return training_loop.on_batch(model, mode, **arguments)

    def predict(self, model: Model, **arguments: Any) -> Any:
        """Run prediction_loop.predict."""
        from layercli.runtime.inference import prediction_loop

        return prediction_loop.predict(model, **arguments)

    def trainer(self, model: Model, method: str) -> Any:
        """Run trainer.trainer_of."""
        from layercli.runtime.training.trainer import trainer_of

        return trainer_of(model, method)

    def backups(self, folder: str, kept: int) -> Any:
        """Return checkpoint_manager.Backups."""
        from layercli.runtime.training.checkpoint_manager import Backups

        return Backups(folder, kept)

    def event_writer(self, folder: Any) -> object:
        """Return tensorboard_writer.Events."""
        from layercli.runtime.training.tensorboard_writer import Events

        return Events(folder)

    # Files

    def calibrate(self, model: Model, mode: str | None, config: object, filters: object) -> None:
        """Run calibration.calibrate."""
        from layercli.runtime.execution import calibration

        calibration.calibrate(model, mode, config, filters)

    def save(self, model: Model, path: PathLike, include_optimizer: bool = True) -> None:
        """Run model_saving.save."""
        from layercli.runtime.execution import model_saving

        model_saving.save(model, path, include_optimizer)

    def save_weights(self, model: Model, path: PathLike, max_shard_size: float | None = None) -> None:
        """Run model_saving.save_weights."""
        from layercli.runtime.execution import model_saving

        model_saving.save_weights(model, path, max_shard_size)

    def load_weights(
        self,
        model: Model,
        path: PathLike,
        skip_mismatch: bool = False,
        by_name: bool | None = None,
        skipped: Collection[Any] | None = None,
    ) -> None:
        """Run model_saving.load_weights."""
        from layercli.runtime.execution import model_saving

        model_saving.load_weights(model, path, skip_mismatch, by_name, skipped)

    def load_model(self, path: PathLike, custom_objects: Mapping[str, object] | None, compile: bool) -> Model:
        """Run model_saving.load_model."""
        from layercli.runtime.execution import model_saving

        return model_saving.load_model(path, custom_objects, compile)

    def export(self, model: Model, path: PathLike, format: str | None, input_signature: Any, settings: Config) -> None:
        """Run export.export."""
        from layercli.runtime.export import export

        export.export(model, path, format, input_signature, settings)

    def write_archive(self, path: PathLike, *parts: Any) -> None:
        """Run export_folder.write_archive."""
        from layercli.runtime.export import export_folder

        export_folder.write_archive(path, *parts)

    def to_json(self, model: Model, **arguments: object) -> str:
        """Return what objects.serialize_keras_object gives as JSON."""
        import json

        from layercli.saving import objects

        return json.dumps(objects.serialize_keras_object(model), **arguments)  # type: ignore[arg-type]  # as the caller has them

    def functional_config(self, model: Any) -> dict[str, object]:
        """Run serialization.drawn."""
        from layercli.saving import serialization

        return serialization.drawn(model)

    def deserialize(self, config: object) -> Any:
        """Run objects.deserialize_keras_object, with Keras's names of the classes."""
        from layercli.saving import objects, serialization

        return objects.deserialize_keras_object(serialization.keras_names(config))

    def functional_from_config(self, config: ConfigLike, custom_objects: Mapping[str, object] | None) -> object:
        """Run Reader.drawn."""
        from layercli.saving.deserialization import Reader

        return Reader("the config", custom_objects).drawn(dict(config))

    def sequential_config(self, model: Any) -> dict[str, object]:
        """Run serialization.stack."""
        from layercli.saving import serialization

        return serialization.stack(model)

    def sequential_from_config(
        self, cls: type, config: ConfigLike, custom_objects: Mapping[str, object] | None
    ) -> object:
        """Run Reader.stack."""
        from layercli.saving.deserialization import Reader

        return Reader("the config", custom_objects).stack(dict(config), cls)

    # Inspection

    def input_layer(self, x: SymbolicTensor) -> Layer:
        """Return an InputLayer."""
        from layercli.layers.core.input_layer import InputLayer

        return InputLayer(input_tensor=x, name=x.name)

    def html(self, shown: object) -> str:
        """Return what a notebook shows."""
        from layercli.render.notebook import html

        return html(shown)

    def text(self, shown: Any) -> str:
        """Return the table of a summary or of variables."""
        from layercli.render.notebook import text

        return text(shown)

    def summarize(
        self, layer: Layer, inputs: TensorTree, columns: str | None, depth: int, width: int | None, print_fn: Any
    ) -> None:
        """Print the table of the summary, or give its text to ``print_fn``."""
        from layercli.inspect.layer_call import offered_inputs
        from layercli.inspect.layer_names import with_layer_names
        from layercli.inspect.layer_summary import summarize, uncalled
        from layercli.render.print_table import print_table
        from layercli.render.summary import table

        known = inputs is not None or offered_inputs(layer) is not None
        found = summarize(layer, inputs) if known else uncalled(layer)
        print_table(table(with_layer_names(found, layer), columns, depth), width, print_fn)

    def dot(self, layer: Layer, *, nested: bool, down: bool) -> str:
        """Run draw_dot."""
        from layercli.render.dot import draw_dot

        return draw_dot(self._plot_graph(layer, nested), down=down)

    def plot(self, layer: Layer, path: str, *, nested: bool, down: bool, dpi: int) -> None:
        """Write the picture of a layer to a file; a PNG has ``dpi`` pixels an inch."""
        from pathlib import Path

        from layercli.render.plot_file import write_picture

        write_picture(self._plot_graph(layer, nested), Path(path), down=down, scale=dpi / 96)

    def _plot_graph(self, layer: Layer, nested: bool) -> Any:
        from layercli.inspect.layer_graph import layer_graph
        from layercli.inspect.plot_flow import plot_graph
        from layercli.inspect.plot_graph import PlotOptions

        return plot_graph(layer_graph(layer), PlotOptions(depth=None if nested else 1, fold=False))
