"""FeatureSpace: the encoding of tables with columns of several kinds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from layercli import ops
from layercli.core import dtypes
from layercli.core.fields import Validator
from layercli.core.keras_tensor import SymbolicTensor
from layercli.core.layer import Layer
from layercli.core.operation import spec_of
from layercli.core.text import STRING, holds_text, is_text, text_array
from layercli.core.types import Config, Tensor
from layercli.dataclass import dataclass
from layercli.errors import UsageError
from layercli.layers.core.identity import Identity
from layercli.layers.core.input_layer import Input
from layercli.layers.merging.concatenate import Concatenate
from layercli.layers.preprocessing.category_encoding import CategoryEncoding
from layercli.layers.preprocessing.discretization import Discretization
from layercli.layers.preprocessing.hashed_crossing import HashedCrossing
from layercli.layers.preprocessing.hashing import Hashing
from layercli.layers.preprocessing.index_lookup import IndexLookup
from layercli.layers.preprocessing.integer_lookup import IntegerLookup
from layercli.layers.preprocessing.normalization import Normalization
from layercli.layers.preprocessing.rescaling import Rescaling
from layercli.layers.preprocessing.string_lookup import StringLookup
from layercli.layers.validators import PositiveInt, one_of

if TYPE_CHECKING:
    import numpy as np

MODES = ("int", "one_hot", "float")


@dataclass
class Feature:
    """A column: the dtype of its values, the layer that encodes them, and whether that gives "int", "one_hot" or "float"."""

    dtype: str
    preprocessor: Layer
    output_mode: str

    def __post_init__(self) -> None:
        if self.output_mode not in MODES:
            raise UsageError(
                f"Feature expects output_mode to be {' or '.join(map(repr, MODES))}, got {self.output_mode!r}"
            )


@dataclass
class Cross:
    """Columns whose combinations of values are hashed into ``crossing_dim`` bins."""

    feature_names: Sequence[str]
    crossing_dim: int
    output_mode: str = "one_hot"

    @property
    def name(self) -> str:
        """The name of the crossed column."""
        return "_X_".join(self.feature_names)

    def get_config(self) -> Config:
        """Return the arguments."""
        return asdict(self)


def _features(value: object) -> dict[str, object]:
    if not isinstance(value, Mapping) or not value:
        raise ValueError
    return dict(value)


class FeatureSpace(Layer):
    """out = the columns of a table x, a dict of arrays (batch,) or (batch, 1), each encoded for its kind, side by side.

    For "concat" out is float32 (batch, sizes); for "dict" a dict of arrays. Columns are in the order of their names, crossed ones
    last. Columns are adapted to data first, by ``adapt``. UsageError for a kind that is none, and for a call before that.

    Args:
        features: The kind of each column: "float", "float_normalized", "float_rescaled", "float_discretized",
            "integer_categorical", "string_categorical", "integer_hashed", "string_hashed", or a Feature, which the methods of
            these names return.
        output_mode: "concat" or "dict".
        crosses: The columns to cross: tuples of names, or what ``cross`` returns.
        crossing_dim: The number of bins of crossed columns.
        hashing_dim: The number of bins of hashed columns.
        num_discretization_bins: The number of bins of discretized columns.
    """

    features: Annotated[Any, Validator("a dict of the kinds of columns", _features)]
    output_mode: Annotated[str, one_of("concat", "dict")] = "concat"
    crosses: Any = None
    crossing_dim: PositiveInt = 32
    hashing_dim: PositiveInt = 32
    num_discretization_bins: PositiveInt = 32

    takes_text = True
    _positional = (
        "features", "output_mode", "crosses", "crossing_dim", "hashing_dim", "num_discretization_bins", "name",
    )  # fmt: skip

    def setup(self) -> None:
        """Make the layers of the columns."""
        columns = {name: self._feature(name, kind) for name, kind in self.features.items()}
        self._columns = list(columns.items())
        self._inputs = {name: Input((1,), dtype=each.dtype, name=name) for name, each in columns.items()}
        self._crosses = [each if isinstance(each, Cross) else self._cross(each, columns) for each in self.crosses or ()]
        self.preprocessors = {name: each.preprocessor for name, each in columns.items()}
        self.crossers = {each.name: HashedCrossing(each.crossing_dim, name=each.name) for each in self._crosses}
        self.encoders: dict[str, Layer] = {}
        self.concat = Concatenate()
        self._adapted = not self._adaptable()
        self._encoded: object = None

    def _cross(self, names: Sequence[str], columns: Mapping[str, Feature]) -> Cross:
        unknown = next((name for name in names if name not in columns), None)
        if unknown is not None:
            raise UsageError(f"FeatureSpace expects crosses of its features, got {unknown!r}")
        return Cross(tuple(names), self.crossing_dim)

    def _feature(self, name: str, kind: object) -> Feature:
        if isinstance(kind, Feature):
            return kind
        sizes = {"float_discretized": self.num_discretization_bins, "integer_hashed": self.hashing_dim}
        sizes["string_hashed"] = self.hashing_dim
        if kind not in KINDS:
            raise UsageError(f"FeatureSpace expects the kind of {name!r} to be {', '.join(KINDS)}, got {kind!r}")
        made: Feature = getattr(self, kind)(*([sizes[kind]] if kind in sizes else []), name=name)
        return made

    @classmethod
    def cross(cls, feature_names: Sequence[str], crossing_dim: int, output_mode: str = "one_hot") -> Cross:
        """Return a crossing of columns."""
        return Cross(tuple(feature_names), crossing_dim, output_mode)

    @classmethod
    def feature(cls, dtype: str, preprocessor: Layer, output_mode: str) -> Feature:
        """Return a column that a layer of one's own encodes."""
        return Feature(dtype, preprocessor, output_mode)

    @classmethod
    def float(cls, name: str | None = None) -> Feature:
        """Return a column of numbers that stay as they are."""
        return Feature("float32", Identity(name=_own(name)), "float")

    @classmethod
    def float_rescaled(cls, scale: object = 1.0, offset: object = 0.0, name: str | None = None) -> Feature:
        """Return a column of numbers times ``scale`` plus ``offset``."""
        return Feature("float32", Rescaling(scale, offset, name=_own(name)), "float")

    @classmethod
    def float_normalized(cls, name: str | None = None) -> Feature:
        """Return a column of numbers that are normalized by their mean and variance."""
        return Feature("float32", Normalization(name=_own(name)), "float")

    @classmethod
    def float_discretized(
        cls, num_bins: object, bin_boundaries: object = None, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """Return a column of numbers in bins."""
        layer = Discretization(num_bins=num_bins, bin_boundaries=bin_boundaries, name=_own(name))
        return Feature("float32", layer, output_mode)

    @classmethod
    def integer_categorical(
        cls, max_tokens: object = None, num_oov_indices: int = 1, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """Return a column of integers that name categories."""
        return Feature("int32", IntegerLookup(max_tokens, num_oov_indices, name=_own(name)), output_mode)

    @classmethod
    def string_categorical(
        cls, max_tokens: object = None, num_oov_indices: int = 1, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """Return a column of text that names categories."""
        return Feature(STRING, StringLookup(max_tokens, num_oov_indices, name=_own(name)), output_mode)

    @classmethod
    def integer_hashed(cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None) -> Feature:
        """Return a column of integers in bins by their hash."""
        return Feature("int32", Hashing(num_bins, name=_own(name)), output_mode)

    @classmethod
    def string_hashed(cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None) -> Feature:
        """Return a column of text in bins by its hash."""
        return Feature(STRING, Hashing(num_bins, name=_own(name)), output_mode)

    def _adaptable(self) -> list[str]:
        return [
            name
            for name, layer in self.preprocessors.items()
            if hasattr(layer, "adapt") and not getattr(layer, "is_given", False) and not _has_statistics(layer)
        ]

    def adapt(self, dataset: object) -> None:
        """Adapt the columns to a table, a dict of arrays, or to batches of such dicts, which are iterated for each column."""
        for name in self._adaptable():
            parts = [dataset[name]] if isinstance(dataset, Mapping) else [batch[name] for batch in _dicts(dataset)]
            columns = [as_column(part) for part in parts]
            self.preprocessors[name].adapt(columns[0] if len(columns) == 1 else iter(columns))  # type: ignore[attr-defined]  # adaptable
        self._adapted = True

    def get_inputs(self) -> dict[str, Any]:
        """Return the symbolic inputs by name, for a model of the raw table."""
        return self._inputs

    def get_encoded_features(self) -> Any:
        """Return the symbolic output of ``get_inputs``."""
        if self._encoded is None:
            self._encoded = self.call(self._inputs)
        return self._encoded

    def call(self, inputs: Mapping[str, Any]) -> Any:
        """Return the encoded columns."""
        if not self._adapted:
            raise UsageError("has columns to adapt: call adapt with a table first")
        found = {name: layer(inputs[name]) for name, layer in self.preprocessors.items() if name in inputs}
        crossed = {
            each.name: self.crossers[each.name]([found[name] for name in each.feature_names]) for each in self._crosses
        }
        modes = {name: each.output_mode for name, each in self._columns} | {
            each.name: each.output_mode for each in self._crosses
        }
        values = {**dict(sorted(found.items())), **dict(sorted(crossed.items()))}
        encoded = {name: self._encoded_column(name, value, modes[name]) for name, value in values.items()}
        if self.output_mode == "dict":
            return encoded
        for name, value in encoded.items():
            if not dtypes.is_floating(spec_of(value).dtype):
                raise UsageError(
                    f"cannot concatenate {name!r}, which has the dtype {spec_of(value).dtype}: let output_mode be 'dict'"
                )
        return self.concat(list(encoded.values())) if len(encoded) > 1 else next(iter(encoded.values()))

    def _encoded_column(self, name: str, value: Tensor, mode: str) -> Tensor:
        if mode == "float":
            return ops.cast(value, "float32") if spec_of(value).dtype != "float32" else value
        if mode == "int":
            return value
        if name not in self.encoders:
            layer = self.preprocessors.get(name) or self.crossers[name]
            self.encoders[name] = CategoryEncoding(cardinality(name, layer), "multi_hot")
        out: Tensor = self.encoders[name](value)
        return out

    def _call(self, args: tuple[object, ...], kwargs: Config) -> Any:
        data = args[0] if args else None
        if not isinstance(data, Mapping):
            raise UsageError(f"expects a dict of columns, got {type(data).__name__}")
        missing = next((name for name in self.preprocessors if name not in data), None)
        if missing is not None:
            raise UsageError(f"expects the column {missing!r}, got {', '.join(map(repr, data)) or 'none'}")
        if any(isinstance(x, SymbolicTensor) for x in data.values()):
            return super()._call(args, kwargs)
        single = all(not getattr(x, "shape", ()) and not isinstance(x, (list, tuple)) for x in data.values())
        out = super()._call(({name: as_column(data[name]) for name in self.preprocessors},), kwargs)
        if not single:
            return out
        return {name: value[0] for name, value in out.items()} if isinstance(out, dict) else out[0]


KINDS = (
    "float", "float_normalized", "float_rescaled", "float_discretized", "integer_categorical", "string_categorical",
    "integer_hashed", "string_hashed",
)  # fmt: skip
"""The kinds of columns that have names."""


def _own(name: str | None) -> str | None:
    return None if name is None else f"{name}_preprocessor"


def _has_statistics(layer: Layer) -> bool:
    if isinstance(layer, Normalization):
        return layer.input_mean is not None
    return isinstance(layer, Discretization) and layer.num_bins is None


def _dicts(dataset: object) -> Iterable[Mapping[str, Any]]:
    if not isinstance(dataset, Iterable):
        raise UsageError(f"adapt expects a dict of columns or batches of them, got {type(dataset).__name__}")
    return dataset


def as_column(values: Tensor) -> np.ndarray | Any:
    """Return values of a column as (batch, 1): arrays, tensors or lists of numbers or text."""
    import numpy as np

    array = text_array(values) if holds_text(values) or is_text(values) else np.asarray(values)
    if array.dtype == np.float64:
        array = array.astype("float32")
    return array.reshape(-1, 1) if array.ndim < 2 else array


def cardinality(name: str, layer: Layer) -> int:
    """Return the number of values that a layer of a column gives; UsageError where it is not known."""
    match layer:
        case IndexLookup():
            return layer.vocabulary_size()
        case CategoryEncoding():
            return layer.num_tokens
        case Discretization():
            return len(layer.bin_boundaries) + 1
        case Hashing() | HashedCrossing():
            return layer.num_bins
    raise UsageError(
        f"cannot encode {name!r} as 'one_hot': how many values its {type(layer).__name__} gives is not known"
    )
