"""Export a model as a graph: ``.pt2`` and ``.onnx``."""
