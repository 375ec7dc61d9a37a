"""The places where model files are looked for, below the list."""

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import ElidedLabel, IconButton, clear_layout, make_label

_LINE_HEIGHT = 30
_MOST_LINES = 5


@dataclass(frozen=True, slots=True)
class FolderEntry:
    """A place as it is shown."""

    path: Path | None
    title: str
    note: str = ""
    """How many models it has, or what is wrong with it."""
    is_bad: bool = False
    is_removable: bool = False


class FolderList(QFrame):
    """A card that opens to the list of places; one's own can be taken off it."""

    remove_asked = Signal(object)
    """The `Path` of a folder."""
    open_asked = Signal(object)
    """The `Path` of a folder to show in the file manager."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._entries: tuple[FolderEntry, ...] = ()
        self._was_toggled = False
        self._build()
        self._head.toggled.connect(self._open)
        self._head.clicked.connect(self._on_clicked)
        theme.changed.connect(self._resize)
        self._wear()

    def show_entries(self, entries: tuple[FolderEntry, ...]) -> None:
        """List the places."""
        if entries != self._entries:
            self._entries = entries
            self._fill()

    def suggest_open(self, *, is_open: bool) -> None:
        """Open or close it, unless a person has decided."""
        if not self._was_toggled:
            self._head.setChecked(is_open)

    def _fill(self) -> None:
        entries = self._entries
        self._head.setText(self.tr("Looked for in {0} places").format(len(entries)))
        self._head.setAccessibleName(self._head.text())
        clear_layout(self._list)
        for entry in entries:
            self._rows.addWidget(self._row(entry))
        self._fit()

    def _build(self) -> None:
        px = self._theme.px
        self.setProperty("card", "true")
        column = QVBoxLayout(self)
        column.setContentsMargins(px(8), px(6), px(8), px(6))
        column.setSpacing(0)
        self._head = QToolButton()
        self._head.setProperty("flat", True)
        self._head.setCheckable(True)
        self._head.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._head.setToolTip(self.tr("The folders whose models are listed above"))
        self._head.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        column.addWidget(self._head, 0, Qt.AlignmentFlag.AlignLeft)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._list = QWidget()
        self._list.setObjectName("scrolled")
        self._rows = QVBoxLayout(self._list)
        self._rows.setContentsMargins(px(8), 0, 0, 0)
        self._rows.setSpacing(0)
        self._scroll.setWidget(self._list)
        self._scroll.hide()
        column.addWidget(self._scroll)

    def _row(self, entry: FolderEntry) -> QWidget:
        px = self._theme.px
        row = QWidget()
        row.setFixedHeight(px(_LINE_HEIGHT))
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, px(4), 0)
        icon = QLabel()
        side = px(15)
        icon.setPixmap(self._theme.icon("folder", "quiet").pixmap(QSize(side, side)))
        line.addWidget(icon)
        line.addWidget(
            make_label(entry.title, "control") if not entry.is_removable else _name(entry)
        )
        if not entry.is_removable and entry.path is not None:
            line.addWidget(ElidedLabel(str(entry.path), "caption", "quiet"), 1)
        else:
            line.addStretch(0)
        line.addWidget(make_label(entry.note, "caption", "bad" if entry.is_bad else "quiet"))
        if entry.path is not None and not entry.is_bad:
            show = IconButton(
                self._theme, "external", self.tr("Open {0}").format(entry.title), size=14
            )
            show.setProperty("path", entry.path)
            show.clicked.connect(self._on_open)
            line.addWidget(show)
        if entry.is_removable:
            name = self.tr("Take {0} off the list; nothing is deleted").format(entry.title)
            remove = IconButton(self._theme, "close", name, size=14)
            remove.setProperty("path", entry.path)
            remove.clicked.connect(self._on_remove)
            line.addWidget(remove)
        return row

    def _on_open(self) -> None:
        self.open_asked.emit(self.sender().property("path"))

    def _on_remove(self) -> None:
        self.remove_asked.emit(self.sender().property("path"))

    def _on_clicked(self) -> None:
        self._was_toggled = True

    def _open(self, is_open: bool) -> None:
        self._scroll.setVisible(is_open)
        self._fit()
        self._wear()

    def _fit(self) -> None:
        lines = min(len(self._entries), _MOST_LINES)
        self._scroll.setFixedHeight(self._theme.px(_LINE_HEIGHT) * lines + 2)

    def _resize(self) -> None:
        self._wear()
        self._fill()

    def _wear(self) -> None:
        icon = "chevron-down" if self._head.isChecked() else "chevron-right"
        self._head.setIcon(self._theme.icon(icon, "quiet"))
        side = self._theme.px(14)
        self._head.setIconSize(QSize(side, side))


def _name(entry: FolderEntry) -> ElidedLabel:
    return ElidedLabel(entry.title, "control")
