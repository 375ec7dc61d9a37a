"""The history: nothing is lost, everything is found, nothing hidden is told."""

import os
import signal
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import psutil
import pytest

from playground.core.chat import SamplingParams
from playground.core.errors import ErrorInfo, StorageFailed, UsageError
from playground.core.events import Failed, LoadProgress, Notice, ReasoningDelta, TextDelta
from playground.core.leaderboard import Standing
from playground.core.runs import (
    Cost,
    Provenance,
    Recorded,
    RunOrder,
    RunStatus,
    Thumb,
    Turn,
    VoteOutcome,
)
from playground.core.targets import Place
from playground.core.turns import with_run_again
from playground.store.database import Database
from playground.store.history import ComparisonStore, lives_elsewhere, new_owner
from tests.store.history import (
    GIVEN,
    INDIE,
    START,
    STUDIO,
    answer_events,
    folded,
    save,
    waiting_run,
)

OTHER = replace(STUDIO, model="tiny-1")


async def test_a_comparison_comes_back_exactly_as_it_was(store: ComparisonStore) -> None:
    saved = await save(store, "c", "What is a quark?\nIn one line.")
    assert await store.load("c") == saved


async def test_every_field_of_a_run_and_a_comparison_is_kept(store: ComparisonStore) -> None:
    saved = await save(store, "c", "hi")
    head = replace(
        saved,
        sampling=SamplingParams(temperature=0.5, stop=("a", "b")),
        overrides=((INDIE.key, SamplingParams(top_k=3)),),
        system_overrides=((STUDIO.key, "Be long."),),
    )
    await store.save_comparison(head)
    run = replace(
        saved.turns[0].runs[1],
        status=RunStatus.FAILED,
        reasoning="hm",
        notices=("no seed",),
        error=ErrorInfo("RateLimited", "Too many", "Wait"),
        cost=Cost(0.00012, "api", Provenance.REPORTED, "1 + 1"),
        started_at=START,
        shared_machine=True,
    )
    await store.save_run("c-turn0", run)
    loaded = await store.load("c")
    assert replace(loaded, turns=()) == replace(head, turns=())
    assert loaded.turns[0].runs == (saved.turns[0].runs[0], run)


async def test_the_ids_of_a_prompt_are_kept_once_beside_what_is_read_for_lists(
    store: ComparisonStore, database: Database
) -> None:
    await save(store, "c", "hi")
    first = (await store.load("c")).turns[0].runs[0]
    assert first.model_input is not None
    assert (first.model_input, first.model_input.prompt_ids) == (GIVEN, ())
    assert await store.prompt_ids(first.id) == GIVEN.prompt_ids
    assert await store.prompt_ids("no such run") == ()
    bodies = await database.read(
        lambda c: c.execute("SELECT body FROM runs UNION ALL SELECT body FROM events").fetchall()
    )
    assert not any("77050" in body for (body,) in bodies)
    await database.write(lambda c: c.execute("UPDATE runs SET prompt_ids = X'0102'"))
    with pytest.raises(StorageFailed, match="damaged"):
        await store.prompt_ids(first.id)


async def test_a_run_that_was_cut_off_has_what_the_model_was_given(store: ComparisonStore) -> None:
    await save(store, "c", "hi")
    await store.save_turn("c", Turn("t", "again", RunOrder.FAIR))
    await store.save_run("t", waiting_run("r", INDIE))
    await store.append_events("r", answer_events("It was")[:3])
    assert await store.recover() == 1
    assert (await store.load("c")).turns[1].runs[0].model_input == GIVEN
    assert await store.prompt_ids("r") == GIVEN.prompt_ids


async def test_the_timeline_comes_back_in_order_with_tokens_and_alternatives(
    store: ComparisonStore,
) -> None:
    saved = await save(store, "c", "hi")
    assert await store.timeline(saved.turns[0].runs[1].id) == answer_events(
        "A longer answer from afar"
    )
    assert await store.timeline("no such run") == []


async def test_odd_characters_do_not_stop_a_run_from_being_kept(store: ComparisonStore) -> None:
    odd = "half \ud83d, null \0, 🏳️‍🌈, عربي"
    run = waiting_run("r", INDIE)
    turn = Turn("t", odd, RunOrder.FAIR)
    await save(store, "c", "hi")
    await store.save_turn("c", turn)
    await store.save_run("t", run)
    await store.append_events("r", [TextDelta(0.1, odd)])
    await store.save_run("t", replace(run, status=RunStatus.FINISHED, text=odd))
    loaded = (await store.load("c")).turns[1]
    assert loaded.runs[0].text == odd
    assert loaded.prompt == odd.replace("\ud83d", "?")
    assert await store.timeline("r") == [TextDelta(0.1, odd)]


async def test_a_late_save_of_an_unfinished_run_does_not_undo_its_end(
    store: ComparisonStore,
) -> None:
    saved = await save(store, "c", "hi")
    run = saved.turns[0].runs[0]
    await store.save_run("c-turn0", replace(run, status=RunStatus.WRITING, text="A sh"))
    assert (await store.load("c")).turns[0].runs[0] == run


async def test_the_newest_comes_first_and_pages_do_not_overlap(store: ComparisonStore) -> None:
    for number in range(5):
        await save(store, f"c{number}", f"Question {number}", minutes=number)
    first = [summary.id for summary in await store.search(limit=2)]
    second = [summary.id for summary in await store.search(limit=2, offset=2)]
    assert (first, second) == (["c4", "c3"], ["c2", "c1"])


async def test_a_summary_says_what_the_list_shows(store: ComparisonStore) -> None:
    await save(store, "c", "  First line\nsecond line")
    await store.save_turn("c", Turn("c-turn1", "And then?", RunOrder.FAIR))
    await store.vote("c-turn0", "c-run1", None, hidden_names=False)
    (found,) = await store.search()
    assert found.title == "First line"
    assert found.target_labels == ("SmolLM2 135M", "gpt-large-2")
    assert [place.value for place in found.places] == ["here", "cloud"]
    assert (found.turns, found.votes, found.winner_labels) == (2, 1, ("gpt-large-2",))
    assert found.created_at == START


async def test_namesakes_are_told_apart(store: ComparisonStore) -> None:
    other = replace(
        INDIE, model=replace(INDIE.model, path=Path("/models/big.gguf"), quantization="F16")
    )
    await save(store, "c", "hi", targets=(INDIE, other), answers=("a", "b"))
    (found,) = await store.search()
    assert found.target_labels == ("SmolLM2 135M (Q4_1)", "SmolLM2 135M (F16)")


@pytest.mark.parametrize("has_fts", [True, False], ids=["FTS5", "without FTS5"])
@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("volcano", ["c1"]),
        ("VOLC", ["c1"]),
        ("volcano lava", ["c1"]),
        ("volcano sonnet", []),
        ("sonnet afar", ["c2"]),
        ("gpt-large", ["c2"]),
        ("smol", ["c3", "c2", "c1"]),
        ("100%", ["c3"]),
        ("l_va", []),
        ("C++", ["c3"]),
        ("山", ["c3"]),
        ('"', ["c3"]),
        ("lava OR sonnet", []),
        ("NOT volcano", []),
        ("NEAR(lava volcano)", []),
        ("text:lava", []),
        ("lava*", []),
        ("'; DROP TABLE runs; --", []),
        ("\0", ["c3", "c2", "c1"]),
        ("   ", ["c3", "c2", "c1"]),
        ("^lava", []),
        ("{a b}", []),
    ],
)
async def test_search_finds_words_as_typed_and_nothing_in_them_is_an_operator(
    store: ComparisonStore, database: Database, query: str, ids: list[str], has_fts: bool
) -> None:
    assert database.has_fts
    database.has_fts = has_fts
    await save(store, "c1", "How hot is a volcano?", targets=(INDIE,), answers=("Lava is hot",))
    await save(store, "c2", "Write a sonnet", minutes=1)
    answer = 'I am 100% sure about C++ and 富士山 "here"'
    await save(store, "c3", "Tell me", targets=(INDIE,), answers=(answer,), minutes=2)
    assert [found.id for found in await store.search(query)] == ids


async def test_search_ignores_accents(store: ComparisonStore) -> None:
    await save(store, "c", "Où est le café?")
    assert [found.id for found in await store.search("cafe ou")] == ["c"]


async def test_a_follow_up_and_a_changed_prompt_are_found(store: ComparisonStore) -> None:
    await save(store, "c", "hi")
    await store.save_turn("c", Turn("t1", "about whales", RunOrder.FAIR))
    assert await store.search("whale")
    await store.save_turn("c", Turn("t1", "about wolves", RunOrder.FAIR))
    assert not await store.search("whale")
    assert await store.search("wolv")


async def test_hidden_names_are_neither_told_nor_found_until_the_vote(
    store: ComparisonStore,
) -> None:
    await save(store, "c", "Which is better?", hidden_names=True)
    (found,) = await store.search()
    assert found.names_hidden
    assert found.target_labels == ("A", "B")
    shown = " ".join(str(getattr(found, f.name)) for f in fields(found))
    for secret in ("SmolLM2", "gpt", "Q4_1", "Acme", "here", "cloud"):
        assert secret not in shown
        assert await store.search(secret) == []
    assert [hit.id for hit in await store.search("better")] == ["c"]
    await store.vote("c-turn0", "c-run1", None, hidden_names=True)
    (found,) = await store.search("gpt-large")
    assert not found.names_hidden
    assert found.target_labels == ("SmolLM2 135M", "gpt-large-2")


async def test_a_follow_up_without_names_hides_them_again(store: ComparisonStore) -> None:
    await save(store, "c", "first")
    assert await store.search("smol")
    await store.save_turn("c", Turn("t1", "second", RunOrder.FAIR, hidden_names=True))
    assert await store.search("smol") == []
    await store.save_comparison(await store.load("c"))
    assert await store.search("smol") == []
    (found,) = await store.search("second")
    assert (found.names_hidden, found.winner_labels) == (True, ())
    await store.vote("t1", None, VoteOutcome.NONE_GOOD, hidden_names=True)
    assert await store.search("smol")


async def test_the_vote_on_the_last_prompt_tells_the_names_of_all(store: ComparisonStore) -> None:
    await save(store, "c", "first", hidden_names=True)
    await store.save_turn("c", Turn("t1", "second", RunOrder.FAIR, hidden_names=True))
    await store.vote("t1", None, VoteOutcome.TIE, hidden_names=True)
    (found,) = await store.search("smol")
    assert (found.names_hidden, found.votes, found.turns) == (False, 1, 2)
    assert not (await store.load("c")).names_hidden


async def test_names_are_told_where_no_answer_came_that_could_be_voted_for(
    store: ComparisonStore,
) -> None:
    await save(store, "c", "first", answers=("", " "), hidden_names=True)
    (found,) = await store.search("first")
    assert (found.names_hidden, found.target_labels) == (False, ("SmolLM2 135M", "gpt-large-2"))
    assert not (await store.load("c")).names_hidden
    await save(store, "d", "second", answers=("", "an answer"), hidden_names=True)
    (found,) = await store.search("second")
    assert found.names_hidden
    assert (await store.load("d")).names_hidden


async def test_votes_are_counted_for_each_target(store: ComparisonStore) -> None:
    for number, (winner, verdict) in enumerate(
        [(1, None), (1, None), (0, None), (None, VoteOutcome.TIE), (None, VoteOutcome.NONE_GOOD)]
    ):
        await save(store, f"c{number}", "hi")
        run_id = None if winner is None else f"c{number}-run{winner}"
        await store.vote(f"c{number}-turn0", run_id, verdict, hidden_names=False)
    await save(store, "unvoted", "hi")
    best, other = await store.votes()
    assert (best.target_key, best.label) == ("acme:gpt-large-2", "gpt-large-2")
    assert (
        best.standing.wins,
        best.standing.losses,
        best.standing.ties,
        best.standing.none_good,
    ) == (2, 1, 1, 1)
    assert other.target_key == "local:/models/smol.gguf"
    assert (
        other.standing.wins,
        other.standing.losses,
        other.standing.ties,
        other.standing.none_good,
    ) == (1, 2, 1, 1)


async def test_a_vote_on_an_earlier_prompt_counts_once_names_are_told(
    store: ComparisonStore,
) -> None:
    await save(store, "c", "first", hidden_names=True)
    await store.save_turn("c", Turn("t1", "second", RunOrder.FAIR, hidden_names=True))
    await store.vote("c-turn0", "c-run1", None, hidden_names=True)
    assert await store.votes() == [], "it would tell who B is"
    await store.vote("t1", None, VoteOutcome.TIE, hidden_names=True)
    assert [count.standing.wins for count in await store.votes()] == [1, 0]
    await store.delete("c")
    assert await store.votes() == []
    await store.restore("c")
    assert [count.standing.wins for count in await store.votes()] == [1, 0]


async def test_votes_of_a_recording_were_cast_elsewhere(store: ComparisonStore) -> None:
    await save(store, "own", "hi")
    await store.vote("own-turn0", "own-run1", None, hidden_names=False)
    saved = await save(store, "c", "hi")
    turn = replace(saved.turns[0], winner_run_id="c-run1")
    recorded = Recorded(START, "another machine")
    await store.add_recorded(replace(saved, recorded=recorded, turns=(turn,)), {})
    assert (await store.load("c")).turns[0].winner_run_id == "c-run1"
    assert [count.standing.wins for count in await store.votes()] == [1, 0]


async def test_a_target_that_gave_no_answer_does_not_lose(store: ComparisonStore) -> None:
    await save(store, "c", "hi", answers=("", "an answer"))
    await store.vote("c-turn0", "c-run1", None, hidden_names=False)
    assert [(count.label, count.standing.wins) for count in await store.votes()] == [
        ("gpt-large-2", 1)
    ]


async def test_a_vote_can_be_changed_and_taken_back(store: ComparisonStore) -> None:
    await save(store, "c", "hi")
    await store.vote("c-turn0", "c-run0", None, hidden_names=False)
    await store.vote("c-turn0", None, VoteOutcome.TIE, hidden_names=True)
    turn = (await store.load("c")).turns[0]
    assert (turn.winner_run_id, turn.verdict, turn.hidden_names) == (None, VoteOutcome.TIE, True)
    await store.vote("c-turn0", None, None, hidden_names=False)
    assert not (await store.load("c")).turns[0].is_voted
    assert await store.votes() == []


async def test_saving_a_turn_again_keeps_its_vote(store: ComparisonStore) -> None:
    saved = await save(store, "c", "hi")
    await store.vote("c-turn0", "c-run0", None, hidden_names=False)
    await store.save_turn("c", saved.turns[0])
    assert (await store.load("c")).turns[0].winner_run_id == "c-run0"


async def test_a_vote_for_an_answer_of_another_turn_is_refused(store: ComparisonStore) -> None:
    await save(store, "c", "hi")
    await save(store, "d", "ho")
    with pytest.raises(UsageError):
        await store.vote("c-turn0", "d-run0", None, hidden_names=False)
    with pytest.raises(StorageFailed):
        await store.vote("nowhere", None, VoteOutcome.TIE, hidden_names=False)


async def test_a_thumb_can_be_changed_and_taken_back(store: ComparisonStore) -> None:
    await save(store, "c", "hi")
    for given in (Thumb.UP, Thumb.DOWN, None):
        await store.set_thumb("c-run1", given)
        (turn,) = (await store.load("c")).turns
        assert [turn.thumb_of(run.id) for run in turn.runs] == [None, given]
    with pytest.raises(StorageFailed, match="no longer"):
        await store.set_thumb("nowhere", Thumb.UP)


async def test_a_note_is_found_as_it_is_now(store: ComparisonStore) -> None:
    await save(store, "c", "hi")
    for note in ("Too long, and about badgers", "Half \ud800 a character", ""):
        await store.set_note("c-turn0", note)
        assert (await store.load("c")).turns[0].note == note.replace("\ud800", "?")
        assert bool(await store.search("badger")) is ("badgers" in note)
    with pytest.raises(StorageFailed, match="no longer"):
        await store.set_note("nowhere", "Lost")
    await store.set_note("c-turn0", "not held up by the one before")
    assert await store.search("held")


async def test_saving_turn_and_answer_again_keeps_thumb_and_note(store: ComparisonStore) -> None:
    saved = await save(store, "c", "hi")
    await store.set_thumb("c-run0", Thumb.DOWN)
    await store.set_note("c-turn0", "About otters")
    (turn,) = saved.turns
    await store.save_turn("c", replace(turn, note="what another page still shows"))
    await store.save_run(turn.id, turn.runs[0])
    (again,) = (await store.load("c")).turns
    assert (again.note, again.thumbs) == ("About otters", (("c-run0", Thumb.DOWN),))
    assert await store.search("otters")
    assert not await store.search("shows")


async def test_the_thumb_of_an_answer_that_was_asked_again_stays_with_it(
    store: ComparisonStore,
) -> None:
    saved = await save(store, "c", "hi")
    await store.set_thumb("c-run0", Thumb.DOWN)
    turn = with_run_again((await store.load("c")).turns[0], "c-run0")
    await store.save_turn("c", turn)
    await store.save_run(turn.id, turn.runs[0])
    (again,) = (await store.load("c")).turns
    assert again.replaced == (saved.turns[0].runs[0],)
    assert [again.thumb_of(run.id) for run in (*again.runs, *again.replaced)] == [
        None,
        None,
        Thumb.DOWN,
    ]
    (count,) = await store.votes()
    assert (count.thumbs_up, count.thumbs_down) == (0, 1)


async def test_thumbs_are_counted_apart_from_votes(store: ComparisonStore) -> None:
    for number in range(3):
        await save(store, f"c{number}", "hi")
        await store.set_thumb(f"c{number}-run0", Thumb.UP)
        await store.set_thumb(f"c{number}-run1", Thumb.DOWN if number else Thumb.UP)
    await store.vote("c0-turn0", "c0-run1", None, hidden_names=False)
    before = [count.standing for count in await store.votes()]
    await save(store, "alone", "hi", targets=(OTHER,), answers=("Alone",))
    await store.set_thumb("alone-run0", Thumb.UP)
    counts = await store.votes()
    assert [(c.label, c.standing.wins, c.thumbs_up, c.thumbs_down) for c in counts] == [
        ("gpt-large-2", 1, 1, 2),
        ("SmolLM2 135M", 0, 3, 0),
        ("tiny-1", 0, 1, 0),
    ]
    assert [count.standing for count in counts] == [*before, Standing(OTHER.key)]
    assert (counts[2].provider, counts[2].place) == ("Acme", Place.CLOUD)


async def test_a_thumb_given_without_names_counts_once_they_are_told(
    store: ComparisonStore,
) -> None:
    await save(store, "c", "Which is better?", hidden_names=True)
    await store.set_thumb("c-run1", Thumb.UP)
    assert await store.votes() == [], "the count would tell whose answer it was"
    await store.vote("c-turn0", None, VoteOutcome.TIE, hidden_names=True)
    told = {count.label: count.thumbs_up for count in await store.votes()}
    assert told == {"SmolLM2 135M": 0, "gpt-large-2": 1}


async def test_thumbs_that_came_with_a_recording_are_kept_and_not_counted(
    store: ComparisonStore, database: Database
) -> None:
    saved = await save(store, "c", "hi")
    (turn,) = saved.turns
    runs = tuple(replace(run, id=f"r{n}") for n, run in enumerate(turn.runs))
    told = replace(turn, id="t", runs=runs, note="By somebody else", thumbs=(("r0", Thumb.UP),))
    recorded = replace(saved, id="r", turns=(told,), recorded=Recorded(START))
    await store.add_recorded(recorded, {})
    assert (await store.load("r")).turns == (told,)
    assert [found.id for found in await store.search("somebody")] == ["r"]
    assert await store.votes() == []


async def test_a_deleted_comparison_is_gone_and_comes_back_with_undo(
    store: ComparisonStore,
) -> None:
    saved = await save(store, "c", "about otters")
    await store.vote("c-turn0", "c-run0", None, hidden_names=False)
    await store.set_thumb("c-run0", Thumb.UP)
    await store.set_note("c-turn0", "wet")
    await store.delete("c")
    assert await store.search() == []
    assert await store.search("wet") == []
    assert await store.search("otters") == []
    assert await store.votes() == []
    with pytest.raises(StorageFailed, match="no longer"):
        await store.load("c")
    await store.restore("c")
    assert (await store.load("c")).turns[0].runs == saved.turns[0].runs
    assert len(await store.search("otters")) == 1


async def test_purging_erases_the_words_from_the_file_itself(
    store: ComparisonStore, database: Database, history_file: Path
) -> None:
    await save(store, "c", "my confession xylophone", answers=("zirconium", "zirconium"))
    await save(store, "kept", "something ordinary")
    await store.set_note("c-turn0", "a quixotic answer")
    await store.set_thumb("c-run0", Thumb.UP)
    await store.delete("c")
    assert await store.purge_deleted() == 1
    assert await store.purge_deleted() == 0
    await store.restore("c")
    assert [found.id for found in await store.search()] == ["kept"]
    await database.close()
    content = b"".join(part.read_bytes() for part in history_file.parent.iterdir())
    assert b"ordinary" in content
    assert b"xylophone" not in content
    assert b"zirconium" not in content
    assert b"quixotic" not in content


CHILD = """
import asyncio, sys
from pathlib import Path
from playground.core.events import RequestSent, TextDelta
from playground.core.runs import Comparison, RunOrder, Turn
from playground.store.history import ComparisonStore
from playground.store.database import Database
from tests.store.history import INDIE, STUDIO, waiting_run

async def main():
    database = Database(Path(sys.argv[1]))
    await database.open()
    store = ComparisonStore(database)
    await store.save_comparison(Comparison("c", (INDIE, STUDIO)))
    runs = (waiting_run("r0", INDIE), waiting_run("r1", STUDIO))
    await store.save_turn("c", Turn("t", "count", RunOrder.FAIR, runs))
    for run in runs:
        await store.save_run("t", run)
    await store.append_events("r0", [RequestSent(0.5, was_loaded=False, load_s=0.4)])
    for number in range(10_000):
        await store.append_events("r0", [TextDelta(1.0 + number, f"n{number} ")])
        print(number, flush=True)

asyncio.run(main())
"""


def start_child(history_file: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(history_file)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )


async def test_killing_the_program_in_mid_answer_loses_nothing_that_was_saved(
    history_file: Path,
) -> None:
    with start_child(history_file) as child:
        assert child.stdout is not None
        last = 0
        for line in child.stdout:
            last = int(line)
            if last == 40:
                child.send_signal(signal.SIGKILL)
        assert last >= 40
    database = Database(history_file)
    await database.open()
    store = ComparisonStore(database)
    assert database.problem is None
    assert await store.recover() == 2
    cut_off, never_started = (await store.load("c")).turns[0].runs
    words = cut_off.text.split()
    assert words == [f"n{number}" for number in range(len(words))]
    assert len(words) > last
    assert (cut_off.status, cut_off.finish_reason) == (RunStatus.CANCELLED, "interrupted")
    assert (cut_off.timings.load_s, cut_off.timings.ttft_s) == (0.4, 0.5)
    assert cut_off.timings.total_s == len(words) - 0.5
    assert (never_started.status, never_started.text) == (RunStatus.CANCELLED, "")
    assert [found.id for found in await store.search("n39")] == ["c"]
    assert await store.recover() == 0
    await database.close()


async def test_runs_of_another_program_that_still_runs_are_left_alone(history_file: Path) -> None:
    with start_child(history_file) as child:
        try:
            assert child.stdout is not None
            child.stdout.readline()
            database = Database(history_file)
            await database.open()
            store = ComparisonStore(database)
            assert await store.recover() == 0
            assert (await store.load("c")).turns[0].runs[0].status is RunStatus.WAITING
        finally:
            child.kill()
    assert await store.recover() == 2
    await database.close()


async def test_what_another_program_deleted_can_still_be_restored_there(
    store: ComparisonStore, database: Database
) -> None:
    await save(store, "c", "hi")
    await store.delete("c")
    _, _, name = new_owner().split(":")
    parent = f"{os.getppid()}:{process_start(os.getppid()):.0f}:{name}"
    await database.write(
        lambda c: c.execute("UPDATE comparisons SET deleted_by = ? WHERE id = 'c'", (parent,))
    )
    assert await store.purge_deleted() == 0
    await store.restore("c")
    assert await store.search()


@pytest.mark.skipif(not psutil.LINUX, reason="elsewhere a start time does not move with the clock")
def test_a_clock_that_is_set_back_ends_no_other_program(monkeypatch: pytest.MonkeyPatch) -> None:
    words = (
        "from playground.store.history import new_owner; print(new_owner(), flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        owner = child.stdout.readline().strip()
        booted_s, began_s = psutil.boot_time(), psutil.Process(child.pid).create_time()
        monkeypatch.setattr(psutil, "boot_time", lambda: booted_s - 3600)
        monkeypatch.setattr(psutil.Process, "create_time", lambda _process: began_s - 3600)
        assert lives_elsewhere(owner)
        child.kill()
        child.wait()
        assert not lives_elsewhere(owner)


def process_start(pid: int) -> float:
    return psutil.Process(pid).create_time()


@pytest.mark.parametrize("end", ["finished", "failed"])
async def test_a_run_whose_end_was_the_last_thing_saved_keeps_that_end(
    store: ComparisonStore, end: str
) -> None:
    await save(store, "c", "hi")
    run = waiting_run("r", INDIE)
    events = answer_events("It was done")
    if end == "failed":
        error = ErrorInfo("WorkerCrashed", "It crashed", "Again")
        events[-1:] = [ReasoningDelta(0.9, "hm"), Notice(0.9, "x", "note"), Failed(1.0, error)]
    await store.save_turn("c", Turn("t", "again", RunOrder.FAIR))
    await store.save_run("t", run)
    await store.append_events("r", [LoadProgress(0.0, 0.5), *events])
    assert await store.recover() == 1
    recovered = (await store.load("c")).turns[1].runs[0]
    assert recovered == folded(run, events)
    assert recovered.status.value == end
    assert recovered.text == "It was done"


async def test_a_damaged_entry_is_told_and_holds_up_no_other(
    store: ComparisonStore, database: Database
) -> None:
    await save(store, "c", "hi")
    await save(store, "d", "ho")
    await store.save_turn("c", Turn("t", "more", RunOrder.FAIR))
    for name in ("bad", "good"):
        await store.save_run("t", waiting_run(name, INDIE))
    await database.write(
        lambda c: c.execute("UPDATE runs SET body = '{\"id\": 3' WHERE id IN ('bad', 'c-run0')")
    )
    assert await store.recover() == 1
    assert len(await store.search()) == 2
    assert (await store.load("d")).turns[0].prompt == "ho"
    with pytest.raises(StorageFailed, match="damaged"):
        await store.load("c")
