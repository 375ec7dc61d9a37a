"""The pane beside the list: one model file, what it needs, and what can be done with it."""

from collections.abc import Iterable

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QGridLayout,
    QMenu,
    QProgressBar,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from playground.core.requirements.memory import MemoryNeed
from playground.core.requirements.model import Compatibility, Requirements
from playground.services.machine.devices import Device
from playground.ui.format import (
    compatibility_words,
    exact_bytes,
    exact_speed,
    parameters_words,
    size_words,
    speed_figure,
    words_in,
)
from playground.ui.pages.models.load_settings import LoadLimits, LoadSettingsEditor
from playground.ui.pages.models.rows import LoadState, ModelRow, badge, reason
from playground.ui.theme.theme import Theme, set_role
from playground.ui.widgets.bars import MemoryBar, MemoryPart
from playground.ui.widgets.basics import (
    Badge,
    breakable,
    clear_layout,
    make_button,
    make_label,
    make_line,
    plain_tooltip,
)
from playground.ui.widgets.details import DetailsTable
from playground.ui.widgets.flow_layout import FlowLayout
from playground.ui.widgets.layouts import NO_MARGINS, make_column, make_flow, make_row, scrolled
from playground.ui.widgets.requirements_card import RequirementBox


class OtherDevices(QWidget):
    """One line for each device of the table."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.px(6))
        head = make_label(
            self.tr("Where else would it run? (estimates, in words a second)"),
            "caption",
            "quiet",
            wrap=True,
        )
        column.addWidget(head)
        self._table = QWidget()
        self._grid = QGridLayout(self._table)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setVerticalSpacing(theme.px(6))
        self._grid.setHorizontalSpacing(theme.px(10))
        self._grid.setColumnStretch(0, 1)
        column.addWidget(self._table)

    def show_devices(self, found: tuple[tuple[Device, Requirements], ...]) -> None:
        clear_layout(self._table)
        for row, (device, needs) in enumerate(found):
            name = make_label(device.name, "control", wrap=True)
            name.setToolTip(
                plain_tooltip(
                    self.tr("Estimated from published figures: {0}").format(device.machine.source)
                )
            )
            badge = Badge(self._theme)
            badge.set_badge(*compatibility_words(needs.verdict))
            is_too_large = needs.verdict is Compatibility.WONT_FIT
            speed = make_label("—" if is_too_large else speed_figure(needs.speed), "control")
            speed.setToolTip(plain_tooltip(exact_speed(needs.speed)))
            self._grid.addWidget(name, row, 0)
            self._grid.addWidget(badge, row, 1, Qt.AlignmentFlag.AlignLeft)
            self._grid.addWidget(speed, row, 2, Qt.AlignmentFlag.AlignRight)
        self.setVisible(bool(found))


class MemoryParts(QWidget):
    """Weights, conversation, working space, and what sees pictures."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.px(6))
        self._where = make_label(role="caption", tone="quiet", wrap=True)
        self._bar = MemoryBar(theme)
        self._legend = QWidget()
        self._legend_column = make_column(
            parent=self._legend, margins=NO_MARGINS, spacing=theme.px(2)
        )
        for widget in (self._where, self._bar, self._legend):
            column.addWidget(widget)

    @property
    def legend(self) -> str:
        """The figures in words."""
        return self._legend.accessibleName()

    def show_needs(self, needs: Requirements | None) -> None:
        """Show where the memory goes; `None` while that is being worked out."""
        if needs is None:
            self._where.setText(self.tr("Where the memory goes"))
            self._where.setToolTip("")
            self._bar.show_parts((), 0)
            waiting = ((self.tr("model"), "…", "accent"), (self.tr("conversation"), "…", "cloud"))
            self._show_legend((*waiting, (self.tr("working space"), "…", "reading")))
            return
        need = needs.need
        self._where.setText(
            self.tr("Where the memory goes, at ~{0}").format(words_in(need.context))
        )
        self._where.setToolTip(self.tr("Exactly {0} tokens").format(f"{need.context:,}"))
        parts = [
            MemoryPart(self._model_words(need), need.weights_bytes, "accent"),
            MemoryPart(self.tr("Conversation"), need.kv_bytes, "cloud"),
            MemoryPart(self.tr("Working space (≈)"), need.compute_bytes, "reading"),
        ]
        if need.projector_bytes:
            parts.append(MemoryPart(self.tr("Pictures (≈)"), need.projector_bytes, "local"))
        self._bar.show_parts(tuple(parts), needs.free_bytes)
        shown = [
            (self.tr("model"), size_words(need.weights_bytes), "accent"),
            (self.tr("conversation"), size_words(need.kv_bytes), "cloud"),
            (self.tr("working space"), f"≈ {size_words(need.compute_bytes)}", "reading"),
        ]
        if need.projector_bytes:
            shown.append((self.tr("pictures"), f"≈ {size_words(need.projector_bytes)}", "local"))
        on_card = size_words(needs.card_bytes) if needs.card_layers else ""
        self._show_legend(shown, on_card)

    def _show_legend(self, parts: Iterable[tuple[str, str, str]], on_card: str = "") -> None:
        """Name the colours of the bar: name, size and tone of each, and what the card holds."""
        clear_layout(self._legend)
        words = []
        for name, size, tone in parts:
            words.append(f"{name} {size}")
            # a colour stays in one line with its name
            entry = QWidget()
            mark = make_label("■", "caption", tone)
            label = make_label(words[-1], "caption", "quiet", wrap=True)
            make_row(mark, (label, 1), parent=entry, margins=NO_MARGINS, spacing=self._theme.px(4))
            self._legend_column.addWidget(entry)
        if on_card:
            words.append(self.tr("of it {0} on the graphics card").format(on_card))
            self._legend_column.addWidget(make_label(words[-1], "caption", "quiet", wrap=True))
        self._legend.setAccessibleName(" · ".join(words))

    def _model_words(self, need: MemoryNeed) -> str:
        if not need.repacked_bytes:
            return self.tr("Model")
        return self.tr("Model, with {0} of it rearranged for this processor").format(
            exact_bytes(need.repacked_bytes)
        )


_PERMILLE = 1000


class ModelDetails(QScrollArea):
    """Shows one `ModelRow`; what can be pressed in it is the presenter's to connect."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._row: ModelRow | None = None
        self._shown: tuple[ModelRow, LoadLimits] | None = None
        self._build()
        self._build_lower()
        theme.changed.connect(self._apply_theme)
        self._apply_theme()

    def show_row(self, row: ModelRow, limits: LoadLimits) -> None:
        """Show a model file; `limits` go to the editor of its load settings."""
        if (row, limits) == self._shown:
            return
        self._shown = (row, limits)
        is_other = self._row is None or self._row.key != row.key
        self._row = row
        self._title.setText(breakable(row.model.name))
        self._title.setAccessibleName(row.model.name)
        self._title.setToolTip(plain_tooltip(row.model.name))
        self._badge.set_badge(*badge(row))
        self._reason.setText(reason(row))
        self._summary.setText(self._summarised(row))
        set_role(self._reason, "control", "bad" if row.is_broken else None)
        is_usable = row.is_usable
        self._show_need(row.needs, is_usable=is_usable)
        self._usable.setVisible(is_usable)
        self.compare.setVisible(is_usable)
        if is_usable:
            self.editor.show_settings(row.settings, limits)
        self._show_state(row, is_usable=is_usable)
        self.delete_action.setEnabled(row.model.source != "Starter" and row.model.is_present)
        self.delete_action.setText(
            self.tr("Delete from {0}…").format(row.model.owner)
            if row.model.owner
            else self.tr("Delete…")
        )
        if is_other:
            self.show_other_devices(())
            self.show_header(())
            self.verticalScrollBar().setValue(0)

    def show_header(self, facts: tuple[tuple[str, str], ...]) -> None:
        """Show what the file says about itself, to the letter."""
        self._facts.show_facts(facts)
        self._facts.setVisible(bool(facts))

    def set_presentation_mode(self, *, on: bool) -> None:
        """Leave out what only an engineer would ask for."""
        self._for_engineers.setVisible(not on)

    def _summarised(self, row: ModelRow) -> str:
        model = row.model
        parts = [
            model.quantization,
            None
            if model.parameters is None
            else self.tr("{0} parameters").format(parameters_words(model.parameters)),
            size_words(model.size_bytes),
        ]
        if model.context_length is not None:
            parts.append(self.tr("reads up to ~{0}").format(words_in(model.context_length)))
        if row.model.is_reasoning:
            parts.append(self.tr("thinks before it answers"))
        if row.model.has_vision:
            parts.append(self.tr("can look at pictures"))
        if row.model.publisher:
            parts.insert(0, self.tr("by {0}").format(row.model.publisher))
        if row.model.licence:
            parts.append(row.model.licence)
        return " · ".join(part for part in parts if part)

    def show_other_devices(self, found: tuple[tuple[Device, Requirements], ...]) -> None:
        self.other_devices.show_devices(found)

    def _show_need(self, needs: Requirements | None, *, is_usable: bool) -> None:
        # what is still worked out has its room
        self._memory.setVisible(is_usable)
        self.requirements.show_needs(needs)
        self._parts.show_needs(needs)

    def _show_state(self, row: ModelRow, *, is_usable: bool) -> None:
        is_loading = row.state is LoadState.LOADING or row.fraction is not None
        self._progress.setVisible(is_loading)
        if row.fraction is None:
            self._progress.setRange(0, 0)
        else:
            self._progress.setRange(0, _PERMILLE)
            self._progress.setValue(round(row.fraction * _PERMILLE))
        self.stop.setVisible(row.fraction is not None)
        is_loaded = row.state in {LoadState.READY, LoadState.BUSY}
        self.load.setVisible(is_usable and not is_loading and not is_loaded)
        self.unload.setVisible(is_usable and is_loaded and not is_loading)
        self._state.setText(self._state_words(row, is_loading=is_loading))
        set_role(self._state, "caption", "local" if is_loaded else "quiet")
        self._state.setVisible(is_usable)

    def _state_words(self, row: ModelRow, *, is_loading: bool) -> str:
        if is_loading:
            if row.fraction is None:
                return self.tr("Loading…")
            return self.tr("Loading… {0} %").format(round(row.fraction * 100))
        if row.state is LoadState.BUSY:
            return self.tr("In memory and answering now.")
        if row.state is LoadState.READY:
            if row.load_s is None:
                return self.tr("In memory: ready to answer at once.")
            return self.tr("In memory, loaded in {0} s: ready to answer at once.").format(
                f"{row.load_s:.1f}"
            )
        return self.tr("Not in memory. It is loaded by itself when it is asked.")

    def _build(self) -> None:
        px = self._theme.px
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        inner = QWidget()
        # while it is empty: a filled one would be styled now, and again at every change of parent
        scrolled(self, inner, self.tr("Details of the model"))
        self._column = column = QVBoxLayout(inner)
        column.setContentsMargins(px(14), px(14), px(10), px(14))
        column.setSpacing(px(10))
        self._title = make_label(role="title", wrap=True)
        self._badge = Badge(self._theme)
        # below the name: beside it, it would change lines with the verdict
        column.addWidget(self._title)
        column.addWidget(self._badge, 0, Qt.AlignmentFlag.AlignLeft)
        self._summary = make_label(role="control", tone="quiet", wrap=True)
        self._reason = make_label(role="control", wrap=True)
        column.addWidget(self._summary)
        # before what is worked out: they do not move under the mouse when that comes
        column.addLayout(self._build_actions())
        self._state = make_label(role="caption", tone="quiet", wrap=True)
        column.addWidget(self._state)
        self._progress = QProgressBar()
        self._progress.setAccessibleName(self.tr("How much of the model is loaded"))
        self._progress.setTextVisible(False)
        column.addWidget(self._progress)
        self._memory = self._build_memory()
        column.addWidget(self._memory)
        column.addWidget(self._reason)

    def _build_lower(self) -> None:
        px, column = self._theme.px, self._column
        self.other_devices = OtherDevices(self._theme)
        self.other_devices.hide()
        column.addWidget(self.other_devices)
        self._usable = QWidget()
        below = QVBoxLayout(self._usable)
        below.setContentsMargins(0, px(6), 0, 0)
        below.setSpacing(px(12))
        below.addWidget(make_line())
        below.addWidget(make_label(self.tr("Settings of this model"), "heading"))
        self.editor = LoadSettingsEditor(self._theme)
        below.addWidget(self.editor)
        self._for_engineers = QWidget()
        last = QVBoxLayout(self._for_engineers)
        last.setContentsMargins(0, 0, 0, 0)
        last.addWidget(self._usable)
        self._facts = DetailsTable(
            self._theme,
            self.tr("What the file says"),
            self.tr("Show every entry of the file's header"),
        )
        last.addWidget(self._facts)
        column.addWidget(self._for_engineers)
        column.addStretch(1)

    def _build_memory(self) -> QWidget:
        px = self._theme.px
        box = QWidget()
        column = QVBoxLayout(box)
        column.setContentsMargins(0, px(4), 0, 0)
        column.setSpacing(px(6))
        self.requirements = RequirementBox(self._theme)
        column.addWidget(self.requirements)
        column.addSpacing(px(6))
        self._parts = MemoryParts(self._theme)
        column.addWidget(self._parts)
        return box

    def _build_actions(self) -> FlowLayout:
        self.compare = make_button(
            self.tr("Try it"),
            kind="primary",
            tooltip=self.tr("Open the Compare page, where you can ask it something"),
        )
        self.load = make_button(
            self.tr("Load"),
            tooltip=self.tr("Read it into memory now, so that its first answer comes at once"),
        )
        self.unload = make_button(
            self.tr("Unload"), tooltip=self.tr("Give its memory back to other programs")
        )
        self.stop = make_button(self.tr("Stop loading"), tooltip=self.tr("Call the load off"))
        self._more = QToolButton()
        self._more.setProperty("button", True)
        self._more.setAccessibleName(self.tr("More about this file"))
        self._more.setToolTip(self.tr("Show its folder, copy its path, delete it"))
        self._more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self._more)
        self.folder_action = QAction(self.tr("Show in folder"), menu)
        self.copy_action = QAction(self.tr("Copy path"), menu)
        self.delete_action = QAction(self.tr("Delete…"), menu)
        menu.addActions([self.folder_action, self.copy_action])
        menu.addSeparator()
        menu.addAction(self.delete_action)
        self._more.setMenu(menu)
        self.versions = make_button(
            self.tr("What does the smaller file cost me?"),
            wrap=True,
            kind="flat",
            tooltip=self.tr(
                "Ask this version and another one of the same model the same questions"
            ),
        )
        return make_flow(self.compare, self.load, self.unload, self.stop, self._more, self.versions)

    def _apply_theme(self) -> None:
        side = self._theme.px(17)
        self._more.setIcon(self._theme.icon("more", "quiet"))
        self._more.setIconSize(QSize(side, side))
