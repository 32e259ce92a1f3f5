"""Source: an opened model of any kind, with its graph, summary, variables, and a way to run it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from layercli.core.spec import Spec, with_batch_dim
from layercli.core.text import spec_dtype
from layercli.core.types import TensorTree, Tree
from layercli.errors import FileError, LayercliError, UsageError
from layercli.formats.weight_file import BITS
from layercli.inspect.input_names import NamedInputs

if TYPE_CHECKING:
    from layercli.inspect.cost_graph import CostGraph
    from layercli.inspect.model_graph import ModelGraph
    from layercli.inspect.model_loader import ModelSource
    from layercli.inspect.summary import Summary
    from layercli.inspect.variables import Variables
    from layercli.runtime.inference.prepared_model import PreparedModel


class Source:
    """An opened model called ``name`` from ``origin``: a file, a Python module, or a named model.

    ``notes`` are footnotes for every view.

    Each kind of model overrides what it supports; everything else is refused here with one sentence.
    """

    vocabulary = ""
    """Whose words its modules are named in: two models are compared module by module where they have the same."""

    def __init__(self, name: str, origin: str) -> None:
        self.name = name
        self.origin = origin
        self.notes: list[str] = []

    @property
    def model(self) -> Any:
        """The Layer or torch.nn.Module; an error if the source holds none."""
        raise self.refusal()

    @property
    def holds_values(self) -> bool:
        """Whether its variables have values of their own, and not those that initializers would draw."""
        return True

    @property
    def in_memory(self) -> bool:
        """Whether it is a layer that has tensors, as it was called on some or was given values."""
        return False

    def refusal(self) -> LayercliError:
        """Return the error for a source without a model that can run."""
        return UsageError(f"{self.name} holds no model that can run")

    def inputs(self, shapes: Sequence[str] = (), sizes: Sequence[str] = ()) -> Any:
        """Return the Specs of the inputs, with shapes and named sizes from the command line (``1,T,512``, ``T=4``)."""
        if [*shapes, *sizes]:
            raise UsageError(f"{self.name} takes no inputs, so it takes no shapes")
        return None

    def set_inputs(self, **given: object) -> None:
        """Give values of inputs beside their shapes; only the description of a torch module in Python can depend on them."""
        if any(x not in (None, 0) and x != () and x != [] for x in given.values()):
            raise UsageError(f"{self.name} is described by shapes alone: values are for torch modules in Python")

    @property
    def costs_numbers(self) -> bool:
        """Whether its costs are no formulas of named sizes, so that it is described again at each size."""
        return False

    def graph(self, inputs: Tree = None) -> ModelGraph:
        """Return the ModelGraph of a call on ``inputs``: Specs from ``inputs()``, or shapes; by default its own."""
        raise NotImplementedError

    def cost_graph(self, inputs: TensorTree = None, dtype: str | None = None, *, training: bool = False) -> CostGraph:
        """Return the graph that ``cost`` is computed from, its floating values in ``dtype``; ``inputs`` are as in ``graph``.

        ``training``: a call as in training, which is known of layers and torch modules.
        """
        if training:
            raise UsageError(
                f"what training takes is known of layers and torch modules, and {self.name} is a graph without a backward pass"
            )
        return self.cost_graph_of(self.graph(inputs), dtype)

    def cost_graph_of(self, graph: ModelGraph, dtype: str | None) -> CostGraph:
        """Return a graph as ``cost_graph`` does, its floating values in ``dtype``."""
        from layercli.inspect.cost_graph import CostGraph, in_dtype

        return CostGraph(graph if dtype is None else in_dtype(graph, dtype))

    def summary(self, inputs: TensorTree = None) -> Summary:
        """Return the summary of a call on ``inputs``, given as for ``graph``."""
        raise NotImplementedError

    def views(self, inputs: TensorTree = None) -> tuple[ModelGraph, Summary]:
        """Return the graph and the summary of a call on ``inputs``, given as for ``graph``."""
        return self.graph(inputs), self.summary(inputs)

    def variables(self, inputs: TensorTree = None, *, seed: int = 0) -> Variables:
        """Return the parameters and buffers; values that no file holds are initialized with ``seed``."""
        raise NotImplementedError

    def trained(self) -> ModelSource:
        """Return what fit and evaluate take; an error where the source is no model of layercli's layers."""
        quoted = shlex.quote(self.name)
        raise FileError(
            f"{self.name} is a graph, which is not trained here", hint=f"layercli summary {quoted} shows its layers"
        )

    @property
    def subject(self) -> ModelSource:
        """The object that the runtime prepares to run."""
        from layercli.inspect.model_loader import ModelSource

        return ModelSource(self.model, self.name, self.origin)

    def prepare(self, inputs: Tree, **settings: Any) -> PreparedModel:
        """Return the prepared model for inputs like these, a tree of arrays, with the settings of ``run``."""
        from layercli.runtime.inference.prepared_model import RunSettings, prepare

        return prepare(self.subject, inputs, RunSettings(**settings))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"


def as_specs(inputs: TensorTree) -> Any:
    """Return inputs as Specs: each shape (batch first) becomes a float32 Spec, also inside lists and dicts.

    >>> print(as_specs((None, 7)), *as_specs({"x": ("B", 3)}).values())
    float32[None, 7] float32[None, 3]
    """
    if isinstance(inputs, Spec):
        dtype = inputs.dtype if inputs.dtype in BITS else spec_dtype(inputs.dtype)  # files have dtypes that layers lack
        return Spec(with_batch_dim(inputs.shape) if inputs.shape else (), dtype)
    if isinstance(inputs, dict):
        return {name: as_specs(each) for name, each in inputs.items()}
    if isinstance(inputs, NamedInputs):
        return NamedInputs(*map(as_specs, inputs))
    if isinstance(inputs, (list, tuple)):
        return Spec(with_batch_dim(inputs)) if is_shape(inputs) else [as_specs(each) for each in inputs]
    return inputs


def is_shape(sizes: Iterable[object]) -> bool:
    """Whether these are the sizes of one tensor, with no shapes nested inside."""
    return not any(isinstance(size, (list, tuple, dict, Spec)) for size in sizes)
