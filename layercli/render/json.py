"""JSON that reads well: an object's members and a list of lists on lines of their own, a list of plain values on one."""

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


def quoted(value: Any) -> str:
    """Return a plain value, or a list of them, as JSON, in which ``json`` leaves one control character as it is."""
    return json.dumps(value, allow_nan=False).replace("\x7f", "\\u007f")
