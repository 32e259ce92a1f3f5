"""``layercli run --batch-size``: bounded memory, and nothing lost when it is interrupted."""

from __future__ import annotations

import json
import os
import signal
import sys
import time

import numpy as np
import pytest
import torch

from layercli.cli.commands.run_streaming import progress
from layercli.errors import FormatError
from layercli.formats.npy_writer import RowWriter
from tests.file_size_limit import file_size_limit

NET = """
import os, time
import torch
from torch import nn
from layercli.formats import npy_writer

npy_writer.SAVE_EVERY = 0.0

calls = []

class Net(nn.Module):
    def forward(self, x):
        calls.append(1)
        if "STOP" in os.environ and len(calls) > 8:
            time.sleep(600)  # until a signal comes
        return x * 2 + 1

class Total(nn.Module):
    def forward(self, x):
        return x.sum(0, keepdim=True)

class Two(nn.Module):
    def forward(self, x):
        return x, x

class Wide(nn.Module):
    def forward(self, x):
        return x.repeat(1, 1 << 18).sum(1, keepdim=True)  # 4 MiB a row

class Add(nn.Module):
    def forward(self, a, b):
        return a + b
"""
X = np.arange(400, dtype="float32").reshape(100, 4)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(NET)
    np.save("x.npy", X)
    return tmp_path


def command(*more, model="net.py:Net"):
    return ["run", model, "--input", "x.npy", "--output", "y.npy", "--device", "cpu", *more]


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("y"))


@pytest.mark.parametrize("size", ["1", "7", "100", "1000", "auto"])
def test_in_batches_it_is_the_same(cli, folder, size):
    done = cli(*command("--batch-size", size, "--format", "json"))
    assert (done.code, done.err) == (0, "wrote y.npy\n")
    np.testing.assert_array_equal(np.load("y.npy"), X * 2 + 1)
    found = json.loads(done.out)
    assert (found["outputs"][0]["shape"], found["outputs"][0]["maximum"]) == ([100, 4], 799)
    assert (found["stream"]["rows"], found["stream"]["resumed_at"]) == (100, 0)
    assert names(folder) == ["y.npy"]


def test_a_model_of_ours_in_batches_is_the_same(cli, folder):
    np.save("x.npy", np.random.default_rng(0).standard_normal((50, 784)))  # float64, converted batch by batch
    assert cli(*command("--batch-size", "16", model="mlp")).code == 0
    streamed = np.load("y.npy")
    assert cli(*command("--force", model="mlp")).code == 0
    np.testing.assert_allclose(streamed, np.load("y.npy"), rtol=1e-5, atol=1e-6)
    assert streamed.dtype == np.float32


def test_several_inputs_go_together(cli, folder):
    np.save("b.npy", X[::-1])
    assert cli(*command("--input", "b.npy", "--batch-size", "32", model="net.py:Add")).code == 0
    np.testing.assert_array_equal(np.load("y.npy"), X + X[::-1])
    np.save("b.npy", X[:50])
    done = cli(*command("--input", "b.npy", "--batch-size", "32", "--force", model="net.py:Add"))
    assert (done.code, done.err) == (2, "error: the inputs have different numbers of rows: 50, 100\n")


@pytest.fixture
def start(warm):
    """Start a stream of two rows at a time in a process of its own."""
    return lambda **environment: warm.start(command("--batch-size", "2"), environment=environment)


def wait_for_rows(folder, process):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        journal = folder / "y.npy.part.json"
        if journal.exists() and json.loads(journal.read_text())["done"] >= 6:
            return
        time.sleep(0.02)
    raise AssertionError(process.communicate())


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_killed_in_the_middle_it_goes_on_where_it_was(cli, folder, start, sign, code):
    process = start(STOP="1")
    wait_for_rows(folder, process)
    process.send_signal(sign)
    process.communicate(timeout=60)
    assert process.returncode == code
    assert "y.npy" not in names(folder)
    done = json.loads((folder / "y.npy.part.json").read_text())["done"]
    assert 6 <= done < 100
    refused = cli(*command("--batch-size", "2"))
    assert (refused.code, refused.err) == (
        2,
        "error: y.npy.part was left by an interrupted run\nhint: --resume continues it, --force starts again\n",
    )
    before = (folder / "y.npy.part").read_bytes()[:100]
    again = cli(*command("--batch-size", "64", "--resume", "--format", "json"))
    assert (again.code, again.err) == (0, f"resuming after {done} of 100 rows\nwrote y.npy\n")
    assert json.loads(again.out)["stream"]["resumed_at"] == done
    assert (folder / "y.npy").read_bytes().startswith(before)
    np.testing.assert_array_equal(np.load("y.npy"), X * 2 + 1)
    assert names(folder) == ["y.npy"]


@pytest.fixture
def interrupted(cli, folder):
    """What a stream leaves that met a limit: no file may be longer than 1,000 bytes."""
    with file_size_limit(1000):
        done = cli(*command("--batch-size", "8"))
    assert (done.code, done.err) == (
        2,
        "error: cannot write y.npy.part: it would be larger than this system allows a file to be\n",
    )
    assert names(folder) == ["y.npy.part", "y.npy.part.json"]
    return folder


def test_once_there_is_room_it_goes_on(cli, interrupted):
    assert cli(*command("--batch-size", "8", "--resume")).err == "resuming after 48 of 100 rows\nwrote y.npy\n"
    np.testing.assert_array_equal(np.load("y.npy"), X * 2 + 1)


def test_it_goes_on_only_with_the_same(cli, interrupted):
    np.save("x.npy", X + 1)
    done = cli(*command("--batch-size", "8", "--resume"))
    assert (done.code, done.err) == (
        2,
        "error: y.npy.part was left by a run of another model, of other inputs or settings\nhint: --force starts again\n",
    )
    assert cli(*command("--batch-size", "8", "--force")).code == 0
    np.testing.assert_array_equal(np.load("y.npy"), X * 2 + 3)
    assert names(interrupted) == ["y.npy"]


def test_a_damaged_journal_is_refused(cli, interrupted):
    (interrupted / "y.npy.part.json").write_text("[]")
    done = cli(*command("--batch-size", "8", "--resume"))
    assert done.err == ("error: y.npy.part.json does not say how far y.npy.part is\nhint: --force starts again\n")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (os.mkfifo, "is not a regular file"),
        (os.mkdir, "is a folder, not a file"),
        (lambda path: os.symlink("victim", path), "is a symbolic link, which is not followed"),
    ],
    ids=["pipe", "folder", "link"],
)
@pytest.mark.parametrize("name", ["y.npy.part", "y.npy.part.json"])
def test_what_is_no_file_is_no_journal_and_no_part(cli, interrupted, name, make, message):
    (interrupted / name).rename("victim")
    make(interrupted / name)
    done = cli(*command("--batch-size", "8", "--resume"))
    assert (done.code, done.out, done.err) == (2, "", f"error: {name} {message}\n")


def test_a_part_that_took_the_name_of_its_target_is_not_complete(cli, interrupted):
    (interrupted / "y.npy.part").rename("y.npy")
    held = (interrupted / "y.npy").read_bytes()
    done = cli(*command("--batch-size", "8", "--resume"))
    sentence = "error: y.npy.part does not exist, and y.npy.part.json says that it had 48 of 100 rows\n"
    assert (done.code, done.out, done.err) == (2, "", f"{sentence}hint: --force starts again\n")
    assert (interrupted / "y.npy").read_bytes() == held


def journal(folder, **changed):
    """Change what the journal says."""
    file = folder / "y.npy.part.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changed}))


@pytest.mark.parametrize(
    "changed",
    [
        {"done": 90}, {"done": -1}, {"done": 101}, {"done": True}, {"done": 1e9}, {"done": "48"}, {"bytes": 0}, {"row": [5]},
        {"row": [-4]}, {"row": 4}, {"row": None}, {"dtype": "<f8"}, {"dtype": "|O"}, {"dtype": 3}, {"sha256": None},
        {"schema": "layercli.rows/1"}, {"more": 1}, {"row": [2**63, 2**63]}, {"row": [2**62, 0]}, {"row": []},
        {"row": [1] * 100_000}, {"dtype": "xf4"}, {"dtype": " f4"}, {"dtype": ""},
    ],
)  # fmt: skip
def test_a_journal_that_says_what_cannot_be_is_refused(cli, interrupted, changed):
    journal(interrupted, **changed)
    done = cli(*command("--batch-size", "8", "--resume"))
    sentence = "error: y.npy.part.json does not say how far y.npy.part is\nhint: --force starts again\n"
    assert (done.code, done.out, done.err) == (2, "", sentence)
    assert names(interrupted) == ["y.npy.part", "y.npy.part.json"]


@pytest.mark.parametrize("size", [0, 100, 128, 895])
def test_a_part_shorter_than_its_journal_is_refused_and_never_filled_up(cli, interrupted, size):
    os.truncate("y.npy.part", size)
    done = cli(*command("--batch-size", "8", "--resume"))
    sentence = f"error: y.npy.part has {size} bytes, and its journal says 896\nhint: --force starts again\n"
    assert (done.code, done.out, done.err) == (2, "", sentence)
    assert os.path.getsize("y.npy.part") == size


@pytest.mark.parametrize("place", [0, 60, 127, 128, 500, 895])
def test_a_part_that_was_changed_is_refused(cli, interrupted, place):
    with open("y.npy.part", "r+b") as part:
        part.seek(place)
        [byte] = part.read(1)
        part.seek(place)
        part.write(bytes([byte ^ 1]))
    done = cli(*command("--batch-size", "8", "--resume"))
    sentence = "error: y.npy.part is damaged: it is not what its journal says\nhint: --force starts again\n"
    assert (done.code, done.out, done.err) == (2, "", sentence)
    assert cli(*command("--batch-size", "8", "--force")).code == 0
    np.testing.assert_array_equal(np.load("y.npy"), X * 2 + 1)


def test_rows_behind_what_the_journal_says_are_done_again(cli, interrupted):
    with open("y.npy.part", "ab") as part:
        part.write(b"\xff" * 37)
    assert cli(*command("--batch-size", "8", "--resume")).code == 0
    np.testing.assert_array_equal(np.load("y.npy"), X * 2 + 1)


def test_after_the_end_there_is_nothing_to_go_on_with(cli, folder):
    assert cli(*command("--batch-size", "8")).code == 0
    whole = (folder / "y.npy").read_bytes()
    done = cli(*command("--batch-size", "8", "--resume", "--format", "json"))
    assert (done.code, done.err) == (0, "y.npy is complete: all 100 rows are there\n")
    found = json.loads(done.out)
    assert (found["stream"]["resumed_at"], found["outputs"][0]["maximum"]) == (100, 799)
    assert cli(*command("--batch-size", "8", "--resume", "--format", "plain")).code == 0
    refused = (2, "error: y.npy exists already\nhint: --force overwrites it\n")
    done = cli(*command("--batch-size", "8"))
    assert (done.code, done.err) == refused
    assert ((folder / "y.npy").read_bytes(), names(folder)) == (whole, ["y.npy"])
    for rows in (X[:50], X):  # another file, younger than the results or not
        np.save("x.npy", rows)
        done = cli(*command("--batch-size", "8", "--resume"))
        assert (done.code, done.err) == refused


def test_killed_between_its_last_two_steps_it_is_complete(cli, folder, monkeypatch):
    def stop(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(RowWriter, "_end", stop)
    assert cli(*command("--batch-size", "8")).code == 130
    assert names(folder) == ["y.npy", "y.npy.part.json"]
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    done = cli(*command("--batch-size", "8", "--resume"))
    assert (done.code, done.err) == (0, "resuming after 100 of 100 rows\nwrote y.npy\n")
    assert names(folder) == ["y.npy"]
    np.testing.assert_array_equal(np.load("y.npy"), X * 2 + 1)


@pytest.mark.parametrize("name", ["y.npy.part", "y.npy.part.json"])
def test_a_link_where_a_part_would_be_is_not_followed(cli, folder, name):
    (folder / "victim").write_bytes(b"mine")
    (folder / name).symlink_to("victim")
    for more in ([], ["--resume"]):
        assert cli(*command("--batch-size", "8", *more)).code == 2
    assert cli(*command("--batch-size", "8", "--force")).code == 0
    assert (folder / "victim").read_bytes() == b"mine"
    assert names(folder) == ["y.npy"]


def test_a_file_that_has_the_name_of_a_part_is_kept(cli, folder):
    (folder / "y.npy.part").write_bytes(b"mine")
    for more in ([], ["--resume"]):
        done = cli(*command("--batch-size", "8", *more))
        assert (done.code, done.err) == (2, "error: y.npy.part exists already\nhint: --force overwrites it\n")
    assert (folder / "y.npy.part").read_bytes() == b"mine"


SPY = """
import os
from torch import nn

class Net(nn.Module):
    def forward(self, x):
        with open("modes", "a") as file:
            print(*(oct(entry.stat().st_mode & 0o777) for entry in os.scandir() if "part" in entry.name), file=file)
        return x
"""


def test_a_part_has_the_permissions_of_what_it_replaces(cli, folder):
    (folder / "y.npy").write_bytes(b"")
    (folder / "y.npy").chmod(0o600)
    (folder / "spy.py").write_text(SPY)
    assert cli(*command("--batch-size", "8", "--force", model="spy.py:Net")).code == 0
    assert set((folder / "modes").read_text().split()) == {"0o600", "0o644"}  # the journal's is a new file's
    assert (folder / "y.npy").stat().st_mode & 0o777 == 0o600


def test_two_streams_to_one_target_do_not_meet(cli, folder, start):
    process = start(STOP="1")
    wait_for_rows(folder, process)
    for more in ([], ["--resume"], ["--force"]):
        done = cli(*command("--batch-size", "2", *more))
        sentence = (
            f"error: y.npy is being written by process {process.pid}\nhint: wait for it, or write to another name\n"
        )
        assert (done.code, done.out, done.err) == (2, "", sentence)
    done = cli(*command())
    assert (done.code, done.err.splitlines()[0]) == (2, f"error: y.npy is being written by process {process.pid}")
    process.kill()
    process.communicate()
    assert cli(*command("--batch-size", "64", "--resume")).code == 0
    np.testing.assert_array_equal(np.load("y.npy"), X * 2 + 1)
    assert not [name for name in os.listdir() if "layercli" in name]


def test_the_batch_is_halved_until_it_fits(cli, folder, monkeypatch):
    from layercli.runtime.inference.prepared_model import PreparedModel

    outputs, sizes = PreparedModel.outputs, []

    def small(self, inputs):
        sizes.append(len(inputs["x"]))
        if sizes[-1] > 30:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return outputs(self, inputs)

    monkeypatch.setattr(PreparedModel, "outputs", small)
    done = cli(*command("--batch-size", "auto", "--format", "json"))
    assert done.code == 0
    assert sizes == [100, 100, 100, 100, 64, 32, 16, 16, 16, 16, 16, 16, 4]
    assert json.loads(done.out)["stream"]["batch_size"] == 16
    np.testing.assert_array_equal(np.load("y.npy"), X * 2 + 1)
    done = cli(*command("--batch-size", "50", "--force"))
    assert done.err == ("error: a batch of 50 does not fit into memory\nhint: --batch-size auto finds one that does\n")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds a process to its address space")
def test_where_memory_really_ends(folder, warm):
    np.save("x.npy", np.ones((500, 4), "float32"))

    def limited(*more):
        words = ["run", "net.py:Wide", "--input", "x.npy", "--device", "cpu", *more]
        process = warm.start(words, limit=1600 << 20)  # Python and torch take 700 MiB, a batch of 500 rows 2000
        return process.communicate(), process.returncode

    (out, err), code = limited("--output", "y.npy", "--batch-size", "auto", "--format", "json")
    assert code == 0, err
    assert json.loads(out)["stream"]["batch_size"] in (64, 128, 256)
    np.testing.assert_array_equal(np.load("y.npy"), np.full((500, 1), 1 << 20, "float32"))
    (out, err), code = limited("--output", "z.npy")
    assert (code, out) == (2, "")
    assert err == (
        "error: memory does not suffice: 2000.0 MiB more were asked for\n"
        "hint: --batch-size auto --output FILE.npy runs as many rows at once as fit\n"
    )
    assert names(folder) == ["y.npy"]


@pytest.mark.parametrize(
    ("more", "model", "message", "hint"),
    [
        (["--batch-size", "0"], "net.py:Net", "a batch size is auto or an integer from 1 up, got '0'", None),
        (["--batch-size", "²"], "net.py:Net", "a batch size is auto or an integer from 1 up, got '²'", None),
        (["--resume"], "net.py:Net", "--resume continues a stream", "--batch-size auto"),
        (["--batch-size", "8", "--top", "1"], "net.py:Net",
         "--batch-size streams the results to a file, which --top does not go with", None),
        (["--batch-size", "8"], "net.py:Total",
         "the output has the shape (1, 4) for a batch of 8: it needs one row for each row of the batch", None),
        (["--batch-size", "8"], "net.py:Two", "net.py:Two has 2 outputs, and one can be written as it comes", None),
        (["--batch-size", "8", "--output", "y.npz"], "net.py:Net",
         "--batch-size streams from files to a .npy file", "--input x.npy --output y.npy"),
    ],
)  # fmt: skip
def test_what_cannot_be_streamed(cli, folder, more, model, message, hint):
    done = cli(*command(*more, model=model))
    assert (done.code, done.out) == (2, "")
    assert done.err == f"error: {message}\n" + (f"hint: {hint}\n" if hint else "")
    assert names(folder) == []


@pytest.fixture
def fixed(folder):
    """A graph that takes batches of three and no others."""
    exported = torch.export.export(torch.nn.ReLU(), (torch.zeros(3, 4),))
    torch.export.save(exported, folder / "fixed.pt2")


@pytest.mark.parametrize("size", ["auto", "3"])
def test_a_batch_that_is_written_in_a_graph_is_kept_to(cli, folder, fixed, size):
    done = cli(*command("--batch-size", size, "--format", "json", model="fixed.pt2"))
    assert (done.code, done.err) == (0, "wrote y.npy\n")
    assert json.loads(done.out)["stream"]["batch_size"] == 3
    np.testing.assert_array_equal(np.load("y.npy"), X)


def test_another_batch_than_a_graph_takes_is_refused(cli, folder, fixed):
    done = cli(*command("--batch-size", "8", model="fixed.pt2"))
    assert (done.code, done.err) == (2, "error: fixed.pt2 takes batches of 3, not of 8\nhint: --batch-size 3\n")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((0, 4), "float32"), "the inputs have no rows to stream"),
        (np.float32(1), "the input x is a scalar, which has no rows to stream"),
    ],
)
def test_without_rows_nothing_is_streamed(cli, folder, array, message):
    np.save("x.npy", array)
    done = cli(*command("--batch-size", "8"))
    assert (done.code, done.out, done.err, names(folder)) == (2, "", f"error: {message}\n", [])


def test_standard_input_is_not_streamed(cli, folder):
    done = cli("run", "net.py:Net", "--input", "-", "--output", "y.npy", "--device", "cpu", "--batch-size", "auto")
    assert (done.code, done.err) == (
        2,
        "error: standard input is read once and whole, so it cannot be streamed\nhint: save it to a .npy file first\n",
    )


def test_an_input_that_becomes_shorter_is_said(cli, folder):
    (folder / "cutting.py").write_text(
        "import os\nfrom torch import nn\n"
        "class Net(nn.Module):\n    def forward(self, x):\n        os.truncate('x.npy', 1000)\n        return x\n"
    )
    np.save("x.npy", np.zeros((100_000, 4), "float32"))
    done = cli(*command("--batch-size", "100", model="cutting.py:Net"))
    assert done.code == 2
    assert done.err.startswith("error: ")
    assert done.err.endswith("x.npy has become shorter while it was read\n")


def test_a_full_disk_leaves_what_can_be_gone_on_with(cli, folder, monkeypatch):
    (folder / "net.py").write_text(NET.replace("npy_writer.SAVE_EVERY = 0.0", "npy_writer.SAVE_EVERY = 60.0"))
    with file_size_limit(1000):
        assert cli(*command("--batch-size", "8")).code == 2
    assert names(folder) == ["y.npy.part", "y.npy.part.json"]
    assert cli(*command("--batch-size", "8", "--resume")).err == "resuming after 0 of 100 rows\nwrote y.npy\n"
    np.testing.assert_array_equal(np.load("y.npy"), X * 2 + 1)


def test_the_output_is_said_as_the_model_gave_it(cli, folder):
    (folder / "short.py").write_text(
        "from torch import nn\nclass Net(nn.Module):\n    def forward(self, x):\n        return {'half': x.bfloat16()}\n"
    )
    done = cli(*command("--batch-size", "8", "--format", "json", model="short.py:Net"))
    assert [(out["name"], out["dtype"]) for out in json.loads(done.out)["outputs"]] == [("half", "bfloat16")]


def test_not_finite_is_found_in_a_stream_too(cli, folder):
    np.save("x.npy", np.where(X == 7, np.nan, X))
    done = cli(*command("--batch-size", "8", "--check"))
    assert (done.code, done.err) == (1, "wrote y.npy\nnot finite\n")


def test_memory_does_not_grow_with_the_rows(folder, warm):
    code = (
        "import resource, sys\nfrom layercli.cli.main import run\nrun(sys.argv[1:])\n"
        "print(int([l for l in open('/proc/self/status') if l.startswith('VmHWM')][0].split()[1]))"
    )

    def memory(rows):
        np.lib.format.open_memmap("x.npy", "w+", "float32", (rows, 256)).flush()
        args = command("--batch-size", "256", "--force", "--threads", "1")
        process = warm.start(args, code=code)
        out, err = process.communicate()
        assert process.returncode == 0, err
        return int(out.splitlines()[-1])

    small, large = memory(2_000), memory(60_000)  # 2 and 61 MB of values
    assert large - small < 20_000


def test_a_bar_is_drawn_on_a_terminal_only(tmp_path, monkeypatch, capsys):
    writer = RowWriter(str(tmp_path / "y.npy"), 10, "")
    with progress(writer) as tell:
        tell(5)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("layercli.cli.output.on_terminal", lambda stream: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    with progress(writer) as tell:
        tell(5)
    drawn = capsys.readouterr()
    assert (drawn.out, "5/10" in drawn.err, "rows/s" in drawn.err) == ("", True, True)


def test_rows_of_another_shape_are_no_rows_of_the_same_array(tmp_path):
    writer = RowWriter(str(tmp_path / "y.npy"), 4, "")
    writer.write(np.zeros((2, 3)))
    with pytest.raises(FormatError) as caught:
        writer.write(np.zeros((2, 4)))
    assert caught.value.message.startswith(f"the rows for {tmp_path / 'y.npy'} change from ")
    writer.close()
