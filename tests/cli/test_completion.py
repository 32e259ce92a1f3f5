"""What the shells complete, through the installed program and in the shells themselves."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).parent / "layercli"
SHELLS = ("bash", "zsh", "fish")


def installed(*args, **environment):
    """Run the installed program, off a terminal."""
    return subprocess.run([PROGRAM, *args], env={**os.environ, **environment}, capture_output=True, text=True)


def in_shell(shell, script, home):
    """Run a script in a shell that finds the program; skip where the machine has no such shell."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed here: what the program answers it is tested without it")
    path = f"{PROGRAM.parent}:{os.environ['PATH']}"
    command = [shell, *(["--norc"] if shell == "bash" else ["-f"] if shell == "zsh" else []), "-c", script]
    env = {"HOME": str(home), "PATH": path, "TERM": "dumb"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, cwd=home)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("layercli sum", ["summary"]),
        ("layercli summary nasn", ["nasnet-mobile", "nasnet-large"]),
        ("layercli compare mlp lene", ["lenet"]),
        ("layercli vars --no-such", []),
    ],
)
def test_tab_gives_candidates_alone(typed, expected):
    words = typed.split()
    done = installed(_LAYERCLI_COMPLETE="complete_bash", COMP_WORDS=typed, COMP_CWORD=str(len(words) - 1))
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, expected, "")
    for shell in ("zsh", "fish"):
        action = {"_TYPER_COMPLETE_FISH_ACTION": "get-args"}
        done = installed(_LAYERCLI_COMPLETE=f"complete_{shell}", _TYPER_COMPLETE_ARGS=typed, **action)
        assert (done.returncode, done.stderr) == (0, "")
        assert all(name in done.stdout for name in expected)


def test_options_and_formats_are_completed():
    done = installed(_LAYERCLI_COMPLETE="complete_bash", COMP_WORDS="layercli vars --form", COMP_CWORD="2")
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, ["--format"], "")
    done = installed(_LAYERCLI_COMPLETE="complete_bash", COMP_WORDS="layercli vars --format ma", COMP_CWORD="3")
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, ["markdown"], "")


def test_bash_completes(tmp_path):
    call = "COMP_WORDS=(layercli summary nasn); COMP_CWORD=2; _layercli_completion layercli; echo ${COMPREPLY[@]}"
    found = in_shell("bash", f'eval "$(layercli --show-completion bash)"; {call}', tmp_path)
    assert found == ["nasnet-mobile", "nasnet-large"]


def test_zsh_completes(tmp_path):
    standing = "compdef() { : }; _arguments() { print -r -- $@ }; words=(layercli summary nasn); CURRENT=3"
    found = in_shell("zsh", f'{standing}; eval "$(layercli --show-completion zsh)"; _layercli_completion', tmp_path)
    assert found == ["*:", ':(("nasnet-mobile"', '"nasnet-large"))']


def test_zsh_completes_from_the_installed_file_at_the_first_tab(tmp_path):
    standing = "compdef() { : }; _arguments() { print -r -- $@ }; words=(layercli summary nasn); CURRENT=3"
    load = "layercli --install-completion zsh 2>/dev/null; fpath+=~/.zfunc; autoload -Uz _layercli"
    found = in_shell("zsh", f"{standing}; {load}; _layercli", tmp_path)
    assert found == ["*:", ':(("nasnet-mobile"', '"nasnet-large"))']


def test_fish_completes(tmp_path):
    script = 'layercli --show-completion fish | source; complete -C "layercli summary nasn"'
    assert sorted(in_shell("fish", script, tmp_path)) == ["nasnet-large", "nasnet-mobile"]


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_of_a_shell_is_installed_and_shown(shell, tmp_path):
    shown = installed("--show-completion", shell)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert f"complete_{shell}" in shown.stdout
    done = installed("--install-completion", shell, HOME=str(tmp_path))
    assert (done.returncode, done.stdout) == (0, "")
    path = Path(done.stderr.partition(" installed in ")[2].partition(":")[0])
    assert path.is_relative_to(tmp_path)
    assert f"complete_{shell}" in path.read_text()
    assert installed("-q", "--show-completion").returncode in (0, 1, 2)  # not 0: not started from a shell


def test_the_shell_that_runs_is_told_by_itself(tmp_path):
    script = "layercli --show-completion | grep -c complete_bash; layercli --install-completion >/dev/null; ls -A"
    assert in_shell("bash", script, tmp_path) == ["1", ".bash_completions", ".bashrc"]


def test_a_shell_that_is_not_known(cli):
    done = cli("--show-completion fis")
    assert (done.code, done.out) == (2, "")
    assert done.err == "error: there is no completion for 'fis'\nhint: did you mean fish?\n"
    assert cli("--install-completion tcl").err.endswith("hint: shells: bash, zsh, fish\n")
