"""Sets of intervals, compared with plain sets of numbers."""

from hypothesis import given
from hypothesis import strategies as st

from playground.services.downloads.part_file import Intervals

SIZE = 40
pieces = st.lists(st.tuples(st.integers(0, SIZE), st.integers(0, SIZE)))


@given(pieces)
def test_it_holds_what_was_added_joined_and_in_order(added: list[tuple[int, int]]) -> None:
    held = Intervals(added)
    numbers = {n for start, stop in added for n in range(start, stop)}
    assert {n for start, stop in held.items() for n in range(start, stop)} == numbers
    assert held.total == len(numbers)
    edges = [edge for item in held.items() for edge in item]
    assert edges == sorted(set(edges))


@given(pieces)
def test_prefix_and_first_gap_meet(added: list[tuple[int, int]]) -> None:
    held = Intervals(added)
    numbers = {n for start, stop in added for n in range(start, stop)}
    missing = [n for n in range(SIZE) if n not in numbers]
    gap = held.first_gap(SIZE)
    if not missing:
        assert gap is None
        return
    assert gap is not None
    assert gap[0] == missing[0] == held.prefix
    assert all(n in missing for n in range(*gap))
    assert gap[1] == SIZE or gap[1] in numbers
