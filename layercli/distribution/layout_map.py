"""LayoutMap: the layout of each variable, by regular expressions of paths."""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableMapping

from layercli.distribution.device_mesh import DeviceMesh, TensorLayout
from layercli.errors import UsageError

__all__ = ["LayoutMap"]


class LayoutMap(MutableMapping[str, TensorLayout]):
    """A mapping from regular expressions to layouts: a path has the layout of the one expression that matches all of it.

    ``layouts[".*dense.*kernel"] = (None, "model")`` sets one, ``layouts["dense_1/kernel"]`` asks for one and is None where no
    expression matches. A key that equals the path comes first.

    Args:
        device_mesh: The mesh of layouts that are given as tuples of axis names.
    """

    def __init__(self, device_mesh: DeviceMesh | None) -> None:
        self._layouts: dict[str, TensorLayout] = {}
        self._device_mesh = device_mesh

    @property
    def device_mesh(self) -> DeviceMesh | None:
        """The mesh."""
        return self._device_mesh

    def __getitem__(self, key: str) -> TensorLayout:
        if key in self._layouts:
            return self._layouts[key]
        matching = [pattern for pattern in self._layouts if re.fullmatch(pattern, key)]
        if len(matching) > 1:
            raise UsageError(f"the path {key} matches {len(matching)} keys of the LayoutMap: {', '.join(matching)}")
        return self._layouts[matching[0]] if matching else None  # type: ignore[return-value]  # as in Keras

    def __setitem__(self, key: str, layout: TensorLayout | tuple[str | None, ...]) -> None:
        if key in self._layouts:
            raise UsageError(f"the LayoutMap already has {key}, as {self._layouts[key]}")
        if isinstance(layout, tuple):
            layout = TensorLayout(layout)
        if not isinstance(layout, TensorLayout):
            raise UsageError(f"a LayoutMap takes a TensorLayout or a tuple of axis names, got {layout!r}")
        if layout.device_mesh is None and self._device_mesh is not None:
            layout.device_mesh = self._device_mesh
        self._layouts[key] = layout

    def __delitem__(self, key: str) -> None:
        del self._layouts[key]

    def __len__(self) -> int:
        return len(self._layouts)

    def __iter__(self) -> Iterator[str]:
        return iter(self._layouts)
