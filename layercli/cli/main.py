"""The application: global options, commands, and the reporting of errors.

Exit codes: 0 yes or done, 1 the answer is no, 2 wrong use or unreadable input, 3 inconclusive, 70 a bug, 130 interrupted.
A command returns its exit code, or None for 0.
"""

from __future__ import annotations

import errno
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Annotated, Any

import typer

from layercli.cli import command_line, completion, distributed, global_options, help_text, output
from layercli.cli.command_line import CommandLine
from layercli.cli.option_groups import grouped
from layercli.cli.user_exit import UserExitError
from layercli.errors import FileError, LayercliError, MissingPackageError, UsageError, cut, nearest
from layercli.out_of_memory import shortage
from layercli.version import __version__

BUG, INTERRUPTED = 70, 130

LONGEST = 600
"""Of a longer message the middle is left out: names that come from files have any length."""

NOT_A_NUMBER = {"int": "is not an integer", "float": "is not a number"}

MOVED = {
    "--against": "layercli compare MODEL OTHER, or layercli compare MODEL --with float64",
    **dict.fromkeys(("--rtol", "--atol"), "layercli compare MODEL OTHER {}"),
    "--against-time": "layercli bench MODEL --against OTHER",
    **dict.fromkeys(("--repeat", "--warmup", "--max-slowdown"), "layercli bench MODEL {}"),
    "--profile": "layercli profile MODEL",
    **dict.fromkeys(("--sort", "--trace"), "layercli profile MODEL {}"),
    "--repro": "layercli run MODEL --record FILE",
    "--from": "layercli run --replay FILE",
}
"""Former options of ``run`` and their new commands, for the hint."""


def show_version(wanted: bool) -> None:
    """Print the version and exit."""
    if wanted:
        output.write(f"layercli {__version__}\n")
        raise typer.Exit


def options(
    version: Annotated[
        bool, typer.Option("--version", "-V", callback=show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    debug: global_options.Debug = False,
    quiet: global_options.Quiet = False,
    no_pager: global_options.NoPager = False,
    format: Annotated[
        str | None,
        typer.Option(
            "--format", "-f", help="As after the command: table, plain, json, csv, markdown.", show_default=False
        ),
    ] = None,
    limit: global_options.Limits = None,
) -> None:
    """Open a neural network model, see what is in it, run it, and know whether the GPU can be trusted.

    [dim]$[/dim] layercli summary resnet-block
    [dim]$[/dim] layercli vars model.safetensors --stats
    [dim]$[/dim] layercli run mlp --input x.npy --output y.npy
    [dim]$[/dim] layercli fit mlp --data train.npz --loss sparse_categorical_crossentropy:from_logits=true
    [dim]$[/dim] layercli gpu-check
    """
    line = command_line.current()
    line.quiet, line.debug, line.format, line.pager = quiet, debug, format, not no_pager
    line.limits = limit or []


COMMANDS = (
    "summary", "plot", "report", "vars", "cost", "explore", "diff", "check", "convert", "run", "compare", "bench", "profile",
    "fit", "evaluate", "models", "gpu-check",
)  # fmt: skip
"""The commands in the order of the help, each a function of its module in ``commands``."""

TAKES_VALUE = ("--format", "-f", "--limit")
"""The global options that are followed by a value."""


def command_of(name: str) -> Callable[..., Any]:
    """Return the function of a command."""
    own = name.replace("-", "_")
    found: Callable[..., Any] = getattr(
        import_module(f"layercli.cli.commands.{own}"), "vars_" if own == "vars" else own
    )
    return found


def application(names: Iterable[str]) -> typer.Typer:
    """Return the application with these commands."""
    app = typer.Typer(
        name="layercli",
        cls=help_text.ProgramGroup,
        context_settings={"help_option_names": ["-h", "--help"]},
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        no_args_is_help=True,
    )
    app.callback()(options)
    for name in names:
        app.command(name, cls=help_text.Command)(global_options.accepted(grouped(command_of(name))))
    return app


def needed(args: list[str]) -> Sequence[str]:
    """Return the command that the arguments call, else all of them: to prepare one takes a tenth of the time.

    >>> needed(["--quiet", "--format", "json", "cost", "mlp"])
    ['cost']
    """
    given = [arg for arg, before in zip(args, ["", *args], strict=False) if before not in TAKES_VALUE]
    return [arg for arg in given if arg in COMMANDS][:1] or COMMANDS


def run(args: list[str]) -> int:
    """Run one command line and return its exit code; an error becomes one sentence on stderr."""
    with command_line.running(CommandLine(debug="--debug" in args)), arguments_hidden():
        output.prepare_streams()
        return exit_code(args)


@contextmanager
def arguments_hidden() -> Iterator[None]:
    """Keep this command line's arguments from a user's script that parses its own when it is imported."""
    before = sys.argv
    sys.argv = before[:1]
    try:
        yield
    finally:
        sys.argv = before


def exit_code(args: list[str]) -> int:
    """Call the command, print its error if it raises one, and return the exit code."""
    try:
        with output.warnings_escaped():
            result: Any = called(args)
    except KeyboardInterrupt:
        result = INTERRUPTED
    except SystemExit as left:  # from typer: completion is done, or the pipe that reads its help is closed
        result = 0 if isinstance(left.__context__, BrokenPipeError) else left.code
    except BaseException as error:  # a user's code may raise exceptions that are no Exception
        if command_line.current().debug:
            import traceback

            output.tell_lines(traceback.format_exc().rstrip())
        return report(error)
    if result == INTERRUPTED:
        output.print_error("interrupted")
        if (hint := command_line.current().resume_hint) is not None:
            output.print_error(f"hint: {hint}")
    return result if isinstance(result, int) else 0


def called(args: list[str]) -> Any:
    """Run the command line; ``help COMMAND`` means ``COMMAND --help``."""
    if args and args[0] in completion.OPTIONS:
        completion.mend_zsh()
    if completion.names_shell(args):
        return completion.complete(*args)
    if args[:1] == ["help"]:
        args = [*args[1:], "--help"]
    return program(tuple(needed(args))).main(args, prog_name="layercli", standalone_mode=False)


@cache
def program(names: tuple[str, ...]) -> Any:
    """Return typer's parser for these commands: a program that runs several command lines creates it once."""
    return typer.main.get_command(application(names))


def report(error: BaseException) -> int:
    """Print an error as one sentence, with its hint if any, and return the exit code."""
    if isinstance(error, LayercliError):
        output.print_error(f"{distributed.error_prefix()}error: {cut(str(error), LONGEST)}")
        if error.hint:
            output.print_error(f"hint: {cut(error.hint, LONGEST)}")
        return 2
    if isinstance(error, UserExitError):
        return report_exit(error.left)
    if isinstance(error, global_options.EndOfFileError):
        return report(error.error)
    if isinstance(error, typer.Abort):
        output.print_error("interrupted")
        return INTERRUPTED
    if isinstance(error, ModuleNotFoundError) and error.name and not error.name.startswith("layercli"):
        return report(MissingPackageError.of(error.name))
    if hasattr(error, "format_message"):
        return report(usage(error)) if error.format_message() else 2  # typer has shown the help
    if isinstance(error, OSError) and error.errno == errno.ENOSPC and error.filename is None:
        return report(FileError("cannot write to standard output: the disk is full"))
    if isinstance(error, OSError) and isinstance(error.filename, str):
        from layercli.formats.os_errors import reason

        return report(FileError(f"cannot open {error.filename}: {reason(error)}"))
    if (short := shortage(error)) is not None:
        short.hint = command_line.current().memory_hint or short.hint
        return report(short)
    from layercli.cli.user_traceback import described, imported_package, in_torch_module, module_in, user_frame

    if (package := imported_package(error)) is not None:
        return report(MissingPackageError.broken(package, error))
    if (place := user_frame(error)) is not None:
        output.print_error(f"error: {place}{module_in(error)}, raises {described(error)}")
        output.print_error("hint: --debug shows the traceback")
        return 2
    if in_torch_module(error):
        place = module_in(error)
        output.print_error(f"error: the model{place}{',' * bool(place)} raises {described(error)}")
        return 2
    output.print_error(f"error: this is a bug in layercli: {described(error)}")
    output.print_error("hint: run it again with --debug and report what it prints")
    return BUG


def report_exit(left: SystemExit) -> int:
    """Report that a user's code tried to end the process; its exit code is not used."""
    from layercli.cli.user_traceback import user_frame

    output.print_error(f"error: {user_frame(left) or 'the model'}, leaves with exit code {left.code or 0!r}")
    return 2


def usage(error: Any) -> UsageError:
    """Return an option parser error as a UsageError: one sentence, with similar names or an example as the hint."""
    message = " ".join(error.format_message().split())
    hint = None
    if found := re.search(r"[.]? ?\(Possible options: (.*)\)|[.] Did you mean (.*)[?]", message):
        message = message[: found.start()]
        hint = f"did you mean {(found[1] or found[2]).replace(', ', ' or ')}?".replace("'", "")
    if possible := getattr(error, "possibilities", None):  # the likest first, which the message sorts by name
        whole = [each for each in possible if each.startswith(getattr(error, "option_name", " "))]
        hint = f"did you mean {' or '.join(whole or possible)}?"
    name = getattr(error.ctx, "info_name", "")
    if (found := re.match("No such option: (--[a-z-]+)", message)) and name == "run":
        hint = MOVED[found[1]].format(found[1]) if found[1] in MOVED else hint
    if re.fullmatch("No such option: (-V|--version)[.]?", message):
        hint = "layercli --version"
    if found := re.fullmatch("No such command '(.*)'[.]?", message):
        hint = hint or nearest(found[1], COMMANDS, "commands")
    if found := re.search("'([^']*)' is not one of (.*?)[.]?$", message):
        hint = nearest(found[1], re.findall("'([^']*)'", found[2]))
    if message.startswith("Missing ") and name in COMMANDS:
        hint = f"as in: {help_text.example(command_of(name))}"
    message = re.sub("is not a valid (int|float)( range)?$", lambda kind: NOT_A_NUMBER[kind[1]], message.rstrip("."))
    message = re.sub("is not in the range x>=(.*)$", r"is less than \1", message)
    return UsageError(message[:1].lower() + message[1:].rstrip("."), hint=hint)
