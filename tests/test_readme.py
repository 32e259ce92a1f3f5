"""The examples in the README and in docs/ work: console sessions print what is shown, Python runs, links lead somewhere.

``make golden`` rewrites the sessions.
"""

from __future__ import annotations

import contextlib
import html
import importlib.util
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest

from layercli.cli.main import run
from layercli.core import naming

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]
GENERATED = ("commands/", "reference/")
SESSION = re.compile(r"```console\n(.*?)```", re.DOTALL)
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[\w-]+)?\)")
COMMAND = re.compile(r"^(?:\$ )?layercli ([\w-]+)(.*)$", re.MULTILINE)
SNAPSHOT = ROOT / "tests" / "gpu" / "snapshots" / "hidden-by-env.json"

SESSIONS = [(page, block) for page in PAGES for block in SESSION.findall(page.read_text())]
EXAMPLES = [code for page in PAGES for code in PYTHON.findall(page.read_text())]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return a folder with the files that the sessions use, the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    (tmp_path / "net.py").write_text(next(code for code in EXAMPLES if "class Net" in code))
    shutil.copy(SNAPSHOT, tmp_path / "hidden.json")
    return tmp_path


def session(folder, commands):
    """Return what a terminal of 80 columns without colour would show of the commands."""
    shown = ""
    scripts = sysconfig.get_path("scripts")
    env = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1", "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    for command in commands:
        words = shlex.split(command)
        if words[0] == "layercli" and not set(command) & set("|<>&;$*`"):
            printed = here(words[1:])
        else:
            printed = subprocess.run(
                ["bash", "-c", command],
                cwd=folder,
                env=env,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            ).stdout
        shown += f"$ {command}\n{printed}"
    return re.sub(r" +$", "", shown, flags=re.MULTILINE)


def here(words):
    """Return what a command of layercli prints, run in this process: shells are for commands with pipes and patterns."""
    naming.clear_session()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        run(words)
    return printed.getvalue()


def commands_of(block):
    return [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]


def test_there_are_sessions():
    assert len(SESSIONS) >= 10


@pytest.mark.parametrize(("page", "block"), SESSIONS, ids=lambda value: getattr(value, "stem", None) or value[:40])
def test_console_sessions(folder, page, block, rewrite_golden):
    shown = session(folder, commands_of(block))
    if rewrite_golden:
        page.write_text(page.read_text().replace(f"```console\n{block}```", f"```console\n{shown}```"))
    else:
        assert shown == block


def test_python_runs(tmp_path, monkeypatch, warm):
    assert EXAMPLES
    for number, code in enumerate(EXAMPLES):
        (tmp_path / str(number)).mkdir()
        monkeypatch.chdir(tmp_path / str(number))
        process = warm.start([], code=code)
        _, err = process.communicate()
        assert (process.returncode, err) == (0, ""), f"this example failed: {code}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page):
    for target in LINK.findall(page.read_text()):
        if not target.startswith(("http", *GENERATED)):
            assert (page.parent / target).exists(), target


def test_tests_named_in_the_pages_exist():
    for page in PAGES:
        for file in re.findall(r"`(tests/[\w/]+\.py)`", page.read_text()):
            assert (ROOT / file).exists(), f"{page.name}: {file}"


def generator():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_commands_in_examples_exist_and_take_the_options_shown():
    commands = generator().commands()
    known = {name: {opt for p in command.params for opt in p.opts} for name, command in commands.items()}
    for page in PAGES:
        for block in re.findall(r"```(?:sh|console|text|yaml)\n(.*?)```", page.read_text(), re.DOTALL):
            for name, rest in COMMAND.findall(block):
                assert name in known, f"{page.name}: layercli {name}"
                rest = re.split(r"[|>#]", rest)[0]
                for option in re.findall(r"(?<!\S)(--?[a-z][a-z-]*)", rest):
                    assert option in known[name], f"{page.name}: layercli {name} {option}"


def test_every_command_has_a_page_with_its_options_and_a_place_in_the_navigation():
    made = generator()
    navigation = (ROOT / "mkdocs.yml").read_text()
    for name, command in made.commands().items():
        page = made.command_page(name)
        assert f"commands/{name}.md" in navigation
        assert f"layercli {name}" in (ROOT / "README.md").read_text()
        assert all(
            f"`{parameter.opts[0]}`" in page for parameter in command.params if not getattr(parameter, "hidden", False)
        )


def test_the_picture_of_explore_is_what_it_draws():
    pytest.importorskip("textual", reason="explore needs textual: pip install 'layercli[explore]'")
    shown, drawn = (
        [html.unescape(text) for text in re.findall(r"<text[^>]*>([^<]*)</text>", svg)]
        for svg in ((ROOT / "docs" / "explore.svg").read_text(), generator().explorer_picture())
    )
    assert shown == drawn


def test_the_walks_name_functions_that_exist():
    text = (ROOT / "docs" / "architecture.md").read_text()
    named = re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.py)(?::(\w+))?`", text)
    assert len(named) > 30
    for file, name in named:
        source = ((ROOT if file.startswith("tests/") else ROOT / "layercli") / file).read_text()
        assert not name or re.search(rf"^\s*(def|class) {name}\b", source, re.MULTILINE), f"{file}:{name}"


def test_the_picture_shows_what_the_command_prints():
    made = generator()
    done = subprocess.run(
        [sys.executable, "-m", "layercli", *made.PICTURE[1:], "--format", "plain"], capture_output=True, text=True
    )
    shown = re.sub(r"&#160;|\s+", " ", re.sub(r"<[^>]+>", " ", (ROOT / "docs" / "summary.svg").read_text()))
    for word in done.stdout.split():
        assert word in shown, word


def test_the_license_and_the_readme_are_in_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert all((ROOT / file).exists() for file in (project["readme"], *project["license-files"]))
