"""Asks every model every question of a prompt set, keeps each answer and never asks twice."""

import asyncio
import time
import uuid
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, aclosing, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from playground.core.chat import ChatRequest
from playground.core.errors import PlaygroundError, UsageError, explained
from playground.core.evaluations import (
    Evaluation,
    Groups,
    Plan,
    Unit,
    UnitResult,
    asks_the_same,
    block_size,
    count_loads,
    in_blocks,
    left_of,
    new_evaluation,
)
from playground.core.events import Failed, Finished
from playground.core.fold import RunFold
from playground.core.metrics import CHARACTERS_PER_TOKEN
from playground.core.prompt_sets import Case, PromptSet, filled
from playground.core.runs import Cost, Run
from playground.core.statistics import fewest_disagreements
from playground.core.targets import CloudTarget, LocalTarget, ModelPrice, Target
from playground.core.turns import new_comparison, request_for
from playground.core.urls import host_of, is_private_host
from playground.engines.base import Engine
from playground.store.evaluations import EvaluationStore

AT_ONCE = 4
"""Answers a provider is asked for at the same time."""
_FIRST_WAIT_S, _LONGEST_WAIT_S = 2.0, 60.0
"""Between two attempts where a provider says "too many" and not for how long."""
_PATIENCE_S = 15 * 60.0
"""How long a provider may go on saying "too many" before it is given up."""
_LONGEST_TOLD_S = 60 * 60.0
"""How long is waited where a provider says for how long."""
_HOPELESS = frozenset(
    {
        "AuthenticationFailed",
        "KeyMissing",
        "ModelFileInvalid",
        "ModelLoadFailed",
        "ModelNotFound",
        "ModelUnsupported",
        "NotAChatModel",
        "OutOfMemory",
        "PermissionRefused",
        "QuotaExceeded",
    }
)
"""Errors that the next question would meet as well."""
_GIVE_UP_AFTER = 3
_ADDED_TOKENS = 16


@dataclass(frozen=True, slots=True)
class EvaluationStarted:
    """What is known before the first call."""

    evaluation: Evaluation
    results: tuple[UnitResult, ...]
    """Of the units that were done before."""
    plan: Plan
    """Of those that are left."""


@dataclass(frozen=True, slots=True)
class UnitStarted:
    """A question is being answered."""

    unit: Unit


@dataclass(frozen=True, slots=True)
class UnitEnded:
    """An answer is stored."""

    result: UnitResult
    spent_usd: float
    """By all answers of paid providers so far."""


@dataclass(frozen=True, slots=True)
class ProviderWaits:
    """A provider allows no more for now; the others go on."""

    targets: tuple[str, ...]
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class TargetGivenUp:
    """A target is asked nothing more: each question would end the same way."""

    target: str
    reason: str


@dataclass(frozen=True, slots=True)
class EvaluationEnded:
    """Nothing runs any more."""

    evaluation: Evaluation
    is_finished: bool
    reason: str = ""
    """Why it is not finished."""


EvaluationUpdate = (
    EvaluationStarted | UnitStarted | UnitEnded | ProviderWaits | TargetGivenUp | EvaluationEnded
)


SideBySide = Callable[[Sequence[LocalTarget]], Awaitable[Sequence[Sequence[LocalTarget]]]]
"""Groups of models that have room in memory together."""


async def _all_together(targets: Sequence[LocalTarget]) -> Sequence[Sequence[LocalTarget]]:
    return [targets]


class EvaluationService:
    """Runs evaluations, one process each; leaving `run` stops what runs and keeps what is whole."""

    def __init__(
        self,
        engine_for: Callable[[Target], Engine],
        store: EvaluationStore,
        cost_of: Callable[[Run], Cost],
        price_of: Callable[[CloudTarget], ModelPrice | None],
        *,
        stay_awake: Callable[[], AbstractContextManager[object]] = nullcontext,
        side_by_side: SideBySide = _all_together,
    ) -> None:
        self.engine_for = engine_for
        self.store = store
        self.cost_of = cost_of
        self.price_of = price_of
        self.stay_awake = stay_awake
        self.side_by_side = side_by_side
        self._going_on: dict[str, asyncio.Event] = {}

    async def begin(
        self,
        prompt_set: PromptSet,
        targets: Sequence[Target],
        repeats: int,
        *,
        anew: bool = False,
    ) -> Evaluation:
        """Return the evaluation to run: one that was left unfinished where it asks the same.

        Its checks are the set's of today. With `anew` it is a new one in any case.
        """
        if not prompt_set.cases:
            raise UsageError("The set has no prompts.")
        if len({target.key for target in targets}) < len(targets):
            raise UsageError("A model is named twice.")
        wanted = new_evaluation(prompt_set, targets, repeats, prompt_set.sampling)
        if not anew:
            for before in await self.store.unfinished(prompt_set.id):
                if asks_the_same(before, wanted):
                    current = replace(before, prompt_set=prompt_set)
                    if current != before:
                        await self.store.score_again(current)
                    return current
        await self.store.save(wanted)
        return wanted

    async def plan(self, evaluation: Evaluation, results: Sequence[UnitResult]) -> Plan:
        """Return what the units that are left take: from prices, memory, and what is done."""
        left = left_of(evaluation, results)
        here = units_here(evaluation, left)
        groups = await self._groups(evaluation)
        fewest = fewest_disagreements()
        return Plan(
            units=len(left),
            seconds=_seconds(evaluation, left, results),
            usd=self._expected_usd(evaluation, left, results),
            hosts=tuple(
                dict.fromkeys(
                    host_of(target.provider.base_url)
                    for target in evaluation.targets
                    if isinstance(target, CloudTarget) and not target.uses_this_machine
                )
            ),
            local_targets=sum(target.uses_this_machine for target in evaluation.targets),
            groups=groups,
            loads=count_loads(in_blocks(here, groups), groups),
            block=block_size(here, groups) if len(groups) > 1 else None,
            fewest_disagreements=fewest,
            can_tell=len(evaluation.prompt_set.cases) >= fewest,
        )

    async def _groups(self, evaluation: Evaluation) -> Groups:
        local = [target for target in evaluation.targets if isinstance(target, LocalTarget)]
        found = await self.side_by_side(local) if local else ()
        return tuple(tuple(target.key for target in group) for group in found)

    def pause(self, evaluation_id: str) -> None:
        """Begin no further question until `go_on`; what is being answered is waited for."""
        if (event := self._going_on.get(evaluation_id)) is not None:
            event.clear()

    def go_on(self, evaluation_id: str) -> None:
        if (event := self._going_on.get(evaluation_id)) is not None:
            event.set()

    async def run(
        self, evaluation: Evaluation, max_usd: float | None = None
    ) -> AsyncGenerator[EvaluationUpdate, None]:
        """Yield what happens until every unit is stored, or nothing more can be asked.

        Raises `UsageError` where another process runs it, or where a ceiling cannot be kept to.
        """
        if max_usd is not None:
            self._require_prices(evaluation)
        await self.store.claim(evaluation.id)
        self._going_on[evaluation.id] = asyncio.Event()
        self._going_on[evaluation.id].set()
        try:
            with self.stay_awake():
                runner = _Runner(self, evaluation, self._going_on[evaluation.id], max_usd)
                async with aclosing(runner.updates()) as updates:
                    async for update in updates:
                        yield update
        finally:
            del self._going_on[evaluation.id]
            await asyncio.shield(self.store.release(evaluation.id))

    async def ask_again(self, evaluation_id: str) -> Evaluation:
        """Let what was not scored be asked again by the next `run`."""
        await self.store.forget_unscored(evaluation_id)
        return await self.store.load(evaluation_id)

    def most_usd(self, target: Target, request: ChatRequest) -> float | None:
        """Return what an answer costs at most, in US dollars; 0 where nobody sends a bill.

        A token of the prompt has one byte at least, and the provider adds some to each message.
        """
        size = sum(len(m.content.encode()) + _ADDED_TOKENS for m in request.messages)
        return self._usd(target, size, request)

    def expected_usd(self, target: Target, request: ChatRequest) -> float | None:
        """Return what an answer of the longest length allowed is likely to cost."""
        characters = sum(len(message.content) for message in request.messages)
        return self._usd(target, characters / CHARACTERS_PER_TOKEN, request)

    def _usd(self, target: Target, tokens_in: float, request: ChatRequest) -> float | None:
        if not is_paid(target):
            return 0.0
        price = self.price_of(target) if isinstance(target, CloudTarget) else None
        if price is None or price.input_usd_per_mtok is None or price.output_usd_per_mtok is None:
            return None
        written = request.sampling.max_tokens or 0
        usd = tokens_in * price.input_usd_per_mtok + written * price.output_usd_per_mtok
        return usd / 1_000_000

    def _expected_usd(
        self, evaluation: Evaluation, left: Sequence[Unit], results: Sequence[UnitResult]
    ) -> float | None:
        targets = {target.key: target for target in evaluation.targets}
        cases = {case.id: case for case in evaluation.prompt_set.cases}
        paid: dict[str, list[float]] = {}
        for result in results:
            if result.usd is not None:
                paid.setdefault(result.unit.target, []).append(result.usd)
        total = 0.0
        for unit in left:
            if not is_paid(targets[unit.target]):
                continue
            known = paid.get(unit.target)
            usd = (
                sum(known) / len(known)
                if known
                else self.expected_usd(
                    targets[unit.target], request_of(evaluation, unit, cases[unit.case])
                )
            )
            if usd is None:
                return None
            total += usd
        return total

    def _require_prices(self, evaluation: Evaluation) -> None:
        case = evaluation.prompt_set.cases[0]
        for target in evaluation.targets:
            request = request_of(evaluation, Unit(case.id, target.key, 0), case)
            if self.expected_usd(target, request) is None:
                raise UsageError(
                    f"What {target.label} costs is not known, so no ceiling can be kept to.",
                    "Enter its price on the Providers page, or leave the ceiling out.",
                )


def is_paid(target: Target) -> bool:
    """Return True where somebody sends a bill for an answer."""
    if isinstance(target, LocalTarget) or target.uses_this_machine:
        return False
    return not is_private_host(host_of(target.provider.base_url))


def units_here(evaluation: Evaluation, units: Iterable[Unit]) -> list[Unit]:
    """Return the units that keep this computer busy."""
    here = {target.key for target in evaluation.targets if target.uses_this_machine}
    return [unit for unit in units if unit.target in here]


def request_of(evaluation: Evaluation, unit: Unit, case: Case) -> ChatRequest:
    """Return what a unit asks; each repeat has a seed of its own, or it would be the same again."""
    asked = filled(evaluation.prompt_set, case)
    sampling = evaluation.sampling
    seed = (sampling.seed or 0) + unit.repeat
    index = next(n for n, target in enumerate(evaluation.targets) if target.key == unit.target)
    comparison = new_comparison(
        evaluation.targets,
        system_prompt=asked.system_prompt or "",
        sampling=replace(sampling, seed=seed),
    )
    return request_for(comparison, index, asked.prompt, seed)


def _seconds(
    evaluation: Evaluation, left: Sequence[Unit], results: Sequence[UnitResult]
) -> float | None:
    """Return how long the rest takes; `None` until an answer of each target is there."""
    times: dict[str, list[float]] = {}
    for result in results:
        if result.total_s is not None:
            times.setdefault(result.unit.target, []).append(result.total_s)
    count = {t.key: sum(unit.target == t.key for unit in left) for t in evaluation.targets}
    means = {key: sum(found) / len(found) for key, found in times.items()}
    return time_left(evaluation.targets, count, means)


def time_left(
    targets: Sequence[Target], left: Mapping[str, int], mean_s: Mapping[str, float]
) -> float | None:
    """Return how many seconds `left` answers of each target take, `mean_s` for one.

    A provider gives several at once; this computer gives them one by one, after the providers.
    `None` where a mean is missing.
    """
    here = 0.0
    elsewhere: dict[str, float] = {}
    for target in targets:
        count = left[target.key]
        if count <= 0:
            continue
        if target.key not in mean_s:
            return None
        seconds = count * mean_s[target.key]
        if isinstance(target, CloudTarget) and not target.uses_this_machine:
            provider = target.provider.id
            elsewhere[provider] = elsewhere.get(provider, 0.0) + seconds / AT_ONCE
        else:
            here += seconds
    return here + max(elsewhere.values(), default=0.0)


class _Lane:
    """Units that are asked from one queue: this computer's one by one, a provider's several."""

    def __init__(self, at_once: int) -> None:
        self.units: deque[Unit] = deque()
        self.at_once = at_once
        self.workers = 0
        """Tasks that ask."""
        self.on_their_way = 0
        self.waits_until = 0.0
        self.patient_until: float | None = None
        """How long the provider may go on saying "too many" to everything."""
        self.refusals = 0

    @property
    def is_busy(self) -> bool:
        """True where something is asked, or will be at once."""
        may_ask = bool(self.workers and self.units) and self.waits_until <= time.monotonic()
        return bool(self.on_their_way) or may_ask


class _Runner:
    """One evaluation on its way.

    This computer answers while nothing comes from elsewhere, in the waits of providers too, and
    nobody else is asked meanwhile: reading four answers of 50 tokens/s takes 11 to 13 % of a core,
    which a model on all cores would lose (`tests.bench.cloud_timing --beside-local`).
    """

    def __init__(
        self,
        service: EvaluationService,
        evaluation: Evaluation,
        going_on: asyncio.Event,
        max_usd: float | None,
    ) -> None:
        self._service = service
        self._evaluation = evaluation
        self._going_on = going_on
        self._max_usd = max_usd
        self._targets = {target.key: target for target in evaluation.targets}
        self._cases = {case.id: case for case in evaluation.prompt_set.cases}
        self._queue: asyncio.Queue[EvaluationUpdate | None] = asyncio.Queue()
        self._machine = _Lane(at_once=1)
        self._providers: dict[str, _Lane] = {}
        self._changed = asyncio.Event()
        self._spent = 0.0
        self._reserved: dict[Unit, float] = {}
        self._returned = asyncio.Event()
        self._hopeless: dict[str, int] = {}
        self._given_up: dict[str, str] = {}
        self._reason = ""

    async def updates(self) -> AsyncGenerator[EvaluationUpdate, None]:
        evaluation = self._evaluation
        results = await self._service.store.results(evaluation.id)
        self._spent = sum(
            result.usd or 0.0 for result in results if is_paid(self._targets[result.unit.target])
        )
        plan = await self._service.plan(evaluation, results)
        yield EvaluationStarted(evaluation, tuple(results), plan)
        work = asyncio.create_task(self._work(left_of(evaluation, results), plan.groups))
        try:
            while (update := await self._queue.get()) is not None:
                yield update
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        work.result()
        yield await self._end()

    async def _end(self) -> EvaluationEnded:
        store = self._service.store
        stored = {result.unit for result in await store.results(self._evaluation.id)}
        is_finished = stored.issuperset(self._evaluation.units)
        if is_finished:
            self._evaluation = replace(self._evaluation, finished_at=datetime.now(UTC))
            await store.save(self._evaluation)
        reason = self._reason or next(iter(self._given_up.values()), "")
        return EvaluationEnded(self._evaluation, is_finished, "" if is_finished else reason)

    async def _work(self, left: Sequence[Unit], groups: Groups) -> None:
        self._machine.units.extend(in_blocks(units_here(self._evaluation, left), groups))
        for unit in left:
            target = self._targets[unit.target]
            if isinstance(target, CloudTarget) and not target.uses_this_machine:
                lane = self._providers.setdefault(target.provider.id, _Lane(at_once=AT_ONCE))
                lane.units.append(unit)
        try:
            async with asyncio.TaskGroup() as group:
                for lane in (*self._providers.values(), self._machine):
                    lane.workers = min(lane.at_once, len(lane.units))
                    for _ in range(lane.workers):
                        group.create_task(self._ask_all(lane))
        except* PlaygroundError as errors:
            # the disk is full, say: nothing is asked that could not be kept
            self._reason = str(errors.exceptions[0])
        finally:
            self._queue.put_nowait(None)

    async def _ask_all(self, lane: _Lane) -> None:
        try:
            while lane.units:
                await self._going_on.wait()
                if (wait := lane.waits_until - time.monotonic()) > 0:
                    await asyncio.sleep(wait)
                elif not self._has_turn(lane):
                    self._changed.clear()
                    await self._changed.wait()
                elif not await self._ask_next(lane):
                    return
        finally:
            lane.workers -= 1
            self._changed.set()

    def _has_turn(self, lane: _Lane) -> bool:
        if lane is self._machine:
            return not any(other.is_busy for other in self._providers.values())
        return not self._machine.on_their_way

    async def _ask_next(self, lane: _Lane) -> bool:
        """Ask the lane's next unit; return False where the ceiling allows no more."""
        unit = lane.units.popleft()
        if unit.target in self._given_up:
            return True
        request = request_of(self._evaluation, unit, self._cases[unit.case])
        if not await self._reserve(unit, request):
            return False
        lane.on_their_way += 1
        try:
            await self._ask(lane, unit, request)
        finally:
            lane.on_their_way -= 1
            del self._reserved[unit]
            self._returned.set()
            self._changed.set()
        return True

    def _most(self, unit: Unit, request: ChatRequest) -> float:
        if self._max_usd is None:
            return 0.0
        return self._service.most_usd(self._targets[unit.target], request) or 0.0

    async def _reserve(self, unit: Unit, request: ChatRequest) -> bool:
        """Return False where the answer could go beyond the ceiling.

        Answers on their way mostly cost less than they could: where that may do, it is waited for.
        """
        most, ceiling = self._most(unit, request), self._max_usd or 0.0
        while most and self._spent + sum(self._reserved.values()) + most > ceiling:
            if self._spent + most > ceiling:
                self._reason = f"The ceiling of ${ceiling:g} is reached."
                return False
            self._returned.clear()
            await self._returned.wait()
        self._reserved[unit] = most
        return True

    async def _ask(self, lane: _Lane, unit: Unit, request: ChatRequest) -> None:
        self._queue.put_nowait(UnitStarted(unit))
        run = await self._answer(unit, request)
        is_refused = run.error is not None and run.error.kind == "RateLimited"
        if run.error is not None and is_refused and self._may_wait(lane, run.error.retry_after_s):
            lane.units.appendleft(unit)
            self._wait(lane, run.error.retry_after_s)
            return
        if not is_refused:
            lane.patient_until, lane.refusals = None, 0
        cost = await asyncio.to_thread(self._service.cost_of, run)
        # finished, and kept even where the program is being closed
        asked = filled(self._evaluation.prompt_set, self._cases[unit.case])
        keeping = self._service.store.keep(self._evaluation, unit, asked, replace(run, cost=cost))
        result = await asyncio.shield(keeping)
        if is_paid(run.target):
            self._spent += result.usd or 0.0
        self._queue.put_nowait(UnitEnded(result, self._spent))
        self._note_hope(unit.target, run)

    async def _answer(self, unit: Unit, request: ChatRequest) -> Run:
        target = self._targets[unit.target]
        fold = RunFold(Run(uuid.uuid4().hex, target, request, order=0))
        fold.start()
        started = time.perf_counter()
        try:
            async with aclosing(self._service.engine_for(target).stream(request)) as events:
                async for event in events:
                    fold.add(event)
                    if isinstance(event, Finished | Failed):
                        break
        except Exception as failure:
            error = explained(failure)
            if not isinstance(error, PlaygroundError):
                raise
            fold.fail(error.info(), time.perf_counter() - started)
        return fold.run

    def _may_wait(self, lane: _Lane, retry_after_s: float | None) -> bool:
        now = time.monotonic()
        if lane.patient_until is None:
            told_s = min(retry_after_s or 0.0, _LONGEST_TOLD_S)
            lane.patient_until = now + max(_PATIENCE_S, told_s)
        return now < lane.patient_until

    def _wait(self, lane: _Lane, retry_after_s: float | None) -> None:
        usual = min(_FIRST_WAIT_S * 2**lane.refusals, _LONGEST_WAIT_S)
        seconds = usual if retry_after_s is None else min(retry_after_s, _LONGEST_TOLD_S)
        lane.refusals += 1
        lane.waits_until = max(lane.waits_until, time.monotonic() + seconds)
        targets = tuple(dict.fromkeys(unit.target for unit in lane.units))
        self._queue.put_nowait(
            ProviderWaits(targets, seconds, "the provider allows no more for now")
        )

    def _note_hope(self, target: str, run: Run) -> None:
        if run.error is None or run.error.kind not in {*_HOPELESS, "RateLimited"}:
            self._hopeless[target] = 0
            return
        # too many for longer than anybody waits is so for the next question as well
        more = _GIVE_UP_AFTER if run.error.kind == "RateLimited" else 1
        self._hopeless[target] = self._hopeless.get(target, 0) + more
        if self._hopeless[target] >= _GIVE_UP_AFTER and target not in self._given_up:
            said = f"{run.target.label}: {run.error.message} {run.error.hint}".strip()
            self._given_up[target] = said
            self._queue.put_nowait(TargetGivenUp(target, said))
