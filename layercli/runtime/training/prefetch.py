"""Produce batches of a PyDataset in the background."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from torch.utils.data import DataLoader

from layercli.utils import PyDataset


def prefetch(dataset: PyDataset, places: Iterator[int]) -> Iterator[object]:
    """Yield the batches at the indices ``places``; threads or processes produce the next ones meanwhile."""
    workers, most = dataset.workers, max(dataset.max_queue_size, 1)
    if dataset.use_multiprocessing and workers > 0:
        given: Any = dataset  # not a torch Dataset, but with its interface
        most_each = -(-most // workers)
        yield from DataLoader(
            given, batch_size=None, sampler=places, num_workers=workers, prefetch_factor=most_each, collate_fn=same
        )
    elif workers > 1:
        yield from prefetch_in_threads(dataset, places, workers, most)
    else:
        yield from (dataset[place] for place in places)


def prefetch_in_threads(dataset: PyDataset, places: Iterator[int], workers: int, most: int) -> Iterator[object]:
    """Yield the batches at the indices ``places``; at most ``most`` are in progress or waiting."""
    with ThreadPoolExecutor(workers) as pool:
        coming = deque(pool.submit(dataset.__getitem__, place) for place in itertools.islice(places, most))
        try:
            while coming:
                ready = coming.popleft().result()
                coming.extend(pool.submit(dataset.__getitem__, place) for place in itertools.islice(places, 1))
                yield ready
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def same(batch: object) -> object:
    """Return a batch unchanged."""
    return batch
