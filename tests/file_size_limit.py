"""A limit on the size of files, as on a disk that is full."""

from __future__ import annotations

import resource
import sys
from contextlib import contextmanager


@contextmanager
def file_size_limit(count):
    """Let no file grow beyond so many bytes; Python would keep a module that it compiles meanwhile cut short."""
    before, written = resource.getrlimit(resource.RLIMIT_FSIZE), sys.dont_write_bytecode
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, before[1]))
    sys.dont_write_bytecode = True
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        sys.dont_write_bytecode = written
