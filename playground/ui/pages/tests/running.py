"""An evaluation on its way: the plan, how far it is, each model, and message by message."""

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QProgressBar, QSizePolicy, QWidget
from typing_extensions import override

from playground.core.evaluations import Evaluation, Plan
from playground.core.names import target_names
from playground.core.targets import Target
from playground.ui.format import PLACE_LOOKS
from playground.ui.pages.tests.grid import CellSample, UnitGrid
from playground.ui.pages.tests.plan_card import PlanRow
from playground.ui.pages.tests.progress import CellState, ModelProgress, Progress
from playground.ui.pages.tests.words import duration_words, spent_words
from playground.ui.theme.theme import Theme, set_role
from playground.ui.widgets.bars import paint_segments
from playground.ui.widgets.basics import ElidedLabel, make_card, make_label, plain_tooltip
from playground.ui.widgets.layouts import (
    NO_MARGINS,
    make_column,
    make_flow,
    make_row,
    make_scroll_area,
)

_WIDE, _MIDDLE = 860, 560
"""Widths of the view, in units of text, that have room for every column, and for most."""
_STEPS = 1000


class OutcomeBar(QWidget):
    """Right, wrong and not scored as shares of all a model is asked."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._shares: tuple[tuple[float, str], ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.updateGeometry)

    def show_model(self, model: ModelProgress) -> None:
        whole = max(1, model.units)
        shares = (
            (model.right / whole, "local"),
            (model.wrong / whole, "bad"),
            (model.not_scored / whole, "loading"),
        )
        if shares != self._shares:
            self._shares = shares
            self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(140), self._theme.px(8))

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(self._theme.px(40), self._theme.px(8))

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        paint_segments(self, self._theme, self._shares)


class _ModelLine:
    """The widgets of one model's row."""

    def __init__(self, theme: Theme, target: Target, name: str) -> None:
        self.icon = QLabel()
        self.name = ElidedLabel(name, "row")
        self.bar = OutcomeBar(theme)
        self.done = make_label("", "numbers")
        self.right, self.wrong, self.not_scored = (make_label("", "numbers") for _ in range(3))
        self.now = ElidedLabel("", "caption", "quiet")
        self.left = make_label("", "caption", "quiet")
        for label in (self.done, self.right, self.wrong, self.not_scored, self.left):
            label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._theme = theme
        self._tone, self._icon_name = PLACE_LOOKS[target.place]
        self.apply_theme()

    @property
    def widgets(self) -> tuple[QWidget, ...]:
        return (
            *(self.icon, self.name, self.bar, self.done, self.right, self.wrong),
            *(self.not_scored, self.now, self.left),
        )

    def apply_theme(self) -> None:
        side = self._theme.px(16)
        self.icon.setPixmap(self._theme.icon(self._icon_name, self._tone).pixmap(QSize(side, side)))

    def show_model(self, model: ModelProgress, done: str) -> None:
        self.bar.show_model(model)
        self.done.setText(done)
        self.right.setText(f"{model.right:,}")
        self.wrong.setText(f"{model.wrong:,}")
        self.not_scored.setText(f"{model.not_scored:,}")
        if self.now.text() != model.now:
            self.now.set_full_text(model.now)
        set_role(self.now, "caption", "caution" if model.is_waiting else "quiet")
        is_done = model.done >= model.units
        self.left.setText("" if is_done else duration_words(model.left_s, is_left=True))


class ModelsTable(QWidget):
    """A row for each model; columns leave where there is no room, the last goes below."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._lines: list[_ModelLine] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._names = names = (
            self.tr("Model"),
            self.tr("So far"),
            self.tr("Right"),
            self.tr("Wrong"),
            self.tr("Not scored"),
            self.tr("Now"),
        )
        self._heads = [make_label(name, "caption", "quiet") for name in names]
        for head, name in zip(self._heads, names, strict=True):
            head.setAccessibleName(name)
            head.setToolTip(plain_tooltip(name))
        for head in self._heads[2:5]:
            head.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._columns = -1
        theme.changed.connect(self._apply_theme)

    def show_targets(self, targets: Sequence[Target]) -> None:
        for line in self._lines:
            for widget in line.widgets:
                self._grid.removeWidget(widget)
                widget.hide()
                widget.deleteLater()
        names = target_names(targets)
        self._lines = [_ModelLine(self._theme, each, names[each.key].line) for each in targets]
        self._columns = -1
        self._arrange()

    def show_models(self, models: Sequence[ModelProgress]) -> None:
        for line, model in zip(self._lines, models, strict=True):
            done = self.tr("{0} of {1}").format(f"{model.done:,}", f"{model.units:,}")
            line.show_model(model, done)

    def _arrange(self) -> None:
        units = self.width() / self._theme.scale
        columns = 2 if units >= _WIDE else 1 if units >= _MIDDLE else 0
        if columns == self._columns:
            return
        self._columns = columns
        px = self._theme.px
        grid = self._grid
        grid.setHorizontalSpacing(px(14))
        grid.setVerticalSpacing(px(10))
        has_bar, is_wide = columns >= 1, columns == 2
        model, so_far, right, wrong, not_scored, now = self._heads
        for head, column in ((model, 0), (so_far, 2), (right, 4), (wrong, 5), (not_scored, 6)):
            grid.addWidget(head, 0, column, 1, 2 if column in {0, 2} else 1)
        grid.addWidget(now, 0, 7)
        so_far.setVisible(has_bar)
        for head, name, sign in zip(self._heads[2:5], self._names[2:5], "✓✕–", strict=True):
            head.setText(name if has_bar else sign)
        now.setVisible(is_wide)
        for number, line in enumerate(self._lines):
            row = 1 + 2 * number
            for column, widget in enumerate(line.widgets[:7]):
                grid.addWidget(widget, row, column)
                widget.setVisible(column != 2 or has_bar)
            if is_wide:
                grid.addWidget(line.now, row, 7)
                grid.addWidget(line.left, row, 8)
            else:
                grid.addWidget(line.now, row + 1, 0, 1, 7)
            line.now.show()
            line.left.setVisible(is_wide)
        for column in range(9):
            grid.setColumnStretch(
                column, {1: 5, 2: 2 if has_bar else 0, 7: 4 if is_wide else 0}.get(column, 0)
            )

    def _apply_theme(self) -> None:
        for line in self._lines:
            line.apply_theme()
        self._columns = -1
        self._arrange()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()


class RunningView(QWidget):
    """Shows a `Progress`; the page's head has the buttons."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._progress: Progress | None = None
        self._build()

    def show_evaluation(
        self, progress: Progress, evaluation: Evaluation, plan: Plan, max_usd: float | None
    ) -> None:
        """Show an evaluation from now on; `refresh` shows how far it is."""
        self._progress = progress
        self.plan.show_plan(evaluation, plan, max_usd)
        self._models.show_targets(evaluation.targets)
        cases = [
            (case.id, " ".join(case.prompt[:200].split())) for case in evaluation.prompt_set.cases
        ]
        self.grid.show_evaluation(evaluation.targets, cases, progress.cell)
        self.show_remark("")
        self.refresh()

    def set_stage(self, *, on: bool) -> None:
        """Show the room how far it is, and not what was planned."""
        for part in (self._plan_card, self._kept):
            part.setVisible(not on)

    def show_remark(self, text: str) -> None:
        """Say what falsifies the figures, or why it ended early; nothing where `text` is empty."""
        if text != self._remark.text():
            self._remark.setText(text)
            self._remark_card.setVisible(bool(text))

    def refresh(self) -> None:
        progress = self._progress
        if progress is None:
            return
        self._done.setText(f"{progress.done:,}")
        self._of.setText(self.tr("of {0} answers").format(f"{progress.units:,}"))
        is_over = progress.done >= progress.units
        self._left.setText("" if is_over else duration_words(progress.left_s, is_left=True))
        self._spent.setText(spent_words(progress.spent_usd))
        for label in (self._left, self._spent):
            label.setVisible(bool(label.text()))
        self._bar.setValue(round(_STEPS * progress.done / max(1, progress.units)))
        self._models.show_models(progress.models())
        self.grid.refresh(progress.newest)

    def _build(self) -> None:
        px = self._theme.px
        inner = (px(16), px(12), px(16), px(12))
        self.plan = PlanRow(self._theme)
        self._plan_card, done_card, models_card, grid_card = (make_card() for _ in range(4))
        make_column(self.plan, parent=self._plan_card, margins=inner)
        self._remark = make_label("", "control", wrap=True)
        self._remark_card = make_card("caution")
        make_column(self._remark, parent=self._remark_card, margins=inner)
        self._remark_card.hide()
        self._done = make_label("", "title")
        self._of = make_label("", "body", "quiet")
        self._left = make_label("", "strong")
        self._spent = make_label("", "body", "quiet")
        self._bar = QProgressBar()
        self._bar.setRange(0, _STEPS)
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName(self.tr("Answers so far"))
        self._kept = make_label(
            self.tr(
                "Every finished answer is kept. Close the window or lose the power: it goes on "
                "from here and asks nothing twice."
            ),
            "caption",
            "quiet",
            wrap=True,
        )
        make_column(
            make_flow(self._done, self._of, 1, self._left, self._spent),
            *(self._bar, self._kept),
            parent=done_card,
            margins=inner,
            spacing=px(8),
        )
        self._models = ModelsTable(self._theme)
        make_column(self._models, parent=models_card, margins=inner)
        self.grid = UnitGrid(self._theme)
        clicked = make_label(
            self.tr("Click a mark to see the answers so far"), "caption", "quiet", wrap=True
        )
        legend = []
        for state, text in (
            (CellState.RIGHT, self.tr("right")),
            (CellState.WRONG, self.tr("wrong")),
            (CellState.NOT_SCORED, self.tr("not scored")),
            (CellState.ANSWERING, self.tr("answering")),
        ):
            part = QWidget()
            sample = CellSample(self._theme, state)
            words = make_label(text, "caption", "quiet")
            make_row(sample, words, parent=part, margins=NO_MARGINS, spacing=px(6))
            legend.append(part)
        title = make_label(self.tr("Message by message"), "heading")
        make_column(
            make_flow(title, 1, *legend, spacing=px(14)),
            self.grid,
            clicked,
            parent=grid_card,
            margins=inner,
            spacing=px(8),
        )
        body = QWidget()
        make_column(
            *(self._plan_card, self._remark_card, done_card, models_card, grid_card, 1),
            parent=body,
            margins=NO_MARGINS,
            spacing=px(12),
        )
        scroll = make_scroll_area(body, self.tr("The test that is running"))
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        make_column(scroll, parent=self, margins=NO_MARGINS)
