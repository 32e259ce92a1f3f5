"""parquet: columns of numbers, read by pyarrow (an optional extra)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layercli.core.limits import FILL, shown
from layercli.errors import FormatError, MissingPackageError
from layercli.formats.os_errors import check_regular, reading

if TYPE_CHECKING:
    import numpy as np


def read_parquet(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Return the columns of a parquet file by name; FormatError for a column with non-numeric or missing values."""
    try:
        from pyarrow import ArrowInvalid  # type: ignore[import-untyped,unused-ignore]  # it ships no types; an extra
        from pyarrow import parquet as reader  # type: ignore[import-untyped,unused-ignore]  # as above
    except ModuleNotFoundError:
        raise MissingPackageError(
            "reading parquet needs pyarrow, which is not installed", hint="pip install 'layercli[parquet]'"
        ) from None
    file = Path(path)
    check_regular(file)
    with reading(file):
        try:
            opened = reader.ParquetFile(file)
            held = opened.metadata
            for field in opened.schema_arrow:  # text may repeat one long value, which a few bytes hold
                if not is_number(field.type):
                    raise FormatError(f"{file} has {field.type} in the column {field.name}, which are not numbers")
            values, size = held.num_rows * held.num_columns, file.stat().st_size
            if values > FILL.value + size:  # a value takes a bit and more, if it is not one of many that are equal
                raise FILL.exceeded(f"{file}, which has {size:,} bytes, declares {shown(values)} values")
            table = reader.read_table(file)
        except ArrowInvalid:
            raise FormatError(f"{file} is not a parquet file, or is damaged") from None
    if not table.column_names:
        raise FormatError(f"{file} has no columns")
    found: dict[str, np.ndarray] = {}
    for name in table.column_names:
        column = table.column(name)
        if column.null_count:
            raise FormatError(f"{file} has {column.null_count} empty cells in the column {name}")
        found[name] = column.to_numpy()
    return found


def is_number(kind: Any) -> bool:
    """Whether a type of Arrow, or the one of a dictionary's values, is one of numbers or booleans."""
    from pyarrow import types  # type: ignore[import-untyped,unused-ignore]  # as above

    if types.is_dictionary(kind):
        return is_number(kind.value_type)
    return bool(types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind))
