"""pt2: the zip archive of ``torch.export.save``, with a graph as JSON and the bytes of each tensor.

``torch.export.load`` unpickles members declared as pickles, loads machine code, evaluates sizes and guards as Python, and
writes names into Python source. Therefore torch only gets a copy rebuilt from what was checked here: tensors as plain bytes,
names that are identifiers, operators of torch, and sizes that are arithmetic.
"""

from __future__ import annotations

import ast
import json
import re
import shutil
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

from layercli.core.limits import DESCRIPTION, DIGITS, FORMULA
from layercli.core.types import ConfigLike
from layercli.errors import FormatError
from layercli.formats.strict_json import parse
from layercli.formats.zip_archive import archive

ROOT, GRAPH, SAMPLES = "model", "models/model.json", "data/sample_inputs/model.pt"
CONFIGS = "data/weights/model_weights_config.json", "data/constants/model_constants_config.json"
PLAIN = {"archive_format", "archive_version", "byteorder", ".data/version"}
TENSOR = re.compile(r"data/(weights/weight|constants/tensor)_\d+")
DROPPED = {"guards_code", "treespec_namedtuple_fields", "torch_version"}
"""Entries that a graph does not need: guards as Python text, type definitions, and the version, which is not a name."""

NAME = re.compile(r"[\w.@-]*")
OPERATORS = "add sub mul truediv floordiv mod neg pow eq ne lt le gt ge and_ or_ not_ getitem"
HIGHER_ORDER = (
    "cond while_loop map_impl scan associative_scan flex_attention wrap_with_set_grad_enabled wrap_with_autocast "
    "auto_functionalized auto_functionalized_v2"
)
TARGET = re.compile(
    r"torch\.ops\.(aten|prims)\.(?!from_file)(?!__(?!(and|or|xor|lshift|rshift)__))\w+(\.\w+)?"
    rf"|torch\.ops\.higher_order\.({HIGHER_ORDER.replace(' ', '|')})|_operator\.({OPERATORS.replace(' ', '|')})"
    r"|math\.[a-z]\w*|torch\.sym_\w+|torch\._sym_\w+"
)
ARITHMETIC = (
    ast.Expression, ast.Call, ast.keyword, ast.Name, ast.Load, ast.Constant, ast.BinOp, ast.UnaryOp, ast.BoolOp,
    ast.Compare, ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.Tuple,
)  # fmt: skip
TERM = re.compile(r"[a-z]{1,2}\d+")
"""A size such as ``s31``."""
FUNCTIONS = set(
    """
    Symbol Integer Rational Float One Zero NegativeOne Half Infinity NegativeInfinity IntInfinity NegativeIntInfinity Add Mul
    Pow Mod Abs Max Min And Or Not Eq Ne Lt Le Gt Ge Equality Unequality GreaterThan LessThan StrictGreaterThan
    StrictLessThan BooleanTrue BooleanFalse Piecewise ExprCondPair FloorDiv ModularIndexing Where PythonMod CleanDiv CeilDiv
    CeilToInt FloorToInt RoundToInt RoundDecimal TruncToInt TruncToFloat ToFloat LShift RShift PowByNatural FloatPow
    FloatTrueDiv IntTrueDiv Identity IsNonOverlappingAndDenseIndicator True False
    """.split()  # noqa: SIM905 - so many words are read more easily so
)
"""The functions of sympy and of torch that a size is made of."""
POWERS = {"Pow", "PowByNatural", "FloatPow", "LShift"}
CONTAINERS = {None, "builtins.tuple", "builtins.list", "builtins.dict", "collections.OrderedDict"}


def checked(path: str) -> BytesIO:
    """Return a copy of the archive with only numbers and names in it; FormatError says what else it holds."""
    file, made = Path(path), BytesIO()
    with archive(file) as zipped, zipfile.ZipFile(made, "w") as copy:
        members = members_of(file, zipped)
        for name in (*CONFIGS, GRAPH):
            if name not in members:
                raise FormatError(f"{file} is not a model of torch.export: it has no {name}")
            DESCRIPTION.check(f"{file}: {name}", members[name].file_size)
            value = parse(file, zipped.read(members[name]), name)
            copy.writestr(f"{ROOT}/{name}", json.dumps(cleaned(file, value)))
            if name != GRAPH:
                check_plain(file, value, members, str(Path(name).parent))
        for name, info in members.items():
            if name in PLAIN or TENSOR.fullmatch(name):
                with zipped.open(info) as source, copy.open(f"{ROOT}/{name}", "w", force_zip64=True) as target:
                    shutil.copyfileobj(source, target)
        copy.writestr(f"{ROOT}/{SAMPLES}", b"")
    made.seek(0)
    return made


def members_of(file: Path, zipped: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the members of the archive by name, without the folder that contains them all."""
    found: dict[str, zipfile.ZipInfo] = {}
    for info in zipped.infolist():
        name = info.filename.partition("/")[2]
        if name in found:
            raise FormatError(f"{file} holds {name!r} twice", code="duplicate")
        if info.compress_type != zipfile.ZIP_STORED:
            raise FormatError(f"{file} holds {name!r} compressed, which torch.export does not do", code="unreadable")
        if name.startswith("data/aotinductor/"):
            raise FormatError(f"{file} holds machine code ({name}), which is never executed", code="unsafe")
        found[name] = info
    return found


def check_plain(file: Path, config: ConfigLike, members: dict[str, zipfile.ZipInfo], folder: str) -> None:
    """Raise FormatError unless every tensor in ``config`` is stored as plain bytes in the archive."""
    try:
        places = {
            path: (f"{folder}/{entry['path_name']}", entry["use_pickle"]) for path, entry in config["config"].items()
        }
    except (TypeError, KeyError, AttributeError):
        raise FormatError(f"{file} has a damaged list of tensors in {folder}", code="bad-header") from None
    for path, (place, pickled) in places.items():
        if pickled or not TENSOR.fullmatch(place):
            raise FormatError(f"{file} holds {path} as a pickle, which is never loaded", code="unsafe")
        if place not in members:
            raise FormatError(f"{file} has no {place}, which holds {path}")


def cleaned(file: Path, value: object, key: str = "") -> object:
    """Return the JSON of a graph without unneeded entries; FormatError if a string could be code."""
    if isinstance(value, dict):
        return {
            text_of(file, name): layers_of(item) if name == "metadata" else cleaned(file, item, name)
            for name, item in value.items()
            if name not in DROPPED
        }
    if isinstance(value, list):
        return [cleaned(file, item, key) for item in value]
    return text_of(file, value, key) if isinstance(value, str) else value


def text_of(file: Path, text: str, key: str = "") -> str:
    """Return a string if it is what its ``key`` requires; FormatError otherwise, because it might be executed."""
    if key == "expr_str":
        FORMULA.check(f"{file}: {text[:40]!r}...", len(text))
    if not FORMS.get(key, NAME.fullmatch)(text):
        shown = text if len(text) <= 60 else f"{text[:60]}..."
        raise FormatError(
            f"{file} has {shown!r} in its graph, which could be code and is never executed", code="unsafe"
        )
    if key == "expr_str":
        DIGITS.check(f"{file}: {text[:60]!r}", digits_of(ast.parse(text, mode="eval")))
    return text


def layers_of(metadata: object) -> dict[str, str]:
    """Return only the layer scopes from the metadata of an operation."""
    stack = metadata.get("nn_module_stack") if isinstance(metadata, dict) else None
    return {"nn_module_stack": re.sub(r"[^\w.,;@]", "_", stack)} if isinstance(stack, str) else {}


def is_arithmetic(text: str) -> bool:
    """Whether ``text`` is a formula of sizes and sympy functions.

    >>> is_arithmetic("Mul(Integer(2), Symbol('s31', positive=True))"), is_arithmetic("__import__('os')")
    (True, False)
    """
    try:
        nodes = list(ast.walk(ast.parse(text, mode="eval")))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return all(
        isinstance(node, ARITHMETIC)
        and (not isinstance(node, ast.Name) or bool(TERM.fullmatch(node.id)) or node.id in FUNCTIONS)
        and (not isinstance(node, ast.Constant) or not isinstance(node.value, (str, bytes)) or is_word(node.value))
        for node in nodes
    )


def digits_of(node: Any) -> int:
    """Return how many digits a formula has at most as a number: those of its parts, times the exponent for a power.

    >>> digits_of(ast.parse("Pow(Integer(9), Pow(Integer(9), Integer(10)))", mode="eval"))
    3486784401
    """
    if isinstance(node, ast.Constant):
        return len(str(node.value))
    if (parts := power_of(node)) is not None:
        return digits_of(parts[0]) * exponent(parts[1])
    return sum(map(digits_of, ast.iter_child_nodes(node)))


def power_of(node: object) -> tuple[object, object] | None:
    """Return the base and the exponent of a power, or None for another formula."""
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in POWERS
        and len(node.args) == 2
    ):
        return node.args[0], node.args[1]
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Pow, ast.LShift)):
        return node.left, node.right
    return None


def exponent(node: object) -> int:
    """Return how large an exponent can be; what is not a plain number counts by its digits."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Integer" and node.args:
        return exponent(node.args[0])
    if (parts := power_of(node)) is not None:
        base, power = map(exponent, parts)
        return base**power if base.bit_length() * power < 64 else 1 << 63
    if isinstance(node, ast.UnaryOp):
        return exponent(node.operand)
    if isinstance(node, ast.Constant) and str(node.value).isdecimal():
        return max(1, int(str(node.value)))
    return max(1, digits_of(node))


def is_word(value: str | bytes) -> bool:
    """Whether a text is a name without a dot."""
    return isinstance(value, str) and bool(re.fullmatch(r"\w+", value))


def is_structure(text: str) -> bool:
    """Whether ``text`` describes nested tuples, lists and dicts of inputs or outputs in torch's pytree protocol."""
    try:
        _, root = json.loads(text)
        return is_container(root)
    except (ValueError, TypeError, KeyError, RecursionError):
        return False


def is_container(found: Any) -> bool:
    """Whether a node of such a structure, and every node inside it, is a Python container."""
    context = found["context"]
    names = json.loads(context) if isinstance(context, str) else context
    return (
        found["type"] in CONTAINERS
        and (names is None or (isinstance(names, list) and all(isinstance(name, (str, int)) for name in names)))
        and all(map(is_container, found["children_spec"]))
    )


FORMS: dict[str, Callable[[str], object]] = {
    "target": TARGET.fullmatch,
    "as_operator": TARGET.fullmatch,
    "expr_str": is_arithmetic,
    "in_spec": is_structure,
    "out_spec": is_structure,
    "as_string": lambda text: True,  # a value, whose repr torch writes into source
    "as_strings": lambda text: True,
}
"""The check for a string under each key; other strings must be names."""
