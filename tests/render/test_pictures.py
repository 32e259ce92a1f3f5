"""Pictures: no box overlaps another, no edge runs through a box, no label is cut, nothing in a name is markup."""

import random
import re
import shutil
import subprocess
import zlib
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from layercli.inspect.plot_flow import plot_graph
from layercli.inspect.plot_graph import PlotBox, PlotEdge, PlotGraph, PlotOptions
from layercli.render.edge_routes import PlacedNode, rerouted
from layercli.render.graph_layout import LayoutNode, lay_out, lay_out_tree
from layercli.render.plot_file import picture_bytes
from layercli.render.plot_scene import scene_of
from layercli.render.scene import Label, Polyline, Rectangle
from layercli.render.svg import draw_svg
from layercli.render.text_boxes import ASCII, draw_text
from layercli.render.text_width import text_width
from layercli.sources.resolve import resolve

EVIL = '</text><script>document.title="ran"</script>"&\x1b[2J'
MODELS = [
    ("resnet50", [], PlotOptions(depth=9, fold=False)),
    ("transformer-encoder", [], PlotOptions(depth=9)),
    ("decoder", ["preset=8b"], PlotOptions(depth=9)),
]


def picture(name, settings, options):
    source = resolve(name, settings, describing=True)
    return plot_graph(source.graph(source.inputs()), options)


def evil_picture():
    boxes = [
        PlotBox(0, "input", EVIL, EVIL),
        PlotBox(1, "module", EVIL, EVIL, type=EVIL, group=True, parameters=3, share=0.5),
        PlotBox(2, "operation", EVIL, EVIL, parent=1),
        PlotBox(3, "module", "ü/層" * 30, "ü/層" * 30, type="Dense", parent=1, parameters=3, repeats=2),
    ]
    return PlotGraph(EVIL, EVIL, tuple(boxes), (PlotEdge(0, 2), PlotEdge(0, 3), PlotEdge(2, 3)), notes=(EVIL,))


def random_graph(seed):
    """Return boxes, some in others, and edges from earlier to later ones."""
    draw = random.Random(seed)
    parents, groups, sizes = [], [], []
    for number in range(draw.randint(3, 50)):
        inside = groups and draw.random() < 0.7
        parents.append(draw.choice(groups) if inside else None)
        if draw.random() < 0.2 and seed % 2:
            groups.append(number)
        sizes.append((draw.randint(40, 180), draw.choice([24, 44])))
    leaves = [number for number in range(len(parents)) if number not in parents]
    edges = {
        (leaves[max(0, i - 1 - int(draw.expovariate(0.7)))], leaves[i])
        for i in range(1, len(leaves))
        for _ in range(1 + (draw.random() < 0.3))
    }
    return [LayoutNode(*size, parent) for size, parent in zip(sizes, parents, strict=True)], sorted(edges)


def around(number, parents):
    while number is not None:
        yield number
        number = parents[number]


def faults(layout, parents, edges):
    """Return the pairs of boxes that overlap, boxes beyond the box around them, and edges through boxes."""
    sides = [(n.x, n.y, n.x + n.width, n.y + n.height) for n in layout.nodes]
    found = []
    for i, (a, b, c, d) in enumerate(sides):
        for j, (e, f, g, h) in enumerate(sides):
            if j in around(parents[i], parents):
                found += [("beyond", i, j)] if a < e or b < f or c > g or d > h else []
            elif i < j and i not in around(j, parents):
                found += [("overlap", i, j)] if a < g and e < c and b < h and f < d else []
    for (source, target), line in zip(edges, layout.edges, strict=True):
        free = {*around(parents[source], parents), *around(parents[target], parents)}
        for number, (a, b, c, d) in enumerate(sides):
            for (x1, y1), (x2, y2) in pairwise(line):
                inside = (
                    min(x1, x2) < c - 0.02
                    and max(x1, x2) > a + 0.02
                    and min(y1, y2) < d - 0.02
                    and max(y1, y2) > b + 0.02
                )
                found += [("through", source, target, number)] if inside and number not in free else []
        for (x, y), end in ((line[0], sides[source]), (line[-1], sides[target])):
            on = end[0] - 0.02 <= x <= end[2] + 0.02 and end[1] - 0.02 <= y <= end[3] + 0.02
            found += [] if on else [("loose", source, target)]
    return found


@pytest.mark.parametrize("down", [True, False])
def test_nothing_overlaps_in_random_graphs(down):
    for seed in range(20):
        nodes, edges = random_graph(seed)
        assert faults(lay_out(nodes, edges, header=10, down=down), [node.parent for node in nodes], edges) == []


def test_lines_that_were_wrong_are_led_from_border_to_border_past_all_boxes():
    ends, wide = [PlacedNode(0, 0, 40, 20), PlacedNode(0, 400, 40, 20)], PlacedNode(-1000, 100, 2000, 50)
    beside = [PlacedNode(x, 200, 50, 50) for x in (-1030, 980)]  # where a line around the wide box comes down
    nodes = [*ends, wide, *beside]
    for line in (
        ((20, 20), (20, 400)),
        ((20, 20), (20, 70), (40.6, 70), (40.6, 400)),
    ):  # through the box; and ends beside one
        boxes = nodes if line[-1][0] == 20 else ends
        [found] = rerouted(boxes, [None] * len(boxes), [(0, 1)], [line])
        assert ends[0].touched(found[0])
        assert ends[1].touched(found[-1])
        assert not any(box.crossed(found) for box in boxes)


def test_nothing_overlaps_in_random_trees():
    for seed in range(20):
        draw = random.Random(seed)
        edges = sorted((draw.randrange(max(0, n - 6), n), n) for n in range(1, draw.randint(2, 60)))
        nodes = [LayoutNode(draw.randint(40, 180), draw.choice([24, 44])) for _ in range(len(edges) + 1)]
        found = lay_out_tree(nodes, edges)
        assert faults(found, [None] * len(nodes), edges) == []
        lefts = {edge[1]: found.nodes[edge[1]].x for edge in edges}
        assert all(found.nodes[parent].right < lefts[child] for parent, child in edges)


@pytest.mark.parametrize(("name", "settings", "options"), MODELS)
def test_labels_are_in_their_boxes_and_the_picture_is_the_same_twice(name, settings, options):
    graph = picture(name, settings, options)
    scene = scene_of(graph)
    drawn = [shape for part in scene.parts if part.path for shape in part.shapes]
    frames = [shape for shape in drawn if isinstance(shape, Rectangle) and shape.style != "blank"]
    for part in scene.parts:
        for label in (shape for shape in part.shapes if isinstance(shape, Label) and part.path):
            mine = [f for f in frames if f.x <= label.x and label.x + label.width <= f.x + f.width]
            assert any(f.y <= label.y - 8 and label.y <= f.y + f.height for f in mine)
    lines = [shape for part in scene.parts for shape in part.shapes if isinstance(shape, Polyline)]
    assert len(lines) == len(graph.edges)
    text = draw_svg(scene)
    assert text == draw_svg(scene_of(picture(name, settings, options)))
    assert len(text) < 300_000
    ElementTree.fromstring(text)


def test_names_are_text_in_every_format():
    graph = evil_picture()
    root = ElementTree.fromstring(picture_bytes(graph, ".svg"))
    assert {element.tag.rpartition("}")[2] for element in root.iter()} == {
        "svg",
        "title",
        "style",
        "rect",
        "g",
        "path",
        "text",
    }
    assert any("<script>" in (element.text or "") for element in root.iter("{http://www.w3.org/2000/svg}text"))
    for suffix in (".dot", ".mmd", ".txt", ".svg"):
        assert b"\x1b" not in picture_bytes(graph, suffix)
    assert "<script" not in picture_bytes(graph, ".mmd").decode().partition("\n")[2]
    assert re.search(r'(?<!\\)"&', picture_bytes(graph, ".dot").decode()) is None


def test_the_pdf_has_one_page_with_every_label():
    graph = picture("lenet", [], PlotOptions())
    content = picture_bytes(graph, ".pdf")
    for number, place in enumerate(re.findall(rb"(\d{10}) 00000 n", content), 1):
        assert content[int(place) :].startswith(b"%d 0 obj\n" % number)
    page = zlib.decompress(re.search(rb"stream\n(.*)\nendstream", content, re.DOTALL)[1]).decode()
    shown = {bytes.fromhex(code).decode("cp1252") for code in re.findall(r"<([0-9a-f]+)> Tj", page)}
    assert {box.title for box in graph.boxes if box.kind == "module"} <= shown


def test_the_png_has_two_pixels_for_each():
    pytest.importorskip("resvg_py")
    graph = picture("mlp", [], PlotOptions())
    scene, content = scene_of(graph), picture_bytes(graph, ".png")
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    assert [int.from_bytes(content[i : i + 4]) for i in (16, 20)] == [2 * scene.width, 2 * scene.height]


def test_text_keeps_to_the_width_and_has_letters_for_any_terminal():
    for width, name in ((80, "transformer-encoder"), (80, "resnet50"), (50, "lenet")):
        text = draw_text(picture(name, [], PlotOptions(depth=9)), width)
        assert max(map(text_width, text.splitlines())) <= width
        assert text.translate(ASCII).isascii()
    boxes = [PlotBox(i, "module", name, name, type="Dense") for i, name in enumerate(("a", "層" * 7, EVIL))]
    body = draw_text(PlotGraph("m", None, tuple(boxes), (PlotEdge(0, 1), PlotEdge(1, 2))), 80).splitlines()[2:]
    assert {text_width(line) for line in body} == {64}
    assert "\x1b" not in "".join(body)


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
def test_a_browser_shows_each_label_within_its_box_and_runs_nothing(tmp_path):
    page = tmp_path / "page.html"
    check = """<script>
    const cut = [...document.querySelectorAll('svg g')].flatMap(g => {
      const frame = g.querySelector('rect:not(.blank)')?.getBBox();
      return frame ? [...g.querySelectorAll('text')].filter(t => {
        const b = t.getBBox(); return b.x < frame.x - 1 || b.x + b.width > frame.x + frame.width + 1;
      }).map(t => t.textContent) : [];
    });
    document.body.insertAdjacentHTML('beforeend', '<p id=cut></p>');
    document.getElementById('cut').textContent = 'cut ' + cut.length + ' title ' + document.title;
    </script>"""
    drawn = draw_svg(scene_of(evil_picture())) + draw_svg(scene_of(picture("transformer-encoder", [], PlotOptions())))
    page.write_text(f"<!doctype html><meta charset=utf-8><title>page</title><body>{drawn}{check}</body>")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
    done = subprocess.run(
        ["chromium", *flags, f"--user-data-dir={tmp_path}/profile", "--dump-dom", f"file://{page}"],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert "cut 0 title page" in done.stdout
