"""One way to open a model: each kind of MODEL is a Source in its own file."""

from layercli.sources.resolve import open_source as open
from layercli.sources.source import Source

__all__ = ["Source", "open"]
