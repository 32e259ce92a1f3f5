"""How each quantizer lays out one weight: what its entries are called, and the shape that their dtypes and shapes stand for.

``RULES`` lists the names; a layout returns the shape before packing and the dtype. No value of a weight is read.

Sources: the checkpoint layouts of AutoGPTQ, AutoAWQ, bitsandbytes, compressed-tensors, TensorRT Model Optimizer, DeepSeek-V3
(block-wise FP8), gpt-oss (MXFP4), MLX, AQLM, optimum-quanto, HQQ, EETQ, torchao 0.18 and VPTQ.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from layercli.dataclass import dataclass
from layercli.errors import FormatError, LayercliError
from layercli.formats import strict_json
from layercli.formats.weight_file import BITS, TensorEntry

if TYPE_CHECKING:
    from layercli.formats.weight_file import WeightFile

FLOAT8 = tuple(name for name in BITS if name.startswith(("float8_e4m3", "float8_e5m2")))
WORDS = ("int32", "uint32")
LONGEST_STATE = 10_000
"""The most bytes of the JSON in which bitsandbytes describes a weight."""
MLX_GROUPS = (64, 32, 128)
"""The group sizes of MLX; the first is its default."""
INTEGER_BITS = (4, 8, 2, 3, 5, 6)


@dataclass(frozen=True)
class UnpackedForm:
    """The shape of a weight before packing, and its dtype."""

    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class WeightParts:
    """The entries that may stand for one weight, by what their names end with; ``settings`` are those of the quantizer."""

    file: WeightFile
    settings: Mapping[str, Any]
    values: TensorEntry
    beside: Mapping[str, TensorEntry]

    def read(self, ending: str) -> Any:
        """Return the values of a small entry beside; None if there is none, or it cannot be read."""
        entry = self.beside.get(ending)
        if entry is None or entry.bytes > LONGEST_STATE:
            return None
        try:
            return self.file.read(entry.path)
        except LayercliError:
            return None


@dataclass(frozen=True)
class Rule:
    """How one quantizer names the entries of a weight.

    All names begin with the weight's path, without its last part where ``weight`` gives that. A weight of this kind has an entry
    ending with ``mark``; its values end with ``values``. ``beside`` are the endings of scales and the like, ``siblings`` the
    names of others in the same module. ``layout`` returns None where dtypes or shapes are not those of the method; ``alike`` says
    that it depends on nothing else of the entries.
    """

    mark: str
    values: str
    beside: tuple[str, ...]
    layout: Callable[[WeightParts], UnpackedForm | None]
    weight: str = ""
    siblings: tuple[str, ...] = ()
    alike: bool = False


def gptq_or_awq(group: WeightParts) -> UnpackedForm | None:
    """GPTQ packs the rows of a matrix (inputs, outputs), AWQ its columns; both have scales of (groups, outputs)."""
    packed, scales, zeros = group.values, group.beside.get(".scales"), group.beside.get(".qzeros")
    if packed.dtype not in WORDS or len(packed.shape) != 2 or scales is None or len(scales.shape) != 2:
        return None
    rows, columns = packed.shape
    outputs = scales.shape[1]
    if columns == outputs:
        order = group.beside.get(".g_idx")
        bits = ratio(32 * zeros.shape[-1], outputs) if zeros is not None and zeros.shape else None
        bits = ratio(32 * rows, order.size) if order is not None else bits or whole(group.settings.get("bits"))
        inputs = ratio(32 * rows, bits)
        return None if bits is None or inputs is None else UnpackedForm((outputs, inputs), f"gptq-int{bits}")
    bits = ratio(32 * columns, outputs)
    if bits is not None:
        return UnpackedForm((outputs, rows), f"awq-int{bits}")
    return UnpackedForm((rows, columns * 8), "awq-int4") if rows == scales.shape[0] else None


def bitsandbytes_4bit(group: WeightParts) -> UnpackedForm | None:
    """Two values in each byte of a flat tensor; a JSON text beside it has the shape."""
    kind = next((kind for kind in ("nf4", "fp4") if STATE + kind in group.beside), None)
    if kind is None:
        return None
    raw = group.read(STATE + kind)
    shape = None if raw is None else json_object(group.file, bytes(raw)).get("shape")
    known = isinstance(shape, list) and all(type(size) is int and size >= 0 for size in shape)
    if known and -(-math.prod(shape or ()) // 2) == group.values.bytes:
        return UnpackedForm(tuple(shape or ()), f"bnb-{kind}")
    return UnpackedForm((2 * group.values.bytes,), f"bnb-{kind}")


def bitsandbytes_int8(group: WeightParts) -> UnpackedForm | None:
    """A matrix of int8 with a scale for each row."""
    scales = group.beside[".SCB"]
    rows = group.values.shape[:1]
    return (
        UnpackedForm(group.values.shape, "bnb-int8") if group.values.dtype == "int8" and scales.shape == rows else None
    )


def packed_columns(group: WeightParts) -> UnpackedForm | None:
    """compressed-tensors: int32 words along the last axis with the shape beside them, or pairs of 4-bit floats in bytes."""
    packed, scale = group.values, group.beside.get("_scale")
    if not packed.shape or scale is None:
        return None
    *rows, columns = packed.shape
    if packed.dtype == "uint8":
        return UnpackedForm((*rows, 2 * columns), "nvfp4" if "_global_scale" in group.beside else "mxfp4")
    if packed.dtype not in WORDS:
        return None
    bits, given = whole(group.settings.get("num_bits", group.settings.get("bits"))), group.read("_shape")
    if given is not None and given.size == len(packed.shape) and list(given[:-1]) == rows:
        last = int(given[-1])
        choices = [b for b in dict.fromkeys([bits, *INTEGER_BITS]) if b and -(-last // (32 // b)) == columns]
        return UnpackedForm((*rows, last), f"packed-int{choices[0]}") if choices else None
    return UnpackedForm((*rows, columns * 32 // (bits or 4)), f"packed-int{bits or 4}")


def scaled(group: WeightParts) -> UnpackedForm | None:
    """8-bit values in the weight's own shape, with a scale for each tensor, row or block; or pairs of 4-bit floats in bytes."""
    values, scale = group.values, group.beside.get("_scale")
    if values.dtype in FLOAT8:
        return UnpackedForm(values.shape, f"scaled-{values.dtype}")
    if values.dtype == "int8":
        return UnpackedForm(values.shape, "scaled-int8")
    if values.dtype == "uint8" and "_scale_2" in group.beside and scale is not None and scale.dtype in FLOAT8:
        return UnpackedForm((*values.shape[:-1], 2 * values.shape[-1]), "nvfp4") if values.shape else None
    return None


def mxfp4_blocks(group: WeightParts) -> UnpackedForm | None:
    """Blocks of 32 values in 16 bytes with one 8-bit exponent: (..., blocks, 16) and (..., blocks)."""
    blocks, scales = group.values, group.beside.get("_scales")
    if scales is None or {blocks.dtype, scales.dtype} != {"uint8"} or blocks.shape != (*scales.shape, 16):
        return None
    return UnpackedForm((*blocks.shape[:-2], blocks.shape[-2] * 32), "mxfp4")


def mlx(group: WeightParts) -> UnpackedForm | None:
    """Words along the last axis, with scales and biases for groups of values; the shapes give bits times group size."""
    packed, scales = group.values, group.beside[".scales"]
    if packed.dtype != "uint32" or packed.shape[:-1] != scales.shape[:-1] or not packed.shape:
        return None
    *rows, words = packed.shape
    product = ratio(32 * words, scales.shape[-1])
    if scales.dtype == "uint8":
        kind, bits = {128: ("mxfp4", 4), 64: ("nvfp4", 4), 256: ("mxfp8", 8)}.get(product or 0, ("", 0))
        return UnpackedForm((*rows, words * 32 // bits), kind) if bits else None
    own = group.settings.get(group.values.path.removesuffix(".weight"))
    settings = own if isinstance(own, dict) else group.settings
    given, size = whole(settings.get("bits")), whole(settings.get("group_size"))
    pairs = [(given, size), *((ratio(product, each), each) for each in MLX_GROUPS if product)]
    for each, group_size in pairs:
        if each in INTEGER_BITS and group_size and each * group_size == product:
            return UnpackedForm((*rows, words * 32 // each), f"mlx-int{each}")
    return None


def aqlm(group: WeightParts) -> UnpackedForm | None:
    """Codes (output groups, input groups, codebooks) and codebooks (codebooks, entries, sizes of a group)."""
    codes, books = group.values, group.beside.get(".codebooks")
    if len(codes.shape) != 3 or books is None or len(books.shape) != 4 or books.shape[0] != codes.shape[2]:
        return None
    return UnpackedForm((codes.shape[0] * books.shape[2], codes.shape[1] * books.shape[3]), "aqlm")


def quanto(group: WeightParts) -> UnpackedForm | None:
    """8-bit values in the weight's own shape; with shifts, several values in each byte, of which the order hides the shape.

    A scale belongs to each row of the values before packing, which puts 8 / bits of the rows into one.
    """
    values = group.values
    if "._shift" not in group.beside:
        kind = {"int8": "int8", **{name: name for name in FLOAT8}}.get(values.dtype)
        return None if kind is None else UnpackedForm(values.shape, f"quanto-{kind}")
    scale, declared = group.beside.get("._scale"), {"int2": 2, "int4": 4}.get(str(group.settings.get("weights")), 4)
    counted = ratio(8 * values.shape[0], scale.size) if values.shape and scale is not None and scale.size else None
    bits = counted if counted in (2, 4) else declared
    return UnpackedForm((values.bytes * 8 // bits,), f"quanto-int{bits}") if values.dtype == "uint8" else None


def hqq(group: WeightParts) -> UnpackedForm | None:
    """Packed values beside which small entries hold the bits of a value and the shape; without them 4 bits, and no shape."""
    bits, shape = group.read(".nbits"), group.read(".shape")
    count = int(bits.ravel()[0]) if bits is not None and bits.size == 1 else 4
    sizes = () if shape is None else tuple(int(size) for size in shape.ravel())
    if (
        count not in (*INTEGER_BITS, 1)
        or group.values.dtype not in ("uint8", *WORDS)
        or any(size < 0 for size in sizes)
    ):
        return None
    per_word = BITS[group.values.dtype] // count  # a word of 32 bits holds ten values of 3 bits
    most = group.values.size * per_word
    fits = sizes and 0 <= most - math.prod(sizes) < per_word * max(sizes)
    return UnpackedForm(sizes if fits else (most,), f"hqq-int{count}")


def eetq(group: WeightParts) -> UnpackedForm | None:
    """8-bit values (inputs, outputs) with a scale for each output."""
    values, scales = group.values, group.beside.get(".weight_scales")
    if values.dtype != "int8" or len(values.shape) != 2 or scales is None or scales.shape != values.shape[1:]:
        return None
    return UnpackedForm(values.shape[::-1], "eetq-int8")


def float8_of_module(group: WeightParts) -> UnpackedForm | None:
    """8-bit floats whose one scale is called scale_weight."""
    return UnpackedForm(group.values.shape, f"scaled-{group.values.dtype}") if group.values.dtype in FLOAT8 else None


def torchao(group: WeightParts) -> UnpackedForm | None:
    """8-bit values in the weight's own shape, or several of 4 bits in each word; the metadata names the class and the shape."""
    values = group.values
    noted = described_in(group, group.values.path.removesuffix("._weight_qdata") + ".weight")
    kind = str(noted.get("_type", "Int8Tensor"))
    if values.dtype in FLOAT8 or (values.dtype == "int8" and kind in ("Int8Tensor", "IntxUnpackedToInt8Tensor")):
        return UnpackedForm(values.shape, f"torchao-{values.dtype}")
    name = {"MXTensor": "mxfp4", "NVFP4Tensor": "nvfp4"}.get(kind, "int4")
    per_word = BITS[values.dtype] // 4
    if not values.shape or values.dtype not in ("uint8", "int8", *WORDS):
        return None
    given = noted["_data"].get("shape") if isinstance(noted.get("_data"), dict) else None
    if isinstance(given, list) and all(whole(size) for size in given) and math.prod(given) == values.size * per_word:
        return UnpackedForm(tuple(given), f"torchao-{name}")
    flat = len(values.shape) > 3  # tiles for a kernel, whose order hides the shape
    rows = () if flat else values.shape[:-1]
    return UnpackedForm((*rows, (values.size if flat else values.shape[-1]) * per_word), f"torchao-{name}")


def described_in(group: WeightParts, path: str) -> Mapping[str, Any]:
    """Return what the metadata of a safetensors file say of a tensor, as torchao writes them."""
    text = getattr(group.file, "metadata", {}).get(path)
    return json_object(group.file, text.encode()) if isinstance(text, str) and len(text) <= LONGEST_STATE else {}


def json_object(file: WeightFile, raw: bytes) -> Mapping[str, Any]:
    """Return the JSON object that a quantizer noted; an empty one where it noted something else."""
    try:
        found = strict_json.parse(file.file, raw, "notes")
    except FormatError:
        return {}
    return found if isinstance(found, dict) else {}


def vptq(group: WeightParts) -> UnpackedForm | None:
    """Indices (codebooks, vectors of outputs, packed inputs) of vectors in codebooks; the config has the sizes of each layer."""
    layers = group.settings.get("config_for_layers")
    own = layers.get(group.values.path.removesuffix(".indices")) if isinstance(layers, dict) else None
    if not isinstance(own, dict) or len(group.values.shape) != 3:
        return None
    inputs, outputs = whole(own.get("in_features")), whole(own.get("out_features"))
    lengths = own.get("vector_lens")
    length = whole(lengths[-1]) if isinstance(lengths, list) and lengths else None
    if inputs is None or outputs is None or length is None or -(-outputs // length) != group.values.shape[1]:
        return None
    return UnpackedForm((outputs, inputs), "vptq")


STATE = ".quant_state.bitsandbytes__"
SCALES = ("_scale", "_scale_2", "_zero_point", "_global_scale", "_shape", "_g_idx")
INPUTS = ("input_scale", "input_zero_point", "input_global_scale")
HQQ = (
    ".nbits", ".group_size", ".shape", ".axis", ".packing", ".unpack_view_dtype", ".view_as_float", ".quant_scale", ".quant_zero",
    ".compute_dtype", ".offload_meta", ".encoded_state_dict", ".stores_quant_config", ".channel_wise", ".optimize", ".round_zero",
)  # fmt: skip
"""The settings that HQQ keeps beside a weight, an entry each."""
TORCHAO = tuple(
    f"._weight_{name}"
    for name in ("scale", "zero_point", "scale_and_zero", "act_pre_scale", "per_tensor_scale", "act_per_tensor_scale")
)
VPTQ = (
    ".centroids.weight", ".res_centroids.weight", ".res_indices", ".outlier_centroids.weight", ".outlier_indices", ".perm",
    ".weight_scale", ".weight_bias",
)  # fmt: skip
RULES = (
    Rule(".qweight", ".qweight", (".qzeros", ".scales", ".g_idx"), gptq_or_awq, weight=".weight", alike=True),
    Rule(
        ".absmax",
        "",
        (".absmax", ".quant_map", ".nested_absmax", ".nested_quant_map", f"{STATE}nf4", f"{STATE}fp4"),
        bitsandbytes_4bit,
    ),
    Rule(".SCB", ".weight", (".SCB", ".weight_format"), bitsandbytes_int8, weight=".weight", alike=True),
    Rule("_packed", "_packed", SCALES, packed_columns, siblings=INPUTS),
    Rule("_scale_inv", "", ("_scale_inv",), scaled, siblings=INPUTS, alike=True),
    Rule("_scale", "", SCALES, scaled, siblings=INPUTS, alike=True),
    Rule("_blocks", "_blocks", ("_scales",), mxfp4_blocks, alike=True),
    Rule(".scales", ".weight", (".scales", ".biases"), mlx, weight=".weight"),
    Rule(".codes", ".codes", (".codebooks", ".scales"), aqlm, weight=".weight", alike=True),
    *(
        Rule(mark, mark, ("._scale", "._shift"), quanto, siblings=("input_scale", "output_scale"), alike=True)
        for mark in ("._data._data", "._data")
    ),
    Rule(".W_q", ".W_q", (".scale", ".zero", *HQQ), hqq, weight=".weight"),
    Rule(".weight_scales", ".weight", (".weight_scales",), eetq, weight=".weight", alike=True),
    Rule(".weight_scales", ".qweight", (".weight_scales",), eetq, weight=".weight", alike=True),
    Rule("._weight_qdata", "._weight_qdata", TORCHAO, torchao, weight=".weight"),
    Rule(".indices", ".indices", VPTQ, vptq, weight=".weight"),
    Rule(".scale_weight", ".weight", (".scale_weight", ".scale_input"), float8_of_module, weight=".weight", alike=True),
)
"""One rule for each way to name the entries; of several that fit the first counts."""


def ratio(a: int, b: int | None) -> int | None:
    """Return a / b where that is a positive integer, else None."""
    return a // b if b and a and a % b == 0 else None


def whole(value: Any) -> int | None:
    """Return a positive integer of a config, else None."""
    return value if type(value) is int and value > 0 else None
