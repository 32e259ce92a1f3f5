"""The files that layercli makes for itself: nobody else's are followed, read by others, or removed."""

from __future__ import annotations

import ast
import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import layercli
from layercli.errors import FileError
from layercli.formats import atomic, csv, npy, npz, safetensors, temporary
from layercli.formats.atomic import replacing, staged

KILLED = """
import os, signal, sys
from layercli.formats.atomic import replacing, staged
with (replacing if sys.argv[1] == "replacing" else staged)("a") as given:
    if sys.argv[1] == "replacing":
        given.write(b"half")
        given.flush()
    else:
        given.write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("way", [replacing, staged, atomic.staged_folder])
def test_an_interrupt_at_any_line_before_the_content_leaves_nothing(folder, way):
    if way is not atomic.staged_folder:
        (folder / "a").write_bytes(b"old")
    before, files = os.listdir(), {temporary.__file__, atomic.__file__}
    for last in range(1, 200):
        lines = iter(range(last))

        def interrupt(frame, event, _, lines=lines):
            if frame.f_code.co_filename not in files:
                return None
            if event == "line" and next(lines, None) is None:
                sys.settrace(None)
                raise KeyboardInterrupt
            return interrupt

        sys.settrace(interrupt)
        try:
            with way("a"):
                sys.settrace(None)
                break
        except KeyboardInterrupt:
            assert os.listdir() == before
        finally:
            sys.settrace(None)
    assert 20 < last < 199


@pytest.mark.parametrize("way", ["replacing", "staged"])
def test_what_a_killed_process_left_goes_with_the_next_write(folder, way):
    for _ in range(2):
        assert subprocess.run([sys.executable, "-c", KILLED, way]).returncode == -9
    [left] = os.listdir()
    assert temporary.OWN.fullmatch(left)
    with replacing("b"):
        pass
    assert os.listdir() == ["b"]


def test_what_a_living_process_writes_stays(folder):
    with replacing("a") as first, staged("c") as second:
        first.write(b"one")
        second.write_bytes(b"three")
        with replacing("b"):
            pass
    assert (folder / "a").read_bytes() + (folder / "c").read_bytes() == b"onethree"
    assert sorted(os.listdir()) == ["a", "b", "c"]


def test_files_of_others_are_not_swept(folder):
    (folder / "victim").write_bytes(b"mine")
    names = ["notes.tmp", ".layercli-tmp", ".layercli-1-zz.tmp", "x.layercli-1-0123456789abcdef.tmp"]
    for name in names:
        (folder / name).write_bytes(b"")
    link = ".layercli-1-0123456789abcdef.tmp"
    (folder / link).symlink_to("victim")
    with replacing("a"):
        pass
    assert sorted(os.listdir()) == sorted([*names, link, "a", "victim"])
    assert (folder / "victim").read_bytes() == b"mine"


def test_a_name_that_is_taken_is_not_followed(folder, monkeypatch):
    (folder / "victim").write_bytes(b"mine")
    guessed = folder / ".layercli-1-0123456789abcdef.tmp"
    guessed.symlink_to("victim")
    monkeypatch.setattr(temporary, "new_name", lambda folder: guessed)
    for way in (replacing, staged):
        with pytest.raises(FileError, match="cannot write a: it exists already"), way("a"):
            pass
    assert (folder / "victim").read_bytes() == b"mine"
    assert sorted(os.listdir()) == sorted(["victim", guessed.name])


def seen_while(way, path):
    """Return the permissions of everything beside ``path`` while its content is written."""
    with way(path) as given:
        (given.write if way is replacing else given.write_bytes)(b"secret")
        files = [Path(place, name) for place, _, names in os.walk(".") for name in names if name != path]
        folders = {file.parent for file in files} - {Path()}
        return [stat.S_IMODE(file.stat().st_mode) for file in [*files, *folders]]


@pytest.mark.parametrize("way", [replacing, staged])
def test_content_has_its_permissions_from_the_first_byte_on(folder, way):
    old = os.umask(0o022)
    try:
        (folder / "a").write_bytes(b"old")
        (folder / "a").chmod(0o600)
        assert set(seen_while(way, "a")) <= {0o600, 0o700}
        os.umask(0o077)
        assert set(seen_while(way, "b")) <= {0o600, 0o700}
    finally:
        os.umask(old)
    assert [stat.S_IMODE(os.stat(name).st_mode) for name in ("a", "b")] == [0o600, 0o600]


def test_a_link_of_ours_is_replaced_and_not_followed(folder):
    (folder / "victim").write_bytes(b"mine")
    (folder / "a").symlink_to("victim")
    with replacing("a", follow=False) as file:
        file.write(b"ours")
    assert not (folder / "a").is_symlink()
    assert ((folder / "a").read_bytes(), (folder / "victim").read_bytes()) == (b"ours", b"mine")


def test_a_library_that_leaves_a_link_is_not_believed(folder):
    (folder / "victim").write_bytes(b"mine")

    def link():
        with staged("a") as path:
            path.unlink()
            path.symlink_to(folder / "victim")

    with pytest.raises(FileError, match="cannot write a: it is not a regular file"):
        link()
    assert os.listdir() == ["victim"]


WRITERS = {
    "a.npy": lambda path: npy.save_npy(path, np.ones(3)),
    "a.npz": lambda path: npz.save_npz(path, {"a": np.ones(3)}),
    "a.csv": lambda path: csv.save_csv(path, np.ones(3)),
    "a.safetensors": lambda path: safetensors.save(path, {"a": np.ones(3)}),
    "a.keras": lambda path: built().save(path),
    "a.weights.h5": lambda path: built().save_weights(path),
}


def built():
    return layercli.Sequential([layercli.Input((2,)), layercli.layers.Dense(1)])


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_is_written_by_way_of_them(folder, monkeypatch, name):
    steps = []
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda *paths: (steps.append(Path(paths[0])), replace(*paths)))
    (folder / name).touch(0o600)
    WRITERS[name](name)
    [step] = steps[-1:]
    assert any(temporary.OWN.fullmatch(part) for part in step.parts)
    assert stat.S_IMODE(os.stat(name).st_mode) == 0o600
    assert os.listdir() == [name]


ROOT = Path(layercli.__file__).parent
WRITES = {
    "formats/atomic.py", "formats/temporary.py", "formats/locks.py", "formats/npy_writer.py",
    "runtime/distributed/distributed_checkpoint.py",  # folders, whose files torch writes
    "runtime/training/checkpoint_manager.py",  # removes backups that are older
    "runtime/analysis/kernel_profiler.py",  # looks whether torch has written the trace to its end, in the staged file
    "callbacks/csv_logger.py",  # a log that grows by a line, as Keras's does
    "formats/hdf5_create.py", "formats/keras_shards.py",  # fill the temporary files that formats.atomic staged
    "utils/cached_files.py",  # unpacks archives into a folder of its own beside them, as get_file is asked to
    "saving/conversion.py",  # renames tensors, not files
    "saving/conversion_writers.py",  # fills the temporary files that formats.atomic staged
    "runtime/export/export_folder.py",  # fills the temporary folder that formats.atomic staged
    "cli/job_summary.py",  # adds to the summary of a GitHub job, whose path the job gives
    "gpu/subprocess_runner.py",  # in a temporary folder of its own
    "cli/output.py", "gpu/probes/os_probe.py",  # devices, not files
}  # fmt: skip
CHANGING = {
    "unlink",
    "rmtree",
    "write_text",
    "write_bytes",
    "mkdir",
    "rmdir",
    "touch",
    "rename",
    "symlink_to",
    "makedirs",
}


def changes(node):
    """Whether a call changes the file system, as far as its name and its mode say."""
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    owner = getattr(getattr(node.func, "value", None), "id", "")
    if called == "open":
        if owner == "os":
            return "os.O_W" in ast.unparse(node) or "os.O_RDW" in ast.unparse(node) or "O_CREAT" in ast.unparse(node)
        if owner in ("zipped", "copy"):
            return False
        modes = [x.value for x in ast.walk(node) if isinstance(x, ast.Constant) and isinstance(x.value, str)]
        return any(0 < len(mode) <= 3 and set(mode) <= set("rwaxbt+") and set(mode) & set("wax+") for mode in modes)
    return (called in CHANGING and isinstance(node.func, ast.Attribute)) or (owner == "os" and called == "replace")


def test_nothing_else_writes_files():
    found = {
        str(path.relative_to(ROOT))
        for path in ROOT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and changes(node)
    }
    assert found <= WRITES, found - WRITES


def test_the_folder_of_a_target_may_be_a_link(folder):
    (folder / "real").mkdir()
    (folder / "link").symlink_to("real")
    for follow in (True, False):
        with atomic.replacing("link/a", follow=follow) as file:
            file.write(b"x")
    assert os.listdir("real") == ["a"]


def test_a_group_is_kept_where_that_is_allowed(folder):
    if os.geteuid():
        pytest.skip("only root may give files away")
    (folder / "a").touch()
    os.chown("a", 12, 34)
    with replacing("a"):
        pass
    assert (os.stat("a").st_uid, os.stat("a").st_gid) == (12, 34)
