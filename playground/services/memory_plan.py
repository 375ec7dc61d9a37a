"""How a model is loaded here: its context, its layers on the graphics card, and what it takes."""

from dataclasses import dataclass, replace

from playground.core.gguf.chat_model import check_chat_model
from playground.core.requirements import memory
from playground.core.requirements.assess import ModelSpec, plan_placement
from playground.core.requirements.offload import CARD_MARGIN_BYTES
from playground.core.targets import LocalTarget
from playground.services.library.service import ModelLibrary
from playground.services.machine.machine import HeldMemory, MachineService


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """How one model is loaded, what it takes, and what all loaded models together may take."""

    context: int
    """As somebody chose it, else the longest that goes in, in tokens."""
    gpu_layers: int | None
    """As somebody chose them, else as the verdict has it; `None` leaves it to llama.cpp."""
    ram_bytes: int
    """Of main memory, without what is on a card that is known."""
    card_bytes: int
    """Of the graphics card; 0 where none is known."""
    ram_budget_bytes: int
    card_budget_bytes: int | None
    """`None`: no card is known."""


class MemoryPlanner:
    """Sets model files against the memory of this computer and of its graphics card."""

    def __init__(self, library: ModelLibrary, machines: MachineService) -> None:
        self._library = library
        self._machines = machines

    def plan(self, target: LocalTarget, held: HeldMemory) -> LoadPlan:
        """Return how a model is loaded now, what loaded models hold counted as free; for threads.

        Reads the header and the memory there is, each once. The target stays as it is: a run tells
        what somebody chose. Raises `ModelFileInvalid` for a broken file, and what
        `check_chat_model` does.
        """
        model, settings = target.model, target.settings
        machine = self._machines.memory_now(held)
        card = machine.cards[0] if machine.cards else None
        ram_budget = memory.budget(machine.ram_total_bytes, machine.ram_free_bytes)
        card_budget = None if card is None else max(0, card.free_bytes - CARD_MARGIN_BYTES)
        header = self._library.header(model.path)
        check_chat_model(header)
        if settings.context is None:
            longest = plan_placement(ModelSpec(header, settings), machine).context
            settings = replace(settings, context=longest)
        if settings.gpu_layers is None:
            # the verdict keeps room for the part that sees pictures
            sees = ModelSpec(header, settings, model.projector_bytes)
            settings = replace(settings, gpu_layers=plan_placement(sees, machine).gpu_layers)
        placement = plan_placement(ModelSpec(header, settings), machine)
        shared, needed = placement.shared, placement.need.needed_bytes
        return LoadPlan(
            context=placement.context,
            gpu_layers=settings.gpu_layers,
            ram_bytes=needed if shared is None else shared.ram_bytes,
            card_bytes=0 if shared is None else shared.card_bytes,
            ram_budget_bytes=ram_budget,
            card_budget_bytes=card_budget,
        )
