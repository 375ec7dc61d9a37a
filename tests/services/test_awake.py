"""The computer is kept awake while something runs, and let go whatever happens."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from wakepy import keep

from playground.services.machine.awake import stay_awake


def test_it_is_held_for_as_long_as_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[bool] = []

    @contextmanager
    def running(**_: object) -> Iterator[None]:
        held.append(True)
        try:
            yield
        finally:
            held.append(False)

    monkeypatch.setattr(keep, "running", running)
    with stay_awake():
        assert held == [True]
    assert held == [True, False]
    with pytest.raises(KeyError), stay_awake():
        raise KeyError
    assert held == [True, False, True, False]


def test_where_the_system_refuses_the_work_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def refuses(**_: object) -> Iterator[None]:
        raise RuntimeError("no")
        yield

    @contextmanager
    def refuses_at_the_end(**_: object) -> Iterator[None]:
        yield
        raise RuntimeError("no")

    for running in (refuses, refuses_at_the_end):
        monkeypatch.setattr(keep, "running", running)
        done = []
        with stay_awake():
            done.append(True)
        assert done == [True]
