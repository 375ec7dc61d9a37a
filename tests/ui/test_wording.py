"""Figures into words."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from playground.core.amounts import money, rate, seconds
from playground.core.chat import ChatRequest
from playground.core.leads import TIE, Best, best_of
from playground.core.metrics import figures
from playground.core.names import shortened
from playground.core.runs import (
    TOOL_ASKED,
    Cost,
    HostContact,
    MachineLoad,
    Provenance,
    Run,
    RunOrder,
    RunStatus,
    StreamCounts,
    Timings,
    TokenUsage,
    Turn,
)
from playground.core.targets import CloudModel, CloudTarget, LocalTarget, ModelFile, Provider, Tier
from playground.services.library.index import disambiguate
from playground.store.secrets import KeyringState, SecretStore
from playground.ui.answers.metric_cells import details, metric_cells
from playground.ui.answers.metrics_card import MetricCell
from playground.ui.answers.summary import SummaryCard, summary, vote_view_model
from playground.ui.answers.view_model import answer_view_model
from playground.ui.format import footer, head, size_words
from playground.ui.pages.compare.target_bar import _chip
from playground.ui.pages.compare.targets import _cloud_entries
from playground.ui.pages.providers.page import ProviderCard, ProviderEntry
from playground.ui.theme.theme import Theme

CLOUD = Provider("c", "Example Cloud", "https://api.example.com/v1", Tier.STUDIO)
OWN = Provider("o", "Ollama", "http://localhost:11434/v1")
AT_HOME = Provider("h", "The attic", "http://192.168.1.20:8080/v1")
PRACTICE = Provider("practice", "Practice cloud", "http://127.0.0.1:9/v1", is_practice=True)


def local(name: str = "Smol") -> LocalTarget:
    return LocalTarget(ModelFile(Path(f"/{name}.gguf"), name, 98_000_000, "Starter"))


def run(
    name: str = "Smol",
    *,
    target: LocalTarget | CloudTarget | None = None,
    ttft: float = 0.2,
    words: int = 20,
    cost: Cost | None = None,
    status: RunStatus = RunStatus.FINISHED,
    **rest: object,
) -> Run:
    return Run(
        id=name,
        target=target or local(name),
        request=ChatRequest(()),
        order=0,
        status=status,
        text="text",
        timings=Timings(ttft_s=ttft, generation_s=1.0, total_s=ttft + 1),
        counts=StreamCounts(chunks=5, tokens=5, characters=20, words=words, first_chunk_words=1),
        usage=TokenUsage(10, 5, provenance=Provenance.MEASURED),
        sent_t_s=0.0,
        cost=cost or Cost(4e-6, "electricity", Provenance.ESTIMATED, "2 s × 15 W"),
        **rest,  # type: ignore[arg-type]  # fields of Run
    )


@pytest.mark.parametrize(
    ("usd", "words"),
    [
        (None, "—"),
        (0.0, "$0"),
        (4.2e-6, "$0.000004"),
        (9.96e-5, "$0.0001"),
        (0.00021, "$0.00021"),
        (0.0011, "$0.0011"),
        (0.004, "$0.004"),
        (0.1, "$0.10"),
        (1.1, "$1.10"),
        (1234.5, "$1,234.50"),
        (1e-12, "< $0.000000001"),
    ],
)
def test_money_is_never_in_powers_of_ten(usd: float | None, words: str) -> None:
    assert money(usd) == words
    if usd:
        assert money(usd, is_estimate=True) == f"≈ {words}"


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "—"), (0.043, "0.04 s"), (0.2, "0.2 s"), (12.34, "12.3 s"), (125.0, "2 min 5 s")],
)
def test_durations(value: float | None, words: str) -> None:
    assert seconds(value) == words


def test_sizes_and_speeds() -> None:
    assert [size_words(n) for n in (None, 12, 1400, 98_000_000, 999_900, 31_620_000_000)] == [
        "—",
        "12 bytes",
        "1.4 KB",
        "98 MB",
        "1.0 MB",
        "31.6 GB",
    ]
    assert [rate(n) for n in (None, 1.234, 78.4, 1234.0)] == ["—", "1.2", "78", "1,234"]


def test_a_practice_cloud_is_never_called_a_cloud_without_saying_where_it_is() -> None:
    words = head(CloudTarget(PRACTICE, "smol")).place
    assert words == "Practice cloud, on this computer"
    assert head(CloudTarget(OWN, "x")).place == "Your server, on this computer"
    assert head(CloudTarget(CLOUD, "x")).place == "In the cloud"
    assert head(CloudTarget(AT_HOME, "x")).place == "In your network"
    assert head(CloudTarget(PRACTICE, "x"), in_presentation_mode=True).place.endswith(", here")
    assert head(CloudTarget(OWN, "x"), in_presentation_mode=True).place == "Server, here"


def test_a_place_has_one_colour_and_one_icon_on_every_page(theme: Theme) -> None:
    looks = {
        OWN: ("local", "home"),
        AT_HOME: ("network", "server"),
        CLOUD: ("cloud", "cloud"),
        PRACTICE: ("cloud", "cloud"),
    }
    for provider, look in looks.items():
        target = CloudTarget(provider, "x")
        named = head(target)
        assert (named.tone, named.icon) == look
        chip = _chip(target, is_alone=True)
        assert (chip.tone, chip.icon) == look
        offered = (CloudModel(provider.id, "x"),)
        (entry,) = _cloud_entries(provider, offered, set())
        assert (entry.tone, entry.icon) == look
        card = ProviderCard(theme, lambda _provider, _action: None)
        card.show_entry(ProviderEntry(provider))
        assert (card._place._tone, card._place._icon) == look
        card.deleteLater()


@pytest.mark.parametrize("there", ["Another" + "Name" * 18, "accounts/models/" + "Name" * 18])
def test_a_summary_of_long_names_has_room_in_the_smallest_window_at_200_percent(
    theme: Theme, qtbot: QtBot, there: str
) -> None:
    theme.set_appearance(scale=2.0)
    long = "Another" + "Name" * 18
    provider = replace(CLOUD, name="AProvider" + "WithoutAGap" * 6)
    one = run("a", target=local(long))
    other = run("b", target=CloudTarget(provider, there), ttft=0.5, words=90)
    for runs in ((one, other), (one,)):
        turn = Turn("t", "Hello", RunOrder.FAIR, runs, winner_run_id="a")
        card = SummaryCard(theme)
        qtbot.addWidget(card)
        card.show_turn(summary(turn), vote_view_model(turn, asks_vote=True, is_hidden=False))
        assert card.minimumSizeHint().width() <= 600


@pytest.mark.parametrize(
    ("finish", "words"),
    [("content_filter", "filter held the answer back"), ("length", "was cut off")],
)
def test_above_an_answer_that_is_not_whole_stands_why(finish: str, words: str) -> None:
    assert words in " ".join(answer_view_model(run(finish_reason=finish)).notices)


def test_a_call_of_a_tool_is_told_once() -> None:
    asked = run("t", finish_reason="tool_calls", notices=(f"{TOOL_ASKED} “search”: none here",))
    assert answer_view_model(asked).notices == asked.notices
    silent = replace(asked, notices=("It came in one piece",))
    assert len(answer_view_model(silent).notices) == 2


def test_a_room_is_told_what_a_thousand_answers_cost_and_no_costs_in_the_line() -> None:
    runs = (run("a"), run("b", ttft=0.4))
    best = best_of([(one, figures(one)) for one in runs])
    cell = metric_cells(runs[0], figures(runs[0]), best, on_stage=True)[3]
    assert (cell.value, cell.caption) == ("≈ $0.004", "electricity, 1,000 times")
    turn = Turn("t", "Hello", RunOrder.FAIR, runs)
    assert "started first" in summary(turn, has_costs=False)
    assert "$" not in summary(turn, has_costs=False)


# what a person who knows nothing of this meets first; the field's word is in tooltips and details
_JARGON = re.compile(r"keyring|logprob|endpoint|\bAPI\b|\bLLM\b|\bGPU found", re.IGNORECASE)


@pytest.mark.parametrize("state", KeyringState)
def test_where_keys_are_kept_is_said_in_plain_words(state: KeyringState) -> None:
    store = SecretStore({})
    store._state = state
    assert not _JARGON.search(store.storage())
    assert head(local()).place == "On this computer"


def test_the_footer_says_where_the_words_went_and_what_was_not_counted() -> None:
    loaded = run(target=local())
    loaded = Run(**{**_fields(loaded), "timings": Timings(load_s=1.93, ttft_s=0.1, total_s=1.0)})
    assert footer(loaded) == (
        "Nothing left this computer · model loaded in 1.9 s, not counted",
        "home",
    )
    cloud = run(
        target=CloudTarget(CLOUD, "x"),
        hosts=(HostContact("api.example.com", 1400),),
    )
    assert footer(cloud) == ("1.4 KB went to api.example.com", "cloud")
    practice = run(target=CloudTarget(PRACTICE, "x"), hosts=(HostContact("127.0.0.1", 900),))
    assert footer(practice)[0] == "900 bytes went to 127.0.0.1, which is this computer"
    kept = Run(**{**_fields(run()), "usage": TokenUsage(40, 5, cached_tokens=30)})
    assert "75 % of the prompt was still known" in footer(kept)[0]
    assert "tokens" not in footer(kept, in_presentation_mode=True)[0]


def test_what_never_arrived_anywhere_is_not_said_to_have_gone_there() -> None:
    refused = run(target=CloudTarget(CLOUD, "x"), status=RunStatus.FAILED)
    assert footer(refused)[0] == "Nothing was sent: there was no connection"
    stopped = run(
        target=CloudTarget(CLOUD, "x"),
        status=RunStatus.CANCELLED,
        hosts=(HostContact("api.example.com", None),),
    )
    assert footer(stopped)[0] == "The words went to api.example.com"


def test_an_unknown_cost_says_why_it_is_unknown() -> None:
    own = run(cost=Cost(None, "electricity", None, "What your own server draws is not known here."))
    assert cells(own)[3].explanation == "What your own server draws is not known here."


def test_an_answer_that_was_stopped_is_not_called_whole() -> None:
    words = {
        RunStatus.CANCELLED: "stopped after",
        RunStatus.FAILED: "broke off after",
        RunStatus.FINISHED: "whole answer",
    }
    for status, caption in words.items():
        assert [cell.caption for cell in cells(run(status=status))][2] == caption


def test_a_program_that_ended_is_not_blamed_on_the_person() -> None:
    cut = run("Smol", status=RunStatus.CANCELLED, finish_reason="interrupted")
    line = summary(Turn("t", "Hello", RunOrder.FAIR, (cut, run("b"))))
    assert "Smol broke off when the program ended." in line
    assert "You stopped" not in line


def best(*runs: Run) -> Best:
    return best_of([(run, figures(run)) for run in runs])


def cells(run: Run, *, in_tokens: bool = False) -> tuple[MetricCell, ...]:
    return metric_cells(run, figures(run), Best(), in_tokens=in_tokens)


def _fields(value: Run) -> dict[str, object]:
    return {name: getattr(value, name) for name in Run.__dataclass_fields__}


def test_the_best_figure_is_only_marked_where_all_are_known() -> None:
    quick, slow = run("quick", ttft=0.1), run("slow", ttft=0.4, words=60)
    found = best(quick, slow)
    assert (found.first, found.speed, found.total) == ("quick", "slow", "quick")
    writing = run("slow", status=RunStatus.WRITING)
    assert best(quick, writing) == Best("quick")
    assert best(quick) == Best()
    assert best(quick, run("x", status=RunStatus.FAILED)).first is None
    assert best(quick, run("cut", finish_reason="length")).first is None


def test_one_asked_again_that_finds_its_prompt_read_does_not_begin_first() -> None:
    slow = run("slow", ttft=0.4, words=60)
    anew = run("again", ttft=0.1, replaces="before")
    again = replace(anew, usage=TokenUsage(20, 10, cached_tokens=19))
    found = best(again, slow)
    assert (found.first, found.total, found.speed) == (None, None, "slow")
    assert best(anew, slow).first == "again"


def test_a_lead_that_cannot_be_seen_is_none() -> None:
    one, other = run("a", ttft=0.101, words=20), run("b", ttft=0.104, words=20)
    assert best(one, other) == Best(TIE, TIE, TIE, TIE)
    assert not any(
        cell.is_best
        for each in (one, other)
        for cell in metric_cells(each, figures(each), best(one, other))
    )
    turn = Turn("t", "Hello", RunOrder.FAIR, (one, other))
    assert summary(turn).startswith("First word and speed: <b>no real difference</b>.")
    quick = replace(turn, runs=(one, run("b", ttft=0.104, words=90)))
    assert "First word: <b>no real difference</b>. b wrote <b>fastest</b>" in summary(quick)
    early = replace(turn, runs=(one, run("b", ttft=0.4, words=20)))
    assert "a <b>started first</b>. Speed: <b>no real difference</b>." in summary(early)


def test_a_line_says_each_place_once() -> None:
    here = run("a", target=local("SmolLM2 135M"))
    there = run("b", target=CloudTarget(PRACTICE, "smollm2-135m"), ttft=0.5, words=90)
    line = summary(Turn("t", "Hello", RunOrder.FAIR, (here, there)))
    assert line.count("(on this computer)") == 1
    assert line.count("SmolLM2 135M on this computer") == 1
    assert "electricity for the one here" in line
    assert "for the practice cloud." in line
    twice = summary(Turn("t", "Hello", RunOrder.FAIR, (here, replace(here, id="c"))))
    assert "the one here" not in twice, "it would be either of them"


def test_the_line_says_when_a_figure_is_that_of_a_busy_or_hot_computer() -> None:
    quiet = run("a", machine_load=MachineLoad(0.02, was_throttled=False))
    busy = run("b", machine_load=MachineLoad(1.13, was_throttled=False))
    hot = run("c", machine_load=MachineLoad(0.02, was_throttled=True))
    turn = Turn("t", "Hello", RunOrder.FAIR, (quiet, busy, hot))
    line = summary(turn)
    # a test of this program is no other program
    assert "Other work kept this computer busy</b> meanwhile: b may be faster" in line
    on_stage = summary(turn, has_costs=False)
    assert "was busy</b>: b may be faster" in on_stage
    for each in (line, on_stage):
        assert "<b>too hot</b>: c may be faster" in each
    assert "may be" not in summary(Turn("t", "Hello", RunOrder.FAIR, (quiet, run("d"))))


def test_speed_can_be_shown_in_tokens() -> None:
    words = cells(run())[1]
    tokens = cells(run(), in_tokens=True)[1]
    assert (words.caption, words.value) == ("words a second", "19")
    assert (tokens.caption, tokens.value) == ("tokens a second", "4.0")


def test_the_line_names_who_was_first_who_was_fastest_and_what_a_thousand_cost() -> None:
    cloud = run(
        "c",
        target=CloudTarget(CLOUD, "large-1"),
        ttft=0.5,
        words=90,
        cost=Cost(0.0011, "api", Provenance.REPORTED),
    )
    unknown = run("u", target=CloudTarget(CLOUD, "odd"), ttft=0.7, cost=Cost(None, "api", None))
    line = summary(Turn("t", "Hello", RunOrder.FAIR, (run(), cloud, unknown)))
    assert "Smol <b>started first</b>; large-1 wrote <b>fastest</b> (89 words a second)." in line
    assert "<b>≈ $0.004</b> electricity for Smol" in line
    assert "<b>$1.10</b> for large-1" in line
    assert "<b>unknown</b> for odd" in line


def test_an_amount_below_all_digits_is_not_read_as_a_mark() -> None:
    tiny = run(cost=Cost(1e-14, "electricity", Provenance.ESTIMATED))
    line = summary(Turn("t", "Hello", RunOrder.FAIR, (tiny,)))
    assert "<b>≈ &lt; $0.000000001</b> electricity for Smol" in line


def test_the_line_tells_namesakes_apart_and_says_who_failed() -> None:
    here, there = run("a", target=local("same")), run("b", target=CloudTarget(CLOUD, "same"))
    failed = run("f", target=local("broken"), status=RunStatus.FAILED)
    line = summary(Turn("t", "Hello", RunOrder.FAIR, (here, there, failed)))
    assert "same on this computer" in line
    assert "same at Example Cloud" in line
    assert "broken could not finish." in line


def test_of_namesakes_the_chosen_one_is_told_with_its_place() -> None:
    here, there = run("a", target=local("same")), run("b", target=CloudTarget(PRACTICE, "same"))
    turn = Turn("t", "Hello", RunOrder.FAIR, (here, there), winner_run_id="b", hidden_names=True)
    vote = vote_view_model(turn, asks_vote=True, is_hidden=False)
    assert vote.text == (
        "You chose same in the practice cloud (on this computer). Names were hidden."
    )


def test_names_that_read_alike_are_told_with_their_places_and_joined_as_they_are_read() -> None:
    here = run("a", target=local("SmolLM2 135M"), status=RunStatus.CANCELLED)
    there = run("b", target=CloudTarget(PRACTICE, "smollm2-135m"), status=RunStatus.CANCELLED)
    line = summary(Turn("t", "Hello", RunOrder.FAIR, (here, there)))
    assert line.startswith(
        "You stopped SmolLM2 135M on this computer and"
        " smollm2-135m in the practice cloud (on this computer)."
    )


def test_models_of_one_name_are_told_apart_by_file_and_then_by_folder() -> None:
    def model(path: str, quantization: str | None = "Q4_1", name: str = "Base 1B") -> ModelFile:
        return ModelFile(Path(path), name, 1, "x", quantization=quantization)

    files = (
        model("/a/tuned-one.Q4_1.gguf"),
        model("/a/same.gguf"),
        model("/b/same.gguf"),
        model("/a/base-f16.gguf", "F16"),
        model("/a/other.gguf", name="Other"),
    )
    names = [file.name for file in disambiguate(files)]
    assert names == ["tuned one", "same (a)", "same (b)", "Base 1B", "Other"]


def test_the_foot_has_no_address_of_this_computer_on_the_stage_and_begins_like_a_sentence() -> None:
    target = CloudTarget(PRACTICE, "smollm2")
    sent = run("p", target=target, hosts=(HostContact("127.0.0.1:9", 140),))
    assert "127.0.0.1" in footer(sent)[0]
    assert footer(sent, in_presentation_mode=True)[0] == "To a program on this computer"
    waits = replace(run("w", target=target, shared_machine=True), sent_t_s=None)
    assert footer(waits)[0] == "Shared this computer with other answers"


def test_a_race_says_that_it_is_unfair() -> None:
    runs = (run("a", shared_machine=True), run("b", shared_machine=True))
    assert "shared this computer" in summary(Turn("t", "Hello", RunOrder.RACE, runs))
    assert "shared this computer" in footer(runs[0])[0]


@pytest.mark.parametrize(
    ("load", "value", "said"),
    [
        (MachineLoad(0.02, was_throttled=False), "yes", ()),
        (MachineLoad(0.02, was_throttled=None), "yes", ("Whether heat slowed", "not known")),
        (MachineLoad(0.02, was_throttled=True), "no", ("being too hot", "learn nothing")),
        (MachineLoad(0.5, was_throttled=False), "no", ("50%", "learn nothing")),
    ],
)
def test_details_say_whether_a_run_had_the_computer_to_itself(
    load: MachineLoad, value: str, said: tuple[str, ...]
) -> None:
    rows = {label: rest for label, *rest in details(run(machine_load=load))}
    found, note = rows["Had the computer to itself"]
    assert found == value
    assert all(word in note for word in said)
    assert ("slowed" in note) is (load.was_throttled is not False)


def test_details_have_every_number_with_its_origin() -> None:
    rows = {label: (value, note) for label, value, note in details(run(finish_reason="stop"))}
    assert rows["Tokens out"] == ("5", "measured here")
    assert rows["Ended because"][0] == "stop"
    assert rows["Chance number (seed)"][0] == "—"
    assert rows["Hosts contacted"][0] == "none"
    assert "2 s × 15 W" in rows["Cost"][1]


def test_a_long_name_is_shortened_in_a_sentence() -> None:
    assert shortened("short") == "short"
    assert len(shortened("x" * 80)) <= 31


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("/home/me/models/Q4_1.gguf", "…/Q4_1.gguf"),
        ("C:\\models\\tiny\\Q4_1.gguf", "…/Q4_1.gguf"),
        ("accounts/fireworks/models/deepseek-v3-1", "…/deepseek-v3-1"),
        ("openai/gpt-oss-20b", "openai/gpt-oss-20b"),
    ],
)
def test_of_a_name_that_is_a_path_the_last_part_is_said(name: str, words: str) -> None:
    assert shortened(name) == words
