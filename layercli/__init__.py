"""layercli: open a neural network model, see what is in it, run it, and know whether the GPU can be trusted."""

from layercli.version import __version__

__all__ = ["__version__"]
