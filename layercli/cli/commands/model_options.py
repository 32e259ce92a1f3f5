"""The options with which a command opens a model, to describe it or to run it: each group declared once."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from layercli.cli import options
from layercli.cli.commands import run_options
from layercli.dataclass import dataclass

if TYPE_CHECKING:
    from layercli.runtime.inference.run_record import Plan
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


@dataclass(frozen=True)
class Running:
    """How a model is created and run: its arguments, inputs, device and precision."""

    set_: options.Set = field(default_factory=list)
    config: options.Config = None
    custom: options.Custom = field(default_factory=list)
    input_shape: options.InputShape = field(default_factory=list)
    at: options.At = field(default_factory=list)
    input: run_options.Input = field(default_factory=list)
    text: run_options.Text = field(default_factory=list)
    arg: run_options.Argument = field(default_factory=list)
    cast: run_options.Cast = False
    rescale: run_options.Rescale = None
    fill: run_options.Fill = "random"
    range_: run_options.Range = field(default_factory=list)
    seed: run_options.Seed = 0
    device: run_options.Device = "auto"
    dtype: run_options.Dtype = None
    precision: run_options.Precision = "highest"
    threads: run_options.Threads = None
    compile_: run_options.Compile = False
    fuse: run_options.Fuse = False
    channels_last: run_options.ChannelsLast = False
    weights: run_options.Weights = None

    def plan(self, model: str) -> Plan:
        """Return the plan for running ``model``."""
        from layercli.runtime.inference.model_inputs import Request
        from layercli.runtime.inference.prepared_model import RunSettings
        from layercli.runtime.inference.run_record import Plan

        request = Request(
            files=self.input,
            texts=self.text,
            shapes=self.input_shape,
            sizes=self.at,
            fill=self.fill,
            ranges=self.range_,
            seed=self.seed,
            cast=self.cast,
            rescale=self.rescale,
            arguments=self.arg,
        )
        settings = RunSettings(
            device=self.device,
            dtype=self.dtype,
            precision=self.precision,
            threads=self.threads,
            compile=self.compile_,
            fuse=self.fuse,
            channels_last=self.channels_last,
            weights=self.weights,
            seed=self.seed,
        )
        return Plan(model, self.set_, request, settings, self.config)
