"""Calls of operations that type checkers must refuse, each with the code of the error that mypy reports on its line."""

from layercli import ops

ops.rellu([1.0])  # expect: attr-defined
ops.nn.abs([1.0])  # expect: attr-defined
ops.image.resise([1.0], (2, 2))  # expect: attr-defined
ops.relu([1.0], alpha=1)  # expect: call-arg
ops.softmax([1.0], axes=0)  # expect: call-arg
