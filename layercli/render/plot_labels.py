"""What is written in the boxes of a picture, in every format: title, type, shapes, parameters; and the kind of a layer."""

from __future__ import annotations

import re

from layercli.core.spec import Spec, show_shape
from layercli.dataclass import dataclass
from layercli.escaping import printable
from layercli.inspect.plot_graph import PlotBox, PlotGraph
from layercli.render.quantities import show_bytes
from layercli.render.text_width import shortened

LONGEST_NAME, LONGEST_SHAPES = 60, 48
"""Longer names are shortened in the middle, of more outputs the first are shown; the tooltip of a box has both whole."""

KINDS = {
    "convolution": r"conv",
    "attention": r"attention|attn",
    "recurrent": r"lstm|gru|rnn|recurrent|scan",
    "embedding": r"embed|position|rotary",
    "normalization": r"norm",
    "pooling": r"pool",
    "activation": r"relu|elu|gelu|silu|swish|sigmoid|softmax|tanh|activation|mish|softplus",
    "dense": r"dense|linear|einsum|matmul|gemm",
    "regularization": r"drop|noise|regulari",
}
"""Kinds of layers by a word in the name of the class, the first that fits; they have colours of their own."""


@dataclass(frozen=True)
class BoxLabel:
    """The texts of a box: its name, its class, its outputs, its parameters with their share, and ``x 9`` for nine layers."""

    title: str
    type: str
    shapes: str
    figures: str
    repeats: str


def label_of(box: PlotBox) -> BoxLabel:
    """Return the texts of a box, with control characters escaped."""
    title = operation_name(box.title) if box.kind == "operation" else box.title
    repeats = f"\u00d7 {box.repeats:,}" if box.repeats > 1 else ""
    name = shortened(printable(title) or "-", LONGEST_NAME, middle=True)
    if box.kind == "operations" and repeats:  # what it stands for has such figures too
        name, repeats = f"{name} {repeats}", ""
    return BoxLabel(
        name,
        shortened(printable(box.type or box.remark), LONGEST_NAME, middle=True),
        printable(shapes_of(box)),
        figures_of(box),
        repeats,
    )


def operation_name(name: str) -> str:
    """Return the name of an operation without torch's namespace and overload.

    >>> operation_name("aten::add.Tensor"), operation_name("ReluInPlace"), operation_name("Add")
    ('add', 'Relu', 'Add')
    """
    return name.partition("::")[2].partition(".")[0] if "::" in name else name.removesuffix("InPlace")


def shapes_of(box: PlotBox) -> str:
    """Return the shapes of a box's outputs, of an input or an output with its dtype."""
    texts = [f"{spec.dtype} {show_shape(spec.shape)}" if box.kind in ("input", "output") else show_shape(spec.shape)
             for spec in box.specs]  # fmt: skip
    found = ", ".join(texts[:2])
    if len(texts) > 2 or len(found) > LONGEST_SHAPES:
        more = f" and {len(texts) - 1} more" if len(texts) > 1 else ""
        return shortened(texts[0], LONGEST_SHAPES, middle=True) + more
    return found


def figures_of(box: PlotBox) -> str:
    """Return the parameters of a box and their share of the model's; nothing where there are none."""
    if box.kind not in ("module", "operations"):
        return ""
    if box.parameters is None:
        return "? parameters" if box.kind == "module" else ""
    return f"{box.parameters:,}{share_text(box.share)}" if box.parameters else ""


def share_text(share: float) -> str:
    """Return a share as it stands after a number; nothing for one that would read 0.0%.

    >>> share_text(0.25), share_text(0.0004)
    (' · 25.0%', '')
    """
    return f" · {share:.1%}" if share >= 0.0005 else ""


def tooltip_of(box: PlotBox) -> str:
    """Return all that is known of a box, a line each."""
    specs = ", ".join(map(show_spec, box.specs))
    lines = [
        f"{printable(box.path or box.title)}{f' ({printable(box.type)})' if box.type else ''}",
        f"{printable(box.title)} operation" if box.kind == "operation" else "",
        f"output {specs}" if specs and box.kind not in ("input", "output") else specs,
        f"{box.parameters:,} parameters, {box.share:.2%} of the model" if box.parameters else "",
        f"{box.repeats:,} equal layers: parameters are of each, the share is of all" if box.repeats > 1 else "",
        "called more than once" if box.shared else "",
        {"inside": "differs inside"}.get(box.change, box.change),
    ]
    return "\n".join(line for line in lines if line)


def show_spec(spec: Spec) -> str:
    """Return a Spec as in the summary, a dtype and a shape."""
    return f"{spec.dtype} {show_shape(spec.shape)}"


def kind_of(box: PlotBox) -> str:
    """Return the kind of a box, which decides its colour.

    >>> kind_of(PlotBox(0, "module", "a", "a", type="Conv2D")), kind_of(PlotBox(0, "operation", "", "Add"))
    ('convolution', 'operation')
    """
    if box.kind in ("input", "output"):
        return "input"
    if box.kind == "operations":
        return "layer"
    name = (box.type or box.title).lower()
    found = next((kind for kind, word in KINDS.items() if re.search(word, name)), None)
    return found or ("operation" if box.kind != "module" else "layer")


def facts_of(graph: PlotGraph) -> str:
    """Return what stands below the title: the parameters of the model and their size."""
    size = f" ({show_bytes(graph.bytes)})" if graph.bytes else ""
    held = f"{graph.parameters:,} parameters{size}" if graph.parameters else ""
    against = f"compared with {printable(graph.compared_with)}" if graph.compared_with else ""
    return ", ".join(filter(None, (held, against)))
