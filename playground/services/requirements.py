"""System requirements on this computer: its memory now, and what has run here before."""

import asyncio
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from playground.core.errors import ModelFileInvalid, ModelLoadFailed
from playground.core.gguf.chat_model import architecture_problem, check_chat_model
from playground.core.gguf.header import GgufHeader
from playground.core.gguf.quantization import estimated_bytes, smaller_versions
from playground.core.hub import HubModel
from playground.core.machine import Machine
from playground.core.requirements import memory
from playground.core.requirements.assess import (
    FILLED_SHARE,
    ModelSpec,
    Predict,
    assess,
    free_bytes,
    plan_placement,
    verdict_of,
)
from playground.core.requirements.model import Compatibility, Requirements, Speed
from playground.core.requirements.speed import (
    Observation,
    TokenCost,
    predict,
    predict_on_card,
    token_cost,
    token_cost_of_size,
)
from playground.core.runs import Provenance
from playground.core.targets import LoadSettings, ModelFile
from playground.core.threads import with_pauses
from playground.services.library.service import ModelLibrary
from playground.services.machine.devices import Device, devices
from playground.services.machine.machine import HeldMemory, MachineService
from playground.store.local_runs import LocalRuns, ModelUse

_Learnt = tuple[Sequence[Observation], Sequence[Observation]]
"""What models have shown here on the processor alone, and on graphics alone."""
_USUAL_QUANTIZATION = "Q4_K_M"
_AS_IT_IS = LoadSettings()
_OVERHEAD_BYTES = 400_000_000
"""About what conversation and working space add to a file of which nothing else is known."""


class RequirementsService:
    """Answers at once from what `refresh` has found; before the first one from memory alone."""

    def __init__(
        self,
        machines: MachineService,
        runs: LocalRuns,
        library: ModelLibrary,
        held: Callable[[], HeldMemory] = HeldMemory,
    ) -> None:
        """`held` is what loaded models give back."""
        self._held = held
        # two threads that reckon at once are no faster, and leave the painting one a third
        self._turn = threading.Lock()
        self._machines = machines
        self._runs = runs
        self._library = library
        self._machine: Machine | None = None
        self._uses: Mapping[str, ModelUse] = {}
        self._uses_by_file: Mapping[tuple[int, str | None], Sequence[ModelUse]] = {}
        """Those of which a speed is known: copies of one file are as fast."""
        self._learnt: _Learnt = ([], [])

    async def refresh(self) -> None:
        """Look at this computer's memory, and learn from the runs since the last time."""
        machine = await self._machines.machine(self._held())
        uses = await self._runs.uses()
        # a thread, because headers may have to be read
        self._learnt = await asyncio.to_thread(self._learn, uses, machine)
        by_file: defaultdict[tuple[int, str | None], list[ModelUse]] = defaultdict(list)
        for use in uses.values():
            if use.tokens_per_s is not None:
                by_file[use.file].append(use)
        self._machine, self._uses, self._uses_by_file = machine, uses, by_file

    def machine_now(self) -> Machine:
        """Return this computer as `refresh` found it."""
        return self._machine or self._machines.quick(self._held())

    def use_of(self, path: Path) -> ModelUse | None:
        return self._uses.get(str(path))

    def assess(
        self,
        header: GgufHeader,
        settings: LoadSettings = _AS_IT_IS,
        *,
        projector_bytes: int = 0,
        others: Sequence[tuple[str, int]] = (),
    ) -> Requirements:
        """Return what a model needs here; callable from any thread.

        `others` are the other quantizations there are of it, each with its bytes. Raises what
        `check_chat_model` does.
        """
        check_chat_model(header)
        measured = self._measured(header, settings)
        subject = ModelSpec(header, settings, projector_bytes, measured, others)
        machine = self.machine_now()
        with self._turn:
            return assess(subject, machine, _predict_for(machine, self._learnt))

    def assess_model(
        self, model: ModelFile, settings: LoadSettings = _AS_IT_IS
    ) -> Requirements | None:
        """Return what a listed model needs, maybe reading it; `None` for one that is unusable."""
        if model.problem is not None or not model.is_present:
            return None
        try:
            header = self._library.header(model.path)
            return self.assess(
                header,
                settings,
                projector_bytes=model.projector_bytes,
                # there is hardly a model of which these were not made
                others=smaller_versions(header.parameters, header.weights_bytes),
            )
        except ModelLoadFailed:
            return None

    async def assess_models(
        self, wanted: Sequence[tuple[ModelFile, LoadSettings]]
    ) -> dict[str, Requirements | None]:
        """Return what each of `wanted` needs, by path."""

        def assess_each() -> dict[str, Requirements | None]:
            return {
                str(model.path): self.assess_model(model, settings)
                for model, settings in with_pauses(wanted, every=1)
            }

        return await asyncio.to_thread(assess_each)

    async def assess_elsewhere(
        self, model: ModelFile, settings: LoadSettings
    ) -> tuple[tuple[Device, Requirements], ...]:
        """Return how a listed model would run on other devices; empty for an unusable one."""

        def assess_each() -> tuple[tuple[Device, Requirements], ...]:
            try:
                header = self._library.header(model.path)
                return self.elsewhere(header, settings, projector_bytes=model.projector_bytes)
            except ModelLoadFailed:
                return ()

        return await asyncio.to_thread(assess_each)

    def elsewhere(
        self,
        header: GgufHeader,
        settings: LoadSettings = _AS_IT_IS,
        *,
        projector_bytes: int = 0,
    ) -> tuple[tuple[Device, Requirements], ...]:
        """Return how the model would run on each device of the table; always estimates.

        Raises what `check_chat_model` does.
        """
        check_chat_model(header)
        plain = LoadSettings(context=settings.context, kv_type=settings.kv_type)
        subject = ModelSpec(header, plain, projector_bytes)
        found = []
        for device in devices():
            with self._turn:
                needs = assess(subject, device.machine, _predict_for(device.machine))
            found.append((device, needs))
        return tuple(found)

    def guess(self, model: HubModel, size_bytes: int | None) -> Compatibility | None:
        """Return a guess for a file of which no header has been read.

        `None` where nothing is known, and for what is no chat model by what the Hub says of it.
        """
        if not model.may_answer:
            return None
        if model.architecture and architecture_problem(model.architecture) is not None:
            return None
        return self.guess_by_size(model.parameters, size_bytes)

    def guess_best(self, model: HubModel) -> Compatibility | None:
        """Return a guess for the version of a repository that would be taken."""
        verdict = self.guess(model, model.usual_bytes)
        if verdict in {Compatibility.SLOW, Compatibility.WONT_FIT}:
            return self.guess(model, model.smallest_bytes)
        return verdict

    def may_run(self, model: HubModel) -> bool:
        """Return True for a repository of which a version runs here, not slowly, by a guess."""
        return self.guess_best(model) in {Compatibility.RUNS_GREAT, Compatibility.RUNS}

    def guess_by_size(self, parameters: int | None, size_bytes: int | None) -> Compatibility | None:
        """Return a guess from the size of a file, else from that of the usual quantization."""
        size = size_bytes
        if size is None and parameters is not None:
            size = estimated_bytes(parameters, _USUAL_QUANTIZATION)
        if size is None:
            return None
        machine = self.machine_now()
        expected = _predict_for(machine, self._learnt)
        is_on_card = machine.is_unified or any(
            size + _OVERHEAD_BYTES <= card.free_bytes for card in machine.cards[:1]
        )
        speed = expected(token_cost_of_size(_USUAL_QUANTIZATION, size), on_card=is_on_card)
        fit = memory.fit(size + _OVERHEAD_BYTES, free_bytes(machine, _AS_IT_IS))
        return verdict_of(fit, speed)

    async def close(self) -> None:
        """Give the graphics cards' interfaces back."""
        self._machines.close()

    def _measured(self, header: GgufHeader, settings: LoadSettings) -> Speed | None:
        """Return the speed this file has shown here with `settings`, wherever it or a copy lay."""
        uses = self._uses_by_file.get((header.file_size, header.quantization), ())
        found = [use for use in uses if use.is_of(settings)]
        best = max(found, key=lambda use: (use.speed_run_count, use.path), default=None)
        if best is None or best.tokens_per_s is None:
            return None
        rate, count = best.tokens_per_s, best.speed_run_count
        return Speed(rate, rate, Provenance.MEASURED, run_count=count)

    def _learn(self, uses: Mapping[str, ModelUse], machine: Machine) -> _Learnt:
        """Return what each model has shown that has run here in a way others would run, too."""
        on_processor, on_card = list[Observation](), list[Observation]()
        for path, use in uses.items():
            if use.tokens_per_s is None or use.threads is not None:
                continue
            try:
                header = self._library.header(Path(path))
            except ModelFileInvalid:
                continue
            # with the settings it comes with
            kept_bytes = memory.estimate(header, _AS_IT_IS).kv_bytes // FILLED_SHARE
            seen = Observation(token_cost(header, kept_bytes), use.tokens_per_s, use.name)
            layers = use.gpu_layers
            if layers is None and machine.cards:
                # nobody chose: as many as go in, which is not kept, were on the card
                layers = plan_placement(ModelSpec(header), machine).gpu_layers
            if layers == 0 or not (machine.cards or machine.is_unified):
                on_processor.append(seen)
            elif layers is None or layers < 0:
                on_card.append(seen)
        return on_processor, on_card


def _predict_for(machine: Machine, learnt: _Learnt = ((), ())) -> Predict:
    """Return what predicts the speed on a machine from what has run there."""
    seen_on_processor, seen_on_card = learnt
    card = machine.cards[0].bandwidth_bytes_per_s if machine.cards else None
    if machine.is_unified:
        card = machine.bandwidth_bytes_per_s

    def expected(read: TokenCost, *, on_card: bool) -> Speed | None:
        if on_card:
            return predict_on_card(read, card, seen_on_card)
        return predict(read, machine.bandwidth_bytes_per_s, seen_on_processor)

    return expected
