"""Identity."""

from __future__ import annotations

from typing import Any

from layercli.core.layer import Layer


class Identity(Layer):
    """out = x."""

    supports_masking = True

    def call(self, inputs: Any) -> Any:
        """Return the inputs."""
        return inputs
