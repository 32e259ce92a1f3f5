"""Where the channels of images are, unless a layer or an operation says so itself."""

from __future__ import annotations

from layercli.errors import UsageError, nearest

FORMATS = ("channels_last", "channels_first")
_default = FORMATS[0]


def image_data_format() -> str:
    """Return the default ``data_format`` of new layers and of operations."""
    return _default


def set_image_data_format(data_format: str) -> None:
    """Set the default ``data_format`` of new layers and of operations: channels_last or channels_first. UsageError for another."""
    global _default
    _default = standardized(str(data_format))


def standardized(data_format: str | None) -> str:
    """Return a ``data_format`` in lower case, the default for None; UsageError for an unknown one."""
    found = _default if data_format is None else str(data_format).lower()
    if found not in FORMATS:
        raise UsageError(f"there is no data_format {data_format!r}", hint=nearest(found, FORMATS))
    return found
