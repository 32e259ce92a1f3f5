"""onnx: a protobuf message with a graph, and tensors stored in it or in files beside it.

It is read by the optional ``onnx`` package, without torch or a runtime. A tensor in another file is opened only when its
values are requested, and only if the file is in the folder of the model, whatever the model says.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layercli.errors import FileError, FormatError, MissingPackageError
from layercli.formats import detect
from layercli.formats.dtype_codec import decode
from layercli.formats.names import is_inside, is_relative
from layercli.formats.onnx_header import INSIDE, without_values
from layercli.formats.onnx_sparse import WHAT, list_sparse, stored_bytes
from layercli.formats.onnx_validation import check_ranks, check_texts
from layercli.formats.tensor_data import Layout, TensorData
from layercli.formats.weight_file import BITS, TensorEntries, TensorEntry, TensorKind, missing

if TYPE_CHECKING:
    import numpy as np
    from onnx import GraphProto, NodeProto

DTYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 9: "bool", 10: "float16",
    11: "float64", 12: "uint32", 13: "uint64", 14: "complex64", 15: "complex128", 16: "bfloat16", 17: "float8_e4m3fn",
    18: "float8_e4m3fnuz", 19: "float8_e5m2", 20: "float8_e5m2fnuz", 21: "uint4", 22: "int4", 23: "float4_e2m1fn",
    24: "float8_e8m0fnu", 25: "uint2", 26: "int2",
}  # fmt: skip
"""Our dtype names by ONNX's dtype number, for numeric dtypes."""
TEXT, FLOAT16, COMPLEX64 = 8, 10, 14
PAIRS = {COMPLEX64: "f4", 15: "f8"}
"""The complex dtypes, and the dtype of their real and imaginary parts."""
EXTERNAL, GRAPH, GRAPHS = 1, 5, 10
"""ONNX's codes for externally stored values, and for attributes that are subgraphs."""


def onnx() -> Any:
    """Return the module onnx; MissingPackageError names the extra that installs it."""
    try:
        import onnx
    except ModuleNotFoundError:
        raise MissingPackageError(
            "reading ONNX needs onnx, which is not installed", hint="pip install 'layercli[onnx]'"
        ) from None
    return onnx


def messages() -> Any:
    """Return the module of onnx's messages alone; MissingPackageError as from ``onnx``.

    The package as a whole also imports ml_dtypes, which takes a second (version 0.7). It may be imported later: protobuf makes
    the class of a message once.
    """
    package = None if "onnx" in sys.modules else find_spec("onnx")
    places = (package.submodule_search_locations if package else None) or []
    spec = PathFinder.find_spec("onnx.onnx_ml_pb2", list(places))
    if spec is None or spec.loader is None:
        return onnx()
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class OnnxFile:
    """The stored tensors of an ``.onnx`` file: initializers, including those of subgraphs, and constants with several values.

    Strings are left out. ``model`` is what the file holds, if it is loaded already. Raises FileError if it cannot be read,
    FormatError if it is damaged.
    """

    def __init__(self, path: str | os.PathLike[str], model: Any = None) -> None:
        self.file = Path(path)
        graph = (load(self.file) if model is None else model).graph
        self._tensors = {name: x for name, x in tensors_in(self.file, graph) if x.data_type != TEXT}
        self.entries = TensorEntries(kinds_of(self.file, self._tensors))

    def read(self, path: str) -> np.ndarray:
        """Return the values of the entry ``path``, memory-mapped if they are stored externally."""
        return tensor_values(self.file, path, self._readable(path))

    def chunks(self, path: str, values: int = 1 << 20) -> Iterator[np.ndarray]:
        """Yield the values of the entry ``path``, flat, at most ``values`` at a time."""
        x, layout = self._readable(path), Layout(self.entries[path])
        if x.data_location == EXTERNAL:
            yield from external(self.file, x, layout).chunks(values)
            return
        stored = bytes_of(self.file, x, layout)
        for start in range(0, stored.size, values):
            yield decode(stored[start : start + values], layout.entry.dtype)

    def locate(self, path: str) -> None:
        """Raise FileError or FormatError if the values of the entry ``path`` are not where the file says, or too few."""
        x, layout = self._tensor(path), Layout(self.entries[path])
        if self.entries[path].opaque is not None:
            return
        if x.data_location != EXTERNAL:
            bytes_of(self.file, x, layout)
        else:
            place = external(self.file, x, layout)
            held, end = place.file.stat().st_size, place.offset + layout.entry.bytes
            if held < end:
                raise FormatError(
                    f"{self.file}: {path!r} ends at byte {end:,} of {place.file}, which has {held:,}", code="truncated"
                )

    def _readable(self, path: str) -> Any:
        x = self._tensor(path)
        if (what := self.entries[path].opaque) is not None:
            raise FormatError(f"{self.file}: the values of {path!r} cannot be read, as it is {what}")
        return x

    def _tensor(self, path: str) -> Any:
        if path not in self._tensors:
            raise missing(self.file, path, self.entries)
        return self._tensors[path]


def tensor_values(file: Path, name: str, x: Any) -> np.ndarray:
    """Return the values of the tensor ``name``, memory-mapped if they are stored externally."""
    layout = Layout(entry_of(file, name, x))
    if x.data_location == EXTERNAL:
        return external(file, x, layout).read()
    values = decode(bytes_of(file, x, layout), layout.entry.dtype).reshape(layout.entry.shape)
    values.flags.writeable = False
    return values


def load(file: Path) -> Any:
    """Return the model in ``file``, its large values as external data; FormatError if there is none."""
    module, start = messages(), detect.first_bytes(file)
    content = without_values(file)
    try:
        model = module.ModelProto.FromString(content)
    except Exception as error:  # protobuf raises various exceptions
        found = detect.seeming(file, start)
        if found in (None, detect.ONNX):
            raise FormatError(
                f"{file} is damaged or not an ONNX file: onnx cannot read it", code="bad-header"
            ) from error
        raise FormatError(f"{file} is {found}, not an ONNX file") from error
    if not model.HasField("graph") or not model.opset_import:
        raise FormatError(f"{file} is damaged or not an ONNX file: it holds no {lacking(model)}", code="bad-header")
    check_texts(file, model)
    check_ranks(file, model.graph)
    list_sparse(model.graph, bodies_of, lambda x: BITS.get(DTYPES.get(x.data_type, ""), 0))
    return model


def lacking(model: Any) -> str:
    """Return the required part that a message lacks."""
    return "version of the operators it uses" if model.HasField("graph") else "graph"


def tensors_in(file: Path, graph: GraphProto, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the tensors stored in ``graph`` and in the subgraphs of its nodes, each under a unique name."""
    seen: set[str] = set()
    for x in graph.initializer:
        name = x.name
        if name in seen:
            raise FormatError(f"{file} holds {name!r} twice", code="duplicate")
        seen.add(name)
        yield prefix + name, x
    for i, node in enumerate(graph.node):
        if not node.attribute:
            continue
        if (constant := constant_of(node)) is not None and count_of(constant) > 1 and node.output[0] not in seen:
            yield prefix + node.output[0], constant
        for name, body in bodies_of(node):
            yield from tensors_in(file, body, f"{prefix}{node.name or f'{node.op_type}_{i}'}/{name}/")


def constant_of(node: NodeProto) -> Any:
    """Return the tensor of a Constant node, or None for any other node or constant."""
    if node.op_type != "Constant" or not node.output:
        return None
    return next((a.t for a in node.attribute if a.name == "value"), None)


def bodies_of(node: NodeProto) -> Iterator[tuple[str, Any]]:
    """Yield the subgraphs of a node: the branches of an If, the body of a Loop."""
    for attribute in node.attribute:
        if attribute.type == GRAPH:
            yield attribute.name, attribute.g
        elif attribute.type == GRAPHS:
            yield from ((f"{attribute.name}_{i}", body) for i, body in enumerate(attribute.graphs))


def count_of(x: Any) -> int:
    """Return the number of values in a tensor."""
    count = 1
    for size in x.dims:
        count *= size
    return count


def kinds_of(file: Path, tensors: Mapping[str, Any]) -> dict[str, TensorKind]:
    """Return what each tensor is; FormatError if one is invalid. Many are of one shape and dtype, checked once."""
    checked: dict[tuple[int, ...], TensorKind] = {}
    kinds: dict[str, TensorKind] = {}
    for name, x in tensors.items():
        if x.external_data:
            kinds[name] = entry_of(file, name, x)[1:]
            continue
        key = (x.data_type, *x.dims)
        if (kind := checked.get(key)) is None:
            kind = checked[key] = entry_of(file, name, x)[1:3]
        kinds[name] = kind
    return kinds


def entry_of(file: Path, name: str, x: Any) -> TensorEntry:
    """Return the description of a tensor without its values; FormatError if it is invalid."""
    if x.data_type not in DTYPES:
        raise FormatError(f"{file}: {name!r} has the dtype {x.data_type}, which ONNX does not have", code="bad-dtype")
    entry = TensorEntry(name, tuple(x.dims), DTYPES[x.data_type])
    if (held := stored_bytes(x)) is not None:
        entry = entry._replace(held=held, opaque=WHAT)
    if min(entry.shape, default=0) < 0:
        raise FormatError(f"{file}: {name!r} has the shape {list(entry.shape)}, which are not sizes", code="bad-shape")
    if not entry.fits:
        raise FormatError(
            f"{file}: {name!r} has the shape {list(entry.shape)}, which is too large to exist", code="bad-shape"
        )
    return entry


def bytes_of(file: Path, x: object, layout: Layout) -> np.ndarray:
    """Return the stored values of a tensor in the model file, flat and undecoded."""
    stored = stored_in(x, layout.storage(file))
    check_count(file, stored.size, layout.entry)
    return stored


def check_count(file: Path, held: int, entry: TensorEntry) -> None:
    """Raise FormatError unless ``held`` is the number of values of the entry."""
    if held != entry.size:
        raise FormatError(
            f"{file} holds {held:,} values of {entry.path!r}, whose shape {list(entry.shape)} takes {entry.size:,}",
            code="wrong-length",
        )


def stored_in(x: Any, dtype: np.dtype) -> np.ndarray:
    """Return the values of a tensor as stored: as bytes, or as a list of numbers of another type."""
    import numpy as np

    if x.HasField("raw_data"):
        raw = memoryview(x.raw_data)
        return np.frombuffer(raw[: len(raw) - len(raw) % dtype.itemsize], dtype)
    if x.data_type in PAIRS:
        parts = np.array(x.float_data if x.data_type == COMPLEX64 else x.double_data, PAIRS[x.data_type])
        return parts[: len(parts) - len(parts) % 2].view(dtype)
    lists = {1: x.float_data, 7: x.int64_data, 11: x.double_data, 12: x.uint64_data, 13: x.uint64_data}
    values = np.array(lists.get(x.data_type, x.int32_data))
    return values.astype("u2").view(dtype) if x.data_type == FLOAT16 else values.astype(dtype)


def external(file: Path, x: Any, layout: Layout) -> TensorData:
    """Return the location of a tensor's values in the model file or in one beside it."""
    noted = {item.key: item.value for item in x.external_data}
    path = layout.entry.path
    if INSIDE in noted:
        check_count(file, int(noted["length"]) // layout.storage(file).itemsize, layout.entry)
        return TensorData(file, int(noted[INSIDE]), layout)
    try:
        offset = int(noted.get("offset") or 0)
        length = int(noted["length"]) if noted.get("length") else layout.entry.bytes
    except ValueError:
        raise FormatError(f"{file} says of {path!r} that it lies at {noted.get('offset')!r}") from None
    if offset < 0 or length != layout.entry.bytes:
        raise FormatError(
            f"{file} says of {path!r} that it takes {length:,} bytes from {offset:,} on, its shape takes "
            f"{layout.entry.bytes:,}",
            code="wrong-length",
        )
    return TensorData(beside(file, path, noted.get("location", "")), offset, layout)


def beside(file: Path, path: str, location: str) -> Path:
    """Return the external data file of a tensor; FileError if it is missing or outside the model's folder."""
    place = file.parent / location
    if not is_relative(location) or not is_inside(file.parent, place):
        raise FileError(f"{file} keeps {path!r} in {location!r}, which is not within its folder and is never opened")
    if not place.is_file():
        raise FileError(f"{file} keeps {path!r} in {place}, which is not there")
    return place
