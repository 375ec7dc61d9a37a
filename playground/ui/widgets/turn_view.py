"""One turn in a pane: the prompt, what was thought, the answer, and what went wrong."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from playground.core.errors import ErrorInfo
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import make_card, make_label
from playground.ui.widgets.disclosure import Disclosure
from playground.ui.widgets.markdown.view import MarkdownView

if TYPE_CHECKING:
    from playground.core.events import Token


class TurnView(QWidget):
    """Shows one turn's text; parts appear when there is something to show."""

    def __init__(self, theme: Theme, prompt: str | None) -> None:
        super().__init__()
        self._theme = theme
        self._reasoning: MarkdownView | None = None
        self._thinking: Disclosure | None = None
        self._reasoning_text = ""
        self._error: QFrame | None = None
        self._has_tokens = False
        self._notices: tuple[str, ...] = ()
        self._build(prompt)

    @property
    def answer(self) -> MarkdownView:
        """The answer's text."""
        return self._answer

    def set_text(self, text: str, reasoning: str, *, is_writing: bool) -> None:
        """Show what has been written so far."""
        if reasoning:
            self._show_reasoning(reasoning, is_thinking=is_writing and not text)
        self._answer.setVisible(bool(text) or is_writing)
        self._answer.set_text(text, is_writing=is_writing and (bool(text) or not reasoning))

    def set_status(self, status: str) -> None:
        """Say what a pane without text is doing; empty takes it away."""
        self._status.setVisible(bool(status))
        self._status.setText(status)

    def set_notices(self, notices: Sequence[str]) -> None:
        """Show what a person should know about this answer."""
        for notice in notices[len(self._notices) :]:
            label = make_label(notice, "caption", "caution", wrap=True)
            self._column.insertWidget(self._column.indexOf(self._answer), label)
        self._notices = tuple(notices)

    def show_tokens(self, tokens: "Sequence[Token]") -> None:
        """Offer the answer token by token, with probabilities, folded away."""
        if self._has_tokens or not tokens:
            return
        from playground.ui.widgets.token_view import TokenView  # noqa: PLC0415 - rarely wanted

        self._has_tokens = True
        view = TokenView(self._theme, tokens)
        folded = Disclosure(self._theme, self.tr("How sure it was, word by word"), view)
        self._column.insertWidget(self._column.indexOf(self._answer) + 1, folded)

    def show_error(self, error: ErrorInfo, kept: str) -> None:
        """Say what happened, what was kept, and what to try."""
        if self._error is not None:
            return
        card = make_card("bad")
        px = self._theme.px
        column = QVBoxLayout(card)
        column.setContentsMargins(px(12), px(10), px(12), px(10))
        column.setSpacing(px(4))
        texts = ((error.message, "strong"), (kept, "control"), (error.hint, "control"))
        for text, role in texts:
            if text:
                label = make_label(text, role, wrap=True)
                label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
                column.addWidget(label)
        card.setAccessibleName(" ".join(text for text, _role in texts if text))
        self._error = card
        self._column.addWidget(card)

    def _build(self, prompt: str | None) -> None:
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(self._theme.px(6))
        if prompt is not None:
            row = QHBoxLayout()
            bubble = make_label(prompt, "control", wrap=True)
            bubble.setProperty("bubble", True)
            bubble.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            bubble.setAccessibleName(self.tr("Prompt: {text}").format(text=prompt))
            row.addSpacing(self._theme.px(28))
            row.addWidget(bubble, 1)
            self._column.addLayout(row)
        self._status = make_label("", "control", "quiet", wrap=True)
        self._answer = MarkdownView(self._theme)
        self._answer.setAccessibleName(self.tr("Answer"))
        self._answer.hide()
        self._column.addWidget(self._status)
        self._column.addWidget(self._answer)
        self._status.hide()

    def _show_reasoning(self, reasoning: str, *, is_thinking: bool) -> None:
        if self._reasoning is None or self._thinking is None:
            self._reasoning = MarkdownView(self._theme, tone="quiet")
            self._reasoning.setAccessibleName(self.tr("What the model thought first"))
            self._thinking = Disclosure(self._theme, "", self._reasoning)
            self._column.insertWidget(self._column.indexOf(self._answer), self._thinking)
        self._thinking.set_title(
            self.tr("Thinking…") if is_thinking else self.tr("What it thought")
        )
        self._reasoning.set_text(reasoning, is_writing=is_thinking)
