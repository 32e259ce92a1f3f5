"""Sending the logs of every epoch to a server."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping

from layercli.callbacks.callback import Callback, Logs
from layercli.callbacks.callback_list import say


class RemoteMonitor(Callback):
    """POST the epoch and its logs as JSON to ``root + path``: in the form field ``field``, or bare if ``send_as_json``.

    A server that does not answer within five seconds is said on stderr, and training goes on.
    """

    writes = True

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: Mapping[str, str] | None = None,
        send_as_json: bool = False,
    ) -> None:
        self.url = root + path
        self.field = field
        self.headers = dict(headers or {})
        self.send_as_json = send_as_json

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Send the logs."""
        document = json.dumps({"epoch": epoch, **(logs or {})})
        kind = "application/json" if self.send_as_json else "application/x-www-form-urlencoded"
        body = document if self.send_as_json else urllib.parse.urlencode({self.field: document})
        request = urllib.request.Request(self.url, body.encode(), {"Content-Type": kind, **self.headers})
        try:
            with urllib.request.urlopen(request, timeout=5):
                pass
        except (urllib.error.URLError, TimeoutError) as error:
            say(1, f"{self.url} does not answer: {getattr(error, 'reason', error)}")
