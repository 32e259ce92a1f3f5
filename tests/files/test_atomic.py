import errno
import os
import signal
import stat
import subprocess
import sys
import time

import numpy as np
import pytest

from layercli.errors import FileError, FormatError
from layercli.formats.atomic import replacing, staged

WRITER = """
import sys
from layercli.formats.atomic import replacing
turn = 0
while True:
    turn += 1
    with replacing(sys.argv[1]) as file:
        for _ in range(64):
            file.write(b"%08d" % turn * 1024)
    if turn == 1:
        print("ready", flush=True)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path, content=b"new"):
    with replacing(path) as file:
        file.write(content)


def refusal(path):
    with pytest.raises(FileError) as error:
        write(path)
    return str(error.value)


def test_a_new_file_and_a_replaced_one(folder):
    write("a", b"one")
    write(folder / "a", b"two")
    assert (folder / "a").read_bytes() == b"two"
    assert os.listdir() == ["a"]


def test_the_old_file_is_there_until_the_end(folder):
    write("a", b"one")
    with replacing("a") as file:
        file.write(b"two")
        file.flush()
        assert (folder / "a").read_bytes() == b"one"
    assert (folder / "a").read_bytes() == b"two"


def test_a_library_may_replace_the_staged_file_itself(folder):
    (folder / "a").write_bytes(b"one")
    (folder / "a").chmod(0o640)
    with staged("a") as temporary:
        other = temporary.with_name("other")
        other.write_bytes(b"two")
        other.chmod(0o600)
        other.rename(temporary)
    assert (folder / "a").read_bytes() == b"two"
    assert stat.S_IMODE((folder / "a").stat().st_mode) == 0o640
    assert os.listdir() == ["a"]


def fail_within(path, exception):
    with replacing(path) as file:
        file.write(b"two")
        raise exception


@pytest.mark.parametrize("exception", [KeyboardInterrupt(), SystemExit(), ZeroDivisionError(), FormatError("no")])
def test_an_exception_leaves_the_old_file_and_nothing_else(folder, exception):
    write("a", b"one")
    with pytest.raises(BaseException) as caught:
        fail_within("a", exception)
    assert caught.value is exception
    assert (folder / "a").read_bytes() == b"one"
    assert os.listdir() == ["a"]


def test_permissions(folder):
    old = os.umask(0o027)
    try:
        write("new")
    finally:
        os.umask(old)
    assert stat.S_IMODE((folder / "new").stat().st_mode) == 0o640
    (folder / "new").chmod(0o604)
    write("new", b"again")
    assert stat.S_IMODE((folder / "new").stat().st_mode) == 0o604


def test_a_symbolic_link_keeps_pointing_where_it_did(folder):
    (folder / "store").mkdir()
    (folder / "store" / "real").write_bytes(b"one")
    (folder / "link").symlink_to("store/real")
    write("link", b"two")
    assert (folder / "link").is_symlink()
    assert (folder / "store" / "real").read_bytes() == b"two"
    assert os.listdir("store") == ["real"]


def test_what_cannot_be_written(folder):
    (folder / "sub").mkdir()
    (folder / "file").write_bytes(b"")
    os.mkfifo("pipe")
    (folder / "circle").symlink_to("circle")
    assert refusal("sub") == "cannot write sub: it is a folder, not a file"
    assert refusal("none/a") == "cannot write none/a: its folder does not exist"
    assert refusal("file/a") == "cannot write file/a: a part of its path is a file, not a folder"
    assert refusal("pipe") == "cannot write pipe: it is not a regular file"
    assert refusal("circle") == "cannot write circle: its symbolic links lead in a circle"
    assert refusal("n" * 300) == f"cannot write {'n' * 300}: its name is too long"
    assert sorted(os.listdir()) == ["circle", "file", "pipe", "sub"]


def test_a_read_only_file_is_not_replaced(folder, monkeypatch):
    def open_as_others(path, flags, *mode):
        if path == folder / "a":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(path, flags, *mode)

    (folder / "a").write_bytes(b"one")
    real = os.open
    monkeypatch.setattr(os, "open", open_as_others)  # root may write anything
    assert refusal("a") == "cannot write a: permission denied"
    assert (folder / "a").read_bytes() == b"one"


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.EACCES, "cannot write a: permission denied"),
        (errno.EROFS, "cannot write a: the file system is read-only"),
        (errno.EMFILE, "cannot write a: too many files are open"),
        (errno.ENXIO, "cannot write a: no such device or address"),
    ],
)
def test_a_folder_that_takes_no_file(folder, monkeypatch, number, sentence):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", refuse)
    assert refusal("a") == sentence


@pytest.mark.parametrize("step", ["fsync", "replace", "chmod"])
def test_a_failure_at_any_step_leaves_the_old_file_and_nothing_else(folder, monkeypatch, step):
    def fail(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    write("a", b"one")
    monkeypatch.setattr(os, step, fail)
    assert refusal("a") == "cannot write a: the disk is full"
    assert (folder / "a").read_bytes() == b"one"
    assert os.listdir() == ["a"]


def test_a_disk_that_fills_up_while_the_body_writes(folder):
    with open("/dev/full", "r+b", buffering=0) as full:
        with pytest.raises(FileError) as error, replacing("a"):
            full.write(b"x")
        assert str(error.value) == "cannot write a: the disk is full"
    assert os.listdir() == []


def test_a_disk_that_fills_up_while_numpy_writes(folder):
    with open("/dev/full", "wb", buffering=0) as full:
        with pytest.raises(FileError) as error, replacing("a"):
            np.zeros(10_000).tofile(full)
        assert str(error.value) == "cannot write a: the disk is full"


def test_a_full_disk(tmp_path):
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tmp_path], capture_output=True)
    if mounted.returncode:
        pytest.skip("this system lets nobody here mount a small disk")
    try:
        write(tmp_path / "a", b"one")
        with pytest.raises(FileError) as error:
            write(tmp_path / "a", bytes(100_000))
        assert str(error.value) == f"cannot write {tmp_path / 'a'}: the disk is full"
        assert (tmp_path / "a").read_bytes() == b"one"
        assert os.listdir(tmp_path) == ["a"]
        subprocess.run(["mount", "-o", "remount,ro", tmp_path], check=True)
        assert refusal(tmp_path / "a") == f"cannot write {tmp_path / 'a'}: the file system is read-only"
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_a_file_larger_than_allowed(folder):
    program = (
        "import resource\n"
        "from layercli.formats.atomic import replacing\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "with replacing('a') as file: file.write(bytes(100_000))\n"
    )
    done = subprocess.run([sys.executable, "-B", "-c", program], capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == (
        "layercli.errors.FileError: cannot write a: it would be larger than this system allows a file to be"
    )
    assert os.listdir() == []


def test_the_file_and_its_folder_are_on_the_disk_in_order(folder, monkeypatch):
    steps = []
    real = {name: getattr(os, name) for name in ("fsync", "replace")}

    def fsync(descriptor):
        steps.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        assert steps[-1] == "folder" or os.fstat(descriptor).st_size == 3
        real["fsync"](descriptor)

    def replace(*paths):
        steps.append("replace")
        real["replace"](*paths)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    write("a", b"new")
    assert steps == ["file", "replace", "folder"]


def test_killed_at_any_moment_the_file_is_whole(folder):
    for turn in range(20):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, "a"], stdout=subprocess.PIPE)
        assert writer.stdout.readline() == b"ready\n"
        time.sleep(turn * 0.0007)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        content = (folder / "a").read_bytes()
        assert len(content) == 64 * 1024 * 8
        assert content == content[:8] * (64 * 1024)
