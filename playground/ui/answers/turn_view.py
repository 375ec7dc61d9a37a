"""One turn of a pane: its prompt, thoughts, answer, marks, and how sure each token was."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QMouseEvent,
    QResizeEvent,
    QTextCharFormat,
    QTextCursor,
    QWheelEvent,
)
from PySide6.QtWidgets import (
    QFrame,
    QPushButton,
    QSizePolicy,
    QTextEdit,
    QToolTip,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from playground.core.checks.reading import check_words
from playground.core.checks.scoring import CheckResult
from playground.core.errors import ErrorInfo
from playground.core.events import Token
from playground.core.expected import Outcome
from playground.ui.answers.view_model import AnswerViewModel
from playground.ui.format import UNKNOWN
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import (
    Badge,
    Disclosure,
    clear_layout,
    make_button,
    make_card,
    make_label,
    plain_tooltip,
)
from playground.ui.widgets.flow_layout import FlowLayout
from playground.ui.widgets.layouts import (
    NO_MARGINS,
    make_column,
    make_row,
)
from playground.ui.widgets.markdown.view import MarkdownView
from playground.ui.widgets.markdown.writer import SealedDocument
from playground.ui.widgets.prompt_box import shown_part

_BUBBLE, _BUBBLE_LINES = 1_000, 20
"""Characters and lines of a prompt above its answer, at most: a label lays out all of them anew
whenever its width changes."""


@dataclass(slots=True)
class TurnContent:
    """What a turn shows, whether it is laid out or not."""

    prompt: str | None
    answer: AnswerViewModel = AnswerViewModel()
    tokens: Sequence[Token] = ()
    checks: Sequence[CheckResult] = ()
    run_id: str = ""


class TurnView(QWidget):
    """Shows one turn's text; parts appear when there is something to show."""

    failed = Signal(QWidget)
    """The card has come that says what went wrong."""

    def __init__(self, theme: Theme, prompt: str | None) -> None:
        super().__init__()
        self._theme = theme
        self.content = TurnContent(prompt)
        self._reasoning: MarkdownView | None = None
        self._thinking: Disclosure | None = None
        self._error_column: QVBoxLayout | None = None
        """What went wrong, what was kept, what to do about it."""
        self.error_card: QFrame | None = None
        self._offer: QPushButton | None = None
        self._has_tokens = False
        self._before: list[MarkdownView] = []
        self._text_scale = 1.0
        self._notice_count = 0
        self._build(prompt)

    def show_answer(self, answer: AnswerViewModel) -> None:
        self.content.answer = answer
        text, reasoning, is_writing = answer.text, answer.reasoning, answer.is_writing
        if reasoning:
            self._show_reasoning(reasoning, is_thinking=is_writing and not text)
        self.answer.setVisible(bool(text) or is_writing)
        self.answer.set_text(text, is_writing=is_writing and (bool(text) or not reasoning))
        self._status.setVisible(bool(answer.status))
        self._status.setText(answer.status)
        for notice in answer.notices[self._notice_count :]:
            label = make_label(notice, "caption", "caution", wrap=True)
            self._column.insertWidget(self._column.indexOf(self.answer), label)
        self._notice_count = len(answer.notices)
        if answer.error is not None:
            self._show_error(answer.error, answer.kept)
        self._show_before(answer.before)

    def offer(self, words: str, explanation: str, on_click: Callable[[], object]) -> None:
        """Put a button under the answer, or under what went wrong, once."""
        if self._offer is not None:
            return
        self._offer = make_button(words, tooltip=explanation)
        self._offer.clicked.connect(lambda _checked: on_click())
        column = self._column if self._error_column is None else self._error_column
        column.addWidget(self._offer, 0, Qt.AlignmentFlag.AlignLeft)

    def set_text_scale(self, scale: float) -> None:
        """Write answer and thoughts smaller or larger than the theme says."""
        self._text_scale = scale
        for view in (self.answer, self._reasoning, *self._before):
            if view is not None:
                view.set_text_scale(scale)

    def fit(self) -> None:
        """Be as high as the text is at this width."""
        # a scroll area does not ask how high something is at its width
        needed = self._column.totalHeightForWidth(self.width())
        height = needed if needed >= 0 else self._column.totalSizeHint().height()
        if height != self.height():
            self.setFixedHeight(height)

    def show_tokens(self, tokens: Sequence[Token]) -> None:
        """Offer the answer token by token, with probabilities, folded away."""
        if self._has_tokens or not tokens:
            return
        self._has_tokens = True
        self.content.tokens = tokens
        view = TokenView(self._theme, tokens)
        folded = Disclosure(self._theme, self.tr("How sure it was, word by word"), view)
        self._column.insertWidget(self._column.indexOf(self.answer) + 1, folded)

    def show_checks(self, results: Sequence[CheckResult]) -> None:
        """Put a mark for each check under the answer, once."""
        if results and not self.content.checks:
            self.content.checks = results
            self._column.insertWidget(
                self._column.indexOf(self.answer) + 1, CheckMarks(self._theme, results)
            )

    def _show_before(self, texts: Sequence[str]) -> None:
        """Fold away what stood here before it was asked again, once."""
        if self._before or not texts:
            return
        words = (
            self.tr("The answer before this one")
            if len(texts) == 1
            else self.tr("The {0} answers before this one").format(len(texts))
        )
        inside = QWidget()
        column = make_column(parent=inside, margins=NO_MARGINS, spacing=self._theme.px(6))
        for text in texts:
            view = MarkdownView(self._theme, tone="quiet")
            view.setAccessibleName(self.tr("What it said before"))
            view.set_text_scale(self._text_scale)
            view.set_text(text, is_writing=False)
            column.addWidget(view)
            self._before.append(view)
        self._column.addWidget(Disclosure(self._theme, words, inside))

    def _show_error(self, error: ErrorInfo, kept: str) -> None:
        if self._error_column is not None:
            return
        card = make_card("bad")
        px = self._theme.px
        margins = (px(12), px(10), px(12), px(10))
        column = make_column(parent=card, margins=margins, spacing=px(4))
        texts = ((error.message, "strong"), (kept, "control"), (error.hint, "control"))
        for text, role in texts:
            if text:
                label = make_label(text, role, wrap=True)
                label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
                column.addWidget(label)
        card.setAccessibleName(" ".join(text for text, _role in texts if text))
        self._error_column, self.error_card = column, card
        self._column.addWidget(card)
        self.failed.emit(card)

    def _build(self, prompt: str | None) -> None:
        spacing = self._theme.px(6)
        self._column = make_column(parent=self, margins=NO_MARGINS, spacing=spacing)
        if prompt is not None:
            prompt = shown_part(prompt, _BUBBLE, most_lines=_BUBBLE_LINES)
            self._bubble = bubble = make_label(prompt, "control", wrap=True)
            bubble.setProperty("bubble", True)
            bubble.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            bubble.setAccessibleName(self.tr("Prompt: {text}").format(text=prompt))
            row = make_row((bubble, 1))
            row.insertSpacing(0, self._theme.px(28))
            self._column.addLayout(row)
            self._theme.changed.connect(self._show_bubble)
            self._show_bubble()
        self._status = make_label("", "control", "quiet", wrap=True)
        self.answer = MarkdownView(self._theme)
        self.answer.setAccessibleName(self.tr("Answer"))
        self.answer.hide()
        self._column.addWidget(self._status)
        self._column.addWidget(self.answer)
        self._status.hide()

    def _show_bubble(self) -> None:
        # on stage the question is the page's title
        self._bubble.setVisible(not self._theme.in_presentation_mode)

    @override
    def event(self, event: QEvent) -> bool:
        is_done = super().event(event)
        if event.type() is QEvent.Type.LayoutRequest:
            self.fit()
        elif event.type() is QEvent.Type.Show:
            # the height that `resizeEvent` sets while it is hidden reaches no layout
            self._column.setGeometry(self.rect())
        return is_done

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit()

    def _show_reasoning(self, reasoning: str, *, is_thinking: bool) -> None:
        if self._reasoning is None or self._thinking is None:
            self._reasoning = MarkdownView(self._theme, tone="quiet")
            self._reasoning.set_text_scale(self._text_scale)
            self._reasoning.setAccessibleName(self.tr("What the model thought first"))
            self._thinking = Disclosure(self._theme, "", self._reasoning)
            self._column.insertWidget(self._column.indexOf(self.answer), self._thinking)
        self._thinking.set_title(
            self.tr("Thinking…") if is_thinking else self.tr("What it thought")
        )
        self._reasoning.set_text(reasoning, is_writing=is_thinking)


class CheckMarks(QWidget):
    """A mark for each check of an answer, with its reason as tooltip."""

    def __init__(self, theme: Theme, results: Sequence[CheckResult]) -> None:
        super().__init__()
        self._theme = theme
        self._inside = QWidget(self)
        self._row = FlowLayout(self._inside, spacing=theme.px(6))
        theme.changed.connect(self._fit)
        self.show_results(results)

    def show_results(self, results: Sequence[CheckResult]) -> None:
        clear_layout(self._inside)
        for result in results:
            self._row.addWidget(self._mark(result))
        self._fit()

    def _fit(self) -> None:
        # the grid of a pane does not ask how high something is at its width
        height = self._row.heightForWidth(self.width())
        self._inside.setGeometry(0, 0, self.width(), height)
        if height != self.height():
            self.setFixedHeight(height)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _mark(self, result: CheckResult) -> Badge:
        words = {
            Outcome.RIGHT: ("✓", self.tr("Right"), "local"),
            Outcome.WRONG: ("✕", self.tr("Wrong"), "bad"),
            Outcome.NOT_SCORED: ("–", self.tr("Not scored"), "quiet"),
        }
        sign, outcome, tone = words[result.outcome]
        check = check_words(result.check)
        mark = Badge(self._theme, f"{sign} {check}", tone)
        mark.setToolTip(plain_tooltip(f"{outcome}. {result.reason}"))
        mark.setAccessibleName(f"{outcome}: {check}. {result.reason}")
        return mark


_SURE = 0.9
"""From this probability on a token has no ground: nothing else was really weighed."""


class TokenView(QWidget):
    """Tokens on a warm ground the stronger, the less likely they were."""

    def __init__(self, theme: Theme, tokens: Sequence[Token]) -> None:
        super().__init__()
        self._text = _TokenText(theme, tuple(tokens))
        self._about = make_label(
            self.tr("Click a word to see what could have stood there instead."),
            "caption",
            "quiet",
            wrap=True,
        )
        parts = (self._text, self._about)
        make_column(*parts, parent=self, margins=NO_MARGINS, spacing=theme.px(4))
        self._text.cursorPositionChanged.connect(self._on_moved)

    def _on_moved(self) -> None:
        token = self._text.token_at(self._text.textCursor().position())
        if token is not None:
            self._about.setText("   ".join(_described(token)))


class _TokenText(QTextEdit):
    """The tokens in one text, as high as they need."""

    def __init__(self, theme: Theme, tokens: Sequence[Token]) -> None:
        super().__init__()
        self._theme = theme
        self._tokens = tokens
        self._starts: list[int] = []
        self.setDocument(SealedDocument(self))
        self.setReadOnly(True)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setTabChangesFocus(True)
        self.setMouseTracking(True)
        self.viewport().setMouseTracking(True)
        self.viewport().setAutoFillBackground(False)
        self.document().setDocumentMargin(0)
        self.setAccessibleName(self.tr("The answer, token by token"))
        self.document().documentLayout().documentSizeChanged.connect(self._fit)
        theme.changed.connect(self._write)
        self._write()

    def token_at(self, position: int) -> Token | None:
        if not self._starts:
            return None
        return self._tokens[max(0, bisect_right(self._starts, position) - 1)]

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        # the pane scrolls, not the text
        event.ignore()

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        token = self.token_at(self.cursorForPosition(event.position().toPoint()).position())
        if token is not None:
            text = "\n".join(_described(token))
            QToolTip.showText(event.globalPosition().toPoint(), plain_tooltip(text), self)

    def _write(self) -> None:
        self.clear()
        self._starts = []
        cursor = QTextCursor(self.document())
        cursor.beginEditBlock()
        for token in self._tokens:
            self._starts.append(cursor.position())
            cursor.insertText(token.text, self._format(token))
        cursor.endEditBlock()

    def _format(self, token: Token) -> QTextCharFormat:
        made = QTextCharFormat()
        made.setFont(self._theme.font())
        made.setForeground(self._theme.color("text"))
        doubt = 0.0 if token.probability is None else max(0.0, _SURE - token.probability) / _SURE
        if doubt > 0:
            ground = QColor(self._theme.palette.reading)
            ground.setAlphaF(0.1 + 0.45 * doubt)
            made.setBackground(ground)
        return made

    def _fit(self) -> None:
        height = int(self.document().size().height()) + 2
        if height != self.height():
            self.setFixedHeight(height)


def _described(token: Token) -> list[str]:
    """Return a token's probability and its alternatives, one a line."""
    lines = [f"“{_visible(token.text)}”: {_percent(token.probability)}"]
    lines.extend(
        f"{place}. “{_visible(other.text)}”: {_percent(other.probability)}"
        for place, other in enumerate(token.alternatives, 1)
    )
    return lines


def _percent(probability: float | None) -> str:
    if probability is None:
        return UNKNOWN
    return f"{probability:.1%}" if probability < 0.0995 else f"{probability:.0%}"


def _visible(text: str) -> str:
    return text.replace("\n", "⏎").replace("\t", "⇥")
