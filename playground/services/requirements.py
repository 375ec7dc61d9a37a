"""System requirements on this computer: its memory now, and what has run here before."""

from collections.abc import Sequence
from pathlib import Path

from playground.core.assessment import Predict, Subject, assess, verdict_of
from playground.core.errors import ModelFileInvalid
from playground.core.gguf_header import GgufHeader
from playground.core.machine import Machine
from playground.core.memory import fit_bytes
from playground.core.quantization import estimated_bytes
from playground.core.requirements import Requirements, Speed, Verdict
from playground.core.runs import Provenance
from playground.core.speed import Observation, bytes_per_token, predict
from playground.core.targets import LoadSettings, ModelFile
from playground.services.devices import Device, devices
from playground.services.library import ModelLibrary
from playground.services.machine import MachineService
from playground.store.local_runs import LocalRuns, ModelUse

_USUAL_QUANTIZATION = "Q4_K_M"
_AS_IT_IS = LoadSettings()
_OVERHEAD_BYTES = 400_000_000
"""About what conversation and working space add to a file of which nothing else is known."""


class RequirementsService:
    """Answers at once from what `refresh` has found; before the first one from memory alone."""

    def __init__(self, machines: MachineService, runs: LocalRuns, library: ModelLibrary) -> None:
        self._machines = machines
        self._runs = runs
        self._library = library
        self._machine: Machine | None = None
        self._uses: dict[str, ModelUse] = {}
        self._observations: dict[str, Observation] = {}

    async def refresh(self) -> None:
        """Look at this computer's memory, and learn from the runs since the last time."""
        self._machine = await self._machines.machine()
        self._uses = await self._runs.uses()
        self._learn()

    def machine_now(self) -> Machine:
        """Return this computer as `refresh` found it."""
        return self._machine or self._machines.quick()

    def use_of(self, path: Path) -> ModelUse | None:
        """Return when a model file ran here last, and how fast."""
        return self._uses.get(str(path))

    def assess(
        self,
        header: GgufHeader,
        settings: LoadSettings = _AS_IT_IS,
        *,
        path: Path | None = None,
        projector_bytes: int = 0,
        others: Sequence[tuple[str, int]] = (),
    ) -> Requirements:
        """Return what a model needs here; callable from any thread.

        With its `path` a speed that was measured here is used. `others` are the other quantizations
        there are of it, each with its bytes.
        """
        use = None if path is None else self._uses.get(str(path))
        measured = None
        if use is not None and use.tokens_per_s is not None:
            measured = Speed(use.tokens_per_s, use.tokens_per_s, Provenance.MEASURED)
        subject = Subject(header, settings, projector_bytes, measured, others)
        return assess(subject, self.machine_now(), self._predict)

    def assess_model(
        self, model: ModelFile, settings: LoadSettings = _AS_IT_IS
    ) -> Requirements | None:
        """Return what a listed model needs, maybe reading it; `None` for one that is unusable."""
        if model.problem is not None or not model.is_present:
            return None
        try:
            header = self._library.header(model)
        except ModelFileInvalid:
            return None
        return self.assess(header, settings, path=model.path, projector_bytes=model.projector_bytes)

    def elsewhere(
        self,
        header: GgufHeader,
        settings: LoadSettings = _AS_IT_IS,
        *,
        projector_bytes: int = 0,
    ) -> tuple[tuple[Device, Requirements], ...]:
        """Return how the model would run on each device of the table; always estimates."""
        plain = LoadSettings(context=settings.context, kv_type=settings.kv_type)
        subject = Subject(header, plain, projector_bytes)
        return tuple(
            (device, assess(subject, device.machine, _predict_for(device.machine)))
            for device in devices()
        )

    def quick_verdict(self, parameters: int | None, size_bytes: int | None) -> Verdict | None:
        """Return a guess where no header has been read; `None` where nothing is known.

        From the size of the file, else that of the usual quantization of so many parameters.
        """
        size = size_bytes
        if size is None and parameters is not None:
            size = estimated_bytes(parameters, _USUAL_QUANTIZATION)
        if size is None:
            return None
        machine = self.machine_now()
        free = machine.ram_free_bytes + sum(card.free_bytes for card in machine.cards[:1])
        speed = self._predict(size, _USUAL_QUANTIZATION)
        return verdict_of(fit_bytes(size + _OVERHEAD_BYTES, free), speed)

    async def close(self) -> None:
        """Give the graphics cards' interfaces back."""
        self._machines.close()

    def _predict(self, read_bytes: int, quantization: str | None) -> Speed | None:
        bandwidth = self.machine_now().bandwidth_bytes_per_s
        return predict(read_bytes, quantization, bandwidth, self._observations.values())

    def _learn(self) -> None:
        """Work out the bandwidth each model reached that has run here and is still here."""
        for path, use in self._uses.items():
            if use.tokens_per_s is None:
                continue
            known = self._observations.get(path)
            if known is None or known.tokens_per_s != use.tokens_per_s:
                read = self._read_bytes(Path(path)) if known is None else known.bytes_per_token
                if read:
                    self._observations[path] = Observation(use.quantization, read, use.tokens_per_s)

    def _read_bytes(self, path: Path) -> int | None:
        try:
            return bytes_per_token(self._library.header_at(path))
        except ModelFileInvalid:
            return None


def _predict_for(machine: Machine) -> Predict:
    """Return what predicts the speed on a machine of the table: nothing has run there."""

    def expected(read_bytes: int, quantization: str | None) -> Speed | None:
        return predict(read_bytes, quantization, machine.bandwidth_bytes_per_s)

    return expected
