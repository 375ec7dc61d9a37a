"""A comparison as a recording: what happened and when, a line each, to be played elsewhere.

As in asciicast v2 (https://docs.asciinema.org/manual/asciicast/v2/) the first line is a header, and
every other line is `[t, kind, data]`. `t` is in seconds; a `turn` sets the clock to 0, and each of
its answers has a `start` on it. Lines of an unknown kind are skipped.
"""

import json
import math
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from playground.core.characters import whole_values
from playground.core.chat import ChatRequest, Message, Role, SamplingParams
from playground.core.checks.reading import require_readable
from playground.core.codec import TAG, decode, encode
from playground.core.errors import ErrorInfo, UsageError
from playground.core.events import (
    Failed,
    Finished,
    InputPrepared,
    LoadProgress,
    Notice,
    PromptProgress,
    ReasoningDelta,
    RequestSent,
    StreamEvent,
    TextDelta,
    ThinkingEnded,
    Token,
)
from playground.core.expected import Check
from playground.core.fold import RunFold
from playground.core.metrics import figures
from playground.core.runs import (
    Comparison,
    Cost,
    ModelInput,
    Recorded,
    Run,
    RunOrder,
    RunStatus,
    Thumb,
    TokenUsage,
    Turn,
)
from playground.core.share.comparison import About, tells_note
from playground.core.share.document import LEFT_OUT, Part, Place
from playground.core.share.names import Names, asked_targets, place_of
from playground.core.share.scrubbing import harmless
from playground.core.targets import (
    RECORDED,
    RECORDED_ID,
    CloudTarget,
    LoadSettings,
    LocalTarget,
    ModelFile,
    Provider,
    Target,
    Tier,
)

FORMAT, VERSION = "inference-playground/recording", 1
MAX_BYTES = 64 * 2**20
"""A recording of an hour with probabilities is about half of that."""
_MAX_LINE = 4 * 2**20
_MAX_LINES = 2_000_000
_MAX_TARGETS = 100
_MAX_COLUMNS = 1_000
_MAX_TURNS = 1_000
_MAX_ANSWERS = 10_000
_MAX_CHECKS = 100
_MAX_TEXT = 8 * 2**20
_MAX_ASKED = 256 * 2**20
"""Characters of what all models were asked: each question comes with everything before it."""
_MAX_SECONDS = 7 * 24 * 3600.0
_MAX_NAME = 200
_MAX_NOTE = 20_000
"""Characters of a note: a field shows all of it at once."""
_MAX_USD = 1e9
_MAX_COUNT = 1e12
_MOST_SHARE = 1.001
"""Of a probability; servers round them."""
_DIGITS = 6
"""Of a second: what stamps are good for."""
_KINDS: Mapping[str, type] = {
    "load": LoadProgress,
    "sent": RequestSent,
    "input": InputPrepared,
    "reading": PromptProgress,
    "text": TextDelta,
    "reasoning": ReasoningDelta,
    "thinking_ended": ThinkingEnded,
    "notice": Notice,
    "finished": Finished,
    "failed": Failed,
}
"""Kind of a line → the event it holds."""
_NAMES = {event: kind for kind, event in _KINDS.items()}

Timelines = Mapping[str, Sequence[StreamEvent]]
"""Run id → its events."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A comparison that was run elsewhere, with what happened in each run."""

    comparison: Comparison
    timelines: Timelines


def write_recording(
    comparison: Comparison,
    timelines: Timelines,
    starts: Mapping[str, float],
    about: About,
) -> str:
    """Return the comparison as a recording; `starts` is when each run began in its turn, by id.

    Raises `UsageError` while names are hidden, as its pace would tell them, and where the answers
    shall be left out: they are what it is of.
    """
    if comparison.names_hidden:
        raise UsageError(
            "This comparison's names are still hidden.", "Say which answer is better first."
        )
    if Part.ANSWERS not in about.choice or Part.FIGURES not in about.choice:
        raise UsageError(
            "A recording is made of the answers and their times: neither can be left out.",
            "Choose another format, or take both along.",
        )
    writer = _Writer(comparison, about)
    rows: list[object] = [writer.header()]
    for turn in comparison.turns:
        rows += writer.turn(turn, timelines, starts)
    return "".join(
        json.dumps(whole_values(row), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        + "\n"
        for row in rows
    )


class _Writer:
    """One comparison on its way into lines."""

    def __init__(self, comparison: Comparison, about: About) -> None:
        self._comparison = comparison
        self._about = about
        self._scrub = about.scrubber
        self._targets = asked_targets(comparison)
        self._names = Names(self._targets, about.choice, about.scrubber)
        self._has_prompt = Part.PROMPT in about.choice

    def header(self) -> dict[str, Any]:
        comparison, about = self._comparison, self._about
        before = comparison.recorded
        moment = comparison.created_at if before is None else before.at
        machine = about.machine if before is None else before.machine
        has_machine = Part.MACHINE in about.choice
        pairs = zip(self._targets, self._names.names, strict=True)
        return {
            "format": FORMAT,
            "version": VERSION,
            "date": None if moment is None else moment.astimezone(UTC).isoformat(),
            "program": about.version,
            "machine": self._scrub.clean_name(machine) if has_machine else None,
            "system_prompt": (
                self._scrub.clean(comparison.system_prompt) if self._has_prompt else ""
            ),
            "sampling": self._sampling(comparison.sampling),
            "targets": [self._target(target, name) for target, name in pairs],
        }

    def _sampling(self, sampling: SamplingParams) -> Any:
        if not self._has_prompt:
            sampling = replace(sampling, schema=None, stop=())
        return _cleaned(encode(sampling), self._scrub.clean)

    def _target(self, target: Target, name: str) -> dict[str, Any]:
        place = place_of(target)
        described: dict[str, Any] = {"place": place.name.lower(), "name": name}
        if not self._names.are_told:
            return described
        described["name"] = self._scrub.clean_name(target.label)
        if isinstance(target, LocalTarget):
            model = target.model
            return described | {
                "quantization": model.quantization,
                "size_bytes": model.size_bytes,
                "architecture": model.architecture,
                "settings": encode(target.settings),
            }
        is_practice = target.provider.is_practice
        name = "Practice cloud" if is_practice else self._scrub.clean_name(target.provider.name)
        return described | {"provider": name}

    def turn(
        self, turn: Turn, timelines: Timelines, starts: Mapping[str, float]
    ) -> list[list[Any]]:
        asked = {
            "prompt": self._scrub.clean(turn.prompt) if self._has_prompt else None,
            "order": turn.order.value,
            "targets": [self._names.position(run, n) for n, run in enumerate(turn.runs)],
            "date": None if turn.created_at is None else turn.created_at.isoformat(),
            "checks": _cleaned(encode(turn.checks), self._scrub.clean) if self._has_prompt else [],
            "note": self._scrub.clean(turn.note) if tells_note(self._about.choice) else "",
        }
        lines: list[tuple[float, str, dict[str, Any]]] = []
        for column, run in enumerate(turn.runs):
            start = starts.get(run.id)
            if start is not None:
                lines += self._run(run, column, start, timelines.get(run.id, ()))
            lines.append(((start or 0.0) + _length(run), "end", self._end(turn, run, column)))
        latest: dict[int, float] = {}
        keyed = []
        for t, kind, data in lines:
            # what came later in an answer stands later, whatever its stamp is
            latest[data["column"]] = max(t, latest.get(data["column"], 0.0))
            keyed.append((latest[data["column"]], [round(t, _DIGITS), kind, data]))
        keyed.sort(key=lambda pair: pair[0])
        return [[0.0, "turn", asked], *(line for _key, line in keyed)]

    def _run(
        self, run: Run, column: int, start: float, events: Sequence[StreamEvent]
    ) -> Iterable[tuple[float, str, dict[str, Any]]]:
        begun = {
            "column": column,
            "order": run.order,
            "shared_machine": run.shared_machine,
            "continues": self._scrub.clean(run.continues),
        }
        yield start, "start", begun
        for event in self._clean_events(events):
            data = encode(event)
            del data[TAG], data["t_s"]
            yield start + event.t_s, _NAMES[type(event)], {"column": column, **data}

    def _end(self, turn: Turn, run: Run, column: int) -> dict[str, Any]:
        cost, total_s = run.cost, run.timings.total_s
        if cost is not None and not {Part.NAMES, Part.MACHINE} <= self._about.choice:
            # it names the provider, or what this machine draws
            cost = replace(cost, explanation="")
        return {
            "column": column,
            "status": run.status.value,
            "finish_reason": self._scrub.clean(run.finish_reason or "") or None,
            "total_s": None if total_s is None else round(total_s, _DIGITS),
            "cost": _cleaned(encode(cost), self._message) if cost is not None else None,
            "thumb": turn.thumb_of(run.id),
        }

    def _message(self, text: str) -> str:
        return self._scrub.clean_message(text)

    def _clean_events(self, events: Sequence[StreamEvent]) -> list[StreamEvent]:
        """Return the events without hosts and what must not leave, in pieces or whole."""
        cleaned = list(map(self._clean_event, events))
        for kind in (TextDelta, ReasoningDelta):
            deltas = [
                (n, event)
                for n, event in enumerate(cleaned)
                if isinstance(event, TextDelta | ReasoningDelta) and type(event) is kind
            ]
            pieces = self._scrub.clean_pieces([event.text for _n, event in deltas])
            for (n, event), piece in zip(deltas, pieces, strict=True):
                cleaned[n] = _with_text(event, piece)
        return cleaned

    def _clean_event(self, event: StreamEvent) -> StreamEvent:
        match event:
            case RequestSent():
                return replace(event, hosts=())
            case Finished(finish_reason=reason):
                return replace(event, finish_reason=self._scrub.clean(reason), hosts=())
            case TextDelta(tokens=tokens) | ReasoningDelta(tokens=tokens):
                return replace(event, tokens=tuple(map(self._clean_token, tokens)))
            case Notice(message=message):
                told = self._message(message) if self._about.tells_errors else ""
                return replace(event, message=told)
            case Failed(error=error):
                info = ErrorInfo(error.kind, self._message(error.message), "")
                if not self._about.tells_errors:
                    info = replace(info, message="It failed.")
                return replace(event, error=info, hosts=())
            case InputPrepared(model_input=given):
                # settings of a provider may hold what was asked: a form, stop words
                plain = tuple((n, v) for n, v in given.settings if isinstance(v, int | float))
                # a template tells the model
                template = given.template_sha256 if self._names.are_told else None
                return InputPrepared(event.t_s, ModelInput(plain, given.seed, template))
            case _:
                return event

    def _clean_token(self, token: Token) -> Token:
        """Return a token without alternatives that must stay; what it says itself is a piece."""
        clean = self._scrub.is_clean
        if not clean(token.text):
            return Token("", token.t_s, token.probability)
        kept = tuple(other for other in token.alternatives if clean(other.text))
        return token if kept == token.alternatives else replace(token, alternatives=kept)


def _with_text(event: TextDelta | ReasoningDelta, text: str) -> StreamEvent:
    """Return a piece with a cleaned text; tokens that say something else say nothing any more."""
    if text == event.text:
        return event
    tokens = tuple(
        Token(text if n == 0 else "", token.t_s, token.probability)
        for n, token in enumerate(event.tokens)
    )
    return replace(event, text=text, tokens=tokens)


def _cleaned(value: Any, clean: Callable[[str], str]) -> Any:
    """Return a JSON value with all its texts cleaned, but the names of classes."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_cleaned(item, clean) for item in value]
    if isinstance(value, dict):
        return {
            key: item if key in {TAG, "kind", "provenance"} else _cleaned(item, clean)
            for key, item in value.items()
        }
    return value


def _length(run: Run) -> float:
    """Return how long `run` took from its start, in seconds."""
    return (run.sent_t_s or 0.0) + (run.timings.total_s or 0.0)


def read_recording(content: bytes, now: datetime) -> Recording:
    """Return what a recording holds, as a comparison that came here at `now`.

    Nothing in it is trusted. Raises `UsageError` with the line that cannot be read.
    """
    if len(content) > MAX_BYTES:
        raise UsageError(f"The recording is larger than {MAX_BYTES // 2**20} MB.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError("The file is no recording: it is not text in UTF-8.") from error
    if text.count("\n") >= _MAX_LINES:
        raise UsageError(f"The recording has more than {_MAX_LINES:,} lines.")
    reader: _Reader | None = None
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = _read_line(line)
            if reader is None:
                reader = _Reader(value, now)
            else:
                reader.add(value)
        except UsageError as error:
            raise UsageError(f"Line {number} of the recording: {error.message}") from error
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
            said = "" if isinstance(error, KeyError | RecursionError) else f": {error}"
            raise UsageError(
                f"Line {number} of the recording cannot be read{harmless(said)[:_MAX_NAME]}."
            ) from error
    if reader is None:
        raise UsageError("The recording is empty.")
    return reader.result()


def _read_line(line: str) -> Any:
    if len(line) > _MAX_LINE:
        raise ValueError("it is too long")
    return whole_values(json.loads(line, parse_constant=_refuse, parse_float=_finite))


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number in it is too large")
    return number


@dataclass(slots=True)
class _Column:
    """One run while its lines are read."""

    run: Run
    start_s: float | None = None
    is_over: bool = False
    """True once its answer is complete or has failed."""
    has_end: bool = False
    events: list[StreamEvent] = field(default_factory=list)
    characters: int = 0
    total_s: float | None = None
    """Of an answer that was stopped."""
    finish_reason: str | None = None
    cost: Cost | None = None
    thumb: Thumb | None = None


class _Reader:
    """Takes the lines of a recording in order."""

    def __init__(self, header: Any, now: datetime) -> None:
        if not isinstance(header, dict) or header.get("format") != FORMAT:
            raise ValueError("the file is no recording of this program")
        version = header.get("version")
        if type(version) is not int or version < 1:
            raise ValueError("it tells no version")
        if version > VERSION:
            raise ValueError("it was made by a newer version of the program")
        targets = header["targets"]
        if not isinstance(targets, list) or not 1 <= len(targets) <= _MAX_TARGETS:
            raise ValueError("it names no models, or too many")
        self._date = _moment(header.get("date"))
        self._now = now
        self._timelines: dict[str, tuple[StreamEvent, ...]] = {}
        self._turns: list[Turn] = []
        self._said: dict[str, tuple[Message, ...]] = {}
        """Target key → what was asked and answered until now."""
        self._answers = self._asked = 0
        self._columns: list[_Column] = []
        self._turn: Turn | None = None
        self._comparison = Comparison(
            id=uuid.uuid4().hex,
            targets=tuple(_target(target, number) for number, target in enumerate(targets)),
            system_prompt=_text(header.get("system_prompt") or ""),
            sampling=decode(SamplingParams, header.get("sampling") or {}),
            created_at=now,
            recorded=Recorded(self._date, _name(header.get("machine") or "")),
        )

    def add(self, line: Any) -> None:
        if not isinstance(line, list) or len(line) != 3:
            raise ValueError("it is not a time, a kind and its data")
        t_s, kind, data = line
        if isinstance(t_s, bool) or not isinstance(t_s, int | float):
            raise ValueError("its time is no number")
        if not 0 <= t_s <= _MAX_SECONDS:
            raise ValueError("its time cannot be true")
        if kind == "turn":
            self._begin(data)
        elif kind in {"start", "end"} or kind in _KINDS:
            self._add_to(self._column(data), float(t_s), kind, data)

    def result(self) -> Recording:
        self._close()
        if not self._turns:
            raise UsageError("The recording has no question in it.")
        comparison = replace(self._comparison, turns=tuple(self._turns))
        return Recording(comparison, self._timelines)

    def _begin(self, data: Any) -> None:
        self._close()
        if len(self._turns) >= _MAX_TURNS:
            raise ValueError("it has too many questions")
        prompt = data["prompt"]
        prompt = LEFT_OUT[Part.PROMPT] + "." if prompt is None else _text(prompt)
        self._turn = Turn(
            id=uuid.uuid4().hex,
            prompt=prompt,
            order=RunOrder(data["order"]),
            created_at=_moment(data.get("date")) or self._date or self._now,
            checks=_checks(data.get("checks") or []),
            note=_text(data.get("note") or "")[:_MAX_NOTE],
        )
        targets = self._targets_of(data.get("targets"))
        self._answers += len(targets)
        if self._answers > _MAX_ANSWERS:
            raise ValueError("it has too many answers")
        self._columns = [
            _Column(Run(uuid.uuid4().hex, target, self._request(target, prompt), order=0))
            for target in targets
        ]

    def _targets_of(self, positions: Any) -> list[Target]:
        """Return the target of each answer of a turn; all of them, where nothing is said."""
        targets = self._comparison.targets
        if positions is None:
            return list(targets)
        found: list[int] = decode(list[int], positions)
        if len(found) > _MAX_COLUMNS or not all(0 <= n < len(targets) for n in found):
            raise ValueError("it has answers of models that are not there, or too many")
        return [targets[n] for n in found]

    def _request(self, target: Target, prompt: str) -> ChatRequest:
        """Return what `target` was asked, as far as a recording tells."""
        system = self._comparison.system_prompt
        first = (Message(Role.SYSTEM, system),) if system.strip() else ()
        messages = (*first, *self._said.get(target.key, ()), Message(Role.USER, prompt))
        self._asked += sum(len(message.content) for message in messages)
        if self._asked > _MAX_ASKED:
            raise ValueError("its questions are too long together")
        return ChatRequest(messages, self._comparison.sampling)

    def _column(self, data: Any) -> _Column:
        if not isinstance(data, dict):
            raise ValueError("its data is no object")
        number = data.get("column")
        if isinstance(number, bool) or not isinstance(number, int):
            raise ValueError("it belongs to no answer")
        if self._turn is None or not 0 <= number < len(self._columns):
            raise ValueError("its answer is not there")
        return self._columns[number]

    def _add_to(self, column: _Column, t_s: float, kind: str, data: dict[str, Any]) -> None:
        if column.has_end or (column.is_over and kind != "end"):
            raise ValueError("it comes after the end of its answer")
        if kind == "end":
            _read_end(column, data)
            return
        if kind == "start":
            order = data.get("order", 0)
            if column.start_s is not None or type(order) is not int or not 0 <= order <= 1000:
                raise ValueError("an answer starts once")
            column.start_s = t_s
            column.run = replace(
                column.run,
                order=order,
                shared_machine=data.get("shared_machine") is True,
                continues=_text(data.get("continues") or ""),
            )
            return
        if column.start_s is None or t_s < column.start_s - 10**-_DIGITS:
            raise ValueError("it comes before its answer starts")
        event = decode(_KINDS[kind], {**data, "t_s": max(0.0, t_s - column.start_s)})
        if isinstance(event, RequestSent | Finished | Failed):
            # nothing went to a host from this computer
            event = replace(event, hosts=())
        column.is_over = isinstance(event, Finished | Failed)
        _require_true(event)
        column.events.append(event)
        if isinstance(event, TextDelta | ReasoningDelta):
            column.characters += len(event.text)
            if column.characters > _MAX_TEXT:
                raise ValueError("its answer is too long")

    def _close(self) -> None:
        """Make runs of the columns, as the events and their ends tell."""
        if self._turn is None:
            return
        runs = tuple(self._finished(column, self._turn) for column in self._columns)
        # of a model that answered twice the first answer went on
        for key, text in {run.target.key: run.text for run in reversed(runs)}.items():
            if text:
                asked, said = Message(Role.USER, self._turn.prompt), Message(Role.ASSISTANT, text)
                self._said[key] = (*self._said.get(key, ()), asked, said)
        turn = replace(self._turn, runs=runs)
        for run, column in zip(runs, self._columns, strict=True):
            turn = turn.with_thumb(run.id, column.thumb)
        self._turns.append(turn)
        self._turn = None

    def _finished(self, column: _Column, turn: Turn) -> Run:
        fold = RunFold(column.run)
        if column.start_s is not None:
            fold.start(shared_machine=column.run.shared_machine)
        for event in column.events:
            fold.add(event)
        if not fold.run.status.is_final:
            fold.cancel(_stopped_at(column, fold.run))
        run = fold.run
        _require_possible(run)
        self._timelines[run.id] = tuple(column.events)
        started = None
        if column.start_s is not None:
            started = (turn.created_at or self._now) + timedelta(seconds=column.start_s)
        if run.status is RunStatus.CANCELLED and column.finish_reason:
            run = replace(run, finish_reason=column.finish_reason)
        return replace(run, cost=column.cost, started_at=started)


def _require_true(event: StreamEvent) -> None:
    """Raise `ValueError` for shares and counts that there cannot be."""
    shares: list[float | None] = []
    counts: list[float | None] = []
    match event:
        case LoadProgress(fraction=fraction):
            shares = [fraction]
        case PromptProgress(processed=processed, total=total, kept=kept):
            counts = [processed, total, kept]
        case RequestSent(load_s=load_s, connect_s=connect_s):
            counts = [load_s, connect_s]
        case TextDelta(tokens=tokens) | ReasoningDelta(tokens=tokens):
            shares = [token.probability for token in tokens]
            shares += [each.probability for token in tokens for each in token.alternatives]
            counts = [token.t_s for token in tokens]
        case Finished(usage=usage, prompt_s=prompt_s, reported_cost_usd=usd):
            counts = [*_counts(usage), prompt_s, usd]
        case Failed(usage=usage) if usage is not None:
            counts = _counts(usage)
        case _:
            return
    if not all(share is None or 0 <= share <= _MOST_SHARE for share in shares) or not all(
        count is None or 0 <= count <= _MAX_COUNT for count in counts
    ):
        raise ValueError("a figure in it cannot be true")


def _counts(usage: TokenUsage) -> list[float | None]:
    return [getattr(usage, f.name) for f in fields(usage) if f.name != "provenance"]


def _require_possible(run: Run) -> None:
    """Raise `UsageError` for a run whose times cannot be true, or that nothing can be told of."""
    times = [value for f in fields(run.timings) if (value := getattr(run.timings, f.name))]
    known = figures(run)
    told = [figure.value for f in fields(known) if (figure := getattr(known, f.name))]
    earliest = -(10**-_DIGITS)
    if not all(earliest <= time <= _MAX_SECONDS for time in times) or not all(
        map(math.isfinite, told)
    ):
        raise UsageError("The times of an answer cannot be true.")


def _read_end(column: _Column, data: dict[str, Any]) -> None:
    total_s: float | None = decode(float | None, data.get("total_s"))
    cost: Cost | None = decode(Cost | None, data.get("cost"))
    if total_s is not None and not 0 <= total_s <= _MAX_SECONDS:
        raise ValueError("its time cannot be true")
    if cost is not None and cost.usd is not None and not 0 <= cost.usd < _MAX_USD:
        raise ValueError("its cost cannot be true")
    column.total_s, column.cost, column.has_end = total_s, cost, True
    column.thumb = decode(Thumb | None, data.get("thumb"))
    column.finish_reason = _name(data.get("finish_reason") or "") or None


def _stopped_at(column: _Column, run: Run) -> float:
    """Return when an answer without an end was stopped, on its own clock."""
    if column.total_s is not None:
        return (run.sent_t_s or 0.0) + column.total_s
    return column.events[-1].t_s if column.events else 0.0


def _target(data: Any, number: int) -> Target:
    """Return a target as it is shown; nothing can be sent to it."""
    name = _name(data["name"]) or "?"
    place = Place[str(data["place"]).upper()]
    if place is Place.HERE:
        size = data.get("size_bytes", 0)
        return LocalTarget(
            ModelFile(
                # not a file: it keeps those of one name apart
                path=Path("recorded") / f"{number} {name.replace('/', '_')}",
                name=name,
                size_bytes=size if isinstance(size, int) and 0 <= size < 2**50 else 0,
                source=RECORDED,
                architecture=_name(data.get("architecture") or "") or None,
                quantization=_name(data.get("quantization") or "") or None,
                is_present=False,
            ),
            decode(LoadSettings, data.get("settings") or {}),
        )
    tier = Tier.OWN_SERVER if place is Place.SERVER else Tier.STUDIO
    provider = Provider(
        # no id of a provider here: nothing of a recording is sent to one
        id=f"{RECORDED_ID}{number}",
        name=_name(data.get("provider") or "") or place.value,
        base_url="",
        tier=tier,
        is_practice=place is Place.PRACTICE,
    )
    return CloudTarget(provider, name)


def _checks(data: Any) -> tuple[Check, ...]:
    checks: tuple[Check, ...] = decode(tuple[Check, ...], data)
    if len(checks) > _MAX_CHECKS:
        raise ValueError("it has too many checks")
    for check in checks:
        require_readable(check)
    return checks


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        raise ValueError("a text in it is no text, or too long")
    return value


def _name(value: Any) -> str:
    return " ".join(harmless(_text(value)).split())[:_MAX_NAME]


def _moment(value: Any) -> datetime | None:
    if value is None:
        return None
    moment = datetime.fromisoformat(_text(value))
    if moment.tzinfo is None or not 1970 < moment.year < 3000:
        raise ValueError("its date cannot be true")
    return moment
