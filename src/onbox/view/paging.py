"""A long list in pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class ListPage(Generic[T]):
    """One page of a list."""

    items: Sequence[T]
    number: int
    """From 1."""
    last: int
    total: int
    first: int
    """Place of the first item in the whole list, from 1; 0 of an empty list."""


def paged(items: Sequence[T], number: int, size: int) -> ListPage[T]:
    """The page of that number, or the nearest that there is."""
    last = max(1, -(-len(items) // size))
    number = min(max(1, number), last)
    first = (number - 1) * size
    return ListPage(items[first : first + size], number, last, len(items), first + 1 if items else 0)
