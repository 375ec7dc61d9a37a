"""A planner that knows what every model takes, whatever the computer is like."""

from collections.abc import Sequence

from playground.core.targets import LocalTarget
from playground.services.machine.machine import HeldMemory
from playground.services.memory_plan import LoadPlan, MemoryPlanner


class FixedPlanner(MemoryPlanner):
    """Every model takes `ram_bytes`, and `layer_bytes` of the card for each of its layers there.

    `layers` go on the card where nobody chose: one number for all loads, or one for each.
    """

    def __init__(
        self,
        *,
        budget_bytes: int,
        ram_bytes: int,
        layers: Sequence[int | None] = (None,),
        layer_bytes: int = 0,
        card_budget_bytes: int | None = None,
    ) -> None:
        self._budget_bytes = budget_bytes
        self._ram_bytes = ram_bytes
        self._layers = list(layers)
        self._layer_bytes = layer_bytes
        self._card_budget_bytes = card_budget_bytes

    def plan(self, target: LocalTarget, held: HeldMemory) -> LoadPlan:
        settings = target.settings
        layers = settings.gpu_layers
        if layers is None:
            layers = self._layers.pop(0) if len(self._layers) > 1 else self._layers[0]
        return LoadPlan(
            context=settings.context or min(8_192, target.model.context_length or 4_096),
            gpu_layers=layers,
            ram_bytes=self._ram_bytes,
            card_bytes=self._layer_bytes * (layers or 0),
            ram_budget_bytes=self._budget_bytes,
            card_budget_bytes=self._card_budget_bytes,
        )
