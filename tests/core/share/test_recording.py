"""Recordings: what goes in comes out, nothing that must stay goes in, and nothing is trusted."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.core.codec import bytes_to_text
from playground.core.errors import UsageError
from playground.core.events import (
    Alternative,
    Failed,
    Finished,
    InputPrepared,
    Notice,
    ReasoningDelta,
    RequestSent,
    StreamEvent,
    TextDelta,
    Token,
)
from playground.core.metrics import figures
from playground.core.runs import Cost, Provenance, Recorded, RunStatus, Thumb, TokenUsage
from playground.core.share import recording
from playground.core.share.document import EVERYTHING, Part
from playground.core.share.recording import Recording, read_recording, write_recording
from playground.core.targets import CloudTarget, LocalTarget, Provider
from tests.core.share.hostile import (
    KEY,
    NOON,
    PRIVATE,
    SECRETS,
    about,
    hostile,
    scrubber,
)

NOW = datetime(2026, 12, 24, 18, 0, tzinfo=UTC)
STARTS = {"run0": 0.0, "run1": 2.0, "run2": 12.5}


def written(*left_out: Part) -> str:
    comparison, events, _checked = hostile()
    return write_recording(comparison, events, STARTS, about(EVERYTHING - frozenset(left_out)))


def read(text: str) -> Recording:
    return read_recording(text.encode(), NOW)


def lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_recording_is_a_header_and_a_line_for_each_thing_that_happened() -> None:
    header, *rest = lines(written())
    assert header["format"] == "inference-playground/recording"
    assert header["version"] == 1
    assert header["date"] == "2026-11-27T14:20:00+00:00"
    assert [target["place"] for target in header["targets"]] == ["here", "cloud", "server"]
    assert rest[0][:2] == [0.0, "turn"]
    times = [t for t, _kind, _data in rest]
    assert times == sorted(times)
    starts = {data["column"]: t for t, kind, data in rest if kind == "start"}
    assert starts == {0: 0.0, 1: 2.0, 2: 12.5}
    assert all(isinstance(data["column"], int) for _t, _kind, data in rest[1:])


@pytest.mark.parametrize("left_out", [(), (Part.PROMPT, Part.NAMES, Part.MACHINE)])
def test_nothing_that_must_stay_is_in_a_recording(left_out: tuple[Part, ...]) -> None:
    text = written(*left_out)
    for secret in SECRETS:
        assert secret not in text
    # not in pieces either: the answer was written four letters at a time
    whole = "".join(d["text"] for _t, kind, d in lines(text)[1:] if kind == "text")
    assert KEY not in whole
    assert "hosts" not in text or '"hosts":[]' in text
    if left_out:
        for name in ('HYPERLINK(\\"http', "Qwen", "large-1", "Acme", "16 GB", "Be brief", "abab"):
            assert name not in text.split('"text"')[0]


def test_what_is_recorded_comes_out_with_the_same_figures() -> None:
    comparison, events, _checked = hostile()
    found = read(written())
    turn, again = comparison.turns[0], found.comparison.turns[0]
    assert found.comparison.recorded == Recorded(NOON, "16 GB of memory, 8 cores, [computer]")
    assert found.comparison.created_at == NOW
    for before, after in zip(turn.runs, again.runs, strict=True):
        assert after.status is before.status
        assert after.finish_reason == before.finish_reason
        assert after.cost == before.cost
        assert after.order == before.order
        assert after.usage == before.usage
        assert after.text == "".join(scrubber().clean_pieces([before.text]))
        old, new = figures(before), figures(after)
        for name in ("ttft_s", "total_s", "load_s", "connect_s", "prompt_tokens", "cost_usd"):
            a, b = getattr(old, name), getattr(new, name)
            assert (a is None) == (b is None)
            if a is not None:
                assert b.value == pytest.approx(a.value, abs=2e-6)
                assert b.provenance is a.provenance
    kinds = [type(event) for event in events["run1"]]
    assert [type(event) for event in found.timelines[again.runs[1].id]] == kinds
    gaps = [(run.started_at - again.runs[0].started_at).total_seconds() for run in again.runs]  # type: ignore[operator]
    assert gaps == pytest.approx([0.0, 2.0, 12.5])


def test_a_recording_of_a_recording_is_still_of_its_first_day() -> None:
    found = read(written())
    starts = dict(zip(found.timelines, STARTS.values(), strict=True))
    again = write_recording(found.comparison, found.timelines, starts, about())
    header = lines(again)[0]
    assert header["date"] == "2026-11-27T14:20:00+00:00"
    assert read(again).comparison.recorded == found.comparison.recorded


def test_what_is_left_out_is_not_there_afterwards() -> None:
    found = read(written(Part.PROMPT, Part.NAMES, Part.MACHINE)).comparison
    assert found.turns[0].prompt == "The question was left out by the author."
    assert found.turns[0].note == ""
    assert found.turns[0].checks == ()
    assert [target.label for target in found.targets] == ["A", "B", "C"]
    assert found.recorded == Recorded(NOON, "")


def test_thumbs_and_the_note_come_along() -> None:
    comparison, _events, _checked = hostile()
    (turn,) = comparison.turns
    (again,) = read(written()).comparison.turns
    assert again.note == scrubber().clean(turn.note)
    given = [again.thumb_of(run.id) for run in again.runs]
    assert given == [turn.thumb_of(run.id) for run in turn.runs]
    assert given == [Thumb.UP, Thumb.DOWN, Thumb.DOWN]
    # it may say which model it is about
    assert read(written(Part.NAMES)).comparison.turns[0].note == ""


def test_a_recording_of_an_older_version_has_neither_thumbs_nor_a_note() -> None:
    rows = lines(written())
    for _t, _kind, row in rows[1:]:
        row.pop("note", None)
        row.pop("thumb", None)
    (turn,) = read("\n".join(map(json.dumps, rows))).comparison.turns
    assert (turn.note, turn.thumbs) == ("", ())


def test_a_note_that_no_field_could_show_is_cut_and_an_unknown_thumb_refused() -> None:
    rows = lines(written())
    (asked,) = (row for _t, kind, row in rows[1:] if kind == "turn")
    asked["note"] = "x" * 1_000_000
    (turn,) = read("\n".join(map(json.dumps, rows))).comparison.turns
    assert turn.note == "x" * 20_000
    (*_, end) = (row for _t, kind, row in rows[1:] if kind == "end")
    end["thumb"] = "sideways"
    with pytest.raises(UsageError, match="cannot be read"):
        read("\n".join(map(json.dumps, rows)))


@pytest.mark.parametrize("part", [Part.NAMES, Part.PROMPT, Part.MACHINE])
def test_errors_and_notices_are_left_out_with_what_they_may_quote(part: Part) -> None:
    found = read(written(part))
    events = [event for timeline in found.timelines.values() for event in timeline]
    assert {e.error.message for e in events if isinstance(e, Failed)} == {"It failed."}
    assert {e.message for e in events if isinstance(e, Notice)} == {""}


def test_nothing_can_be_sent_to_what_a_recording_names() -> None:
    for target in read(written()).comparison.targets:
        if isinstance(target, LocalTarget):
            assert target.model.is_recorded
            assert not target.model.path.is_absolute()
        else:
            assert isinstance(target, CloudTarget)
            assert target.provider.base_url == ""
            assert target.provider.id.startswith("recorded-")
            assert target.provider.key_env is None


def test_a_provider_of_ones_own_may_be_called_recorded() -> None:
    assert not Provider("recorded-mine", "Recorded mine", "https://api.example.com").is_recorded
    (recorded,) = (t.provider for t in read(written()).comparison.targets[1:2])  # type: ignore[union-attr]
    assert recorded.is_recorded


def test_settings_that_hold_texts_stay_here() -> None:
    given_input = [
        event
        for timeline in read(written()).timelines.values()
        for event in timeline
        if isinstance(event, InputPrepared)
    ]
    assert given_input[0].model_input.settings == (("temperature", 0.5),)
    assert PRIVATE not in str(given_input)


@pytest.mark.parametrize("part", [Part.ANSWERS, Part.FIGURES])
def test_a_recording_without_answers_or_times_is_refused(part: Part) -> None:
    with pytest.raises(UsageError, match="made of the answers and their times"):
        written(part)


def test_an_open_vote_cannot_be_recorded() -> None:
    comparison, events, _checked = hostile(hidden_names=True)
    with pytest.raises(UsageError, match="names are still hidden"):
        write_recording(comparison, events, STARTS, about())


def test_unknown_kinds_are_skipped() -> None:
    text = written().splitlines()
    text.insert(3, '[0.5,"marker",{"words":"here"}]')
    text.insert(4, '[0.5,"marker",17]')
    assert len(read("\n".join(text)).comparison.turns) == 1


def test_an_answer_that_was_cut_off_ends_where_the_recording_does() -> None:
    text = [line for line in written().splitlines() if '"finished"' not in line.split("{")[0]]
    runs = read("\n".join(text)).comparison.turns[0].runs
    assert [run.status for run in runs] == [
        RunStatus.CANCELLED,
        RunStatus.CANCELLED,
        RunStatus.FAILED,
    ]
    assert runs[0].timings.total_s is not None


HEADER = written().splitlines()[0]
TURN = written().splitlines()[1]
START = '[0,"start",{"column":0}]'


def changed(change: Callable[[dict[str, Any]], object]) -> str:
    header = json.loads(HEADER)
    change(header)
    return json.dumps(header)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("hello", "Line 1 of the recording cannot be read"),
        ("{}", "Line 1 .*no recording of this program"),
        (changed(lambda h: h.update(version=99)), "Line 1 .*newer version"),
        (changed(lambda h: h.update(version=0)), "Line 1 .*no version"),
        (changed(lambda h: h.update(version=True)), "Line 1 .*no version"),
        (changed(lambda h: h.update(targets=[])), "Line 1 .*no models, or too many"),
        (changed(lambda h: h.update(targets=h["targets"] * 40)), "Line 1 .*too many"),
        (changed(lambda h: h["targets"][0].update(place="moon")), "Line 1 "),
        (changed(lambda h: h["targets"][0].update(name=7)), "Line 1 "),
        (changed(lambda h: h.update(date="yesterday")), "Line 1 "),
        (changed(lambda h: h.update(sampling={"seed": "x"})), "Line 1 "),
        (HEADER, "no question"),
        (f"{HEADER}\n[0]", "Line 2 .*not a time, a kind and its data"),
        (f'{HEADER}\n["0","turn",{{}}]', "Line 2 .*time is no number"),
        (f'{HEADER}\n[-1,"turn",{{}}]', "Line 2 .*time cannot be true"),
        (f'{HEADER}\n[NaN,"turn",{{}}]', "Line 2 .*NaN is no number"),
        (f'{HEADER}\n[1e400,"turn",{{}}]', "Line 2 "),
        (f'{HEADER}\n[0,"turn",7]', "Line 2 "),
        (f'{HEADER}\n[0,"turn",{{"prompt":"x","order":"sideways"}}]', "Line 2 "),
        (
            f'{HEADER}\n[0,"turn",{{"prompt":"","order":"fair","targets":[3]}}]',
            "Line 2 .*not there",
        ),
        (f"{HEADER}\n{START}", "Line 2 .*answer is not there"),
        (f'{HEADER}\n{TURN}\n[0,"start",{{"column":9}}]', "Line 3 .*answer is not there"),
        (f'{HEADER}\n{TURN}\n[0,"start",{{"column":true}}]', "Line 3 .*belongs to no answer"),
        (f"{HEADER}\n{TURN}\n{START}\n{START}", "Line 4 .*starts once"),
        (f'{HEADER}\n{TURN}\n[0,"text",{{"column":0,"text":"x"}}]', "Line 3 .*before its answer"),
        (f'{HEADER}\n{TURN}\n{START}\n[0,"text",{{"column":0,"text":7}}]', "Line 4 "),
        (f'{HEADER}\n{TURN}\n{START}\n[0,"finished",{{"column":0}}]', "Line 4 "),
        ("[" * 100_000, "Line 1 "),
        (f"{HEADER}\n{TURN}\n[{'9' * 5000},0,0]", "Line 3 "),
    ],
)
def test_what_cannot_be_read_is_told_in_a_sentence_with_its_line(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as raised:
        read(text)
    assert "\n" not in raised.value.message
    assert len(raised.value.message) < 400


def test_sizes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit, value, said in (
        ("MAX_BYTES", 10, "larger than"),
        ("_MAX_LINES", 3, "more than 3 lines"),
        ("_MAX_LINE", 100, "too long"),
        ("_MAX_TEXT", 30, "too long"),
        ("_MAX_TURNS", 0, "too many questions"),
        ("_MAX_ANSWERS", 2, "too many answers"),
        ("_MAX_ASKED", 100, "too long together"),
    ):
        with monkeypatch.context() as context:
            context.setattr(recording, limit, value)
            with pytest.raises(UsageError, match=said):
                read(written())


SENT = '[0,"sent",{"column":0}]'
ENDED = '[3,"finished",{"column":0,"usage":{},"finish_reason":"stop"}]'


def said(t: float, text: str = "some words more") -> str:
    return json.dumps([t, "text", {"column": 0, "text": text}])


def used(**usage: int) -> str:
    return json.dumps([3, "finished", {"column": 0, "usage": usage, "finish_reason": "stop"}])


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([SENT, said(1), ENDED, said(4, "forged")], "Line 7 .*after the end"),
        ([SENT, ENDED, ENDED], "Line 6 .*after the end"),
        ([SENT, said(1), '[2,"end",{"column":0}]', said(2, "forged")], "Line 7 .*after the end"),
        ([SENT, said(5), said(2), ENDED], "times of an answer"),
        ([said(1), '[2,"sent",{"column":0}]', ENDED], "times of an answer"),
        ([SENT, used(completion_tokens=-7)], "Line 5 .*figure"),
        ([SENT, used(prompt_tokens=2**62)], "Line 5 .*figure"),
        (['[0,"sent",{"column":0,"load_s":-5}]', ENDED], "Line 4 .*figure"),
        (['[0,"load",{"column":0,"fraction":7}]'], "Line 4 .*figure"),
        (['[0,"reading",{"column":0,"processed":-5,"total":3}]'], "Line 4 .*figure"),
        (
            ['[1,"text",{"column":0,"text":"a","tokens":[{"text":"a","t_s":-9}]}]'],
            "Line 4 .*figure",
        ),
        (
            ['[1,"text",{"column":0,"text":"a","tokens":[{"text":"a","t_s":1,"probability":5}]}]'],
            "Line 4 .*figure",
        ),
        (
            [
                SENT,
                ENDED.replace("{}", '{"processed_tokens":9}').replace("}]", ',"prompt_s":1e-320}]'),
            ],
            "times of an answer",
        ),
    ],
)
def test_what_cannot_have_happened_is_refused(rows: list[str], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        read("\n".join([HEADER, TURN, START, *rows]))


def test_each_answer_is_of_a_question_after_what_its_model_was_asked_before() -> None:
    rows = [SENT, said(1, "first answer"), ENDED, TURN, START, SENT, said(1), ENDED]
    first, second = read("\n".join([HEADER, TURN, START, *rows])).comparison.turns
    system, asked = first.runs[0].request.messages
    again = second.runs[0].request.messages
    assert [m.content for m in again] == [
        system.content,
        asked.content,
        "first answer",
        asked.content,
    ]
    assert second.runs[1].request.messages == (system, asked)


def test_a_check_that_cannot_be_read_is_refused_with_its_line() -> None:
    turn = json.loads(TURN)
    turn[2]["checks"] = [{"kind": "regex", "expected": "("}]
    with pytest.raises(UsageError, match="Line 2 of the recording"):
        read(f"{HEADER}\n{json.dumps(turn)}")


def test_a_file_that_is_no_text_is_refused() -> None:
    with pytest.raises(UsageError, match="not text in UTF-8"):
        read_recording(b"\xff\xfe\x00", NOW)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["column", "text", "tokens", "usage", "error", "order", "cost", "hosts"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
KINDS = st.sampled_from([*recording._KINDS, "turn", "start", "end", "marker"])


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 5), KINDS, JSON), max_size=4))
def test_nothing_in_a_file_is_a_bug(rows: list[tuple[float, str, Any]]) -> None:
    text = "\n".join([HEADER, TURN, START, *(json.dumps(row) for row in rows)])
    try:
        found = read(text)
    except UsageError:
        return
    for turn in found.comparison.turns:
        for run in turn.runs:
            figures(run)


def test_an_end_that_lies_about_its_cost_is_refused() -> None:
    cost = {"usd": -5.0, "kind": "api", "provenance": "reported"}
    end = json.dumps([1, "end", {"column": 0, "status": "finished", "cost": cost}])
    with pytest.raises(UsageError, match=r"Line 4 .*cost cannot be true"):
        read(f"{HEADER}\n{TURN}\n{START}\n{end}")


def test_events_that_went_to_hosts_come_in_without_them() -> None:
    text = written().replace('"hosts":[]', '"hosts":[{"host":"evil","bytes_sent":1}]')
    for timeline in read(text).timelines.values():
        for event in timeline:
            assert not getattr(event, "hosts", ())
            assert not isinstance(event, Finished) or event.hosts == ()


def test_a_run_that_never_began_is_there_without_a_start() -> None:
    comparison, events, _checked = hostile()
    turn = comparison.turns[0]
    waiting = replace(turn.runs[2], status=RunStatus.CANCELLED, started_at=None, error=None)
    whole = replace(comparison, turns=(replace(turn, runs=(*turn.runs[:2], waiting)),))
    text = write_recording(whole, events, {"run0": 0.0, "run1": 1.0}, about())
    found = read(text)
    run = found.comparison.turns[0].runs[2]
    assert run.status is RunStatus.CANCELLED
    assert run.started_at is None
    assert found.timelines[run.id] == ()


@pytest.mark.parametrize("part", [Part.NAMES, Part.MACHINE])
def test_how_a_cost_was_reckoned_is_left_out_with_what_it_tells(part: Part) -> None:
    comparison, events, _checked = hostile()
    turn = comparison.turns[0]
    cost = Cost(0.1, "api", Provenance.REPORTED, "Acme reports $0.1, at 35 W")
    runs = tuple(replace(run, cost=cost) for run in turn.runs)
    told = replace(comparison, turns=(replace(turn, runs=runs),))
    assert "Acme reports" in write_recording(told, events, STARTS, about())
    text = write_recording(told, events, STARTS, about(EVERYTHING - {part}))
    assert "reports" not in text
    assert [run.cost for run in read(text).comparison.turns[0].runs] == [
        replace(cost, explanation="")
    ] * 3


def test_what_could_have_been_written_instead_tells_nothing_either() -> None:
    comparison, events, _checked = hostile()
    others = tuple(
        Alternative(text, 0.1, n, text.encode()) for n, text in enumerate((" zelda", KEY, " hi"))
    )
    said = TextDelta(1.0, " hello", (Token(" hello", 1.0, 0.5, others, 9, b" hello", 1),))
    thought = ReasoningDelta(0.9, "", (Token(KEY, 0.9, 0.5, (), 9, KEY.encode(), 1),))
    ended = Finished(2.0, TokenUsage(1, 1), f"stop {KEY}\x07")
    changed_events = {**events, "run0": [RequestSent(0.5), thought, said, ended]}
    text = write_recording(comparison, changed_events, STARTS, about())
    for secret in (*SECRETS, *(bytes_to_text(s.encode()) for s in (KEY, " zelda"))):
        assert secret not in text
    (token,) = next(e.tokens for e in read_events(text) if isinstance(e, TextDelta) and e.tokens)
    assert [other.text for other in token.alternatives] == [" hi"]


def read_events(text: str) -> list[StreamEvent]:
    return [event for timeline in read(text).timelines.values() for event in timeline]
