"""The screen of ``layercli explore``, driven by keys, and its refusal off a terminal."""

from __future__ import annotations

import asyncio

import pytest

import layercli

pytest.importorskip("textual", reason="explore needs textual: pip install 'layercli[explore]'")

from textual.widgets import DataTable, Static, Tree

from layercli.cli import explorer
from layercli.cli.explorer import Explored, Explorer
from layercli.render.diff import tables


def lines_of(app):
    return str(app.query_one("#facts", Static).content).splitlines()


def variables_of(app):
    table = app.query_one("#variables", DataTable)
    return [[str(cell) for cell in table.get_row_at(i)] for i in range(table.row_count)]


def tree_of(app):
    """The lines of the tree that are open."""
    tree = app.query_one(Tree)
    return [str(tree.get_node_at_line(i).label) for i in range(tree.last_line + 1)]


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
    keys = [["slash", *"contract"], ["enter"], ["o"], ["s"]]
    _, narrowed, found, ordered, measured = driven(keys, lambda app: (lines_of(app), variables_of(app)))
    assert [row[0] for row in narrowed[1]] == [
        f"stack/{i}/contract/{name}" for i in (0, 1) for name in ("kernel", "bias")
    ]
    assert found[0][0] == "stack/0/contract (Dense)"
    assert [row[2] for row in ordered[1]] == ["128", "8"]
    assert len(measured[1][0]) == 10
    assert measured[1][1][2:6] == ["0", "0", "0", "0"]  # the bias


def test_columns_end_where_the_screen_does():
    def ends(app):
        table, at, found = app.query_one("#variables", DataTable), 0, []
        for column in table.ordered_columns:
            found.append((str(column.label), at := at + column.get_render_width(table)))
        return table.size.width - 2, found  # beside its scroll bar

    for room, found in driven([["down"], ["slash", *"contract"], ["s"]], ends):
        assert found[1][0] == "Shape"
        assert found[-1][1] <= room or any(end == room for _, end in found)


def test_a_layer_beyond_those_that_are_listed_is_found_by_search(monkeypatch):
    monkeypatch.setattr(explorer, "MOST_LAYERS", 1)
    start, found = driven([["slash", *"1/expand", "enter"]], lambda app: (tree_of(app), lines_of(app)))
    assert start[0] == ["transformer-encoder", "stack/0 50.0% EncoderBlock", "1 more: search for one"]
    assert found[1][0] == "stack/1/expand (Dense)"
    assert [line for line in found[0] if line.startswith("stack")] == [
        "stack/0 50.0% EncoderBlock", "stack/1 50.0% EncoderBlock",
    ]  # fmt: skip


def test_differences():
    found = layercli.diff("mlp", "lenet")
    [_, shown] = driven([["d"]], lines_of, differences=lambda: tables(found))
    assert shown[0].startswith("different: ")


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
