"""A ``.keras`` archive as a Source: the model that its config describes, with the archive's values."""

from __future__ import annotations

from layercli.sources.layer import LayerSource


def keras_source(file: str) -> LayerSource:
    """Return the model that an archive describes, none of its values read; FormatError where it describes none."""
    from layercli.files import keras_archive
    from layercli.files.keras_model import Reader

    return LayerSource(Reader(file).model(keras_archive.config_in(file)), file, file, archive=file)
