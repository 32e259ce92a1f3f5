"""Which inputs of a model choose rows of a table, such as tokens do of an embedding, and how many rows there are."""

from __future__ import annotations

from layercli.inspect.model_graph import ModelGraph

LOOKUPS = {"aten::embedding": (1, 0), "EmbeddingLookup": (0, 1)}
"""For each operation that chooses rows: which of its inputs are the indices and the table."""
READ_ROWS = frozenset({*LOOKUPS, "Gather", "GatherElements"})
"""Operations that read no more of a table than the rows that they choose; ONNX's take any axis."""
COPIES = frozenset({"aten::_to_copy", "aten::clone", "Cast"})
"""Operations that give the values of their input in other memory."""


def rows_by_input(graph: ModelGraph) -> dict[str, int]:
    """Return the number of rows of the smallest table that each input, or a view or a copy of it, chooses rows of."""
    values, found = graph.values, dict[str, int]()
    names = {values[index].storage: name for name, index in graph.inputs}
    for call in graph.calls:
        if call.operation in COPIES and (name := names.get(values[call.inputs[0]].storage)) is not None:
            names[values[call.outputs[0]].storage] = name
        elif call.operation in LOOKUPS:
            indices, table = (values[call.inputs[place]] for place in LOOKUPS[call.operation])
            rows, name = table.spec.shape[0], names.get(indices.storage)
            if name is not None and isinstance(rows, int):
                found[name] = min(found.get(name, rows), rows)
    return found
