"""A child that hangs, crashes, or talks nonsense: the story is told all the same."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from layercli.gpu import subprocess_runner, worker

PRELUDE = "import json, os, signal, sys, time\ndef say(**event): print(json.dumps(event), flush=True)\n"


def story(code, timeout=20.0, heard=None):
    listen = (lambda doing: None) if heard is None else heard.append
    return subprocess_runner.run({"task": "try", "n": 3}, timeout, listen, (sys.executable, "-S", "-c", PRELUDE + code))


def test_a_child_that_is_done():
    heard = []
    told = story(
        "r = json.load(sys.stdin); say(doing='a'); say(result=r['n']); say(result=4); say(done=True)", heard=heard
    )
    assert (told.ended, told.during) == (None, "a")
    assert told.all("result") == [3, 4]
    assert told.last("result") == 4
    assert told.last("none") is None
    assert heard == ["a"]


def test_what_is_done_is_told_once():
    heard = []
    story("say(doing='a'); say(doing='a'); say(result=1); say(doing='b'); say(done=True)", heard=heard)
    assert heard == ["a", "b"]


def test_a_child_that_hangs_is_ended_and_what_it_said_is_kept():
    start = time.monotonic()
    told = story("say(doing='exact GEMM on cuda:0'); say(result=1); time.sleep(60)", timeout=0.6)
    assert time.monotonic() - start < 5
    assert (told.ended, told.during, told.all("result")) == ("hang", "exact GEMM on cuda:0", [1])


def test_a_child_that_will_not_be_ended_gently_is_ended_all_the_same():
    told = story("signal.signal(signal.SIGTERM, signal.SIG_IGN); say(doing='x'); time.sleep(60)", timeout=0.6)
    assert told.ended == "hang"


@pytest.mark.parametrize(
    ("code", "ended"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
        ("os.abort()", "SIGABRT"),
        ("sys.exit(3)", "exit code 3"),
        ("raise ValueError", "exit code 1"),
        ("sys.exit(0)", "exit code 0"),
    ],
)
def test_a_child_that_dies_tells_how(code, ended):
    told = story(f"say(doing='y'); {code}")
    assert (told.ended, told.during) == (ended, "y")


@pytest.mark.parametrize(
    ("code", "detail"),
    [
        ("raise ValueError('no device at /home/alice/x')", "ValueError: no device at (path)"),
        ("sys.stderr.write('terminate called: CUDA error\\n\\n\\x1b[2JAborted\\n'); sys.stderr.flush(); os.abort()",
         " [2JAborted"),
        ("sys.stderr.write('why\\nAborted (core dumped)\\n'); sys.stderr.flush(); os.abort()", "why"),
        ("os.abort()", None),
    ],
)  # fmt: skip
def test_a_child_that_dies_leaves_the_reason_it_gave(code, detail):
    assert story(code).detail == (detail and detail.strip())


def test_what_a_child_says_on_stderr_is_no_detail_while_it_lives():
    assert story("sys.stderr.write('a warning\\n'); say(done=True)").detail is None
    assert story("sys.stderr.write('a warning\\n'); sys.stderr.flush(); time.sleep(60)", timeout=0.6).detail is None


def test_a_child_is_allowed_more_time_where_it_says_why():
    told = story("say(doing='compiling', allow=60); time.sleep(1.2); say(done=True)", timeout=0.6)
    assert told.ended is None


PARENT = """
import os, sys
from layercli.gpu import subprocess_runner
child = (
    "import json, os, sys, time; from layercli.gpu import worker as child; child.end_with_parent(json.load(sys.stdin)['parent']);"
    "pipe = open(os.environ['PIPE'], 'w'); pipe.write('here'); pipe.flush(); time.sleep(15); pipe.write('late')"
)
subprocess_runner.run({"task": "try"}, 600, command=(sys.executable, "-c", child))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread of the child looks once a second")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_child_ends_with_its_parent_however_that_is_ended(how, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], env={**subprocess_runner.environment(), "PIPE": str(pipe)}
    )
    with pipe.open() as stream:
        assert stream.read(4) == "here"
        parent.send_signal(how)
        parent.wait()
        assert stream.read() == ""  # returns when nobody holds the other end: a child that lives on is late


def test_a_child_whose_parent_is_gone_already_ends_at_once():
    code = "from layercli.gpu import worker as child; child.end_with_parent(1); print('still here')"
    done = subprocess.run(
        [sys.executable, "-c", code], env=subprocess_runner.environment(), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == ((1, "") if sys.platform == "linux" else (0, "still here\n"))


def test_elsewhere_a_thread_sees_that_the_parent_is_gone(monkeypatch):
    monkeypatch.setattr(worker.os, "getppid", iter([7, 7, 1]).__next__)
    ended = []
    monkeypatch.setattr(worker.os, "_exit", ended.append)
    worker.watch_parent(7, 0)
    assert ended == [1]


def test_a_line_cut_short_by_a_crash_is_no_event():
    told = story("say(doing='z'); sys.stdout.write('{\"resu'); sys.stdout.flush(); os.abort()")
    assert (told.ended, told.events) == ("SIGABRT", [{"doing": "z"}])


def test_a_child_that_hangs_after_its_work_has_done_its_work():
    told = story("say(done=True); time.sleep(60)")
    assert told.ended is None


def test_a_signal_without_a_name():
    assert subprocess_runner.cause_of_death(-250) == "signal 250"


def test_the_child_finds_this_package_and_what_the_user_added(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/theirs")
    assert subprocess_runner.environment()["PYTHONPATH"] == f"{subprocess_runner.PACKAGE_ROOT}{os.pathsep}/theirs"
    assert Path(subprocess_runner.PACKAGE_ROOT, "layercli", "gpu", "worker.py").exists()


def test_what_libraries_print_is_no_event():
    code = (
        "import os; from layercli.gpu import worker as child; events = child.claim_stdout(); print('noise', flush=True)\n"
        "os.system('echo noise'); events.write('event'); events.flush()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=subprocess_runner.environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout == "event"


def test_the_real_child_looks_and_tells():
    told = subprocess_runner.run({"task": "look"}, 30)
    assert told.ended is None
    assert told.last("snapshot")["schema"] == "layercli.gpu-snapshot/1"


def test_the_child_is_not_misled_by_files_of_the_current_folder(tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("raise SystemExit('shadowed')")
    (tmp_path / "torch.py").write_text("raise SystemExit('shadowed')")
    monkeypatch.chdir(tmp_path)
    assert subprocess_runner.run({"task": "look"}, 30).ended is None
