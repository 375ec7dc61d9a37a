"""Shows more of the chosen model as it becomes known: its header, and where else it would run."""

from collections.abc import Callable

from playground.core.errors import ModelFileInvalid
from playground.core.requirements.memory import longest_default
from playground.services.library.service import ModelLibrary
from playground.services.requirements import RequirementsService
from playground.services.worker_pool import physical_cores
from playground.ui.bridge import Bridge
from playground.ui.pages.models import reckoning
from playground.ui.pages.models.details import ModelDetails
from playground.ui.pages.models.load_settings import LoadLimits
from playground.ui.pages.models.rows import ModelRow


class ChosenModel:
    """Asks for what the list has not; what comes too late for another choice is not shown."""

    def __init__(
        self,
        details: ModelDetails,
        bridge: Bridge,
        library: ModelLibrary,
        requirements: RequirementsService,
        changed: Callable[[], None],
    ) -> None:
        self._details = details
        self._bridge = bridge
        self._library = library
        self._requirements = requirements
        self._changed = changed
        self._key: str | None = None
        self._layers: dict[str, int | None] = {}
        self._automatic: dict[str, int | None] = {}

    def show(self, row: ModelRow) -> None:
        """Ask for everything about a model that has just been chosen."""
        self._key = row.key
        self._bridge.spawn(self._show_header(row))
        self._bridge.spawn(self._show_elsewhere(row))

    def limits(self, row: ModelRow) -> LoadLimits:
        """Return what the choices of a model's load settings go up to."""
        import psutil  # noqa: PLC0415 - start-up time

        cores = physical_cores()
        automatic = self._automatic.get(row.key)
        if row.needs is not None and row.settings.context is None:
            automatic = row.needs.need.context
        return LoadLimits(
            context_length=row.model.context_length,
            automatic_context=automatic,
            layers=self._layers.get(row.key),
            cores=cores,
            threads=max(cores, psutil.cpu_count() or cores),
        )

    async def _show_header(self, row: ModelRow) -> None:
        try:
            header, facts = await self._bridge.submit(
                reckoning.header_facts(self._library, row.model)
            )
        except ModelFileInvalid as error:
            if self._key == row.key:
                size = f"{row.model.size_bytes:,} bytes"
                self._details.show_header(
                    (("file", row.key), ("size", size), ("problem", error.message))
                )
            return
        self._layers[row.key] = header.number("block_count")
        self._automatic[row.key] = longest_default(header)
        if self._key == row.key:
            self._details.show_header(facts)
            self._changed()

    async def _show_elsewhere(self, row: ModelRow) -> None:
        if not row.is_usable:
            return
        found = await self._bridge.submit(
            reckoning.elsewhere(self._requirements, self._library, row.model, row.settings)
        )
        if self._key == row.key:
            self._details.show_elsewhere(found)
