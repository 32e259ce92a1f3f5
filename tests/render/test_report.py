"""The report: one page that loads nothing, with figures that are those of the other views, and names that stay text."""

import json
import re
import shutil
import subprocess
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import numpy as np
import pytest

from layercli.errors import FormatError
from layercli.inspect.cost import cost
from layercli.inspect.plot_flow import plot_graph
from layercli.inspect.report import Report, memory_curve, read_profile, usual_sizes
from layercli.inspect.variables import measure
from layercli.render import report_page
from layercli.render.html import bars
from layercli.render.plot_scene import scene_of
from layercli.render.report_page import page, shown_runs
from layercli.sources.resolve import open_source, resolve

EVIL = "</script><script>document.title='ran'</script><b>"
VOID = {"meta", "input", "br"}


class Page(HTMLParser):
    """Reads a page: its tags with their attributes, and that each one is closed in its turn."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.texts = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))


def report_on(name, settings=(), *, stats=False):
    source = resolve(name, list(settings), describing=not stats)
    graph, summary = source.views(source.inputs())
    called = bool(graph.calls)
    found = Report(
        graph, summary, plot_graph(graph), source.variables(), cost(graph, at=usual_sizes(graph)) if called else None
    )
    if stats:
        measure(found.variables)
    return found


def evil_file(tmp_path):
    np.savez(tmp_path / "w.npz", **{f"{EVIL}.{i}": np.arange(4.0) for i in range(2)})
    return str(tmp_path / "w.npz")


def test_the_page_loads_nothing_and_allows_its_own_style_and_script_alone():
    text = page(report_on("lenet"))
    found = Page(text)
    links = {attrs.get(key) for _, attrs in found.tags for key in ("src", "href", "action", "srcset") if key in attrs}
    assert links == {"#picture", "#summary", "#cost", "#variables"}
    assert not any("style" in attrs or any(key.startswith("on") for key in attrs) for _, attrs in found.tags)
    [policy] = [attrs["content"] for _, attrs in found.tags if attrs.get("http-equiv") == "Content-Security-Policy"]
    own = [data for tag, data in found.texts if tag == "style"]
    own += [data for tag, data in found.texts if tag == "script" and not data.startswith("{")]
    assert set(re.findall(r"'sha256-([^']+)'", policy)) == {
        b64encode(sha256(data.encode()).digest()).decode() for data in own
    }
    assert policy.startswith("default-src 'none'; ")
    assert "url(" not in text
    assert "@import" not in text


def test_the_summary_is_in_the_page_as_it_is_printed():
    held = report_on("transformer-encoder")
    [data] = [json.loads(data) for tag, data in Page(page(held)).texts if tag == "script" and data.startswith("{")]
    assert data == json.loads(json.dumps(held.summary.to_json()))


def test_the_highest_point_of_the_memory_curve_is_the_peak():
    for name in ("resnet50", "lenet", "transformer-encoder"):
        found = report_on(name).cost
        curve = memory_curve(found)
        assert len(curve) == len(found.graph.calls)
        assert max(size for _, size in curve) == found.bytes


def test_a_histogram_has_bars_in_proportion():
    heights = [float(height) for height in re.findall(r"v-([0-9.]+)h3", bars([1, 4, 0, 2]))]
    assert heights == [4.0, 16.0, 8.0]


def test_names_of_a_file_stay_text(tmp_path):
    found = Page(page(report_on(evil_file(tmp_path), stats=True)))
    assert [tag for tag, _ in found.tags].count("script") == 2
    assert any(EVIL in data for tag, data in found.texts if tag == "td")
    assert "b" in {tag for tag, _ in found.tags}  # of the tree, which closes each


def test_a_file_that_is_no_profile_is_refused(tmp_path):
    for content in ("[]", '{"profile": {"layers": [{"path": 3}]}}'):
        (tmp_path / "run.json").write_text(content)
        with pytest.raises(FormatError, match=r"run.json is not a profile$"):
            read_profile(tmp_path / "run.json")


def test_a_difference_and_a_profile_have_their_sections(cli_report, tmp_path):
    layers = [{"path": "c1", "class": "Conv2D", "self": 0.002, "share": 0.75}]
    (tmp_path / "run.json").write_text(json.dumps({"profile": {"seconds": 0.004, "layers": layers}}))
    cells = [
        data for _, data in Page(cli_report("lenet", "--against", "mlp", "--profile", str(tmp_path / "run.json"))).texts
    ]
    assert any(data.endswith("8 variables added, 2 variables removed, 1 variable of another shape") for data in cells)
    assert "2.000 ms" in cells
    assert "75.0%" in cells


@pytest.fixture
def cli_report(tmp_path):
    from layercli.cli.main import run

    def call(*words):
        assert run(["-q", "report", *words, "-o", str(tmp_path / "r.html")]) == 0
        return (tmp_path / "r.html").read_text()

    return call


def test_the_size_of_a_report_is_bounded(cli_report):
    assert len(cli_report("resnet50")) < 250_000


def test_a_picture_with_too_many_edges_at_a_box_is_left_out(monkeypatch):
    report = report_on("mlp")
    monkeypatch.setenv("LAYERCLI_MAX_EDGES", "1")  # a layer has one edge to it and one from it
    sentence = f"the picture of {report.picture.title} has 2 edges at one box, more than the limit of 1"
    assert ("p", sentence) in Page(page(report)).texts
    with pytest.raises(FormatError) as error:
        scene_of(report.picture)
    assert str(error.value) == sentence
    assert error.value.hint.startswith("draw less with --depth or --focus, or write .dot or .mmd; --limit edges=N")


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
def test_a_browser_runs_the_script_of_the_page_and_no_other(tmp_path):
    (tmp_path / "r.html").write_text(page(report_on(evil_file(tmp_path))))
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
    done = subprocess.run(
        ["chromium", *flags, f"--user-data-dir={tmp_path}/profile", "--dump-dom", f"file://{tmp_path}/r.html"],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert "<title>w.npz</title>" in done.stdout
    [field] = re.findall(r"<input[^>]*>", done.stdout)
    assert "hidden" not in field  # the script shows the search field


def test_the_source_gives_both_views_from_one_call():
    source = open_source("decoder")
    graph, summary = source.views()
    assert graph == source.graph()
    assert summary == source.summary()


def test_the_tree_of_a_report_is_bounded_and_says_what_it_leaves_out(tmp_path, monkeypatch):
    monkeypatch.setattr(report_page, "MOST_ROWS", 5)
    np.savez(tmp_path / "w.npz", **{f"{a}.{b}.w{a}{b}": np.zeros(2) for a in "abc" for b in "de"})
    source = resolve(str(tmp_path / "w.npz"), [], describing=True)
    shown = shown_runs(source.graph())
    assert {path: ([runs[0] for runs in kept], more) for path, (kept, more) in shown.items() if kept or more} == {
        "": (["a", "b", "c"], 0), "a": (["a/d", "a/e"], 0), "b": ([], 2), "c": ([], 2),
    }  # fmt: skip


def test_shares_in_the_tree_are_of_all_equal_blocks_around_a_layer():
    source = open_source("transformer-encoder", blocks=2, width=8, heads=2, hidden=16)
    inputs = source.inputs()
    graph, summary = source.views(inputs)
    text = page(Report(graph, summary, plot_graph(graph), source.variables()))
    shares = dict(re.findall(r'data-path="(stack/0[^"]*)"><b>.*?<i>[\d,]+ · ([\d.]+)%', text))
    assert shares["stack/0..1"] == "100.0"
    assert shares["stack/0/attention"] == f"{200 * graph_share(graph, 'stack/0/attention'):.1f}"


def graph_share(graph, path):
    sizes = [sum(value.spec.size for value in graph.variables_below(each)) for each in (path, "")]
    return sizes[0] / sizes[1]
