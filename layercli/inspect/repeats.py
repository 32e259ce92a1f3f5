"""Runs of equal numbered siblings, such as ``blocks/0`` to ``blocks/125``: views show each run as one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


def runs_of_equal(items: Iterable[T], path: Callable[[T], str], content: Callable[[T], Any]) -> list[list[T]]:
    """Return the items grouped into runs: neighbours with consecutive numbers in one list, and with equal ``content``.

    >>> runs_of_equal(["b/0", "b/1", "c", "b/3"], str, len)
    [['b/0', 'b/1'], ['c'], ['b/3']]
    """
    groups: list[list[T]] = []
    for item in items:
        if groups and is_next_index(path(groups[-1][-1]), path(item)) and content(groups[-1][0]) == content(item):
            groups[-1].append(item)
        else:
            groups.append([item])
    return groups


def is_next_index(one: str, other: str) -> bool:
    """Whether two paths are of consecutive entries of one list; a file skips entries without variables.

    >>> is_next_index("blocks/0", "blocks/1"), is_next_index("blocks/0", "blocks/2"), is_next_index("0", "1")
    (True, False, False)
    """
    (stem, _, first), (other_stem, _, second) = one.rpartition("/"), other.rpartition("/")
    numbers = stem and stem == other_stem and first.isdecimal() and second.isdecimal()
    return bool(numbers) and int(second) == int(first) + 1


def path_of_run(first: str, last: str) -> str:
    """Return the path that stands for a run.

    >>> path_of_run("blocks/0", "blocks/125"), path_of_run("head", "head")
    ('blocks/0..125', 'head')
    """
    return first if first == last else f"{first}..{last.rpartition('/')[2]}"
