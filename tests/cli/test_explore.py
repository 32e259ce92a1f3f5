"""The screen of ``layercli explore``, driven by keys, and its refusal off a terminal."""

from __future__ import annotations

import asyncio
import os
import threading
import time

import pytest

import layercli

pytest.importorskip("textual", reason="explore needs textual: pip install 'layercli[explore]'")

from textual.app import App
from textual.widgets import Static

from layercli.cli.explorer import Explored, Explorer
from layercli.cli.row_list import RowList
from layercli.render.diff import tables


def lines_of(app):
    return str(app.query_one("#facts", Static).content).splitlines()


def variables_of(app):
    lines = app.variable_list.draw.__self__
    return [lines.cells(i) for i in range(len(lines.rows))]


def screen_of(app):
    """The lines of the screen."""
    return ["".join(segment.text for segment in line).rstrip() for line in app.screen._compositor.render_strips()]


def tree_of(app):
    """The lines of the tree that are open, without their guides."""
    return [str(app.layer_list.draw(i)).lstrip("│├└▶▼ ") for i in range(app.layer_list.count)]


def driven(keys, seen, **given):
    """Press keys, and collect what ``seen`` returns at the start and after each group of them."""
    source = layercli.open("transformer-encoder", blocks=2, width=8, heads=2, hidden=16)
    app, found = Explorer(source.name, lambda: Explored(source.summary(), source.variables(), **given)), []

    async def run():
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.pause()
            found.append(seen(app))
            for group in keys:
                await pilot.press(*group)
                await app.workers.wait_for_complete()
                await pilot.pause()
                await pilot.pause()
                found.append(seen(app))

    asyncio.run(run())
    return found


def test_a_key_opens_a_layer_and_the_side_shows_it():
    start, down, opened = driven([["down"], ["enter"]], lambda app: (tree_of(app), lines_of(app), variables_of(app)))
    assert start[0] == ["transformer-encoder", "stack/0 50.0% EncoderBlock", "stack/1 50.0% EncoderBlock"]
    assert start[1][0] == "transformer-encoder"
    assert down[1][0] == "stack/0 (EncoderBlock)"
    assert down[1][-1] == "After: stack/1"
    assert [row[0] for row in down[2][:2]] == [
        "attention/query_dense/kernel",
        "attention/query_dense/bias",
    ]  # below stack/0
    assert opened[0][2].endswith("MultiHeadAttention")
    assert len(opened[0]) > 6


def test_search_order_and_statistics():
    keys = [["slash", *"contract"], ["enter"], ["o"], ["s"], ["slash", *"zzz", "enter"]]
    _, narrowed, found, ordered, measured, missed = driven(
        keys, lambda app: (lines_of(app), variables_of(app), [each.message for each in app._notifications])
    )
    assert [row[0] for row in narrowed[1]] == [
        f"stack/{i}/contract/{name}" for i in (0, 1) for name in ("kernel", "bias")
    ]
    assert found[0][0] == "stack/0/contract (Dense)"
    assert [row[2] for row in ordered[1]] == ["128", "8"]
    assert len(measured[1][0]) == 10
    assert measured[1][1][2:6] == ["0", "0", "0", "0"]  # the bias
    assert missed[0] == found[0]
    assert (found[2], missed[2]) == ([], ["no layer's path has it"])


def test_columns_end_where_the_screen_does():
    def ends(app):
        lines, at, found = app.variable_list.draw.__self__, 0, []
        for width in lines.widths:
            found.append(at := at + width + 2)
        return app.variable_list.scrollable_content_region.width, found, lines.header

    for room, found, header in driven([["down"], ["slash", *"contract"], ["s"]], ends):
        assert header.split()[1] == "Shape"
        assert found[-1] <= room or any(end == room for end in found)


def test_search_opens_what_holds_the_layer():
    start, found = driven([["slash", *"1/expand", "enter"]], lambda app: (tree_of(app), lines_of(app)))
    assert len(start[0]) == 3
    assert found[1][0] == "stack/1/expand (Dense)"
    assert [line for line in found[0] if line.startswith("stack")] == start[0][1:]
    assert "expand 12.0% Dense" in found[0]


def test_differences():
    found = layercli.diff("mlp", "lenet")
    [_, shown] = driven([["d"]], screen_of, differences=lambda: tables(found))
    assert "different: " in shown[0]


def test_off_a_terminal_it_names_the_plain_command(cli):
    done = cli("explore resnet50")
    assert (done.code, done.out) == (2, "")
    assert done.err == "error: explore needs a terminal\nhint: layercli summary resnet50 --depth 9\n"


def test_what_a_model_is_refused_for_is_raised_after_the_screen():
    def refused():
        raise layercli.errors.FormatError("cut short")

    app = Explorer("net", refused)

    async def run():
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("o", "slash", "d")
            await pilot.pause()

    asyncio.run(run())
    assert str(app.failure) == "cut short"


def test_of_a_million_rows_those_on_the_screen_are_drawn():
    drawn = []

    def draw(at):
        drawn.append(at)
        return f"row {at}"

    class Rows(App[None]):
        def compose(self):
            yield RowList(id="rows")

    app, found = Rows(), []

    async def run():
        async with app.run_test(size=(30, 5)) as pilot:
            rows = app.query_one(RowList)
            rows.focus()
            rows.fill(1_000_000, draw, 10, header="title")
            await pilot.pause()
            found.append(screen_of(app))
            for key in ("end", "pageup", "up", "home"):
                await pilot.press(key)
                await pilot.pause()
                found.append((rows.cursor, screen_of(app)[1]))
            await pilot.click(RowList, offset=(1, 3))
            found.append(rows.cursor)

    asyncio.run(run())
    assert [line.split("▁")[0].strip() for line in found[0]] == ["title", "row 0", "row 1", "row 2", "row 3"]
    assert [(at, first.strip()) for at, first in found[1:-1]] == [
        (999_999, "row 999996"), (999_995, "row 999995"), (999_994, "row 999994"), (0, "row 0"),
    ]  # fmt: skip
    assert found[-1] == 2
    assert len(set(drawn)) < 20


def test_escape_is_recognised_without_textuals_wait(monkeypatch):
    key_reader = pytest.importorskip("layercli.cli.key_reader", reason="textual drives a terminal otherwise on Windows")
    reader, ended, keys, waits = object.__new__(key_reader.KeyReader), threading.Event(), [], []
    reader.fileno, writer = os.pipe()
    reader.exit_event = ended
    reader.process_message = lambda event: keys.append(event.key)

    def waited(files, _out, _errors, seconds):
        waits.append(seconds)
        if len(waits) > len(typed):
            ended.set()
            return ([], [], [])
        os.write(writer, typed[len(waits) - 1])
        time.sleep(0 if typed[len(waits) - 1] else seconds)
        return (files if typed[len(waits) - 1] else [], [], [])

    typed = [b"\x1b", b"", b"\x1b", b"[B", b"\xc3", b"\xa9"]
    monkeypatch.setattr(key_reader, "select", waited)
    reader.run_input_thread()
    os.close(writer)
    os.close(reader.fileno)
    assert keys == ["escape", "down", "é"]
    brief = key_reader.ESCAPE_DELAY + 0.001
    assert waits == [key_reader.SELDOM, brief, key_reader.SELDOM, brief, *[key_reader.SELDOM] * 3]
