"""The layers by which tf.keras recorded operations outside of layers, as operations of Keras 3."""

from __future__ import annotations

from typing import Any

from layercli.files.legacy_keras_nodes import Renumbered

OP_LAYERS = ("TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer", "ClassMethod", "InstanceMethod", "InstanceProperty")


def op_layer(described: dict[str, Any], numbers: Renumbered) -> dict[str, Any]:
    """Return the operation that such a layer records."""
    return described
