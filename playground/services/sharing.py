"""What leaves the history as a file, and recordings that come into it."""

import asyncio
import getpass
import os
import platform
import re
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from playground import __version__
from playground.core.amounts import moment_words
from playground.core.characters import whole_characters
from playground.core.checks.scoring import CheckResult
from playground.core.errors import UsageError
from playground.core.evaluations import Evaluation
from playground.core.events import StreamEvent
from playground.core.machine import Machine
from playground.core.runs import Comparison, Run
from playground.core.share.comparison import About, comparison_document
from playground.core.share.decision import DecisionAsked, decision_document
from playground.core.share.document import Choice, Document, Part, Place
from playground.core.share.evaluation import evaluation_document
from playground.core.share.leaderboard import Voted, votes_document
from playground.core.share.names import place_of
from playground.core.share.page import page
from playground.core.share.recording import MAX_BYTES, read_recording, write_recording
from playground.core.share.scrubbing import Scrubber
from playground.core.share.text import comma_separated, data, markdown
from playground.core.targets import PRACTICE_ID, CloudTarget, LocalTarget, Provider, Target, Tier
from playground.core.urls import host_of, is_loopback_host
from playground.services.advice import advice_rules
from playground.services.comparison import checked
from playground.services.machine.machine import physical_cores
from playground.services.replay import start_offsets, whole_duration
from playground.store.evaluations import EvaluationStore
from playground.store.history import ComparisonStore, VoteCount
from playground.store.secrets import SecretStore
from playground.store.settings import SettingsStore

_LOOKED_AT = 10_000
"""Comparisons and evaluations among which an id is looked for."""
_SHORTEST_ID = 4


class ShareFormat(StrEnum):
    """As what something leaves; the values are those of the command line."""

    HTML = "html"
    MARKDOWN = "md"
    CSV = "csv"
    JSON = "json"
    RECORDING = "recording"


_WRITERS: dict[ShareFormat, Callable[[Document], str]] = {
    ShareFormat.HTML: page,
    ShareFormat.MARKDOWN: markdown,
    ShareFormat.CSV: comma_separated,
    ShareFormat.JSON: data,
}


@dataclass(frozen=True, slots=True)
class Votes:
    """How each target fared, as it is shared."""

    counts: tuple[VoteCount, ...]
    at: datetime


Shared = Comparison | Evaluation | DecisionAsked | Votes
"""What can be shared."""


@dataclass(frozen=True, slots=True)
class SharedFile:
    """What leaves: the text of a file, and the document that it was written of."""

    document: Document
    text: str

    @property
    def content(self) -> bytes:
        return self.text.encode()


class SharingService:
    """Makes documents and recordings of what is in the history; asks no model anything."""

    def __init__(
        self,
        history: ComparisonStore,
        evaluations: EvaluationStore,
        secrets: SecretStore,
        settings: SettingsStore,
        machine: Callable[[], Machine],
        *,
        folders: tuple[Path, ...] = (),
    ) -> None:
        """`machine` blocks and is asked in a thread; no name in `folders` ever leaves."""
        self._history = history
        self._evaluations = evaluations
        self._secrets = secrets
        self._settings = settings
        self._machine = machine
        self._folders = folders

    async def find(self, name: str) -> Shared:
        """Return the comparison or evaluation with an id, or its beginning; `last` is the newest.

        Raises `UsageError` where there is none, or more than one.
        """
        limit = 1 if name == "last" else _LOOKED_AT
        comparisons = await self._history.search(limit=limit)
        evaluations = await self._evaluations.listed(limit=limit)
        found = [(c.created_at, c.id, True) for c in comparisons]
        found += [(e.created_at, e.id, False) for e in evaluations]
        if name == "last":
            found = [max(found)] if found else []
        else:
            is_short = len(name) < _SHORTEST_ID
            found = [each for each in found if each[1].startswith(name) and not is_short]
        if not found:
            raise UsageError(
                f"There is no comparison or evaluation “{name}”.",
                "Write last, or its id: `playground tests list` tells those of evaluations, "
                "`playground compare --json` its own.",
            )
        if len(found) > 1:
            raise UsageError(f"“{name}” is the beginning of several ids.", "Write more of it.")
        _moment, key, is_comparison = found[0]
        if is_comparison:
            return await self._history.load(key)
        return await self._evaluations.load(key)

    async def votes(self) -> Votes:
        """Return how each target fared until now."""
        return Votes(tuple(await self._history.votes()), datetime.now(UTC))

    async def file(self, shared: Shared, file_format: ShareFormat, choice: Choice) -> SharedFile:
        """Return the whole file and its document; raises `UsageError` for what has no such format.

        A recording is not made of the document: that is how it reads.
        """
        document = await self.document(shared, choice)
        if file_format is ShareFormat.RECORDING:
            return SharedFile(document, await self._recording(shared, choice))
        return SharedFile(document, await asyncio.to_thread(_WRITERS[file_format], document))

    async def _recording(self, shared: Shared, choice: Choice) -> str:
        if not isinstance(shared, Comparison):
            raise UsageError("Only a comparison can be a recording.", "Choose another format.")
        about = await self._about(shared, choice)
        timelines: dict[str, list[StreamEvent]] = {}
        starts: dict[str, float] = {}
        for turn in shared.turns:
            for run in turn.runs:
                timelines[run.id] = await self._history.timeline(run.id)
            lengths = [whole_duration(run, timelines[run.id]) for run in turn.runs]
            offsets = zip(turn.runs, start_offsets(turn.runs, lengths), strict=True)
            starts |= {run.id: offset for run, offset in offsets if offset is not None}
        return await asyncio.to_thread(write_recording, shared, timelines, starts, about)

    async def document(self, shared: Shared, choice: Choice) -> Document:
        """Return what would leave, for a preview and for every writer."""
        about = await self._about(shared, choice)
        if isinstance(shared, DecisionAsked):
            test = await self._test(shared.evidence.evaluation)
            return await asyncio.to_thread(decision_document, shared, advice_rules(), test, about)
        if isinstance(shared, Votes):
            return votes_document(list(map(self._voted, shared.counts)), shared.at, about)
        if isinstance(shared, Comparison):
            results: dict[str, tuple[CheckResult, ...]] = {}
            if not shared.names_hidden:
                for turn in shared.turns:
                    results |= await checked(turn)
            return await asyncio.to_thread(comparison_document, shared, results, about)
        units = await self._evaluations.results(shared.id)
        runs: dict[str, Run] = {}
        if Part.ANSWERS in choice:
            for key in dict.fromkeys(unit.comparison_id for unit in units):
                kept = await self._history.load(key)
                runs |= {run.id: run for turn in kept.turns for run in turn.runs}
        return await asyncio.to_thread(evaluation_document, shared, units, runs, about)

    async def open_recording(self, path: Path) -> Comparison:
        """Take a recording out of a file; raises `UsageError` for what cannot be read."""
        try:
            content = await asyncio.to_thread(_read, path)
        except OSError as error:
            raise UsageError(f"{path.name} cannot be read: {error.strerror or error}.") from error
        return await self.add_recording(content)

    async def add_recording(self, content: bytes) -> Comparison:
        """Take a recording into the history; raises `UsageError` for what cannot be read."""
        recording = await asyncio.to_thread(read_recording, content, datetime.now(UTC))
        await self._history.add_recorded(recording.comparison, recording.timelines)
        return recording.comparison

    async def _test(self, evaluation_id: str) -> str:
        """Return an evaluation's name with its moment."""
        if not evaluation_id:
            return ""
        evaluation = await self._evaluations.load(evaluation_id)
        moment = evaluation.created_at
        parts = (evaluation.prompt_set.name, "" if moment is None else moment_words(moment))
        return ", ".join(part for part in parts if part)

    def _voted(self, count: VoteCount) -> Voted:
        place = Place.HERE
        if count.provider:
            known = {provider.id: provider for provider in self._settings.settings.providers}
            provider_id = count.target_key.partition(":")[0]
            provider = known.get(provider_id)
            if provider_id == PRACTICE_ID:
                place = Place.PRACTICE
            else:
                # of one that is not set up any more nothing else is known
                place = Place.CLOUD if provider is None else place_of(CloudTarget(provider, "?"))
        return Voted(
            *(count.label, count.provider, place, count.standing),
            thumbs_up=count.thumbs_up,
            thumbs_down=count.thumbs_down,
        )

    async def _about(self, shared: Shared, choice: Choice) -> About:
        await self._secrets.learn()
        machine = await asyncio.to_thread(self._machine)
        targets = shared.targets if isinstance(shared, Comparison | Evaluation) else ()
        scrubber = await asyncio.to_thread(self._scrubber, targets)
        return About(choice, scrubber, machine=machine_words(machine), version=__version__)

    def _scrubber(self, targets: tuple[Target, ...]) -> Scrubber:
        settings = self._settings.settings
        models = [target.model for target in targets if isinstance(target, LocalTarget)]
        providers = [target.provider for target in targets if isinstance(target, CloudTarget)]
        return Scrubber(
            self._secrets.redactor.forms,
            folders=map(
                str,
                (
                    Path.home(),
                    *self._folders,
                    *settings.model_folders,
                    *(model.path.parent for model in models if model.path.is_absolute()),
                ),
            ),
            users=_users(),
            hosts=(*_hosts(), *_own_servers((*settings.providers, *providers))),
        )


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def machine_words(machine: Machine, cores: int | None = None) -> str:
    """Return the kind of machine: `16 GB of memory, 8 cores, GeForce RTX 4070 (12 GB)`."""
    parts = [f"{_gigabytes(machine.ram_total_bytes)} of memory"]
    cores = physical_cores() if cores is None else cores
    parts.append("1 core" if cores == 1 else f"{cores} cores")
    parts += [f"{card.name} ({_gigabytes(card.total_bytes)})" for card in machine.cards]
    if machine.is_unified:
        parts[0] += " shared with the graphics"
    return ", ".join((*parts, platform.system())).removesuffix(", ")


def _gigabytes(size_bytes: int) -> str:
    return f"{size_bytes / 2**30:.0f} GB"


def _users() -> list[str]:
    """Return the names of the person's account: the short one and the whole one."""
    names = []
    with suppress(OSError, KeyError, ImportError):
        names.append(getpass.getuser())
    with suppress(ImportError, KeyError):
        import pwd  # noqa: PLC0415 - not on Windows

        names.append(pwd.getpwuid(os.getuid()).pw_gecos.split(",")[0].strip())
    return [whole_characters(name) for name in names]


def _hosts() -> list[str]:
    """Return this computer's names."""
    names = {platform.node(), socket.gethostname()}
    names |= {name.split(".")[0] for name in names}
    return [name for name in names if not re.fullmatch(r"[\d.:]*", name)]


def _own_servers(providers: tuple[Provider, ...]) -> list[str]:
    """Return the hosts of servers of one's own, which are names of a private network."""
    return [
        host
        for provider in providers
        if provider.tier is Tier.OWN_SERVER
        and (host := host_of(provider.base_url))
        and not is_loopback_host(host)
    ]
