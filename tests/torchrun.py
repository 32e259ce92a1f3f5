"""Processes that are ranks of one job, as torchrun starts them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

ONE_THREAD = {"OMP_NUM_THREADS": "1"}


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def ranks_of(command, folder):
    """Return two processes in torchrun's environment, without torchrun itself."""
    place = {**os.environ, **ONE_THREAD, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    return [
        subprocess.Popen(
            [sys.executable, *command], cwd=folder, env={**place, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for rank in range(2)
    ]  # fmt: skip
