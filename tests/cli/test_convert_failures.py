"""``layercli convert`` on a full disk and killed at any moment: the old files or the new ones, never a part of one."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

import layercli
from layercli import layers
from layercli.formats import detect
from layercli.saving import conversion, conversion_writers
from layercli.saving.conversion import convert
from layercli.saving.conversion_result import ConversionOptions
from layercli.testing import assert_same_model
from tests.file_size_limit import file_size_limit

VALUES = {"w": torch.arange(3000.0).reshape(3, 1000), "b": torch.ones(7)}
KINDS = ["safetensors", "pt", "npz", "h5", "gguf"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save(VALUES, "a.pt")


@pytest.mark.parametrize("target", [*(f"b.{kind}" for kind in KINDS), "m.keras", "m.pt2", "m.onnx", "out/"])
def test_a_full_disk_leaves_the_old_file(cli, target):
    source = "a.pt"
    if target.startswith("m."):
        model = layercli.Sequential([layercli.Input((64,)), layers.Dense(64)])
        model.save("s.h5")
        source = "s.h5"
    if target == "out/":
        Path("config.json").write_text("{}")
    else:
        Path(target).write_bytes(b"old")
    before = {path: path.read_bytes() for path in Path().iterdir()}
    with file_size_limit(6000):
        done = cli(f"convert {source} {target} --force")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith("error: cannot write ")
    assert {path: path.read_bytes() for path in Path().iterdir()} == before


def killed_in(run, module, name, count):
    """Run in a child that is killed when ``module.name`` is called for the ``count``-th time; return whether it was."""
    child = os.fork()
    if child == 0:
        signal.alarm(60)  # a fork of many threads may wait for ever
        plain, calls = getattr(module, name), iter(range(1, count + 1))

        def counted(*args, **kwargs):
            if next(calls) == count:
                os.kill(os.getpid(), signal.SIGKILL)
            return plain(*args, **kwargs)

        setattr(module, name, counted)
        run()
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    ended = os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    assert ended in (0, signal.SIGKILL)
    return ended == signal.SIGKILL


MOMENTS = [(conversion_writers, "digested"), (conversion, "compare_back"), (os, "fsync"), (os, "replace")]


@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_process_leaves_the_old_file_or_the_new(kind):
    np.savez("old.npz", w=np.zeros(3, "float32"))
    for module, name in MOMENTS:
        for count in (1, 2):
            convert(detect.open_weights("old.npz"), f"b.{kind}", ConversionOptions(force=True))
            old = Path(f"b.{kind}").read_bytes()

            def run():
                convert(detect.open_weights("a.pt"), f"b.{kind}", ConversionOptions(force=True))

            killed = killed_in(run, module, name, count)
            assert killed or count == 2  # some are called once
            if killed and name != "fsync":  # whose second call comes after the file is in its place
                assert Path(f"b.{kind}").read_bytes() == old
            if Path(f"b.{kind}").read_bytes() != old:
                assert_same_model("a.pt", f"b.{kind}")
    assert not [path for path in Path().glob(".layercli-*") if path.is_file()]


def test_a_killed_process_leaves_all_old_shards_or_all_new_ones():
    old = {name: np.zeros(900, "float32") for name in "vwx"}
    np.savez("old.npz", **old)
    np.savez("new.npz", **{name: x + 1 for name, x in old.items()})
    options = ConversionOptions(force=True, shard_size=3600)
    convert(detect.open_weights("old.npz"), "m.safetensors", options)
    names = sorted(path.name for path in Path().glob("m*"))
    found = []
    for count in range(1, 6):
        killed = killed_in(
            lambda: convert(detect.open_weights("new.npz"), "m.safetensors", options), os, "replace", count
        )
        held = detect.open_weights("m.safetensors.index.json")
        found.append({float(held.read(name)[0]) for name in "vwx"})
        if not killed:
            break
    assert (count, found) == (5, [{0.0}, {0.0}, {0.0}, {0.0}, {1.0}])  # three shards and the index
    assert layercli.diff("new.npz", "m.safetensors.index.json", values=True).same
    convert(detect.open_weights("old.npz"), "m.safetensors", options)
    assert layercli.diff("old.npz", "m.safetensors.index.json", values=True).same
    assert len(list(Path().glob("m*"))) >= len(names) == 4


def test_an_error_of_reading_back_names_the_file_that_was_asked_for(cli, monkeypatch):
    plain = conversion.write_one

    def cut(kind, path, *rest):
        digests = plain(kind, path, *rest)
        path.write_bytes(path.read_bytes()[:-8])
        return digests

    monkeypatch.setattr(conversion, "write_one", cut)
    done = cli("convert a.pt b.safetensors")
    assert done.code == 2
    assert done.err.startswith("error: b.safetensors ")
    assert not Path("b.safetensors").exists()
