"""The colours of pictures, on a light and on a dark background."""

from __future__ import annotations

from layercli.render.scene import Paint

KIND_COLOURS: dict[str, tuple[str, str, str, str]] = {
    "convolution": ("#e4eefc", "#3b78c9", "#152a45", "#5f9be6"),
    "dense": ("#e2f3e8", "#2f8f57", "#12301f", "#55b57d"),
    "attention": ("#fbe6ef", "#c23b77", "#3d1628", "#e0699b"),
    "recurrent": ("#fdebdc", "#c76a1d", "#3d2411", "#e6954f"),
    "embedding": ("#dff3f3", "#1f8a8f", "#0f3032", "#46b3b8"),
    "normalization": ("#eeeafa", "#7359bf", "#251d42", "#9a84dc"),
    "pooling": ("#eef5d8", "#6f8a1d", "#232b0e", "#a3bf4a"),
    "activation": ("#fdf3d6", "#ad8213", "#352a0c", "#d6ab3c"),
    "regularization": ("#f1f1f1", "#8a8a8a", "#292b2e", "#8d949c"),
    "layer": ("#eef1f4", "#5d6b7a", "#20262d", "#8493a3"),
    "operation": ("#f8f9fa", "#98a2ad", "#1b2026", "#6b7682"),
    "input": ("#ffffff", "#24292f", "#0d1117", "#c9d1d9"),
}
"""Fill and border of each kind of box: light, then dark."""

CHANGE_COLOURS: dict[str, tuple[str, str]] = {
    "added": ("#1a7f37", "#3fb950"),
    "removed": ("#cf222e", "#f85149"),
    "changed": ("#bf8700", "#d29922"),
    "moved": ("#0969da", "#58a6ff"),
    "inside": ("#bf8700", "#d29922"),
}
"""The border of a box that differs from the other model."""

STYLES: dict[str, Paint] = {
    "background": Paint("#ffffff", None, "#0d1117", None),
    "text": Paint("#1f2328", None, "#e6edf3", None),
    "muted": Paint("#59636e", None, "#9198a1", None),
    "group": Paint("#f6f8fa", "#d1d9e0", "#151b23", "#3d444d"),
    "blank": Paint("#f6f8fa", None, "#151b23", None),
    "edge": Paint(None, "#6e7781", None, "#8b949e", 1.3),
    "track": Paint("#d8dee4", None, "#30363d", None),
    **{kind: Paint(*colours[:2], *colours[2:]) for kind, colours in KIND_COLOURS.items()},
    **{f"bar-{kind}": Paint(light, None, dark, None) for kind, (_, light, _, dark) in KIND_COLOURS.items()},
    **{
        f"change-{change}": Paint(None, light, None, dark, 2.5, (6.0, 4.0) if change in ("removed", "inside") else ())
        for change, (light, dark) in CHANGE_COLOURS.items()
    },
    **{
        f"edge-{change}": Paint(None, CHANGE_COLOURS[change][0], None, CHANGE_COLOURS[change][1], 1.8)
        for change in ("added", "removed")
    },
}  # fmt: skip
