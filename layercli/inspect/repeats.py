"""Runs of equal numbered siblings, such as ``blocks/0`` to ``blocks/125``: views show each run as one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


MOST_DIGITS = 18
LEAST_NAMES = 4
"""So many equal layers with numbered names, or more, are one: two such as norm1 and norm2 are not."""


def runs_of_equal(items: Iterable[T], path: Callable[[T], str], content: Callable[[T], Any]) -> list[list[T]]:
    """Return the items grouped into runs: neighbours with equal ``content`` and consecutive numbers, in one list or at the
    end of their names.

    >>> runs_of_equal(["b/0", "b/1", "c", "b/3"], str, len)
    [['b/0', 'b/1'], ['c'], ['b/3']]
    >>> runs_of_equal(["norm1", "norm2", "conv1", "conv2", "conv3", "conv4"], str, len)
    [['norm1'], ['norm2'], ['conv1', 'conv2', 'conv3', 'conv4']]
    """
    groups: list[list[T]] = []
    for item in items:
        if groups and is_next_index(path(groups[-1][-1]), path(item)) and content(groups[-1][0]) == content(item):
            groups[-1].append(item)
        else:
            groups.append([item])
    return with_names(groups, path, content)


def with_names(groups: list[list[T]], path: Callable[[T], str], content: Callable[[T], Any]) -> list[list[T]]:
    """Return groups with the single neighbours joined that are equal but for the number at the end of their names."""
    found: list[list[list[T]]] = []
    for group in groups:
        before = found[-1][-1] if found else []
        alone = len(before) == len(group) == 1 and is_next_name(path(before[0]), path(group[0]))
        if alone and content(before[0]) == content(group[0]):
            found[-1].append(group)
        else:
            found.append([group])
    joined = ([[item for group in run for item in group]] if len(run) >= LEAST_NAMES else run for run in found)
    return [group for run in joined for group in run]


def is_next_index(one: str, other: str) -> bool:
    """Whether two paths are of consecutive entries of one list; a file skips entries without variables.

    >>> is_next_index("blocks/0", "blocks/1"), is_next_index("blocks/0", "blocks/2"), is_next_index("0", "1")
    (True, False, False)
    """
    (stem, _, first), (other_stem, _, second) = one.rpartition("/"), other.rpartition("/")
    numbers = stem and stem == other_stem and first.isdecimal() and second.isdecimal()
    return bool(numbers) and follows(first, second)


def follows(first: str, second: str) -> bool:
    """Whether digits are those of the next number; a file can have names of thousands of digits."""
    return max(len(first), len(second)) <= MOST_DIGITS and int(second) == int(first) + 1


def is_next_name(one: str, other: str) -> bool:
    """Whether two paths are of siblings whose names end in consecutive numbers.

    >>> is_next_name("dense_9", "dense_10"), is_next_name("a/conv1", "b/conv2"), is_next_name("dense", "dense_1")
    (True, False, False)
    """
    (stem, first), (other_stem, second) = numbered(one), numbered(other)
    return bool(stem and first and second) and stem == other_stem and follows(first, second)


def numbered(path: str) -> tuple[str, str]:
    """Return a path without the number that it ends in, and that number: ``("conv", "12")``."""
    stem = path.rstrip("0123456789")
    return stem, path[len(stem) :]


def path_of_run(first: str, last: str) -> str:
    """Return the path that stands for a run.

    >>> path_of_run("blocks/0", "blocks/125"), path_of_run("head", "head")
    ('blocks/0..125', 'head')
    """
    return first if first == last else f"{first}..{numbered(last)[1]}"
