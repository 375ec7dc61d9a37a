"""Which bytes of a file are there: a set of half-open intervals."""

from bisect import bisect_left
from collections.abc import Iterable


class Intervals:
    """Joined, sorted intervals `[start, stop)` of whole numbers."""

    __slots__ = ("_items",)

    def __init__(self, items: Iterable[tuple[int, int]] = ()) -> None:
        self._items: list[tuple[int, int]] = []
        for start, stop in items:
            self.add(start, stop)

    @property
    def total(self) -> int:
        """How many numbers are in it."""
        return sum(stop - start for start, stop in self._items)

    @property
    def prefix(self) -> int:
        """How far it reaches from 0 without a gap."""
        return self._items[0][1] if self._items and self._items[0][0] == 0 else 0

    def items(self) -> tuple[tuple[int, int], ...]:
        """Return the intervals in order."""
        return tuple(self._items)

    def add(self, start: int, stop: int) -> None:
        """Add an interval, joining those it touches; an empty one changes nothing."""
        if stop <= start:
            return
        first = bisect_left(self._items, start, key=lambda item: item[1])
        last = first
        while last < len(self._items) and self._items[last][0] <= stop:
            start = min(start, self._items[last][0])
            stop = max(stop, self._items[last][1])
            last += 1
        self._items[first:last] = [(start, stop)]

    def first_gap(self, size: int) -> tuple[int, int] | None:
        """Return the first interval below `size` that is not in it, or `None`."""
        start = 0
        for item_start, item_stop in self._items:
            if item_start > start:
                break
            start = item_stop
        if start >= size:
            return None
        following = next((item[0] for item in self._items if item[0] > start), size)
        return start, min(following, size)
