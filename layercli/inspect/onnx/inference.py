"""Shape inference on an ONNX graph for one choice of its sizes: by onnx node by node, and by computing small tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from layercli.core import dims
from layercli.core.dims import Size
from layercli.core.types import Config
from layercli.dataclass import dataclass
from layercli.formats.onnx import DTYPES, GRAPH, GRAPHS, count_of, onnx, tensor_values
from layercli.inspect.onnx import contrib_ops
from layercli.inspect.onnx.constant_folding import MOST, computed
from layercli.inspect.onnx.symbolic_dims import Names, sizes_in

if TYPE_CHECKING:
    from onnx import NodeProto


Sizes = tuple[int | None, ...]
CODES = {name: code for code, name in DTYPES.items()}
STANDARD = ("", "ai.onnx")
SIZED_BY_FLOATS = {"OneHot", "Range", "Resize", "Upsample"}
"""The operators whose results may have sizes that follow from the values of floats; of others only integers are handed over."""


@dataclass
class Kind:
    """The known properties of a tensor: ONNX's dtype number, and its sizes."""

    dtype: int
    sizes: Sizes | None = None

    def proto(self) -> Any:
        """Return it as an ONNX TypeProto."""
        module = onnx()
        found = module.TypeProto()
        found.tensor_type.elem_type = self.dtype
        if self.sizes is not None:
            found.tensor_type.shape.SetInParent()
        for size in self.sizes or ():
            dim = found.tensor_type.shape.dim.add()
            if size is not None:
                dim.dim_value = size
        return found

    @staticmethod
    def of(found: Any) -> Kind:
        """Return the properties in a TypeProto; nothing if it is not a tensor type."""
        tensor = found.tensor_type
        if not tensor.HasField("shape"):
            return Kind(tensor.elem_type)
        sizes = (d.dim_value if d.HasField("dim_value") and d.dim_value >= 0 else None for d in tensor.shape.dim)
        return Kind(tensor.elem_type, tuple(sizes))


@dataclass
class Inference:
    """The known properties of each tensor by name, for graph inputs of the sizes in ``kinds``.

    ``stored`` are the file's value_info entries, used where inference fails; ``fill`` gives the values of named sizes.
    """

    file: Path
    versions: dict[str, int]
    kinds: dict[str, Kind]
    stored: dict[str, Any]
    names: Names
    fill: Mapping[str, Size]
    values: dict[str, np.ndarray] = field(default_factory=dict)

    def keep(self, name: str, kind: Kind, values: np.ndarray | None) -> None:
        """Add a tensor that the file holds, with its values if they are known."""
        self.kinds[name] = kind
        if values is not None:
            self.values[name] = values

    def infer(self, node: NodeProto, settings: dict[str, object]) -> None:
        """Infer the outputs of a node with these attributes."""
        values = self._values_of(node, settings)
        for name, value in zip(node.output, values or [], strict=False):
            self.values[name] = value
            self.kinds[name] = Kind(CODES.get(value.dtype.name, 1), value.shape)
        found = {} if values else self._inferred(node, settings)
        for name in filter(None, node.output):
            kind = self.kinds.get(name) or found.get(name) or Kind(0)
            self.kinds[name] = self._with_stored(name, kind)

    def sizes(self, name: str) -> Sizes | None:
        """Return the sizes of a tensor, or None if its rank is unknown."""
        kind = self.kinds.get(name)
        return None if kind is None else kind.sizes

    def _with_stored(self, name: str, kind: Kind) -> Kind:
        """Return the properties of a tensor, with sizes that were not inferred taken from the file."""
        if name not in self.stored or (kind.sizes is not None and None not in kind.sizes and kind.dtype):
            return kind
        tensor = self.stored[name].type.tensor_type
        if not tensor.HasField("shape"):
            return Kind(kind.dtype or tensor.elem_type, kind.sizes)
        noted = [dims.at(size, self.fill) for size in self.names.shape(sizes_in(tensor.shape))]
        sizes = kind.sizes if kind.sizes is not None and len(kind.sizes) == len(noted) else (None,) * len(noted)
        known = (a if a is not None else b if isinstance(b, int) else None for a, b in zip(sizes, noted, strict=True))
        return Kind(kind.dtype or tensor.elem_type, tuple(known))

    def _values_of(self, node: NodeProto, settings: Config) -> list[np.ndarray] | None:
        """Return the values of a node's outputs, if known without running the graph."""
        if node.domain not in STANDARD:
            return None
        if node.op_type == "Constant":
            return constant_values(settings)
        if node.op_type in ("Shape", "Size"):
            sizes = self.sizes(node.input[0]) if node.input else None
            if sizes is None or None in sizes:
                return None
            whole = [size for size in sizes if size is not None]
            part = whole[settings.get("start", 0) : settings.get("end")]
            return [np.array(part, "i8")] if node.op_type == "Shape" else [np.array(dims.product(whole), "i8")]
        inputs = [self.values.get(name) if name else None for name in node.input]
        if any(value is None and name for value, name in zip(inputs, node.input, strict=True)):
            return None
        if node.op_type == "Split":
            settings = {**settings, "outputs": len(node.output)}
        return computed(node.op_type, inputs, settings, self.versions.get("", 0))

    def _inferred(self, node: NodeProto, settings: dict[str, object]) -> dict[str, Kind]:
        """Return what onnx infers about a node's outputs."""
        given = [self.kinds.get(name) or Kind(0) for name in node.input]
        if node.domain == contrib_ops.DOMAIN and node.op_type not in contrib_ops.STANDARD:
            sizes = contrib_ops.sizes_of(node.op_type, [kind.sizes for kind in given], settings)
            kind = Kind(given[0].dtype if given else 0, None if sizes is None else tuple(sizes))
            return dict.fromkeys(node.output[:1], kind)
        fused = node.domain == contrib_ops.DOMAIN
        op, domain = contrib_ops.STANDARD.get(node.op_type, node.op_type), "" if fused else node.domain
        version = self.versions.get(domain if domain != "ai.onnx" else "")
        if version is None or any(a.type in (GRAPH, GRAPHS) for a in node.attribute):
            return {}  # the results of a loop body depend on the number of iterations
        known = [(i, self.values[name]) for i, name in enumerate(node.input) if name in self.values]
        kept = (a for a in node.attribute if not fused or not a.name.startswith("activation"))
        key = tuple(a.SerializeToString(deterministic=True) for a in kept)
        places = tuple(map(bool, node.input))
        kinds = tuple((kind.dtype, kind.sizes) for kind in given)
        data = tuple(
            (i, x.dtype.str, x.shape, x.tobytes()) for i, x in known if x.dtype.kind != "f" or op in SIZED_BY_FLOATS
        )
        outputs = tuple(map(bool, node.output))
        found = inferred_by_onnx(domain, op, version, key, places, kinds, data, outputs)
        return {name: kind for name, kind in zip(node.output, found, strict=True) if kind is not None and name}


@lru_cache(maxsize=4096)
def inferred_by_onnx(
    domain: str, op: str, version: int, attributes: tuple[bytes, ...], places: tuple[bool, ...],
    kinds: tuple[tuple[int, Sizes | None], ...], data: tuple[tuple[int, str, Sizes, bytes], ...], outputs: tuple[bool, ...],
) -> list[Kind | None]:  # fmt: skip
    """Return what onnx infers about a node's outputs, cached: repeated blocks ask for the same nodes."""
    import onnx.defs
    import onnx.numpy_helper
    import onnx.shape_inference

    inputs = [f"i{i}" if given else "" for i, given in enumerate(places)]
    node = onnx.NodeProto(op_type=op, domain=domain, input=inputs)
    node.output.extend(f"o{i}" if wanted else "" for i, wanted in enumerate(outputs))
    arrays = {f"i{i}": np.frombuffer(raw, dtype).reshape(shape) for i, dtype, shape, raw in data}  # type: ignore[arg-type]  # known
    try:
        node.attribute.extend(map(onnx.AttributeProto.FromString, attributes))
        types = {name: Kind(*kind).proto() for name, kind in zip(inputs, kinds, strict=True) if name}
        tensors = {name: onnx.numpy_helper.from_array(x) for name, x in arrays.items()}
        imports = [onnx.OperatorSetIdProto(domain=domain, version=version)]
        schema = onnx.defs.get_schema(op, version, domain)
        found = onnx.shape_inference.infer_node_outputs(schema, node, types, tensors, opset_imports=imports)
    except Exception:  # a node that does not fit its inputs: its outputs are unknown
        return [None] * len(outputs)
    return [Kind.of(found[f"o{i}"]) if f"o{i}" in found else None for i in range(len(outputs))]


def settings_of(node: NodeProto, file: Path) -> dict[str, object]:
    """Return the attributes of a node by name, except subgraphs: numbers, strings, lists of them, small tensors as arrays."""
    return {a.name: value for a in node.attribute if (value := setting_of(a, file)) is not None}


def setting_of(attribute: Any, file: Path) -> object:
    """Return the value of an attribute, a target dtype as numpy's; None for a subgraph or a large tensor."""
    if attribute.name == "to" and attribute.type == 2:
        name = DTYPES.get(attribute.i, "")
        return np.dtype(name if name in FLAT else "float32")
    match attribute.type:
        case 1:
            return attribute.f
        case 2:
            return attribute.i
        case 3:
            return attribute.s.decode("utf-8", "replace")
        case 4:
            return small_values(file, attribute.name, attribute.t)
        case 6:
            return list(attribute.floats)
        case 7:
            return list(attribute.ints)
        case 8:
            return [text.decode("utf-8", "replace") for text in attribute.strings]
    return None


FLAT = {"float32", "float64", "float16", "bool", *(f"{u}int{n}" for u in ("", "u") for n in (8, 16, 32, 64))}
"""The dtypes that numpy has too."""


def small_values(file: Path, name: str, x: Any) -> np.ndarray | None:
    """Return the values of a small tensor; None if it is large or they cannot be read, since a summary does not need them."""
    from layercli.errors import LayercliError

    if not 0 <= count_of(x) <= MOST:
        return None
    try:
        return tensor_values(file, name, x) if DTYPES.get(x.data_type) in FLAT else None
    except LayercliError:
        return None


CONSTANTS: dict[str, Callable[[Any], np.ndarray]] = {
    "value_int": lambda x: np.array(x, "i8"),
    "value_ints": lambda x: np.array(x, "i8"),
    "value_float": lambda x: np.array(x, "f4"),
    "value_floats": lambda x: np.array(x, "f4"),
}


def constant_values(settings: Mapping[str, object]) -> list[np.ndarray] | None:
    """Return the value of a Constant that is not stored as a tensor."""
    for name, made in CONSTANTS.items():
        if name in settings:
            return [made(settings[name])]
    return None
