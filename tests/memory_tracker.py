"""MemoryTracker follows the storages that a real run of torch allocates and frees; ``allocated`` asks torch's allocator.

Under a dispatch mode autograd writes each sum of gradients to new memory; without one it adds in place where it can.
"""

import itertools
import weakref

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class MemoryTracker(TorchDispatchMode):
    """Counts the bytes of every storage that operations give inside, but for those of the tensors in ``known``."""

    def __init__(self, known=()):
        super().__init__()
        self.live, self.references = {}, {}
        self.now = self.peak = 0
        self.known = {x.untyped_storage()._cdata for x in known}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for x in tree_leaves(out):
            if isinstance(x, torch.Tensor) and x.layout is torch.strided:
                self.follow(x.untyped_storage())
        self.peak = max(self.peak, self.now)
        return out

    def follow(self, storage):
        key = storage._cdata
        if key in self.live or key in self.known:
            return
        self.live[key] = storage.nbytes()
        self.now += self.live[key]
        self.references[key] = weakref.ref(storage, lambda _: self.freed(key))

    def freed(self, key):
        self.now -= self.live.pop(key)
        self.references.pop(key, None)


def allocated(run):
    """The peak of what torch's allocator gives out in a run, of which a dispatch mode does not see what kernels take."""
    with torch.profiler.profile(profile_memory=True) as profile:
        run()
    events = sorted(profile.profiler.kineto_results.events(), key=lambda event: event.start_ns())
    changes = [event.nbytes() for event in events if event.name() == "[memory]"]
    return max(itertools.accumulate(changes))
