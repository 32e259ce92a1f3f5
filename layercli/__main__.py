"""``python -m layercli``, and the console script."""

from __future__ import annotations

import sys

INTERRUPTED = 130


def main() -> None:
    """Run the command line and leave with its exit code; an interruption is quiet from the first import on."""
    try:
        from layercli.cli.startup import Leaving, collect_rarely

        collect_rarely()
        leaving = Leaving()
        from layercli.cli.main import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    leaving.code = code
    sys.exit(code)


if __name__ == "__main__":
    main()
