"""Models written as graphs with several endpoints, as with Keras's ``export``."""

from layercli.export.export_archive import ExportArchive

__all__ = ["ExportArchive"]
