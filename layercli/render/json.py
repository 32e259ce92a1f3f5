"""JSON formatted for reading: object members and nested lists on separate lines, lists of plain values on one line."""

from __future__ import annotations

import json
from typing import Any


def text(value: Any, indent: str = "") -> str:
    """Return ``value`` as JSON; ValueError for a number JSON has not.

    >>> print(text({"shape": [None, 7], "rows": [{"a": 1}]}))
    {
      "shape": [null, 7],
      "rows": [
        {
          "a": 1
        }
      ]
    }
    """
    deeper = indent + "  "
    if isinstance(value, dict) and value:
        members = [f"{deeper}{quoted(str(key))}: {text(item, deeper)}" for key, item in value.items()]
        return "{\n" + ",\n".join(members) + f"\n{indent}}}"
    if isinstance(value, (list, tuple)) and any(isinstance(item, (dict, list, tuple)) for item in value):
        return "[\n" + ",\n".join(deeper + text(item, deeper) for item in value) + f"\n{indent}]"
    return quoted(value)


def quoted(value: object) -> str:
    """Return a plain value, or a list of them, as JSON; also escape the control character that ``json`` leaves unescaped."""
    return json.dumps(value, allow_nan=False).replace("\x7f", "\\u007f")
