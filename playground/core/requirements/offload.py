"""Which layers of a model go to the graphics card, and what is left for main memory."""

from collections import defaultdict
from dataclasses import dataclass

from playground.core.gguf.header import EMBEDDING, GgufHeader
from playground.core.requirements.memory import MemoryNeed

CARD_MARGIN_BYTES = 1 << 30
"""Left free on a card: llama.cpp's own default when it fits a model to one (`--fit-target`)."""
CARD_UBATCH = 512
"""Tokens computed together on a card; more than on a processor, so working space is larger."""


@dataclass(frozen=True, slots=True)
class LayerSplit:
    """A model shared out between graphics and main memory."""

    layers: int
    """Layers on the card, counted as llama.cpp does: the output counts as one."""
    all_layers: int
    card_bytes: int
    ram_bytes: int

    @property
    def is_whole(self) -> bool:
        """True where every layer is on the card."""
        return self.layers == self.all_layers


def split_layers(
    header: GgufHeader, need: MemoryNeed, card_free_bytes: int, layers: int | None = None
) -> LayerSplit:
    """Return how a model is shared out: with `layers` on the card, else as many as go into it.

    The last layers go first, as in llama.cpp (`src/llama-model.cpp: load_tensors`); embeddings
    stay in main memory; working space is needed on both sides. Where `need` is that of another
    quantization than the header's, every layer is taken to be larger or smaller by as much.
    """
    weights, output, rest = _by_layer(header)
    scale = need.weights_bytes / header.weights_bytes if header.weights_bytes else 1.0
    if scale != 1.0:
        weights = [round(bytes_ * scale) for bytes_ in weights]
        output, rest = round(output * scale), round(rest * scale)
    count = len(weights)
    conversation = need.kv_bytes // count if count else 0
    costs = [output, *(bytes_ + conversation for bytes_ in reversed(weights))]
    room = card_free_bytes - CARD_MARGIN_BYTES - need.compute_bytes - need.projector_bytes
    taken = spent = 0
    for cost in costs:
        if layers is not None and 0 <= layers <= taken:
            break
        if layers is None and spent + cost > room:
            break
        taken += 1
        spent += cost
    if taken == 0:
        return LayerSplit(0, len(costs), 0, need.needed_bytes)
    on_card = spent + need.compute_bytes + need.projector_bytes
    left = sum(costs[taken:]) + rest
    return LayerSplit(taken, len(costs), on_card, left + need.compute_bytes)


def _by_layer(header: GgufHeader) -> tuple[list[int], int, int]:
    """Return the bytes of each layer, of the output, and of what is looked up."""
    layers: defaultdict[int, int] = defaultdict(int)
    output = rest = tied = 0
    for tensor in header.tensors:
        if tensor.name.startswith("blk."):
            number = tensor.name.split(".", 2)[1]
            layers[int(number) if number.isdigit() else 0] += tensor.size_bytes
        elif tensor.is_looked_up:
            rest += tensor.size_bytes
            tied += tensor.size_bytes if tensor.name == EMBEDDING else 0
        else:
            output += tensor.size_bytes
    # an embedding that serves as the output as well is copied to the card
    return [layers[n] for n in sorted(layers)], output + (tied if header.is_tied else 0), rest
