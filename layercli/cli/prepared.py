"""A model of the command line made ready to run, with its inputs: where run, compare, bench and profile begin."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from layercli.cli import output, startup
from layercli.cli.commands.run_options import Running

if TYPE_CHECKING:
    from layercli.inspect.model_loader import ModelSource
    from layercli.runtime.inference.prepared_model import PreparedModel
    from layercli.runtime.inference.run_record import Plan


@dataclass(frozen=True)
class Prepared:
    """A program, the arrays it is given, and the plan that both were made from."""

    plan: Plan
    subject: ModelSource
    program: PreparedModel
    inputs: Any

    def other(self, model: str) -> Prepared:
        """Return another model made ready in the same way, for the same inputs; its weights are its own."""
        from layercli.core import naming
        from layercli.runtime.execution.forward_signature import handed
        from layercli.runtime.inference import prepared_model

        naming.clear_session()  # what variables draw follows from names: of the same model, the same
        subject = opened(model, (), self.plan.settings.seed)
        inputs = handed(subject.name, subject.model, self.subject.model, self.inputs)
        settings = replace(self.plan.settings, weights=None)
        plan = replace(self.plan, model=model, set=[], settings=settings)
        return Prepared(plan, subject, prepared_model.prepare(subject, inputs, settings), inputs)

    def to_json(self, command: str) -> dict[str, Any]:
        """Return what the document of every command says of the model that was run."""
        from layercli.core import tree
        from layercli.runtime.execution import tensors

        placed = tree.flatten(self.program.place(self.inputs))
        return {
            "schema": f"layercli.{command}/1",
            "model": self.program.name,
            "device": str(self.program.device),
            "inputs": [f"{tensors.name_of(x.dtype)}{list(x.shape)}" for x in placed],
        }


def opened(text: str, settings: Iterable[str], seed: int) -> ModelSource:
    """Return the model that ``text`` names, to be run; what a torch module draws while it is made is drawn under ``seed``."""
    from layercli import random
    from layercli.sources.resolve import resolve

    random.set_seed(seed)
    return resolve(text, settings).subject


def prepared(model: str, running: Running) -> Prepared:
    """Return the model that the command line names, ready to run, and say where it runs."""
    from layercli.inspect.model_loader import register_custom_objects

    register_custom_objects(running.custom)
    startup.import_torch()
    return of_plan(running.plan(model))


def of_plan(plan: Plan) -> Prepared:
    """Return the model of a plan, ready to run, and say where it runs."""
    from layercli.runtime.inference import model_inputs, prepared_model

    subject = opened(plan.model, plan.set, plan.settings.seed)
    inputs = model_inputs.inputs_for(subject, plan.request)
    ready = prepared_model.prepare(subject, inputs, plan.settings)
    if plan.settings.device == "auto":
        output.print_info(f"running on {ready.device}")
    if ready.folds is not None:
        output.print_info(ready.folds.sentence)
    return Prepared(plan, subject, ready, inputs)
