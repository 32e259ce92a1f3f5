"""One way to open a model: each kind of MODEL is a Source, in a file of its own."""

from layercli.sources.resolve import open_source as open
from layercli.sources.source import Source

__all__ = ["Source", "open"]
