"""The seven ideas: Dim, Spec, SymbolicTensor, Op, Variable, Layer/Model, and the graph they make. Knows no op, no torch."""
