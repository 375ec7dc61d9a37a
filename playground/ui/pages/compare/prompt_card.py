"""The card a person types into: the prompt, ideas, and Run."""

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QAction, QTextCursor
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu

from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import make_button
from playground.ui.widgets.prompt_box import PromptBox


class PromptCard(QFrame):
    """Run while nothing runs, Stop all while something does."""

    run_clicked = Signal()
    stop_clicked = Signal()
    new_clicked = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._is_running = False
        self._build()
        self._connect()
        self._wear()

    @property
    def is_running(self) -> bool:
        """True while answers are on their way."""
        return self._is_running

    @property
    def text(self) -> str:
        """What has been typed."""
        return self._prompt.toPlainText()

    def set_text(self, text: str) -> None:
        """Put `text` into the box, with the cursor behind it: one goes on typing there."""
        self._prompt.setPlainText(text)
        self._prompt.moveCursor(QTextCursor.MoveOperation.End)

    def set_running(self, *, running: bool) -> None:
        """Offer to run, or to stop."""
        self._is_running = running
        self._run.setVisible(not running)
        self._stop_all.setVisible(running)
        self._new.setEnabled(not running)

    def set_follow_up(self, *, follow_up: bool) -> None:
        """Ask for a follow-up instead of a first prompt."""
        self._new.setVisible(follow_up)
        self._prompt.setPlaceholderText(
            self.tr("Ask a follow-up…") if follow_up else self.tr("Ask anything…")
        )

    def set_stage(self, *, on: bool) -> None:
        """Leave the ideas out for a room."""
        self._ideas.setVisible(not on)

    def submit(self) -> None:
        """Do what Run does."""
        if not self._is_running:
            self.run_clicked.emit()

    def begin_anew(self) -> None:
        """Do what New comparison does."""
        if not self._is_running:
            self.new_clicked.emit()

    def focus_prompt(self) -> None:
        """Put the keyboard into the box."""
        self._prompt.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _build(self) -> None:
        self.setProperty("card", "true")
        row = self._row = QHBoxLayout(self)
        self._prompt = PromptBox(self._theme)
        row.addWidget(self._prompt, 1)
        self._new = make_button(
            self.tr("New comparison"), tooltip=self.tr("Start again with an empty page (Ctrl+N)")
        )
        self._new.hide()
        self._ideas = make_button(self.tr("Ideas ▾"), tooltip=self.tr("Prompts to begin with"))
        self._ideas.setAccessibleName(self.tr("Ideas"))
        self._run = make_button(
            self.tr("Run  ⌃⏎"),
            kind="primary",
            tooltip=self.tr("Send the prompt to every model (Ctrl+Enter)"),
            name=self.tr("Run"),
        )
        self._stop_all = make_button(
            self.tr("Stop all"),
            kind="primary",
            tooltip=self.tr("End every answer; what is written stays (Esc)"),
        )
        self._stop_all.hide()
        for button in (self._new, self._ideas, self._run, self._stop_all):
            row.addWidget(button, 0, Qt.AlignmentFlag.AlignBottom)

    def _connect(self) -> None:
        self._prompt.submitted.connect(self.submit)
        self._run.clicked.connect(self.run_clicked)
        self._stop_all.clicked.connect(self.stop_clicked)
        self._new.clicked.connect(self.new_clicked)
        self._ideas.clicked.connect(self._open_ideas)
        self._theme.changed.connect(self._wear)

    def _open_ideas(self) -> None:
        from playground.ui.pages.compare.prompts import starter_prompts  # noqa: PLC0415 - not on the way to the first prompt

        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        kind = None
        for idea in starter_prompts():
            if kind is not None and idea.kind != kind:
                menu.addSeparator()
            kind = idea.kind
            action = menu.addAction(f"{idea.kind}: {idea.title}")
            action.setData(idea.text)
            action.triggered.connect(self._take_idea)
        corner = self._ideas.mapToGlobal(QPoint(0, 0))
        menu.popup(corner - QPoint(0, menu.sizeHint().height() + 4))

    def _take_idea(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self.set_text(action.data())
            self.focus_prompt()

    def _wear(self) -> None:
        px = self._theme.px
        self._row.setContentsMargins(px(12), px(12), px(14), px(12))
        self._row.setSpacing(px(10))
        self._stop_all.setIcon(self._theme.icon("stop", "on_accent"))
        self._stop_all.setIconSize(QSize(px(16), px(16)))
