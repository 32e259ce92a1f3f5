"""Files of torch.save against torch itself, and against whoever would have something executed or believed."""

import argparse
import collections
import io
import os
import pathlib
import pickle
import random
import re
import struct
import subprocess
import sys
import tarfile
import zipfile

import numpy as np
import pytest
import torch
from torch import nn

from layercli.errors import FileError, FormatError
from layercli.formats import safe_pickle
from layercli.formats.detect import is_weights, open_weights
from layercli.formats.file_metadata import metadata_of
from layercli.formats.torch_checkpoint import TorchFile
from layercli.inspect.file_identity import metadata_in
from layercli.inspect.weight_summary import summarize_file

ROWS = torch.arange(24.0).reshape(2, 3, 4)
SMALL = ["float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu"]
DTYPES = ["float64", "float32", "float16", "bfloat16", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32",
          "uint64", "bool", "complex64", "complex128", *SMALL]  # fmt: skip


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def saved(value, name="net.pt", **settings):
    torch.save(value, name, **settings)
    return open_weights(name)


def as_numpy(x):
    """Return what a reader without torch gives of ``x``: its bits, those numpy has no name for as the float32 of the value."""
    lacks = x.dtype is torch.bfloat16 or "float8" in str(x.dtype)
    return (x.float() if lacks else x).detach().resolve_conj().resolve_neg().numpy()


def check(file, path, x):
    """Hold an entry to the tensor, bit for bit, read at once and in chunks of every kind."""
    expected, entry = as_numpy(x), file.entries[path]
    assert (entry.shape, f"torch.{entry.dtype}") == (tuple(x.shape), str(x.dtype))
    found = file.read(path)
    assert (found.dtype, found.shape, found.flags.writeable) == (expected.dtype, expected.shape, False)
    assert found.tobytes() == expected.tobytes()
    for values in (1, 5, 1 << 20):
        chunks = list(file.chunks(path, values))
        assert max((chunk.size for chunk in chunks), default=0) <= values
        assert b"".join(chunk.tobytes() for chunk in chunks) == expected.tobytes()
        assert all(chunk.ndim == 1 for chunk in chunks)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_dtype(dtype, protocol):
    x = torch.randn(3, 4).to(getattr(torch, dtype))
    state = {"x": x, "scalar": x[0, 0].clone(), "none": x[:0]}
    file = saved(state, pickle_protocol=protocol)
    assert isinstance(file, TorchFile)
    assert is_weights("net.pt")
    for path, tensor in state.items():
        check(file, path, tensor)


def test_every_code_of_a_small_float():
    codes = torch.arange(256, dtype=torch.uint8)
    state = {name: codes.view(getattr(torch, name)) for name in SMALL}
    file = saved(state)
    for path, x in state.items():
        np.testing.assert_array_equal(file.read(path), as_numpy(x))


VIEWS = {
    "turned": lambda x: x.permute(2, 0, 1),
    "part": lambda x: x[1:, ::2, 1:3],
    "column": lambda x: x[:, 1, :],
    "one": lambda x: x[1, 2, 3],
    "diagonal": lambda x: x[0].diagonal(),
    "windows": lambda x: x.reshape(-1).unfold(0, 5, 2),
    "repeated": lambda x: x[:, :1].expand(2, 7, 4),
    "repeated one": lambda x: x[0, 0, :1].expand(3, 3),
    "axes of one": lambda x: x[:, None, 1:2].transpose(0, 1),
    "channels last": lambda x: x[None].to(memory_format=torch.channels_last),
    "nothing": lambda x: x[:, 3:].transpose(0, 2),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float8_e5m2, torch.int16, torch.complex64])
@pytest.mark.parametrize("view", VIEWS)
def test_views_of_a_storage(view, dtype):
    state = {"before": ROWS.to(dtype), "view": VIEWS[view](ROWS.to(dtype))}
    file = saved(state)
    for path, x in state.items():
        check(file, path, x)


@pytest.mark.parametrize("view", VIEWS)
def test_conjugates_and_negatives(view):
    z = torch.complex(ROWS, ROWS - 7)
    for x in (VIEWS[view](z).conj(), VIEWS[view](z.conj().imag), z[1, 1, 1].conj()):
        check(saved({"x": x}), "x", x)


def test_what_a_tensor_takes_is_what_the_file_holds():
    whole = torch.randn(4, 4)
    file = saved({"a": whole, "tied": whole, "turned": whole.T, "repeated": torch.ones(2, 1).expand(2, 500)})
    assert {path: (entry.bytes, entry.same_as) for path, entry in file.entries.items()} == {
        "a": (64, None),
        "tied": (64, "a"),
        "turned": (64, None),
        "repeated": (8, None),
    }


def test_a_state_dict_keeps_its_keys():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 2)).to(memory_format=torch.channels_last)
    file = saved(net.state_dict())
    assert list(file.entries) == list(net.state_dict())
    assert file.parts == [""]
    for path, x in net.state_dict().items():
        check(file, path, x)


def test_parameters_buffers_and_tensors_with_attributes():
    parameter, plain = nn.Parameter(torch.randn(3)), torch.randn(3)
    parameter.note, plain.note = "kept", [1]
    state = {
        "parameter": nn.Parameter(torch.randn(2)),
        "noted": parameter,
        "plain": plain,
        "buffer": nn.Buffer(torch.randn(2)),
        "tracked": torch.randn(2, requires_grad=True),
    }
    file = saved(state)
    for path, x in state.items():
        check(file, path, x)


def test_a_checkpoint():
    net = nn.Linear(3, 2)
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    file = saved(
        {
            "model": net.state_dict(),
            "optimizer": optimizer.state_dict(),
            "epoch": 3,
            "best": np.float32(0.5),
            "mean": np.ones(3),
            "args": argparse.Namespace(rate=1e-3, folder=pathlib.PurePosixPath("x")),
            "history": collections.defaultdict(list, {"loss": [0.1, 0.2]}),
            "random": (random.getstate(), np.random.get_state(), torch.get_rng_state()),
            "others": [
                {1, 2},
                frozenset([1]),
                1j,
                b"ab",
                bytearray(b"cd"),
                None,
                True,
                2**70,
                -1,
                slice(1, 2),
                "é\ud7ff",
            ],
            "torch": [torch.float32, torch.device("cpu"), torch.strided, torch.Size([2])],
            "deque": collections.deque([torch.ones(1)], maxlen=3),
        }
    )
    assert list(file.entries) == [
        "model/weight", "model/bias",
        "optimizer/state/0/step", "optimizer/state/0/exp_avg", "optimizer/state/0/exp_avg_sq",
        "optimizer/state/1/step", "optimizer/state/1/exp_avg", "optimizer/state/1/exp_avg_sq",
        "random/2",
    ]  # fmt: skip
    assert file.parts == ["model", "optimizer/state/0", "optimizer/state/1"]
    check(file, "model/weight", net.weight)
    check(file, "optimizer/state/1/exp_avg", optimizer.state[net.bias]["exp_avg"])
    check(file, "random/2", torch.get_rng_state())


def test_a_tensor_alone_and_a_list():
    check(saved(ROWS, "rows.pt"), "rows", ROWS)
    file = saved([ROWS, (ROWS + 1, [ROWS * 2])])
    assert list(file.entries) == ["0", "1/0", "1/1/0"]
    check(file, "1/1/0", ROWS * 2)
    assert saved({"epoch": 3}).entries == {}
    assert saved(3).entries == {}


def test_a_dict_under_two_keys_is_listed_under_both():
    state = nn.Linear(2, 2).state_dict()
    file = saved({"model": state, "ema": state})
    assert list(file.entries) == ["model/weight", "model/bias", "ema/weight", "ema/bias"]
    assert file.entries["ema/weight"].same_as == "model/weight"


def test_numbers_of_the_other_byte_order():
    state = {"x": ROWS, "h": ROWS.bfloat16(), "z": ROWS * 1j, "turned": ROWS.T, "i": ROWS.long()}
    buffer = io.BytesIO()
    torch.save(state, buffer)
    with zipfile.ZipFile(buffer) as source, zipfile.ZipFile("big.pt", "w") as target:
        for info in source.infolist():
            raw = source.read(info)
            if info.filename == "archive/byteorder":
                raw = b"big"
            elif "/data/" in info.filename:
                raw = np.frombuffer(raw, f"u{SIZES[info.filename[-1]]}").byteswap().tobytes()
            target.writestr(info.filename, raw)
    file = open_weights("big.pt")
    for path, x in state.items():
        check(file, path, x)


SIZES = {"0": 4, "1": 2, "2": 4, "3": 8}
"""The bytes of a number, or of a half of a complex one, in each storage of that file."""


def test_files_of_other_settings_of_torch():
    torch.serialization.set_crc32_options(False)
    try:
        check(saved({"x": ROWS}, "crc.pt"), "x", ROWS)
    finally:
        torch.serialization.set_crc32_options(True)


def test_torch_takes_no_part(folder):
    torch.save({"x": ROWS, "h": ROWS.T.bfloat16()}, "net.pt")
    program = """
import sys
for name in sys.argv[1].split(): sys.modules[name] = None
from layercli.formats import torch_checkpoint
from layercli.formats.detect import open_weights
file = open_weights("net.pt")
print(*file.entries.values())
"""
    blocked = "torch numpy h5py safetensors rich pickle _pickle"
    done = subprocess.run([sys.executable, "-c", program, blocked], capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout == (
        "TensorEntry(path='x', shape=(2, 3, 4), dtype='float32') TensorEntry(path='h', shape=(4, 3, 2), dtype='bfloat16')\n"
    )
    program += "print(*[chunk.sum() for path in file.entries for chunk in [file.read(path), *file.chunks(path, 7)]])"
    done = subprocess.run([sys.executable, "-c", program, "torch"], capture_output=True, text=True)
    assert done.stderr == ""


def test_memory_stays_bounded():
    with open("net.pt", "wb") as file:
        torch.save({"x": torch.zeros(1 << 24), "turned": torch.zeros(1 << 12, 1 << 12).T}, file)
    program = """
import resource, sys
from layercli.formats import torch_checkpoint
from layercli.formats.detect import open_weights
import numpy
file = open_weights("net.pt")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
count = sum(chunk.size for chunk in file.chunks("x", 1 << 16))
print(count, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) < 8192)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == (f"{1 << 24} True\n", "")


def test_arrays_of_numpy_are_left_out_with_a_word():
    from layercli.sources.resolve import resolve

    torch.save({"w": torch.ones(2), "more": {"mean": np.arange(3.0)}, "std": np.ones(2)}, "mixed.pt")
    source = resolve("mixed.pt")
    assert list(source.file.entries) == ["w"]
    assert source.notes == ["'more/mean' and 1 more NumPy arrays are left out: only tensors are listed"]


# What is refused.


def refusal(path="bad.pt"):
    with pytest.raises(FormatError) as error:
        open_weights(path)
    return str(error.value)


def written(pickled, path="bad.pt", members=None, folder="bad/", compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr(f"{folder}data.pkl", pickled)
        for name, content in (members or {}).items():
            archive.writestr(f"{folder}{name}", content)
    return path


class Named:
    """Pickled as a name alone, which need not exist."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class Pickler(pickle._Pickler):
    """Writes calls of names as they are, and anything under a persistent id."""

    def persistent_id(self, obj):
        return obj.id if isinstance(obj, Stored) else None

    def save(self, obj, *args, **kwargs):
        if isinstance(obj, Named):
            return self.write(b"c%s\n%s\n" % (obj.module.encode(), obj.name.encode()))
        if isinstance(obj, Called):
            self.save(obj.function)
            self.save(obj.args)
            return self.write(b"R")
        return super().save(obj, *args, **kwargs)


class Stored:
    def __init__(self, *id):
        self.id = id[0] if len(id) == 1 else id


class Called:
    def __init__(self, function, *args):
        self.function, self.args = function, args


def pickled(value):
    buffer = io.BytesIO()
    Pickler(buffer, 2).dump(value)
    return buffer.getvalue()


FLOATS = Named("torch", "FloatStorage")
REBUILD = Named("torch._utils", "_rebuild_tensor_v2")


def tensor(offset=0, shape=(2, 3), strides=(3, 1), storage=None, count=6, key="0", kind=FLOATS, extra=()):
    stored = Stored("storage", kind, key, "cpu", count) if storage is None else storage
    return Called(REBUILD, stored, offset, shape, strides, False, None, *extra)


def refused(value, members=None):
    written(pickled(value), members={"data/0": bytes(24)} if members is None else members)
    return refusal()


def test_the_pickler_of_these_tests_writes_what_is_read():
    written(pickled({"x": tensor()}), members={"data/0": np.arange(6, dtype="f4").tobytes()})
    check(open_weights("bad.pt"), "x", torch.arange(6.0).reshape(2, 3))


@pytest.mark.parametrize("protocol", range(6))
def test_code_is_never_run(protocol, folder):
    class Evil:
        def __reduce__(self):
            return os.system, ("touch executed",)

    written(pickle.dumps({"x": Evil()}, protocol))
    if protocol == 0:  # which has instructions of its own
        assert refusal() == "bad.pt has the pickle instruction b'd', which no file of tensors needs"
    else:
        assert refusal() == "bad.pt holds 'posix.system', which could be code and is never loaded"
    assert not (folder / "executed").exists()


@pytest.mark.parametrize(
    "name",
    ["builtins.eval", "builtins.getattr", "os.system", "collections.OrderedDict.fromkeys", "torch.load", "torch.nn.Linear",
     "torch._utils._rebuild_xla_tensor", "numpy.load", "layercli.cli.main.run", "functools.partial", "a b.c\x1b[2J",
     "operator.attrgetter", "copyreg._reconstructor", "builtins.type", "torch.storage._load_from_bytes"],
)  # fmt: skip
def test_a_name_that_is_not_a_tensor_s(name):
    module, _, attribute = name.rpartition(".")
    assert refused(Named(module, attribute)) == f"bad.pt holds {name!r}, which could be code and is never loaded"
    text = pickle.dumps((module, attribute), 4)[2:]
    stack_global = b"\x80\x04" + text[text.index(b"\x8c") :].replace(b"\x94", b"").replace(b"\x86.", b"\x93.")
    written(stack_global)
    assert refusal() == f"bad.pt holds {name!r}, which could be code and is never loaded"


def test_a_long_name_is_cut():
    assert refused(Named("x" * 500, "y")) == (
        f"bad.pt holds {'x' * 80 + '...'!r}, which could be code and is never loaded"
    )


def test_a_whole_module():
    torch.save(nn.Sequential(nn.Linear(2, 2)), "net.pt")
    with pytest.raises(FormatError) as error:
        open_weights("net.pt")
    assert str(error.value) == (
        "net.pt is a whole pickled module ('torch.nn.modules.container.Sequential'), which could be code and is never loaded"
    )
    assert error.value.hint == (
        "save its weights: torch.save(model.state_dict(), FILE); or all of it: torch.export.save"
    )


@pytest.mark.parametrize(
    ("code", "raw"),
    [
        ("b'i'", b"(ios\nsystem\n."),
        ("b'\\x82'", b"\x82\x01."),
        ("b'\\x83'", b"\x83\x01\x00."),
        ("b'\\x84'", b"\x84\x01\x00\x00\x00."),
        ("b'o'", b"(cos\nsystem\no."),
        ("b'P'", b"P0\n."),
        ("b'I'", b"I1\n."),
        ("b'\\x8b'", b"\x8b\xff\xff\xff\x7f."),
        ("b'2'", b"N2."),
        ("b'd'", b"(d."),
        ("b'\\x97'", b"\x97."),
        ("b'\\xff'", b"\xff."),
    ],
)
def test_instructions_that_nothing_needs(code, raw):
    written(b"\x80\x02" + raw)
    expected = f"bad.pt has the pickle instruction {code}, which no file of tensors needs"
    assert refusal() in (expected, "bad.pt holds 'os.system', which could be code and is never loaded")


@pytest.mark.parametrize(
    "raw",
    [
        b"", b".", b"\x80", b"N", b"0.", b"a.", b"Na.", b"NNa.", b"s.", b"}Ns.", b"(u.", b"NNNs.", b"](Nu.", b"}(Nu.", b"t.",
        b"R.", b"NR.", b"NNR.", b")NR.", b"))R.", b"b.", b"Nb.", b"NNb.", b"]Nb.", b"Q.", b"h\x00.", b"j\0\0\0\0.", b"q\x00.",
        b"X\xff\xff\xff\xffab.", b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff.", b"B\xff\xff\xff\xff.", b"\x8e" + b"\xff" * 8 + b".",
        b"\x96" + b"\xff" * 8 + b".", b"X\1\0\0\0\xff.", b"ccollections\nOrderedDict", b"c\xff\n\xff\n.", b"NN\x93.",
        b"ccollections\nOrderedDict\n]K\x01a\x85R.", b"\x85.", b"N\x86.", b"NN\x87.", b"1.", b"\x92.", b"NNN\x92.", b"\x90.",
    ],
)  # fmt: skip
def test_a_damaged_pickle(raw):
    written(b"\x80\x02" + raw)
    assert refusal() == f"bad.pt has a damaged pickle, at byte {position_of(raw)}"


def position_of(raw):
    """Return where the damage shows; only that it is inside matters."""
    position = refusal().rpartition(" ")[2]
    assert 2 <= int(position) <= len(raw) + 2
    return position


def test_memory_that_the_pickle_asks_for_is_not_given():
    written(b"\x80\x02Nr\xff\xff\xff\xff\x95\xff\xff\xff\xff\xff\xff\xff\xff.")
    assert open_weights("bad.pt").entries == {}


def test_a_pickle_of_many_levels():
    depth = 20_000
    for raw in (b"]" * depth + b"a" * (depth - 1), b")" + b"\x85" * depth, b"(" * depth + b"t" * depth):
        written(b"\x80\x02" + raw + b".")
        assert refusal() == "bad.pt has more than 64 nested dicts and lists, or a cycle"
    written(b"\x80\x02}" + b")" + b"\x85" * 200_000 + b"Ns.")  # as a key, whose hash would overflow the stack
    assert open_weights("bad.pt").entries == {}
    wrapped = b"ctorch._utils\n_rebuild_parameter\n" * 1000 + b")" + b"\x85R" * 1000
    written(b"\x80\x02}X\1\0\0\0x" + wrapped + b"s.")
    assert refusal() == "bad.pt: 'x' has an invalid description"


def test_a_list_in_itself():
    written(b"\x80\x02]q\x00h\x00a.")
    assert refusal() == "bad.pt has more than 64 nested dicts and lists, or a cycle"
    written(b"\x80\x02}q\x00X\1\0\0\0xh\x00s.")
    assert refusal() == "bad.pt has more than 64 nested dicts and lists, or a cycle"


def doubled(inner, levels, key=b"X\1\0\0\0"):
    """Return a pickle of lists, or dicts, each with the one before in it twice."""
    raw = inner
    for level in range(levels):
        raw += b"q" + bytes([level]) + b"0"
        raw += b"}(" + key + b"ah" + bytes([level]) + key + b"bh" + bytes([level]) + b"u"
    return b"\x80\x02" + raw + b"."


def test_few_bytes_that_mean_a_great_many():
    written(doubled(b"]", 60))
    assert open_weights("bad.pt").entries == {}
    inner = pickled(tensor())[2:-1]
    written(doubled(inner, 60), members={"data/0": bytes(24)})
    assert re.fullmatch(r"bad.pt leads to its tensors in more ways than its [\d,]+ bytes of description", refusal())
    long = b"X" + struct.pack("<I", 100_001) + b"k" * 100_000
    written(doubled(inner, 30, long), members={"data/0": bytes(24)})
    assert refusal() == "bad.pt leads to its tensors in more ways than its 6,000,778 bytes of description"


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (tensor(count=7), "bad.pt: 'x' is in a storage of 28 bytes, for which the archive holds 24"),
        (tensor(count=5), "bad.pt: 'x' reaches to value 6 of a storage of 5"),
        (tensor(key="1"), "bad.pt: 'x' is in the storage '1', which the archive does not hold"),
        (tensor(key="../data.pkl"), "bad.pt: 'x' is in the storage '../data.pkl', which the archive does not hold"),
        (tensor(offset=1), "bad.pt: 'x' reaches to value 7 of a storage of 6"),
        (tensor(offset=2**64), "bad.pt: 'x' reaches to value 18,446,744,073,709,551,622 of a storage of 6"),
        (tensor(strides=(4, 1)), "bad.pt: 'x' reaches to value 7 of a storage of 6"),
        (tensor(strides=(2**62, 1)), "bad.pt: 'x' reaches to value 4,611,686,018,427,387,907 of a storage of 6"),
        (tensor(shape=(2**40, 2**40), strides=(0, 0)),
         "bad.pt: 'x' has the shape [1099511627776, 1099511627776], which is too large to exist"),
        (tensor(shape=(2**40,), strides=(0,)),
         "bad.pt: 'x' has 1,099,511,627,776 values that the file does not hold, more than the limit of 268,435,456"),
        (tensor(shape=(1,) * 65, strides=(1,) * 65), f"bad.pt: 'x' has the shape {[1] * 65}, which is too large to exist"),
        *((tensor(**wrong), "bad.pt: 'x' has an invalid description") for wrong in [
            {"offset": -1}, {"shape": (-2, 3)}, {"strides": (-3, 1)}, {"strides": (1,)}, {"shape": [2, 3]}, {"offset": True},
            {"shape": (2.0, 3)}, {"shape": ("2", 3)}, {"strides": None}, {"count": -6}, {"count": True}, {"count": 6.0},
            {"key": 0}, {"key": None}, {"kind": "FloatStorage"}, {"storage": 3}, {"storage": Stored("storage")},
            {"storage": Stored(7)}, {"storage": Stored("module", FLOATS, "0", "cpu", 6)}, {"extra": (3,)},
            {"storage": Stored("storage", FLOATS, "0", "cpu", 6, 1)},
        ]),
        (Called(REBUILD), "bad.pt: 'x' has an invalid description"),
        (Called(Named("torch._utils", "_rebuild_parameter")), "bad.pt: 'x' has an invalid description"),
        (Called(Named("torch._utils", "_rebuild_parameter"), 3, True, None), "bad.pt: 'x' has an invalid description"),
        (Called(Named("torch._utils", "_rebuild_tensor_v3"), 0, 0, (), ()), "bad.pt: 'x' has an invalid description"),
        (Called(Named("torch._tensor", "_rebuild_from_type_v2"), 1, 2, 3, 4), "bad.pt: 'x' has an invalid description"),
        (tensor(kind=Named("torch", "QInt8Storage")),
         "bad.pt: 'x' holds values of torch.QInt8Storage, which are not numbers that layercli knows"),
        (tensor(kind=Named("torch", "Size")),
         "bad.pt: 'x' holds values of torch.Size, which are not numbers that layercli knows"),
    ],
)  # fmt: skip
def test_lies_about_a_tensor(value, sentence):
    if sentence.startswith("bad.pt: 'x' reaches to value 6"):
        assert refused({"x": value}, {"data/0": bytes(20)}) == sentence
    else:
        assert refused({"x": value}) == sentence


def test_tensors_that_are_no_plain_arrays():
    quantized = torch.quantize_per_channel(ROWS[0], torch.ones(3), torch.zeros(3), 0, torch.quint8)
    plain = {
        "x": ROWS,
        "half": torch.zeros(3, 2, dtype=torch.complex32),
        "f4": torch.zeros(2, 3, dtype=torch.float4_e2m1fn_x2),
    }
    state = plain | {
        "coo": ROWS.to_sparse(),
        "csr": ROWS[0].to_sparse_csr(),
        "meta": ROWS.to("meta"),
        "nested": torch.nested.nested_tensor([ROWS[0], ROWS[1, :2]]),
        "q": quantized,
    }
    file = saved(state)
    assert {
        path: (entry.shape, entry.dtype, entry.bytes, entry.unreadable) for path, entry in file.entries.items()
    } == {
        "x": ((2, 3, 4), "float32", 96, None),
        "half": ((3, 2), "complex32", 24, "it is of torch's dtype complex32"),
        "f4": ((2, 6), "float4_e2m1fn", 6, "it is of pairs of 4-bit floats"),
        "coo": ((2, 3, 4), "float32", 23 * (3 * 8 + 4), "it is a sparse tensor"),
        "csr": ((3, 4), "float32", 4 * 8 + 11 * (8 + 4), "it is a sparse tensor"),
        "meta": ((2, 3, 4), "float32", 0, "it is on torch's meta device, without values"),
        "nested": ((20,), "float32", 20 * 4 + 2 * 2 * 8 + 2 * 2 * 8 + 2 * 8, "it is a nested tensor"),
        "q": ((3, 4), "quint8", 12 + 3 * 4 + 3 * 4, "it is a quantized tensor"),
    }
    check(file, "x", ROWS)
    with pytest.raises(FormatError) as error:
        file.read("coo")
    assert str(error.value) == "net.pt: the values of 'coo' cannot be read, as it is a sparse tensor"


def test_keys_that_make_no_path():
    for key in ((1, 2), 1.5, None, True, b"x"):
        torch.save({key: ROWS}, "bad.pt")
        assert refusal() == "bad.pt holds a tensor under a key that is neither a text nor an integer"
    torch.save({"a": {"b": ROWS}, "a/b": ROWS}, "bad.pt")
    assert refusal() == "bad.pt holds 'a/b' twice"
    torch.save({1: ROWS, "1": ROWS}, "bad.pt")
    assert refusal() == "bad.pt holds '1' twice"


def test_archives_that_torch_does_not_write():
    good = pickled({"x": tensor()})
    written(good, compression=zipfile.ZIP_DEFLATED)
    assert refusal() == "bad.pt: 'bad/data.pkl' is compressed, which torch.save does not do"
    written(good, members={"../other/data.pkl": good})
    assert refusal() == "bad.pt holds 2 pickles, and a file of torch.save holds one"
    written(good, members={"data/0": bytes(24), "byteorder": b"middle"})
    assert refusal() == "bad.pt has the byte order b'middle', which is neither little nor big"
    written(good, members={"data/0": bytes(24)})
    with pytest.warns(UserWarning, match="Duplicate name"):
        zipfile.ZipFile("bad.pt", "a").writestr("bad/data/0", bytes(24))
    assert refusal() == "bad.pt holds 'bad/data/0' twice"
    assert len(open_weights(written(good, members={"data/0": bytes(24)}, folder="")).entries) == 1


def test_a_member_that_is_not_where_the_directory_says():
    torch.save({"x": ROWS}, "net.pt")
    whole = pathlib.Path("net.pt").read_bytes()
    place = whole.rindex(b"PK\1\2", 0, whole.rindex(b"net/data/0"))
    moved = bytearray(whole)
    moved[place + 42 : place + 46] = struct.pack("<L", 5)
    pathlib.Path("bad.pt").write_bytes(moved)
    file = open_weights("bad.pt")
    with pytest.raises(FormatError) as error:
        file.read("x")
    assert str(error.value) == "bad.pt is a damaged zip archive: 'net/data/0' is not where its directory says"


def test_a_file_cut_short_anywhere():
    torch.save({"x": ROWS, "turned": ROWS.T.clone(memory_format=torch.preserve_format)}, "net.pt")
    whole = pathlib.Path("net.pt").read_bytes()
    for length in [*range(1, len(whole), 37), *range(len(whole) - 40, len(whole))]:
        pathlib.Path("bad.pt").write_bytes(whole[:length])
        with pytest.raises((FormatError, FileError)):
            open_weights("bad.pt")
    file = open_weights("net.pt")
    with open("net.pt", "r+b") as stream:
        stream.truncate(600)  # after it was opened
    for path in file.entries:
        for use in (file.read, lambda path: list(file.chunks(path))):
            with pytest.raises(FormatError):
                use(path)


def test_every_byte_of_the_pickle_changed():
    torch.save({"x": ROWS, "p": nn.Parameter(ROWS[0])}, "net.pt")
    with zipfile.ZipFile("net.pt") as archive:
        members = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    raw, rng = members.pop("data.pkl"), random.Random(0)
    for place in range(len(raw)):
        changed = raw[:place] + bytes([rng.randrange(256)]) + raw[place + 1 :]
        written(changed, members=members)
        try:
            file = open_weights("bad.pt")
            for path in file.entries:
                file.read(path)
        except FormatError:
            pass


OLD = {"x": ROWS, "turned": ROWS[0].T, "p": nn.Parameter(ROWS[1]), "bf": ROWS.bfloat16(), "again": ROWS, "none": ROWS[:0],
       "deep": {"codes": torch.arange(5).to(torch.uint16)}}  # fmt: skip


def test_files_before_pytorch_1_6():
    state = OLD | {"coo": ROWS.to_sparse(), "q": torch.quantize_per_tensor(ROWS, 0.1, 3, torch.qint8)}
    torch.save(state, "old.pt", _use_new_zipfile_serialization=False)
    file = open_weights("old.pt")
    assert is_weights("old.pt")
    assert file.entries == saved(state).entries
    for path, x in OLD.items():
        check(file, *((path, x) if path != "deep" else ("deep/codes", x["codes"])))


def test_damaged_files_before_pytorch_1_6():
    torch.save(OLD, "old.pt", _use_new_zipfile_serialization=False)
    whole, rng = pathlib.Path("old.pt").read_bytes(), random.Random(0)
    for length in [*range(1, len(whole), 29), len(whole) - 1]:
        pathlib.Path("bad.pt").write_bytes(whole[:length])
        with pytest.raises(FormatError):
            open_weights("bad.pt")
    for place in range(14, len(whole), 3):
        pathlib.Path("bad.pt").write_bytes(whole[:place] + bytes([rng.randrange(256)]) + whole[place + 1 :])
        try:
            file = open_weights("bad.pt")
            for path in file.entries:
                file.read(path)
        except FormatError:
            pass


def test_code_in_a_file_before_pytorch_1_6_is_never_run(folder):
    class Evil:
        def __reduce__(self):
            return os.system, ("touch executed",)

    torch.save({"x": ROWS, "y": Evil()}, "bad.pt", _use_new_zipfile_serialization=False)
    assert refusal() == "bad.pt holds 'posix.system', which could be code and is never loaded"
    assert not (folder / "executed").exists()


def test_the_oldest_files_say_how_they_are_made_anew():
    with tarfile.open("older.pt", "w") as archive:
        archive.addfile(tarfile.TarInfo("sys_info"))
    with pytest.raises(FormatError) as error:
        open_weights("older.pt")
    assert (
        str(error.value) == "older.pt is a file of torch.save before PyTorch 0.1.11, which is a pickle and never loaded"
    )
    assert (
        error.value.hint == "torch.save(torch.load(FILE, weights_only=False), NEW) converts it, and runs the code in it"
    )
    assert not is_weights("older.pt")


def test_an_entry_that_is_not_there():
    file = saved({"encoder.weight": ROWS})
    for use in (file.read, lambda path: file.chunks(path)):
        with pytest.raises(ValueError) as error:
            use("encoder.wieght")
        assert str(error.value) == "net.pt holds no entry 'encoder.wieght'"
        assert error.value.hint == "did you mean encoder.weight?"


@pytest.mark.parametrize("zipped", [True, False])
def test_what_a_checkpoint_notes_is_read_with_its_tensors(tmp_path, monkeypatch, zipped):
    """Of both kinds of file, and the description of the tensors is read once."""
    file = tmp_path / "model.pt"
    saved = {"state_dict": {"w": torch.zeros(2)}, "epoch": 3, "hyper_parameters": {"lr": 0.5, "layers": [4, 2]}}
    torch.save(saved, file, _use_new_zipfile_serialization=zipped)
    noted = {"epoch": 3, "hyper_parameters/lr": 0.5, "hyper_parameters/layers": [4, 2]}
    assert metadata_of(file) == noted
    opened = open_weights(file)
    for reader in ("load", "load_at"):
        monkeypatch.setattr(safe_pickle, reader, None)
    assert metadata_in(opened) == noted
    assert summarize_file(opened).metadata == "epoch=3, hyper_parameters/lr=0.5 and 1 more (vars --metadata)"
