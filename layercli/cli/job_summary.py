"""The summary page of a GitHub Actions job, which shows Markdown."""

from __future__ import annotations

import os

from layercli.cli import output


def append_job_summary(text: str) -> None:
    """Append Markdown to the job's summary, if there is a job; a failure to write is only a warning."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    try:
        with open(path, "a", encoding="utf-8") as stream:
            stream.write(f"{text}\n")
    except OSError as error:
        output.print_info(f"warning: the job's summary cannot be written: {error.strerror}")
