"""The sections of the ``layercli run`` report beside the outputs, one for each requested check, with its exit code."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from layercli.cli import output
from layercli.core.text import STRING
from layercli.dataclass import dataclass
from layercli.errors import UsageError
from layercli.render.table import Table

if TYPE_CHECKING:
    from layercli.cli.prepared import Prepared
    from layercli.runtime.inference.forward_pass import ForwardRun
    from layercli.runtime.inference.run_record import Record

NO = 1


@dataclass
class ReportSection:
    """Tables, their JSON data, and the exit code they imply."""

    tables: list[Table] = field(default_factory=list)
    document: dict[str, Any] = field(default_factory=dict)
    code: int = 0


def code_of(sections: Iterable[ReportSection]) -> int:
    """Return the exit code of all sections: 1 if any of them is 1."""
    return max((section.code for section in sections), default=0)


def finiteness(report: ForwardRun) -> ReportSection:
    """Return whether everything is finite, and where it is not."""
    if report.finite:
        return ReportSection()
    start = (
        f", first in {report.first_not_finite or 'what the model computes outside its layers'}"
        if report.checked
        else ""
    )
    output.print_info(f"not finite{start}")
    return ReportSection(code=NO)


def check_known(ready: Prepared, out: str | None, top: int | None) -> None:
    """Reject what ``--output`` or ``--top`` cannot take, before the run if the outputs are known before it."""
    from layercli.formats import output_file

    holds_several = out is not None and output_file.ending(out) in output_file.OF_SEVERAL
    if top is None and holds_several and not ready.program.kind.gives_text:
        return
    specs = ready.program.kind.output_specs(ready.inputs)
    if specs is None:
        return
    if out is not None:
        results = {name: output_file.Result(spec.dtype == STRING, len(spec.shape)) for name, spec in specs.items()}
        output_file.check_results(out, results, ready.program.name)
    if top is not None:
        check_ranked(ready.program.name, {name: spec.dtype for name, spec in specs.items()})


def check_ranked(source: str, dtypes: Mapping[str, str]) -> None:
    """Reject outputs of these dtypes that --top cannot rank: several, or text."""
    if len(dtypes) != 1:
        raise UsageError(f"--top needs a model with one output, {source} has {len(dtypes)}")
    if (text := next((name for name, dtype in dtypes.items() if dtype == STRING), None)) is not None:
        raise UsageError(f"--top ranks numbers, and {source} gives text as {text}")


def ranking(ready: Prepared, report: ForwardRun, count: int, labels: list[str] | None) -> ReportSection:
    """Return the highest classes of the single output; of a decoder, the next tokens after the last step of each text."""
    from layercli.cli.commands.run_generation import tokenizer_of
    from layercli.inspect.top_k import top
    from layercli.render.run import ranking
    from layercli.runtime.inference.generation import next_logits

    check_ranked(report.source, {each.name: each.dtype for each in report.outputs})
    logits = next_logits(ready.program, ready.inputs, report.outputs[0].array)
    guesses = top(report.outputs[0].array if logits is None else logits, count, labels)
    if logits is not None and labels is None and (tokenizer := tokenizer_of(ready.subject)) is not None:
        guesses = [replace(guess, label=tokenizer.token(guess.index)) for guess in guesses]
    drawn = ranking(guesses, "Highest classes" if logits is None else "Next tokens")
    return ReportSection([drawn], {"top": [guess.to_json() for guess in guesses]})


def recorded(path: str, model: str | None) -> Record:
    """Return the record to replay. It names the model, except that Python must be named on the command line again."""
    from layercli.inspect.python_import import is_python
    from layercli.runtime.inference.run_record import load

    found = load(path)
    if not is_python(found.plan.model):
        if model is not None:
            raise UsageError(f"--replay {path} says which model to run: unexpected model {model}")
    elif model is None:
        raise UsageError(
            f"{path} names {found.plan.model}, and a file never says which Python is executed",
            hint=f"name the model again if you trust it: layercli run {shlex.quote(found.plan.model)} --replay {path}",
        )
    elif model != found.plan.model:
        raise UsageError(f"{path} is the record of a run of {found.plan.model}, not of {model}")
    return found


def reproduction(before: Record, now: Record) -> ReportSection:
    """Return whether the run equals the recorded one bit for bit."""
    from layercli.render.run import reproduction
    from layercli.runtime.inference.run_record import compare

    found = compare(before, now)
    return ReportSection([reproduction(found)], {"reproduction": found.to_json()}, 0 if found.bit_equal else NO)
