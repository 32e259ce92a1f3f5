"""Prepare a model and its inputs from the command line, for run, compare, bench and profile."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from layercli.cli import output, startup
from layercli.cli.commands.model_options import Running
from layercli.core.types import JSONObject
from layercli.dataclass import dataclass

if TYPE_CHECKING:
    from layercli.inspect.model_loader import ModelSource
    from layercli.runtime.inference.prepared_model import PreparedModel
    from layercli.runtime.inference.run_record import Plan


@dataclass(frozen=True)
class Prepared:
    """A prepared model, its input arrays, and the plan behind both."""

    plan: Plan
    subject: ModelSource
    program: PreparedModel
    inputs: Any

    def other(self, model: str) -> Prepared:
        """Prepare another model in the same way for the same inputs; it has its own weights."""
        from layercli.core import naming
        from layercli.runtime.inference import prepared_model
        from layercli.runtime.inference.model_kinds import handed, runnable

        naming.clear_session()  # initial values depend on names, so equal models get equal weights
        subject = opened(model, (), self.plan.settings.seed)
        inputs = handed(subject.name, subject.model, self.subject.model, self.inputs)
        settings = replace(self.plan.settings, weights=None)
        plan = replace(self.plan, model=model, set=[], settings=settings, config=None)
        flags = runnable(subject.model).flags(self.program.flags)
        return Prepared(plan, subject, prepared_model.prepare(subject, inputs, settings, flags=flags), inputs)

    def to_json(self, command: str) -> JSONObject:
        """Return the JSON data about the model that every command includes."""
        from layercli.core import tree
        from layercli.runtime.execution import tensors

        placed = tree.flatten(self.program.place(self.inputs))
        return {
            "schema": f"layercli.{command}/1",
            "model": self.program.name,
            "device": str(self.program.device),
            "inputs": [f"{tensors.name_of(x.dtype)}{list(x.shape)}" for x in placed],
        }


def opened(text: str, settings: Iterable[str], seed: int, config: str | None = None) -> ModelSource:
    """Return the model that ``text`` names; ``seed`` determines random values drawn while a torch module is constructed."""
    from layercli import random
    from layercli.runtime.inference.model_kinds import runnable
    from layercli.sources.resolve import resolve

    random.set_seed(seed)
    subject = resolve(text, settings, config=config).subject
    for note in runnable(subject.model).notes:
        output.print_info(f"warning: {subject.name} was {note}")
    return subject


def prepared(model: str, running: Running) -> Prepared:
    """Return the model that the command line names, prepared to run, and print the device."""
    from layercli.inspect.python_import import register_custom_objects

    register_custom_objects(running.custom)
    startup.import_torch()
    return of_plan(running.plan(model))


def of_plan(plan: Plan, *, decodes: bool = False) -> Prepared:
    """Return the model of a plan, prepared to run, and print the device; ``decodes``: a decoder's inputs may be left out."""
    from layercli.runtime.inference import model_inputs, prepared_model

    subject = opened(plan.model, plan.set, plan.settings.seed, plan.config)
    inputs = model_inputs.inputs_for(subject, plan.request, decodes=decodes)
    ready = prepared_model.prepare(subject, inputs, plan.settings, flags=plan.request.flags)
    if plan.settings.device == "auto":
        output.print_info(f"running on {ready.device}")
    if ready.folds is not None:
        output.print_info(ready.folds.sentence)
    return Prepared(plan, subject, ready, inputs)
