"""RemoteMonitor."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
import warnings
from collections.abc import Mapping

from layercli.callbacks.callback import Callback, Logs


class RemoteMonitor(Callback):
    """POST the logs of each epoch as JSON to a server. If it does not answer in 5 seconds there is a warning.

    Args:
        root: The address of the server.
        path: The path that is appended to root.
        field: The form field that holds the JSON.
        headers: The HTTP headers; None for none.
        send_as_json: Whether to send the JSON as the body instead of in a form field.
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
        self.root = root
        self.path = path
        self.field = field
        self.headers = dict(headers or {})
        self.send_as_json = send_as_json

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Send the logs."""
        url = self.root + self.path
        document = json.dumps({"epoch": epoch, **(logs or {})})
        kind = "application/json" if self.send_as_json else "application/x-www-form-urlencoded"
        body = document if self.send_as_json else urllib.parse.urlencode({self.field: document})
        request = urllib.request.Request(url, body.encode(), {"Content-Type": kind, **self.headers})
        try:
            with urllib.request.urlopen(request, timeout=5):
                pass
        except (urllib.error.URLError, TimeoutError) as error:
            warnings.warn(f"{url} does not answer: {getattr(error, 'reason', error)}", stacklevel=2)
