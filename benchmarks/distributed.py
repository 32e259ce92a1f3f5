"""Epochs of an MLP on two ranks over gloo: fit against a hand-written DistributedDataParallel loop in the same processes."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.distributed as dist
from torch import multiprocessing, nn
from torch.nn.parallel import DistributedDataParallel

import layercli
from benchmarks.harness import Result, milliseconds, ratio, times
from benchmarks.training import fitting, mlp

SAMPLES, FEATURES, HIDDEN, CLASSES, BATCH, RANKS = 20_000, 784, 128, 10, 128, 2
ROUNDS, AT_MOST = 9, 1.05


def results() -> Iterator[Result]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    context = multiprocessing.get_context("spawn")
    results: Any = context.SimpleQueue()
    multiprocessing.spawn(rank, (port, results), nprocs=RANKS)
    found = results.get()
    what = f"an epoch of an MLP {FEATURES}-{HIDDEN}-{CLASSES}, Adam, batch {BATCH}, on {RANKS} ranks"
    shown = milliseconds(found["ours"]), milliseconds(found["loop"])
    yield Result(what, "PyTorch, a loop by hand with DDP", *shown, ratio(found["ours"], found["loop"]), AT_MOST)


def rank(number: int, port: int, results: Any) -> None:
    """Time both on one rank; the first rank prints the figures."""
    place = {"RANK": number, "WORLD_SIZE": RANKS, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in place.items()})
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    torch.manual_seed(0)
    x, y = torch.randn(SAMPLES, FEATURES), torch.randint(0, CLASSES, (SAMPLES,))
    found = times({"ours": fitting(layercli, mlp, x, y), "loop": plain_on(x, y, number)}, ROUNDS, warmup=1)
    if number == 0:
        results.put(found)
    dist.destroy_process_group()


def plain_on(x: torch.Tensor, y: torch.Tensor, number: int) -> Callable[[], object]:
    """Return a hand-written epoch for this rank: its half of each slice of the same permutation."""
    model = nn.Sequential(nn.Linear(FEATURES, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, CLASSES))
    wrapped = DistributedDataParallel(model, gradient_as_bucket_view=True)
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    criterion = nn.CrossEntropyLoss()
    drawn = torch.Generator().manual_seed(0)

    def epoch() -> float:
        order, total = torch.randperm(SAMPLES, generator=drawn), torch.zeros(())
        for start in range(0, SAMPLES, BATCH):
            chosen = order[start : start + BATCH].chunk(RANKS)[number]
            optimizer.zero_grad()
            loss = criterion(wrapped(x[chosen]), y[chosen])
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(chosen)
        dist.all_reduce(total)
        return float(total / SAMPLES)

    return epoch
