"""A report as one HTML file: it asks no other file or machine for anything, and is complete without its script."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import deque
from pathlib import Path

from layercli.core.dims import UNKNOWN
from layercli.errors import FormatError
from layercli.escaping import printable
from layercli.inspect.model_graph import ROOT, ModelGraph
from layercli.inspect.plot_tree import child_runs, parameters_of
from layercli.inspect.repeats import path_of_run
from layercli.inspect.report import Report, memory_curve, roofline_points
from layercli.render import cost as cost_view
from layercli.render import summary as summary_view
from layercli.render import variables as variables_view
from layercli.render.chart import Axis, Series, chart
from layercli.render.html import Markup, element, joined, table_of
from layercli.render.plot_labels import share_text
from layercli.render.plot_scene import scene_of
from layercli.render.quantities import show_bytes
from layercli.render.svg import draw_svg
from layercli.render.table import Column, Table, show
from layercli.version import __version__

STYLE, SCRIPT = ((Path(__file__).parent / name).read_text("utf-8").strip() for name in ("report.css", "report.js"))
"""The style sheet and the script of the page."""
MOST_ROWS = 2000
"""The most rows of a table, and entries of the JSON; a note says what is left out."""


def page(report: Report) -> str:
    """Return the report as an HTML document with a content policy that allows its own style and script alone."""
    sections = {
        "picture": ("Layers", layers(report)),
        "difference": ("Difference", difference(report)),
        "summary": ("Summary", summary_section(report)),
        "cost": ("Memory and time", cost_section(report)),
        "profile": ("Profile", profile_section(report)),
        "variables": ("Variables", variables_section(report)),
    }
    shown = {name: (title, body) for name, (title, body) in sections.items() if body}
    links = [element("a", title, href=f"#{name}") for name, (title, _) in shown.items()]
    search = element("input", type="search", placeholder="Search: press /", aria_label="Search", hidden=True)
    body = joined(
        [
            heading(report),
            element("nav", element("div", *links, search)),
            element("main", *(element("section", element("h2", t), b, id=name) for name, (t, b) in shown.items())),
            element("footer", f"layercli {__version__}. The summary is in this file as JSON: #layercli-summary."),
            embedded(report),
            Markup(f"<script>{SCRIPT}</script>"),
        ]
    )
    title = element("title", printable(report.summary.name))
    head = f'<meta charset="utf-8">{policy(body)}<meta name="viewport" content="width=device-width">{title}<style>{STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>{body}</body></html>\n'


def policy(body: str) -> Markup:
    """Return the content policy: nothing is loaded, and only the styles and the script of this page are used."""
    styles = dict.fromkeys([STYLE, *re.findall(r"<style>(.*?)</style>", body, re.DOTALL)])
    rules = f"default-src 'none'; style-src {' '.join(map(digest, styles))}; script-src {digest(SCRIPT)}"
    return element(
        "meta", http_equiv="Content-Security-Policy", content=f"{rules}; base-uri 'none'; form-action 'none'"
    )


def digest(text: str) -> str:
    """Return a text as a content policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def heading(report: Report) -> Markup:
    """Return the name of the model and its most important figures."""
    found = report.summary
    cards = {
        "parameters": show(found.totals.parameters),
        "size": show_bytes(found.totals.bytes),
        "trainable": summary_view.show_count(found.totals.trainable),
        "MACs": "" if found.totals.macs == UNKNOWN else show(found.totals.macs),
        "input": ", ".join(f"{name} {spec}" for name, spec in found.inputs[:3]),
        "output": ", ".join(str(spec) for _, spec in found.outputs[:3]),
    }
    boxes = [element("div", element("b", text), element("span", name)) for name, text in cards.items() if text]
    title = found.name if found.cls in (None, found.name) else f"{found.name} ({found.cls})"
    notes = [element("p", note, class_="note") for note in report.notes]
    return element(
        "header",
        element("h1", title),
        element("div", found.source, class_="muted"),
        element("div", *boxes, class_="cards"),
        *notes,
    )


def layers(report: Report) -> Markup:
    """Return the tree of the modules beside the picture."""
    try:
        drawn = Markup(draw_svg(scene_of(report.picture)))
    except FormatError as error:  # too many edges at one box
        drawn = element("p", str(error), class_="note")
    tree = element("div", branch(report, shown_runs(report.graph), ROOT), class_="tree")
    return element("div", tree, element("div", drawn, class_="picture"), class_="panes")


def shown_runs(graph: ModelGraph) -> dict[str, tuple[list[list[str]], int]]:
    """Return the runs of equal modules inside each module of the tree, and how many more there are: outer levels come first."""
    found: dict[str, tuple[list[list[str]], int]] = {}
    room, pending = MOST_ROWS, deque([ROOT])
    while pending:
        path = pending.popleft()
        runs = child_runs(graph, path, fold=room > 0)
        kept = runs[:room]
        found[path] = kept, len(runs) - len(kept)
        room -= len(kept)
        pending += [run[0] for run in kept]
    return found


def branch(
    report: Report, shown: dict[str, tuple[list[list[str]], int]], path: str, level: int = 0, copies: int = 1
) -> Markup:
    """Return the modules inside one as a list; equal numbered neighbours are one entry.

    Shares are of all ``copies``: of the equal modules around an entry, and of those that it stands for.
    """
    runs, left_out = shown[path]
    items = []
    for paths in runs:
        node = report.graph.modules[paths[0]]
        prefix = f"{path}/" if path else ""
        name = path_of_run(paths[0], paths[-1])
        count = parameters_of(report.graph, paths[0])
        total = report.summary.totals.parameters
        share = share_text(copies * len(paths) * count / total) if count and total else ""
        figures = f"{count:,}{share}" if count else ""
        kind = " ".join(filter(None, [node.class_name or "", f"\u00d7 {len(paths):,}" if paths[1:] else ""]))
        row = element(
            "span", element("b", name.removeprefix(prefix)), element("span", kind, class_="muted"), element("i", figures),
            class_="row", data_path=name,
        )  # fmt: skip
        inner = branch(report, shown, paths[0], level + 1, copies * len(paths))
        opened = element("details", element("summary", row), inner, open=level < 1) if inner else row
        items.append(element("li", opened))
    if left_out:
        items.append(element("li", f"{left_out:,} more are not shown", class_="note"))
    return element("ul", *items) if items else Markup("")


def summary_section(report: Report) -> Markup:
    """Return the table of the summary with all columns, runs of equal layers as one row."""
    deepest = max((row.depth for row in report.summary.rows), default=1)
    shapes = [] if report.summary.cls is None else ["input_shape", "output_shape"]
    macs = [] if report.summary.cls is None else ["macs"]
    columns = ",".join(["layer", *shapes, "parameters", "share", *macs, "variables"])
    return table_of(limited(summary_view.table(report.summary, columns, deepest, fold=True)))


def limited(table: Table) -> Table:
    """Return a table with at most MOST_ROWS rows, and a note about those left out."""
    left_out = len(table.rows) - MOST_ROWS
    if left_out <= 0:
        return table
    note = f"{left_out:,} more rows are not shown: layercli prints all of them"
    return Table(table.title, table.columns, table.rows[:MOST_ROWS], table.facts, [*table.notes, note])


def cost_section(report: Report) -> Markup:
    """Return the parts of the memory, its curve over the calls, and where the calls lie below the roofline."""
    found = report.cost
    if found is None:
        return Markup("")
    sizes = ", ".join(f"{name} = {value:,}" for name, value in found.at.items())
    charts = []
    if curve := memory_curve(found):
        charts.append(memory_chart(curve))
    points = list(roofline_points(found))
    if points:
        charts.append(roofline(report, points))
    parts = cost_view.parts_table(found, None, [], None)
    note = element("p", f"at {sizes} (--at)", class_="note") if sizes else Markup("")
    return joined([note, table_of(parts), element("div", *map(Markup, charts), class_="charts")])


def memory_chart(curve: list[tuple[int, int]]) -> str:
    """Return the chart of the memory during each call, in the unit of the greatest size, so that the ticks are round."""
    power = min(max(0, max(size for _, size in curve).bit_length() - 1) // 10, 5)
    points = [(call, size / 1024**power) for call, size in curve]
    unit = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")[power]
    live = Series("weights and live activations", points, "step")
    return chart("Memory during each call", [live], Axis("call", whole=True), Axis(unit))


def roofline(report: Report, points: list[tuple[float, float]]) -> str:
    """Return the chart of the FLOPs of calls over their intensity; of a device, what it reaches at each intensity."""
    series = [Series("calls that multiply", sorted(set(points)), "points")]
    device = report.device
    rate = None if device is None or report.cost is None else device.rate(report.cost.dtype or "float32")
    if device is None or rate is None or not device.bandwidth:
        return chart("Intensity of the calls", series, Axis("FLOPs for each byte", log=True), Axis("FLOPs", log=True))
    reached = [(x, min(rate, x * device.bandwidth)) for x, _ in series[0].points]
    ridge = rate / device.bandwidth
    xs = sorted({min(x for x, _ in points), ridge, max(*(x for x, _ in points), 10 * ridge)})
    roof = [(x, min(rate, x * device.bandwidth)) for x in xs]
    lines = [Series(device.title, roof), Series("calls that multiply", reached, "points")]
    return chart("Roofline", lines, Axis("FLOPs for each byte", log=True), Axis("FLOPs a second, at most", log=True))


def variables_section(report: Report) -> Markup:
    """Return the table of the variables, with statistics and histograms where they were measured."""
    measured = any(row.statistics is not None for row in report.variables.rows)
    return table_of(limited(variables_view.table(report.variables, stats=measured, brief=True)))


def profile_section(report: Report) -> Markup:
    """Return the time of each layer, the slowest first."""
    if report.profile is None:
        return Markup("")
    columns = [Column("Layer"), Column("Class"), Column("Time", numeric=True, show=lambda s: f"{1000 * s:.3f} ms")]
    columns += [Column("Share", numeric=True, show=lambda share: f"{share:.1%}", bar=True)]
    layers = sorted(report.profile["layers"], key=lambda row: -row["self"])
    rows = [[row["path"] or "-", str(row.get("class") or "-"), row["self"], row["share"]] for row in layers]
    seconds = report.profile["seconds"]
    facts = [("Time of a call", f"{1000 * seconds:.3f} ms")] if isinstance(seconds, (int, float)) else []
    return table_of(limited(Table("", columns, rows, facts)))


def difference(report: Report) -> Markup:
    """Return what differs from the other model."""
    if report.diff is None:
        return Markup("")
    from layercli.render.diff import tables

    return joined(part for each in tables(report.diff) for part in (element("h3", each.title), table_of(limited(each))))


def embedded(report: Report) -> Markup:
    """Return the JSON of the summary as data inside the page, of a very long one the first layers."""
    document = report.summary.to_json()
    if len(document["rows"]) > MOST_ROWS:
        document["rows"] = document["rows"][:MOST_ROWS]
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=True)
    return Markup(f'<script type="application/json" id="layercli-summary">{safe_json(text)}</script>')


def safe_json(text: str) -> str:
    """Return JSON that no HTML can end: its angle brackets and ampersands as escapes."""
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
