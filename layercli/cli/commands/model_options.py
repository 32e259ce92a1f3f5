"""The options with which a command opens a model to describe it, without running it: declared once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from layercli.cli import options
from layercli.cli.commands import run_options

if TYPE_CHECKING:
    from layercli.sources.source import Source


@dataclass(frozen=True)
class Describing:
    """What a model is created with, and the inputs it is described for."""

    set_: options.Set = field(default_factory=list)
    custom: options.Custom = field(default_factory=list)
    input_shape: options.InputShape = field(default_factory=list)
    at: options.At = field(default_factory=list)
    input: run_options.Input = field(default_factory=list)
    fill: options.FillValues = None
    arg: options.ForwardArgument = field(default_factory=list)
    config: options.Config = None

    def open(self, model: str, *, library: str | None = None) -> Source:
        """Return the source that ``model`` names; its parameters get values when these are asked for."""
        from layercli.inspect.python_import import register_custom_objects
        from layercli.sources.resolve import resolve

        register_custom_objects(self.custom)
        source = resolve(model, self.set_, config=self.config, describing=True, library=library)
        source.set_inputs(files=self.input, fill=self.fill, arguments=self.arg)
        return source

    def inputs(self, source: Source) -> Any:
        """Return the inputs that it is described for, as ``source`` takes them."""
        return source.inputs(self.input_shape, self.at)
