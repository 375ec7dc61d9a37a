"""Values survive the way through JSON, and data that does not fit is refused."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.core.chat import SamplingParams
from playground.core.codec import decode, encode
from playground.core.events import StreamEvent, TextDelta, Token
from playground.core.targets import CloudTarget, LocalTarget, ModelFile, Provider, Target


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Inner:
    number: float = 0.0


@dataclass(frozen=True, slots=True)
class Everything:
    whole: int
    text: str | None = None
    flag: bool = False
    raw: bytes | None = None
    colour: Colour = Colour.RED
    path: Path | None = None
    when: datetime | None = None
    pair: tuple[str, int] = ("", 0)
    many: tuple[Inner, ...] = ()
    names: frozenset[str] = frozenset()
    by_name: dict[str, Inner] = field(default_factory=dict)


def through_json(kind: Any, value: object) -> object:
    return decode(kind, json.loads(json.dumps(encode(value))))


def test_every_kind_of_field_comes_back() -> None:
    value = Everything(
        whole=2**53 + 1,
        text="ümläut \ud800 \0 🏳️‍🌈",
        flag=True,
        raw=bytes(range(256)),
        path=Path("/a b/c"),
        when=datetime(2026, 1, 2, 3, 4, 5, 6, UTC),
        pair=("x", 1),
        many=(Inner(0.1), Inner(2)),
        names=frozenset({"b", "a"}),
        by_name={"k": Inner(1.5)},
    )
    assert through_json(Everything, value) == value


@given(st.text(), st.floats(allow_nan=False), st.lists(st.tuples(st.text(), st.binary())))
def test_any_token_comes_back(text: str, stamp: float, pieces: list[tuple[str, bytes]]) -> None:
    tokens = (Token(piece, stamp, id=len(raw), raw=raw) for piece, raw in pieces)
    event = TextDelta(stamp, text, tuple(tokens))
    assert through_json(StreamEvent, event) == event


@pytest.mark.parametrize(
    "target",
    [
        LocalTarget(ModelFile(Path("/m.gguf"), "m", 1, "Starter")),
        CloudTarget(Provider("p", "P", "https://p"), "m"),
    ],
)
def test_one_of_several_kinds_comes_back_as_itself(target: Target) -> None:
    assert through_json(Target, target) == target


def test_missing_fields_keep_their_default_and_unknown_ones_are_left_out() -> None:
    assert decode(SamplingParams, {"top_k": 3, "hologram": 1}) == SamplingParams(top_k=3)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (int, "3"),
        (int, 10**400),
        (float, -(10**400)),
        (int, 3.5),
        (int, True),
        (bool, 1),
        (str, None),
        (bytes, "a"),
        (bytes, "ü==="),
        (bytes, "YW!I="),
        (bytes, 3),
        (float, "1"),
        (Colour, "blue"),
        (Colour, 3),
        (Path, 3),
        (datetime, "yesterday"),
        (datetime, 5),
        (tuple[int, ...], 5),
        (tuple[int, ...], "12"),
        (tuple[str, int], ["a"]),
        (dict[str, int], [1]),
        (Everything, {}),
        (Everything, []),
        (Everything, {"whole": None}),
        (Target, {"type": "Nobody"}),
        (Target, {"model": "m"}),
        (StreamEvent, "TextDelta"),
    ],
)
def test_data_that_does_not_fit_is_refused(kind: Any, data: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decode(kind, data)


def test_a_whole_number_is_a_float_where_one_is_expected() -> None:
    value = decode(Inner, {"number": 2})
    assert isinstance(value.number, float)


def test_what_has_no_place_in_json_is_refused() -> None:
    with pytest.raises(TypeError):
        encode(object())
