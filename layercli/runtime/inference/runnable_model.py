"""What running a model needs of it, whatever its kind: its inputs by name, its call, its outputs, its dtype and its layers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from torch import nn

from layercli.core.layer import Layer
from layercli.core.spec import Spec
from layercli.core.types import TensorTree, Tree
from layercli.inspect.input_names import Arguments
from layercli.inspect.layer_call import ends
from layercli.inspect.model_loader import ModelSource
from layercli.runtime.execution.grouped_inputs import by_field

if TYPE_CHECKING:
    from layercli.runtime.inference.prepared_model import RunSettings

M = TypeVar("M", bound="Layer | nn.Module")


class RunnableModel(ABC, Generic[M]):
    """A model that can run. There is one subclass for each kind: a layer, a torch module in Python, a graph from a file."""

    says_inputs = True
    """Whether it says what its inputs are, or at least how many; a torch module in Python does not."""
    exact = False
    """Whether its inputs are taken in the dtypes and sizes that it declares, and in no others."""
    takes_tree = False
    """Whether it is called on one tree of inputs rather than on inputs by name."""
    takes_memory_format = True
    """Whether ``--channels-last`` changes anything: layers always compute in that format."""
    compiled = False
    """Whether torch.compile has made it."""
    gives_text = True
    """Whether an output can be text."""
    shows_layers = True
    """Whether torch runs it, so that its layers and kernels can be observed."""

    def __init__(self, model: M) -> None:
        self.model = model

    @abstractmethod
    def arguments(self, specs: TensorTree = None, count: int = 1) -> Arguments:
        """Return its inputs by name; ``count`` is the number of inputs given, which sizes a ``*args``.

        For a Layer ``specs`` is the tree of its inputs, or None if unknown.
        """

    def declared(self) -> Any:
        """Return the Specs of its inputs, in the form that it takes them; None if it declares none."""
        return None

    def declare(self, given: Collection[str]) -> None:
        """Declare the inputs whose number depends on what is given by name."""

    def required_specs(self) -> Mapping[str, Spec]:
        """Return the Specs that its inputs must have, by name."""
        return {}

    def fixed(self) -> dict[str, Spec]:
        """Return those of ``required_specs`` whose sizes are declared."""
        return {}

    def indexed(self, specs: Any, values: Mapping[str, object] = MappingProxyType({})) -> Mapping[str, int]:
        """Return how many rows a table has that an input chooses rows of, where that is known.

        ``specs`` are those of the inputs, ``values`` those of given ones and of arguments that are not inputs.
        """
        return {}

    def flags(self, given: Mapping[str, object]) -> dict[str, object]:
        """Return those of another model's flags, arguments that are not inputs, that it takes as well."""
        return {}

    @property
    def notes(self) -> Sequence[str]:
        """What a user should know of it before a run."""
        return ()

    def by_name(self, inputs: Any) -> dict[str, Any]:
        """Return its inputs by name; if it takes more, the given ones are the first."""
        return dict(inputs or {})

    def grouped(self, taken: Arguments, specs: object, given: Mapping[str, object]) -> Any:
        """Return inputs by name in the form that it takes them."""
        return dict(given)

    def converted(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return inputs of another model by name as it takes them; UsageError or ShapeError if they do not fit."""
        return given

    def shapes(self, name: str, texts: Sequence[str], specs: object, taken: Arguments) -> Any:
        """Return ``specs`` with the shapes of the command line applied; only for a model that ``says_inputs``."""
        raise NotImplementedError

    @abstractmethod
    def loaded(self, source: ModelSource, inputs: TensorTree, settings: RunSettings) -> nn.Module:
        """Return its module for inference, with the weights that ``settings`` name."""

    @abstractmethod
    def recast(self, dtype: str) -> None:
        """Cast its floating values to ``dtype``, a floating one, and let it compute in that dtype."""

    @property
    def floating_dtype(self) -> str | None:
        """The dtype that floating inputs are cast to; None for a model that casts its inputs itself."""
        return None

    @abstractmethod
    def function(
        self, module: nn.Module, compiled: bool, flags: Mapping[str, object] = MappingProxyType({})
    ) -> Callable[[Any], Any]:
        """Return the function of the inputs that runs it; ``flags`` are other arguments of ``forward``."""

    def placed(self, inputs: object) -> Any:
        """Return inputs that are on the device in the dtypes that it takes."""
        return inputs

    def output_specs(self, inputs: TensorTree) -> dict[str, Spec] | None:
        """Return the Specs of what a call on these inputs returns, by name; None if only the call tells."""
        return None

    def named_outputs(self, results: object) -> list[tuple[str, Any]]:
        """Return what a call returned by name."""
        return list(ends(by_field(results), None))

    def explained(self, name: str, error: RuntimeError, inputs: Tree) -> Exception | None:
        """Return a clearer error than ``error``, which torch raised; None if there is none."""
        return None

    @abstractmethod
    def layers(self) -> Iterator[tuple[str, nn.Module]]:
        """Yield each layer below it once, with its path."""
