"""``python -m layercli``, and the console script."""

from layercli.cli.app import main

if __name__ == "__main__":
    main()
