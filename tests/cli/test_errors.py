"""Bad input: one sentence on stderr, the right exit code, nothing written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import types

import numpy as np
import pytest
import torch

from layercli import activations
from layercli.formats.safetensors import save

WRONG_USE = [
    ("summary resnet-bloc", "there is no model 'resnet-bloc'", "did you mean resnet-block or resnet50-v2 or resnet50?"),
    ("summary nothing-like-it", "there is no model 'nothing-like-it'", "layercli models lists them"),
    ("summary resnet-block --set filtrs=3", "resnet-block has no argument 'filtrs'", "did you mean filters?"),
    (
        "summary resnet-block --set filters=3",
        "ResnetIdentityBlock expects filters to be 3 positive integers, got 3",
        None,
    ),
    ("summary mlp --set units=many", "MLP expects units to be a positive integer, got 'many'", None),
    ("summary mlp --set units", "an argument is written name=value, got 'units'", None),
    (
        "summary decoder --set preset=9b",
        "decoder expects preset to be 'tiny' or '8b' or '70b' or '405b', got '9b'",
        None,
    ),
    ("summary mlp --set activation=rleu", "there is no activation 'rleu'", "did you mean relu or relu6 or glu?"),
    ("summary mlp --set hidden=a", "MLP expects hidden to be one or more positive integers, got 'a'", None),
    ("summary lenet --set classes=0", "lenet expects classes to be a positive integer, got 0", None),
    ("summary resnet-block --set kernel_size=-1",
     "ResnetIdentityBlock expects kernel_size to be a positive integer, got -1", None),
    ("summary resnet-block --set filters=1,2",
     "ResnetIdentityBlock expects filters to be 3 positive integers, got (1, 2)", None),
    ("summary transformer-encoder --set heads=7",
     "TransformerEncoder expects width to be a multiple of heads, got 512 and 7", None),
    (
        "summary resnet-block --input-shape 1,2,3",
        "conv2a (Conv2D) expects x with 4 axes, got 3 (x = float32[1, 2, 3])",
        None,
    ),
    (
        "summary lenet --input-shape 1,16,16,3",
        "c1 (Conv2D) expects x with 1 channels, got 3 (x = float32[1, 16, 16, 3])",
        None,
    ),
    (
        "summary resnet-block --input-shape 1,H,W,C",
        "conv2a (Conv2D) cannot make the variable 'kernel' of shape (1, 1, C, 1): every size must be known",
        "give the input's last axis a size",
    ),
    (
        "summary resnet-block --input-shape 1,2,3,5",
        "resnet_identity_block (ResnetIdentityBlock) expects shapes that broadcast, got [1, 2, 3, 3] and [1, 2, 3, 5]",
        None,
    ),
    ("summary mlp --set hidden=,", "MLP expects hidden to be one or more positive integers, got ()", None),
    ("summary decoder --input-shape 1,T,3", "decoder (CausalLM) expects x with 2 axes, got 3 (x = int32[1, T, 3])", None),
    ("summary mlp --input-shape 5,B,784", "B is the name of the batch, the first size: '5,B,784' has it elsewhere", None),
    ("summary mlp --input-shape=--5,784", "cannot read the shape '--5,784'",
     "sizes separated by commas, as in 32,100 or 1,T,512"),
    ("summary mlp --input-shape \u00b2,784", "cannot read the shape '\u00b2,784'",
     "sizes separated by commas, as in 32,100 or 1,T,512"),
    ("summary decoder --at T=\u00b2", "a size is given as T=4096, got 'T=\u00b2'", None),
    ("vars /dev/null", "/dev/null is not a regular file", None),
    ("summary mlp --input-shape 0,784", "a size is at least 1, got 0 in '0,784'", None),
    ("summary mlp --input-shape -1,784", "a size is at least 1, got -1 in '-1,784'", None),
    (
        "summary mlp --input-shape 32x784",
        "cannot read the shape '32x784'",
        "sizes separated by commas, as in 32,100 or 1,T,512",
    ),
    (
        "summary mlp --input-shape 32,784:flaot32",
        "there is no dtype 'flaot32'",
        "did you mean float32 or float or float64?",
    ),
    ("summary mlp --at T=3", "the input has no size named 'T'", "named sizes: B"),
    ("summary mlp --at B=zero", "a size is given as T=4096, got 'B=zero'", None),
    ("summary mlp --columns macs,parms", "there is no column 'parms'", "did you mean parameters?"),
    ("vars mlp kernl", "no variable of mlp matches 'kernl'", "did you mean head/kernel?"),
    ("run mlp --device gpu", "a device is auto, cpu, cuda or cuda:N, got 'gpu'", "did you mean cuda or cuda:0 or cpu?"),
    ("run mlp --fill noise", "inputs are filled with random, zeros, ones, range, not 'noise'", None),
    ("run mlp --output y.txt", "outputs are written to .npy, .npz, .safetensors, .json, .jsonl or .csv, not 'y.txt'", None),
    (
        "run sequential",
        "the input float32[1, None, None, 3] has a size that is not known",
        "give all sizes with --input-shape",
    ),
    (
        "run transformer-encoder",
        "the input float32[1, T, 512] has a size that is not known",
        "--at T=128",
    ),
    ("sumary mlp", "no such command 'sumary'", "did you mean summary?"),
    ("summary", "missing argument 'MODEL'", "as in: layercli summary resnet-block"),
    ("run mlp --seed -1", "invalid value for '--seed': -1 is less than 0", None),
    ("vars mlp --seed -1", "invalid value for '--seed': -1 is less than 0", None),
    ("summary mlp --depth 0", "invalid value for '--depth' / '-d': 0 is less than 1", None),
    (
        "summary mlp --format yaml",
        "invalid value for '--format' / '-f': 'yaml' is not one of 'table', 'plain', 'json', 'csv', 'markdown'",
        None,
    ),
    ("gpu-check --format jso",
     "invalid value for '--format' / '-f': 'jso' is not one of 'table', 'plain', 'json', 'csv', 'markdown', 'github'",
     "did you mean json?"),
    ("summary mlp --colums all", "no such option: --colums", "did you mean --columns or --custom?"),
    ("vars there-is-none.safetensors", "there-is-none.safetensors does not exist", None),
    ("run mlp --input there-is-none.npy", "there-is-none.npy does not exist", None),
    ("run mlp --weights there-is-none.safetensors", "there-is-none.safetensors does not exist", None),
    ("summary there-is-none.py:Net", "there-is-none.py does not exist", None),
    ("summary there_is_none.nets:Net", "there is no module 'there_is_none.nets'",
     "pip install there_is_none, or a file is named as net.py:Net"),
    ("summary layercli.models.basics:MPL", "layercli.models.basics has no 'MPL'", "did you mean MLP?"),
    ("summary layercli.layers:Dens", "layercli.layers has no 'Dens'", "did you mean Dense or EinsumDense?"),
    ("summary :Net", "':Net' is not a Python reference", "a model in Python is named as net.py:Net"),
    ("summary net.py:", "'net.py:' is not a Python reference", "a model in Python is named as net.py:Net"),
    ("summary ..net:Net", "there is no module '..net'", "a file is named as net.py:Net"),
    ("summary layercli.core.model:Model --input-shape 1,2",
     "model (Model) does not say what it computes: it has no call method", None),
    (f"summary {'x' * 300}", f"there is no model '{'x' * 300}'", "layercli models lists them"),
    (f"run mlp --input {'x' * 300}.npy", f"cannot read {'x' * 300}.npy: its name is too long", None),
    (f"run mlp --output {'x' * 300}.npy", f"cannot open {'x' * 300}.npy: its name is too long", None),
    (f"fit mlp --data {'x' * 300}.npz", f"cannot read {'x' * 300}.npz: its name is too long", None),
    ("summary mlp --depth deep", "invalid value for '--depth' / '-d': 'deep' is not an integer", None),
    ("summary mlp --set activation=zzz", "there is no activation 'zzz'",
     f"activations: {', '.join(activations.TABLE)}"),
    ("summary layercli.core.dims:BATCH",
     "layercli.core.dims:BATCH is a str, not a layercli Layer or Model, or a torch.nn.Module", None),
]  # fmt: skip


@pytest.mark.parametrize(("command", "message", "hint"), WRONG_USE)
def test_wrong_use(cli, monkeypatch, tmp_path, command, message, hint):
    monkeypatch.chdir(tmp_path)
    done = cli(command)
    expected = f"error: {message}\n" + (f"hint: {hint}\n" if hint else "")
    assert (done.code, done.out, done.err) == (2, "", expected)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(torch.cuda.is_available(), reason="what is said where there is no GPU")
def test_a_gpu_asked_for_is_never_replaced(cli):
    done = cli("run mlp --device cuda")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "error: there is no usable CUDA device\nhint: layercli gpu-check says why; --device cpu runs on the CPU\n"
    )


FILES = {
    "empty.safetensors": b"",
    "text.npz": b"not an archive at all",
    "cut.npy": b"\x93NUMPY\x01\x00",
    "net.py": b"class Net: pass\n",
}


@pytest.mark.parametrize(
    ("command", "message", "hint"),
    [
        ("vars empty.safetensors", "empty.safetensors is empty", None),
        ("vars text.npz", "text.npz is in no format that layercli knows", None),
        ("vars cut.npy", "cut.npy has an npy header that is not a dict of descr, fortran_order and shape", None),
        ("vars folder.npz", "folder.npz is a folder, not a model", "a model in Python is named as net.py:Net"),
        ("run mlp --output square.npy", "square.npy exists already", "--force overwrites it"),
        ("run mlp --layers conv --device cpu", "no layer of mlp matches 'conv'", "layers: hidden_layers/0, head"),
        ("run mlp --labels net.py", "--labels names the classes that --top shows", "--top 5"),
        ("run mlp --device cpu --top 2 --labels net.py", "there are 1 labels for 10 classes", None),
        ("run net.py:Net", "net.py:Net gives a Net, not a layercli Layer or Model, or a torch.nn.Module", None),
        ("run mlp --dtype int8", "a model computes in a floating dtype, not in int8", None),
        ("run mlp --dtype flaot16", "there is no dtype 'flaot16'", "did you mean float16 or bfloat16 or float64?"),
        ("run mlp --precision low", "a precision is highest, high, medium, got 'low'", None),
        ("run mlp --input folder.npz", "images are [batch, height, width, channels], the model takes float32[None, 784]",
         "--input-shape changes what it is built for"),
        ("run mlp --input square.npy", "the input inputs is float32[3, 3], the model takes float32[None, 784]",
         "--input-shape changes what it is built for"),
        ("run mlp --input words.npy", "words.npy holds values of '<U1', which are not numbers that layercli knows", None),
        ("run mlp --weights square.npy", "square.npy has no hidden_layers/0/kernel (and 3 more)", None),
        ("run my-dense --weights square.safetensors",
         "kernel in square.safetensors has the shape (3, 3), the model's is (5, 10)", None),
        ("run mlp --output folder.npz", "folder.npz is a folder, not a file", None),
        ("run mlp --output nowhere/y.npy", "there is no folder nowhere to write y.npy in", None),
        ("run mlp --output link.npy", "there is no folder /no/where to write link.npy in", None),
        ("run mlp --output loop.npy", "cannot write loop.npy: its symbolic links lead in a circle", None),
        ("run mlp --output pipe.npy --force", "pipe.npy is not a regular file", None),
        ("summary net.py", "net.py needs the name of a model in it", "as in net.py:Net"),
        ("summary net.py:Net", "net.py:Net gives a Net, not a layercli Layer or Model, or a torch.nn.Module", None),
        ("summary net.py:Nat", "net.py has no 'Nat'", "did you mean Net?"),
        ("summary folder.npz", "folder.npz is a folder, not a model", "a model in Python is named as net.py:Net"),
    ],
)  # fmt: skip
def test_files_that_do_not_fit(cli, monkeypatch, tmp_path, command, message, hint):
    monkeypatch.chdir(tmp_path)
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder.npz").mkdir()
    for name, target in (("link.npy", "/no/where/y.npy"), ("loop.npy", "loop.npy")):
        (tmp_path / name).symlink_to(target)
    os.mkfifo(tmp_path / "pipe.npy")
    np.save(tmp_path / "square.npy", np.ones((3, 3), "float32"))
    np.save(tmp_path / "words.npy", np.array(["a", "b"]))
    save(tmp_path / "square.safetensors", {"kernel": np.ones((3, 3), "float32")})
    before = sorted(path.name for path in tmp_path.iterdir())
    done = cli(command)
    assert (done.code, done.out) == (2, "")
    assert done.err == f"error: {message}\n" + (f"hint: {hint}\n" if hint else "")
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "__pycache__") == before


def test_a_target_that_is_full_or_read_only_is_left_as_it_was(cli, monkeypatch, tmp_path):
    import errno

    target = tmp_path / "y.npy"
    np.save(target, np.zeros(3))
    before = target.read_bytes()
    for code, said in ((errno.ENOSPC, "the disk is full"), (errno.EROFS, "read-only")):

        def refuse(*args, code=code, **kwargs):
            raise OSError(code, os.strerror(code))

        with monkeypatch.context() as patched:
            patched.setattr("layercli.formats.atomic.sync", refuse)
            done = cli("run", "my-dense", "--device", "cpu", "--force", "--output", str(target))
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith("error: ")
        assert said in done.err
        assert target.read_bytes() == before
        assert [path.name for path in tmp_path.iterdir()] == ["y.npy"]


def test_of_a_long_message_the_middle_is_left_out(cli):
    done = cli(f"summary {'a' * 5000} --set {'b' * 5000}=1")
    assert done.code == 2
    assert all(line.startswith(("error: ", "hint: ")) and len(line) <= 607 for line in done.err.splitlines())


def test_no_name_at_all(cli):
    done = cli("summary", "")
    assert (done.code, done.out, done.err) == (2, "", "error: the name of a model is missing\n")


def test_debug_shows_the_traceback(cli):
    done = cli("--debug summary nothing-like-it")
    assert done.code == 2
    assert done.err.startswith("Traceback (most recent call last):\n")
    assert done.err.endswith("error: there is no model 'nothing-like-it'\nhint: layercli models lists them\n")


def test_a_bug_is_said_to_be_one(cli, monkeypatch):
    monkeypatch.setattr("layercli.inspect.layer_summary.summarize", None)
    done = cli("summary mlp")
    assert (done.code, done.out) == (70, "")
    assert done.err == (
        "error: this is a bug in layercli: TypeError: 'NoneType' object is not callable\n"
        "hint: run it again with --debug and report what it prints\n"
    )


def test_a_package_that_cannot_be_imported_is_named(cli, monkeypatch):
    source = "raise ImportError('libcusparse.so.12: undefined symbol: x')"
    code = compile(source, "/lib/torch/__init__.py", "exec")
    ours = {"__name__": "layercli.stand_in", "importing": types.FunctionType(code, {"__name__": "torch"})}
    monkeypatch.setattr("layercli.inspect.layer_summary.summarize", eval("lambda *given, **named: importing()", ours))
    done = cli("summary mlp")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "error: torch is installed and cannot be imported: libcusparse.so.12: undefined symbol: x\n"
        "hint: layercli gpu-check says more\n"
    )


USERS = {
    "raises.py:Raises": (
        "from layercli import Model\nclass Raises(Model):\n    def __init__(self):\n        raise KeyError('units')\n",
        "raises.py, line 4, raises KeyError: 'units'",
    ),
    "calls.py:Calls": (
        "from layercli import Model\nclass Calls(Model):\n    def call(self, inputs):\n        return inputs + other\n",
        "calls.py, line 4, raises NameError: name 'other' is not defined",
    ),
    "spelt.py:Net": ("def net(:\n", "spelt.py, line 1, raises SyntaxError: invalid syntax"),
}


@pytest.mark.parametrize("command", ["summary", "run"])
@pytest.mark.parametrize("model", USERS)
def test_an_error_in_the_user_s_own_file_is_not_ours(cli, monkeypatch, tmp_path, model, command):
    monkeypatch.chdir(tmp_path)
    source, message = USERS[model]
    (tmp_path / model.partition(":")[0]).write_text(source)
    done = cli(command, model, "--input-shape", "1,2")
    assert (done.code, done.out) == (2, "")
    assert done.err == f"error: {message}\nhint: --debug shows the traceback\n"


def start(*args, **kwargs):
    return subprocess.Popen(
        [sys.executable, "-m", "layercli", *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **kwargs
    )


def test_interrupted_it_leaves_with_130_and_nothing_half_written(tmp_path, monkeypatch, warm):
    monkeypatch.chdir(tmp_path)
    net = tmp_path / "net.py"
    net.write_text(
        "import time\nfrom layercli import Layer\n"
        "class Net(Layer):\n"
        "    def call(self, inputs):\n"
        "        if not hasattr(inputs, 'spec'):\n"
        "            open('running', 'w').close()\n"
        "            time.sleep(60)\n"
        "        return inputs\n"
    )
    process = warm.start(["run", f"{net}:Net", "--input-shape", "2,3", "--output", "y.npy", "--device", "cpu"])
    deadline = time.monotonic() + 60
    while not (tmp_path / "running").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "", "interrupted\n")
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != "__pycache__") == ["net.py", "running"]


@pytest.mark.parametrize(
    "args", [["summary", "resnet50"], ["vars", "resnet50", "--format", "json"], ["models"], ["--help"]], ids=" ".join
)
def test_a_closed_pipe_ends_quietly(args):
    process = start(*args)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert (process.stderr.read(), process.wait(timeout=30)) == ("", 0)
