"""Copy what the call of a layer added to a ModelGraph, for an equal call of a layer that is like it."""

from __future__ import annotations

from collections.abc import Mapping

from layercli.core import tree
from layercli.dataclass import dataclass
from layercli.inspect.model_graph import ModelGraphBuilder, ModuleCall, OperationCall, Value


@dataclass(frozen=True)
class CopiedCall:
    """One call of a layer: the indices of its inputs, and the values, operations and module calls that it added."""

    inputs: tuple[int, ...]
    values: range
    calls: range
    module_calls: range

    def copied(self, builder: ModelGraphBuilder, modules: Mapping[str, str], same: Mapping[int, int]) -> CopiedCall:
        """Add the same again, with other paths of modules, and other indices for the inputs and variables."""
        values, calls, module_calls = builder.values, builder.calls, builder.module_calls
        moved, later = len(values) - self.values.start, len(calls) - self.calls.start
        copy = CopiedCall(
            tuple(same[index] for index in self.inputs),
            range(len(values), len(values) + len(self.values)),
            range(len(calls), len(calls) + len(self.calls)),
            range(len(module_calls), len(module_calls) + len(self.module_calls)),
        )
        places = {**same, **dict(zip(self.values, copy.values, strict=True))}
        storages = {values[one].storage: values[other].storage for one, other in same.items()}

        def placed(index: int) -> int:
            return places.get(index, index)

        for value in values[self.values.start : self.values.stop]:
            at = value.storage
            storage = at + moved if at in self.values else storages.get(at, at)
            values.append(Value(value.spec, value.kind, storage, value.path, value.trainable, value.stored_bytes))
        for call in calls[self.calls.start : self.calls.stop]:
            inputs, outputs = tuple(map(placed, call.inputs)), tuple(map(placed, call.outputs))
            given = call.macs, call.reason, call.arguments
            calls.append(OperationCall(call.operation, modules[call.module], inputs, outputs, *given))
        for each in module_calls[self.module_calls.start : self.module_calls.stop]:
            taken = tuple(map(placed, each.inputs))
            made = tree.map_structure(lambda x: None if x is None else placed(x), each.outputs)
            module_calls.append(ModuleCall(modules[each.module], taken, made, each.start + later, each.stop + later))
        return copy
