"""How a turn is laid out: what each target is asked, and which runs start together."""

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import takewhile

from playground.core.characters import whole_characters
from playground.core.chat import ChatRequest, Message, Role, SamplingParams
from playground.core.expected import Check, CheckKind
from playground.core.runs import Comparison, Run, RunOrder, Turn
from playground.core.targets import LocalTarget, Target

SEED_LIMIT = 2**31


def new_comparison(
    targets: Sequence[Target],
    *,
    system_prompt: str = "",
    sampling: SamplingParams | None = None,
    overrides: tuple[tuple[str, SamplingParams], ...] = (),
    system_overrides: tuple[tuple[str, str], ...] = (),
) -> Comparison:
    return Comparison(
        id=uuid.uuid4().hex,
        targets=tuple(targets),
        system_prompt=system_prompt,
        sampling=sampling or SamplingParams(),
        overrides=overrides,
        system_overrides=system_overrides,
        created_at=datetime.now(UTC),
    )


def new_turn(
    comparison: Comparison,
    prompt: str,
    order: RunOrder,
    *,
    hidden_names: bool,
    checks: tuple[Check, ...] = (),
) -> Turn:
    """Return the next turn with its waiting runs; local runs without a seed share a drawn one."""
    prompt = whole_characters(prompt)
    seed = comparison.sampling.seed
    drawn = secrets.randbelow(SEED_LIMIT) if seed is None else seed
    places = places_of(comparison.targets, order)
    runs = tuple(
        Run(
            id=uuid.uuid4().hex,
            target=target,
            request=request_for(comparison, index, prompt, drawn),
            order=places[index],
        )
        for index, target in enumerate(comparison.targets)
    )
    return Turn(
        id=uuid.uuid4().hex,
        prompt=prompt,
        order=order,
        runs=runs,
        hidden_names=hidden_names,
        created_at=datetime.now(UTC),
        checks=checks,
    )


_GO_ON = "Go on exactly where you stopped. Repeat nothing and add no introduction."


def with_run_again(turn: Turn, run_id: str, *, continues: bool = False) -> Turn:
    """Return the turn with one of its runs waiting anew in its place, and no vote.

    With `continues` the new one goes on with what the one before has written. Names are known by
    now, so the next vote is one with names.
    """
    before = next(run for run in turn.runs if run.id == run_id)
    request = before.request
    asked = request.messages[:-2] if before.continues else request.messages
    if continues:
        going_on = (Message(Role.ASSISTANT, before.text), Message(Role.USER, _GO_ON))
        # the rest of an answer has not the form of a whole one; both together are held to it
        schema, sampling = request.sampling.schema, replace(request.sampling, schema=None)
        request = replace(request, messages=(*asked, *going_on), sampling=sampling)
        if schema is not None and (form := Check(CheckKind.SCHEMA, schema)) not in turn.checks:
            turn = replace(turn, checks=(form, *turn.checks))
    else:
        request = replace(request, messages=asked)
    again = Run(
        id=uuid.uuid4().hex,
        target=before.target,
        request=request,
        order=0,
        replaces=run_id,
        continues=before.text if continues else "",
    )
    return replace(
        turn,
        runs=tuple(again if run is before else run for run in turn.runs),
        replaced=(*turn.replaced, before),
        hidden_names=False,
        winner_run_id=None,
        verdict=None,
    )


def answers_before(turn: Turn, run: Run) -> tuple[Run, ...]:
    """Return the answers in whose place this one came, the newest first.

    One that it goes on with is a part of it.
    """
    by_id = {each.id: each for each in turn.replaced}
    found: list[Run] = []
    while (before := by_id.pop(run.replaces or "", None)) is not None:
        if not run.continues:
            found.append(before)
        run = before
    return tuple(found)


def request_for(comparison: Comparison, index: int, prompt: str, drawn_seed: int) -> ChatRequest:
    """Return what the target at `index` gets: the prompt after its own earlier answers."""
    target = comparison.targets[index]
    sampling = comparison.sampling.overridden_by(dict(comparison.overrides).get(target.key))
    if sampling.seed is None and isinstance(target, LocalTarget):
        sampling = replace(sampling, seed=drawn_seed)
    system = dict(comparison.system_overrides).get(target.key, comparison.system_prompt)
    messages = [Message(Role.SYSTEM, system)] if system.strip() else []
    for turn in comparison.turns:
        answer = turn.runs[index].text
        if answer:
            # a turn this target could not answer is left out: roles must alternate
            messages.append(Message(Role.USER, turn.prompt))
            messages.append(Message(Role.ASSISTANT, answer))
    messages.append(Message(Role.USER, prompt))
    # arguments that are not UTF-8 and answers of older versions can hold half characters
    whole = (replace(each, content=whole_characters(each.content)) for each in messages)
    return ChatRequest(tuple(whole), sampling, keep_cache=bool(comparison.turns))


def places_of(targets: Sequence[Target], order: RunOrder) -> list[int]:
    """Return when each target starts: equal numbers start together."""
    if order is RunOrder.RACE:
        return [0] * len(targets)
    following = 0 if all(target.uses_this_machine for target in targets) else 1
    places = []
    for target in targets:
        if target.uses_this_machine:
            places.append(following)
            following += 1
        else:
            places.append(0)
    return places


def is_shared(turn: Turn, run: Run) -> bool:
    """Return True where other runs keep this machine busy during `run`."""
    return turn.order is RunOrder.RACE and run.target.uses_this_machine and len(turn.runs) > 1


def hidden_order(turns: Sequence[Turn], count: int) -> list[int]:
    """Return which of `count` answers stands first, second and so on while names are hidden.

    The order is the same on every page, and another one after each vote, which has told whose each
    answer was: run ids are random, and those of the first turn since then decide.
    """
    unvoted = list(takewhile(lambda turn: turn.hidden_names and not turn.is_voted, turns[::-1]))
    ids = [run.id for run in unvoted[-1].runs]
    # a turn the program ended in can have fewer runs than another
    return sorted(range(count), key=lambda number: ids[number : number + 1])
