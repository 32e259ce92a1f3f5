"""A ``.keras`` archive, or an HDF5 file of a whole model, as a Source: what its config describes, with its values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from layercli.core.types import TensorTree, Tree
from layercli.errors import FormatError
from layercli.sources.layer import LayerSource
from layercli.sources.source import Source

if TYPE_CHECKING:
    from layercli.inspect.model_graph import ModelGraph
    from layercli.inspect.model_loader import ModelSource
    from layercli.inspect.summary import Summary
    from layercli.inspect.variables import Variables


def keras_source(file: str) -> Source:
    """Return the model that an archive describes, without reading values; FormatError if it is damaged.

    For layers that layercli does not create, only the stored variables are available: quantized ones, and unknown ones in
    HDF5.
    """
    from layercli.saving import keras_file
    from layercli.saving.deserialization import QuantizedError, Reader

    config = keras_file.config_in(file)
    unmade = FormatError if keras_file.is_hdf5(file) else QuantizedError
    try:
        return LayerSource(Reader(file).model(config), file, file, archive=file)
    except unmade as error:
        return UnmadeArchive(file, error)


class UnmadeArchive(Source):
    """An archive whose model cannot be created because of ``error``; its variables are known as the file lists them."""

    def __init__(self, file: str, error: FormatError) -> None:
        super().__init__(file, file)
        self.error = error

    def refusal(self) -> FormatError:
        """Return the reason why the model cannot be created."""
        return self.error

    def trained(self) -> ModelSource:
        """Raise the reason."""
        raise self.error

    def inputs(self, shapes: object = (), sizes: object = ()) -> Any:
        """Raise the error."""
        raise self.error

    def graph(self, inputs: Tree = None) -> ModelGraph:
        """Raise the error."""
        raise self.error

    def summary(self, inputs: TensorTree = None) -> Summary:
        """Raise the error."""
        raise self.error

    def variables(self, inputs: TensorTree = None, *, seed: int = 0) -> Variables:
        """Return the datasets of the archive's weights, by path."""
        from layercli.formats.hdf5 import H5File
        from layercli.inspect import variables
        from layercli.saving import keras_file

        return variables.of_file(H5File(self.name, archived=not keras_file.is_hdf5(self.name)))
