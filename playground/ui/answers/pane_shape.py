"""Shape of a pane: where its figures are, and how wide."""

from enum import Enum

FIGURES_WIDTH = 160
"""Of the figures beside an answer, in pixels at scale 1."""


class PaneShape(Enum):
    """Where the figures of a pane are, seen from its answer."""

    COLUMN = "below"
    BESIDE = "beside"
    ABOVE = "above"
    STAGE = "above, and large"
    STAGE_LOW = "above, large, and as few as fit into one row"

    @property
    def is_on_stage(self) -> bool:
        return self in {PaneShape.STAGE, PaneShape.STAGE_LOW}
