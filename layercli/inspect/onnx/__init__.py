"""Analysis of ONNX graphs without torch or onnxruntime: shapes, parameters, costs, scopes."""
