"""Generate the pages that follow from the code: one per command, the layers, the operations, and the pictures of the README.

``python docs/generate.py`` writes ``docs/commands/`` and ``docs/reference/``, which git ignores; ``--picture`` also rewrites
``docs/summary.svg``, ``docs/plot.svg``, ``docs/explore.svg`` and, with Debian's chromium, ``docs/report.png``.
"""

from __future__ import annotations

import inspect
import os
import pty
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
PLOT = ["plot", "transformer-encoder"]
REPORT = ["report", "resnet50", "--on", "h100"]
PAGE_PICTURES = {
    "summary": ("summary.svg", "The output of layercli summary on a terminal"),
    "plot": ("plot.svg", "The picture of a transformer encoder: six equal blocks as one"),
    "report": ("report.png", "The report on a ResNet-50: its layers as a tree beside the picture"),
    "explore": ("explore.svg", "The screen of layercli explore: layers at the left, the variables of one at the right"),
}
"""The pictures on the pages of commands, with what they show."""
PICTURE = ["layercli", "summary", "lenet", "--input-shape", "B,32,32,1"]


def command_page(name: str) -> str:
    """Return the page of one command, made from its options and its docstring."""
    command = commands()[name]
    summary, _, examples = inspect.cleandoc(command.help or "").partition("\n\n")
    lines = [f"# layercli {name}", "", summary, ""]
    if name in PAGE_PICTURES:
        file, shown = PAGE_PICTURES[name]
        lines += [f"![{shown}](../{file})", ""]
    lines += ["```sh", *re.findall(r"\[dim\]\$\[/dim\] (.*)", examples), "```", ""]
    lines += ["| option | what it does |", "|---|---|"]
    for parameter in command.params:
        names = ", ".join(f"`{opt}`" for opt in (*parameter.opts, *parameter.secondary_opts))
        described = " ".join((getattr(parameter, "help", None) or "").split())
        if not getattr(parameter, "hidden", False):
            kind = f" `{parameter.metavar}`" if parameter.metavar and parameter.metavar not in names else ""
            lines.append(f"| {escaped(names + kind)} | {escaped(described)} |")
    return "\n".join(lines) + "\n"


def commands() -> dict[str, Any]:
    """Return the commands of the application by name."""
    import typer.main

    from layercli.cli.main import COMMANDS, application

    group: Any = typer.main.get_command(application(COMMANDS))
    return dict(group.commands)


def escaped(text: str) -> str:
    """Escape what would end a cell of a Markdown table."""
    return text.replace("|", "\\|")


def commands_index() -> str:
    """Return the list of the commands with their first sentences."""
    lines = [
        "# Commands",
        "",
        "Every command accepts `--quiet`, `--debug`, `--format` and `--limit`, before or after its name.",
        "",
    ]
    for name, command in commands().items():
        lines.append(f"* [`layercli {name}`]({name}.md): {first_sentence(command.help)}")
    return "\n".join(lines) + "\n"


def first_sentence(text: str | None) -> str:
    """Return the first paragraph of a docstring on one line."""
    return " ".join(inspect.cleandoc(text or "").split("\n\n")[0].split())


def entries(module: Any) -> Iterator[str]:
    """Yield a heading, the signature and the docstring of each public name of a module."""
    for name in module.__all__:
        value = getattr(module, name)
        if not callable(value):
            continue
        try:
            signature = str(inspect.signature(value))
        except (TypeError, ValueError):
            signature = "(...)"
        yield f"## {name}\n\n```python\n{name}{signature}\n```\n\n```text\n{inspect.getdoc(value) or ''}\n```\n"


def reference_page(title: str, module: Any) -> str:
    """Return the page of all public names of a module."""
    return f"# {title}\n\n" + "\n".join(entries(module))


def picture() -> str:
    """Return an SVG of a terminal that shows the output of PICTURE."""
    from rich.console import Console
    from rich.text import Text

    console = Console(record=True, width=80, file=StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi(f"$ {' '.join(PICTURE)}\n" + terminal_output()), end="")
    return cleaned(console.export_svg(title="layercli", unique_id="layercli"))


def cleaned(svg: str) -> str:
    """Return a picture of a terminal without what would fetch fonts from another server, and without trailing spaces."""
    return re.sub(r"[ \t]+$", "", re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL), flags=re.MULTILINE)


def explorer_picture() -> str:
    """Return an SVG of the screen of ``layercli explore resnet50`` with a layer opened and measured."""
    import asyncio

    from layercli.cli.explorer import Explored, Explorer
    from layercli.sources.resolve import resolve

    source = resolve("resnet50", [])
    app = Explorer("resnet50", lambda: Explored(source.summary(source.inputs()), source.variables()))

    async def screen() -> str:
        async with app.run_test(size=(110, 26)) as pilot:
            await pilot.pause()
            for key in (*["down"] * 7, "enter", "s"):
                await pilot.press(key)
            await app.workers.wait_for_complete()
            await pilot.pause()
            return app.export_screenshot(title="layercli explore resnet50")

    svg = cleaned(asyncio.run(screen()))
    return re.sub(r"terminal-\d+", "terminal", svg)


def report_picture() -> None:
    """Write what a browser shows of a report, in few colours so that the file is small."""
    from PIL import Image

    with tempfile.TemporaryDirectory() as folder:
        page, shot = Path(folder, "m.html"), Path(folder, "m.png")
        subprocess.run([sys.executable, "-m", "layercli", *REPORT, "-o", str(page)], check=True)
        flags = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            f"--user-data-dir={folder}/profile",
        ]
        flags += ["--window-size=1280,860", f"--screenshot={shot}", page.as_uri()]
        subprocess.run(["chromium", *flags], check=True, stderr=subprocess.DEVNULL)
        Image.open(shot).convert("RGB").quantize(48).save(DOCS / "report.png", optimize=True)


def terminal_output() -> str:
    """Return what PICTURE prints on a terminal of 80 columns, colours included."""
    main, other = pty.openpty()
    env = {
        **os.environ,
        "COLUMNS": "80",
        "TERM": "xterm-256color",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    env.pop("NO_COLOR", None)
    process = subprocess.Popen(PICTURE, stdin=subprocess.DEVNULL, stdout=other, stderr=other, env=env)
    os.close(other)
    shown = b""
    while chunk := read_chunk(main):
        shown += chunk
    process.wait()
    os.close(main)
    return shown.decode().replace("\r\n", "\n")


def read_chunk(descriptor: int) -> bytes:
    """Return what a terminal has printed; nothing once its process has ended, which Linux reports as an error."""
    try:
        return os.read(descriptor, 65536)
    except OSError:
        return b""


def write_pages() -> None:
    """Write all generated pages."""
    from layercli import layers, ops

    pages = {f"commands/{name}.md": command_page(name) for name in commands()}
    pages["commands/index.md"] = commands_index()
    pages["reference/layers.md"] = reference_page("Layers", layers)
    pages["reference/ops.md"] = reference_page("Operations", ops)
    for path, text in pages.items():
        (DOCS / path).parent.mkdir(exist_ok=True)
        (DOCS / path).write_text(text)


if __name__ == "__main__":
    write_pages()
    if "--picture" in sys.argv:
        (DOCS / "summary.svg").write_text(picture())
        (DOCS / "explore.svg").write_text(explorer_picture())
        subprocess.run([sys.executable, "-m", "layercli", *PLOT, "-o", str(DOCS / "plot.svg")], check=True)
        report_picture()
