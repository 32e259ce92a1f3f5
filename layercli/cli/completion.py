"""``--show-completion`` and ``--install-completion``: for the current shell, as Typer does it, or for a named shell."""

from __future__ import annotations

from contextlib import suppress

from layercli.cli import output
from layercli.errors import UsageError, nearest

SHELLS = ("bash", "zsh", "fish")
OPTIONS = ("--show-completion", "--install-completion")
PROGRAM, VARIABLE = "layercli", "_LAYERCLI_COMPLETE"
FIRST_TAB = 'if [[ $zsh_eval_context[-1] == loadautofunc ]]; then %(complete_func)s "$@"; fi\n'
"""zsh reads an installed script when TAB is first pressed, and Typer's only defines a function then: this calls it."""


def mend_zsh() -> None:
    """Let Typer's script for zsh complete when TAB is first pressed, wherever it is shown or installed."""
    with suppress(ImportError):  # its scripts are private: with a later Typer the first TAB may give nothing again
        from typer._completion_shared import _completion_scripts as scripts

        if FIRST_TAB not in scripts.get("zsh", FIRST_TAB):
            scripts["zsh"] += FIRST_TAB


def names_shell(args: list[str]) -> bool:
    """Whether the command line requests completion for a named shell.

    >>> names_shell(["--show-completion", "fish"]), names_shell(["--show-completion"])
    (True, False)
    """
    return len(args) == 2 and args[0] in OPTIONS and not args[1].startswith("-")


def complete(option: str, shell: str) -> int:
    """Print the completion script for ``shell``, or install it where that shell reads it."""
    if shell not in SHELLS:
        raise UsageError(f"there is no completion for {shell!r}", hint=nearest(shell, list(SHELLS), "shells"))
    from typer.completion import get_completion_script, install  # type: ignore[attr-defined]  # handed on by typer

    if option == "--show-completion":
        script = get_completion_script(prog_name=PROGRAM, complete_var=VARIABLE, shell=shell)
        output.write(f"{script}\n")
        return 0
    _, path = install(shell=shell, prog_name=PROGRAM, complete_var=VARIABLE)
    output.print_info(f"{shell} completion installed in {path}: it takes effect in the next terminal")
    return 0
