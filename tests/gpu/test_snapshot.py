"""Snapshots into JSON and back, files that are none, and nothing private in them."""

import json
from pathlib import Path

import pytest

from layercli.errors import FileError, FormatError
from layercli.gpu import check, snapshot
from layercli.gpu.probes import environment
from layercli.gpu.snapshot import SCHEMA, Device, Process, Snapshot
from layercli.render import gpu

SNAPSHOTS = sorted((Path(__file__).parent / "snapshots").glob("*.json"))


@pytest.mark.parametrize("path", SNAPSHOTS, ids=lambda path: path.stem)
def test_a_written_snapshot_is_read_as_the_same(path, tmp_path):
    seen = snapshot.read(path)
    snapshot.write(seen, tmp_path / "out.json")
    assert snapshot.read(tmp_path / "out.json") == seen
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.json"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "FILE has content that is not JSON"),
        ("[" * 100_000, "FILE has content that is nested too deeply"),
        ('{"schema": NaN}', "FILE has content that is not JSON"),
        (" " * (16 << 20) + "{}", "FILE is larger than any snapshot"),
        ({"devices": [{"index": 10**400}]}, "FILE: devices[0].index is not what it should be: a number without bounds"),
        ("{}", f"FILE: expects a snapshot with the schema {SCHEMA}, got none"),
        ("[1]", f"FILE: expects a snapshot with the schema {SCHEMA}, got none"),
        ('{"schema": "other/1"}', f"FILE: expects a snapshot with the schema {SCHEMA}, got other/1"),
        ({"devices": 3}, "FILE: devices is not what it should be: 3"),
        ({"devices": [3]}, "FILE: devices[0] is not what it should be: 3"),
        ({"devices": [{}]}, "FILE: devices[0].index is missing"),
        ({"devices": [{"index": True}]}, "FILE: devices[0].index is not what it should be: true"),
        ({"devices": [{"index": 0, "name": 7}]}, "FILE: devices[0].name is not what it should be: 7"),
        ({"host": {"user": "alice"}}, "FILE: host.user is not an entry of a snapshot"),
        ({"environment": {"HOME": 1}}, "FILE: environment.HOME is not what it should be: 1"),
        ({"devices": [{"index": 0, "processes": [{"pid": 1, "kind": "compute", "name": "x"}]}]},
         "FILE: devices[0].processes[0].name is not an entry of a snapshot"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_snapshot(content, message, tmp_path):
    path = tmp_path / "seen.json"
    path.write_text(content if isinstance(content, str) else json.dumps({"schema": SCHEMA, **content}))
    with pytest.raises(FormatError) as caught:
        snapshot.read(path)
    assert str(caught.value) == message.replace("FILE", str(path))


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(FileError) as caught:
        snapshot.read(tmp_path / "none.json")
    assert str(caught.value) == f"{tmp_path}/none.json does not exist"
    with pytest.raises(FileError) as caught:
        snapshot.read(tmp_path)
    assert str(caught.value) == f"cannot read {tmp_path}: it is a folder, not a file"
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe")
    with pytest.raises(FormatError) as caught:
        snapshot.read(tmp_path / "bytes.json")
    assert str(caught.value) == f"{tmp_path}/bytes.json has content that is not UTF-8"


def hostile():
    """What somebody else's file may hold where a version or a name should stand."""
    for words in ("garbage", "9", "x.y", "", "-1.-2", "9" * 5000, "\x1b[2J\r\n::error::x"):
        device = {"index": 0, "name": words, "capability": words, "vendor": words, "uuid": words}
        offered = {"backend": "cuda", "index": 0, "name": words, "capability": words}
        for runtime in (None, {"devices": [offered], "arch_list": ["sm_", "compute_x", "", "sm_9", words]}):
            yield {
                "devices": [device], "runtime": runtime, "wheel": {"version": words, "cuda": words},
                "driver": {"version": words, "cuda": words}, "environment": {"CUDA_VISIBLE_DEVICES": words},
            }  # fmt: skip


@pytest.mark.parametrize("document", list(hostile()))
def test_nothing_in_a_file_breaks_the_diagnosis_or_the_terminal(document, tmp_path):
    (tmp_path / "seen.json").write_text(json.dumps({"schema": SCHEMA, **document}))
    report = check(snapshot=tmp_path / "seen.json", min_capability="8.0", require=3)
    assert not report.answer
    drawn = gpu.github(report)
    assert all(line.isprintable() for line in drawn.split("\n"))
    assert not any(line.startswith("::error::") for line in drawn.split("\n"))


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileError) as caught:
        snapshot.write(Snapshot(), tmp_path / "folder")
    assert str(caught.value) == f"cannot write {tmp_path}/folder: it is a folder, not a file"
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]
    with pytest.raises(FileError) as caught:
        snapshot.write(Snapshot(), tmp_path / "none" / "out.json")
    assert str(caught.value) == f"cannot write {tmp_path}/none/out.json: its folder does not exist"


def test_whole_numbers_are_numbers():
    seen = Snapshot.from_json({"schema": SCHEMA, "devices": [{"index": 0, "power": 70}]})
    assert seen.devices == [Device(0, power=70.0)]
    assert isinstance(seen.devices[0].power, float)


def test_a_process_is_a_number_a_kind_and_its_memory():
    assert set(Process.__dataclass_fields__) == {"pid", "kind", "memory"}


def test_only_variables_that_matter_are_kept_and_only_plain_values():
    seen = environment.read(
        {
            "HOME": "/home/alice",
            "USER": "alice",
            "HOSTNAME": "alices-box",
            "AWS_SECRET_ACCESS_KEY": "s3cret",
            "CUDA_VISIBLE_DEVICES": "GPU-3d1a5c00-1111-2222-3333-444455556666,alice,1",
            "NVIDIA_VISIBLE_DEVICES": "MIG-GPU-3d1a5c00-1111-2222-3333-444455556666/1/0",
            "CUDA_INJECTION64_PATH": "/home/alice/libinject.so",
            "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
            "NVIDIA_DRIVER_CAPABILITIES": "compute,utility",
            "HSA_OVERRIDE_GFX_VERSION": "10.3.0",
            "CUDA_LAUNCH_BLOCKING": "1",
            "LD_LIBRARY_PATH": "/home/alice/lib:/usr/local/cuda/compat",
        }
    )
    assert seen == {
        "CUDA_VISIBLE_DEVICES": "GPU-3d1a5c00,(set),1",
        "NVIDIA_VISIBLE_DEVICES": "MIG-GPU-3d1a5c00",
        "CUDA_INJECTION64_PATH": "(set)",
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "NVIDIA_DRIVER_CAPABILITIES": "compute,utility",
        "HSA_OVERRIDE_GFX_VERSION": "10.3.0",
        "CUDA_LAUNCH_BLOCKING": "1",
        "LD_LIBRARY_PATH": "(CUDA compatibility libraries)",
    }


def test_an_empty_value_is_not_an_absent_one():
    assert environment.read({"CUDA_VISIBLE_DEVICES": ""}) == {"CUDA_VISIBLE_DEVICES": ""}
    assert environment.read({"LD_LIBRARY_PATH": "/home/alice/lib"}) == {}
