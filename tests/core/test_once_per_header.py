"""What is worked out of a header is remembered, and never taken for another's."""

from pathlib import Path

from playground.core.gguf.header import GgufHeader, once_per_header
from tests.core.models_to_judge import header_of


def test_the_same_is_worked_out_once_and_another_header_has_its_own(tmp_path: Path) -> None:
    asked: list[tuple[int, int, int]] = []

    @once_per_header
    def layers(header: GgufHeader, factor: int = 1, *, more: int = 0) -> int:
        """Return a figure."""
        count = header.number("block_count") or 0
        asked.append((count, factor, more))
        return count * factor + more

    first, second = header_of(tmp_path), header_of(tmp_path)
    assert first == second
    count = layers(first)
    assert count > 0
    assert layers(first) == count
    assert len(asked) == 1
    assert layers(first, 2) == 2 * count
    assert layers(first, more=5) == count + 5
    assert layers(first) == count
    assert len(asked) == 3
    assert layers(second) == count
    assert len(asked) == 4
    assert layers.__doc__ == "Return a figure."
