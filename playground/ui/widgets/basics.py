"""Small ready-made parts, so that the same thing looks and reads the same on every page."""

import re
from collections.abc import Callable
from html import escape

from PySide6.QtCore import QMargins, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QLabel,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from playground.ui.theme.theme import Theme, set_role


def make_label(
    text: str = "", role: str = "body", tone: str | None = None, *, wrap: bool = False
) -> QLabel:
    """Return a label that never reads its text as HTML."""
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(wrap)
    set_role(label, role, tone)
    return label


def plain_tooltip(text: str) -> str:
    """Return a tooltip Qt cannot take for HTML: names come from files and providers.

    Qt has no plain tooltips: it guesses, and what it takes for HTML loads pictures from files.
    """
    if "<" not in text and "&lt;" not in text:
        return text
    return f'<p style="white-space: pre-wrap">{escape(text)}</p>'


def make_card(kind: str = "true") -> QFrame:
    """Return a frame with rounded corners; `kind` is `true`, `quiet`, `caution` or `bad`."""
    frame = QFrame()
    frame.setProperty("card", kind)
    return frame


def make_line() -> QFrame:
    frame = QFrame()
    frame.setProperty("line", "h")
    return frame


class Button(QPushButton):
    """A button that Enter presses as well: Qt's own takes only the space bar outside a dialog.

    One that can be chosen has room for its words in bold, as the style sheet writes them then.
    """

    @override
    def sizeHint(self) -> QSize:
        hint = super().sizeHint()
        if not self.isCheckable():
            return hint
        bold = QFont(self.font())
        bold.setWeight(QFont.Weight.DemiBold)
        plain = self.fontMetrics().horizontalAdvance(self.text())
        wider = QFontMetrics(bold).horizontalAdvance(self.text()) - plain
        return hint.grownBy(QMargins(0, 0, max(0, wider), 0))

    @override
    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        is_enter = event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}
        if is_enter and not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            self.click()
            return
        super().keyPressEvent(event)


class WrappingButton(Button):
    """A button whose words go on in the next line where they have no room in one."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self._words = words
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    @override
    def sizeHint(self) -> QSize:
        return self._size_of(self._words)

    @override
    def minimumSizeHint(self) -> QSize:
        return QSize(self._size_of(self._broken(0)).width(), self.sizeHint().height())

    @override
    def heightForWidth(self, width: int) -> int:
        return self._size_of(self._broken(width)).height()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.setText(self._broken(self.width()))

    def _size_of(self, words: str) -> QSize:
        shown = self.fontMetrics().size(0, self.text())
        return super().sizeHint() + self.fontMetrics().size(0, words) - shown

    def _broken(self, width: int) -> str:
        """Return the words in lines that fit into a button of `width`; no word is broken."""
        room = width - self._size_of("").width()
        lines: list[str] = []
        for word in self._words.split(" "):
            longer = f"{lines[-1]} {word}" if lines else word
            if lines and self.fontMetrics().horizontalAdvance(longer) <= room:
                lines[-1] = longer
            else:
                lines.append(word)
        return "\n".join(lines)


def make_button(
    text: str,
    clicked: Callable[[], object] | None = None,
    *,
    wrap: bool = False,
    kind: str | None = None,
    tooltip: str = "",
    name: str | None = None,
) -> QPushButton:
    """Return a button; `kind` is `primary`, `flat` or `danger`, `name` its accessible name."""
    button = WrappingButton(text) if wrap else Button(text)
    if kind:
        button.setProperty(kind, True)
    button.setToolTip(plain_tooltip(tooltip))
    button.setAccessibleName(name or text)
    button.setCursor(Qt.CursorShape.PointingHandCursor)
    button.setAutoDefault(False)
    if clicked is not None:
        button.clicked.connect(clicked)
    return button


class IconButton(QToolButton):
    """A small flat button with an icon that follows the theme."""

    def __init__(
        self, theme: Theme, icon: str, name: str, *, tone: str = "quiet", size: int = 16
    ) -> None:
        super().__init__()
        self._theme = theme
        self._icon = icon
        self._tone = tone
        self._size = size
        self.setProperty("flat", True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(name)
        self.setToolTip(plain_tooltip(name))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        theme.changed.connect(self._apply_theme)
        self._apply_theme()

    def set_icon(self, icon: str, tone: str | None = None) -> None:
        self._icon = icon
        self._tone = tone or self._tone
        self._apply_theme()

    def _apply_theme(self) -> None:
        self.setIcon(self._theme.icon(self._icon, self._tone))
        side = self._theme.px(self._size)
        self.setIconSize(QSize(side, side))


_LEAST_CHARACTERS = 10
"""What is elided still shows so many."""


_PATH = re.compile(r"(?:/|~|[A-Za-z]:[\\/])|\S+[/\\]\S+$")
_NAME = re.compile(r"\S*[-_.\d]\S*")


def elide_mode(text: str) -> Qt.TextElideMode:
    """Return where a text is cut that does not fit.

    A path in front, since its end tells most; a name without spaces in the middle, since names of
    models differ at both ends; a sentence at its end.
    """
    if "://" in text or (not _PATH.match(text) and _NAME.fullmatch(text)):
        return Qt.TextElideMode.ElideMiddle
    return Qt.TextElideMode.ElideLeft if _PATH.match(text) else Qt.TextElideMode.ElideRight


_JOINT = " · "
_LEAST_SHARE = 0.3
"""Of the room, for what stands before a name that needs all of it."""


def elided_name(metrics: QFontMetrics, name: str, room: int) -> str:
    """Return a name that fits into `room` pixels; of “provider · model” both are told."""
    before, joint, last = name.rpartition(_JOINT)
    if joint and metrics.horizontalAdvance(name) > room:
        left = room - metrics.horizontalAdvance(joint + last)
        left = max(left, round(room * _LEAST_SHARE))
        before = metrics.elidedText(before, elide_mode(before), left) + joint
        room -= metrics.horizontalAdvance(before)
    else:
        before, last = "", name
    return before + metrics.elidedText(last, elide_mode(last), room)


_LONGEST_RUN = 12
"""Characters of a name that stay in one line."""


_UNIT = r"(?:s|min|h|%|bytes|KB|MB|GB|kWh|W)(?!\w)"


def breakable(name: str) -> str:
    """Return a name that a label can wrap though it has no spaces: Qt breaks only between words.

    A number stays whole, with its unit and with the sign of an estimate.
    """
    whole = re.sub(rf"(?<=≈) |(?<=\d) (?={_UNIT})", "\N{NO-BREAK SPACE}", name)
    gap = r"(?<=[_.:/\\])(?<!\d[.:])(?=[^\W_])|(?<=\d[.:])(?=[^\W\d_])"
    marked = re.sub(gap, "\N{ZERO WIDTH SPACE}", whole)
    return re.sub(rf"([^\s\-\u200b]{{{_LONGEST_RUN}}})(?=[^\s\-\u200b]{{4}})", "\\1\u200b", marked)


class ElidedLabel(QLabel):
    """A single line that is cut with “…” where it does not fit; its tooltip has all of it."""

    def __init__(
        self,
        text: str = "",
        role: str = "body",
        tone: str | None = None,
        *,
        least: int = _LEAST_CHARACTERS,
    ) -> None:
        """`least` is how many characters of average width it shows at least."""
        super().__init__()
        self._least = least
        self._full = text
        self._explanation = ""
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        set_role(self, role, tone)
        self.set_full_text(text)

    def set_full_text(self, text: str) -> None:
        """Show `text` as far as there is room."""
        self._full = text
        super().setText(text)
        self.setAccessibleName(text)
        self._explain()
        self.updateGeometry()

    @override
    def setToolTip(self, text: str) -> None:
        # tell it after the whole text where that is cut
        self._explanation = text
        self._explain()

    @override
    def minimumSizeHint(self) -> QSize:
        whole = super().minimumSizeHint()
        least = self.fontMetrics().averageCharWidth() * self._least
        return QSize(min(whole.width(), least), whole.height())

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._explain()

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        text = self.fontMetrics().elidedText(
            self._full, elide_mode(self._full), self.contentsRect().width()
        )
        painter.drawText(self.contentsRect(), int(self.alignment()), text)

    def _explain(self) -> None:
        fits = self.fontMetrics().horizontalAdvance(self._full) <= self.width()
        super().setToolTip(with_whole_text("" if fits else self._full, self._explanation))


def with_whole_text(text: str, explanation: str) -> str:
    """Return the tooltip of something whose `text` is cut; an empty one is not."""
    return "\n".join(part for part in (plain_tooltip(text), explanation) if part)


def clear_layout(widget: QWidget) -> None:
    """Take every child widget out of `widget`'s layout and delete it."""
    layout = widget.layout()
    while layout is not None and layout.count():
        item = layout.takeAt(0)
        child = item.widget() if item is not None else None
        if child is not None:
            child.hide()
            child.setParent(None)
            child.deleteLater()


def chip_width(theme: Theme, text: str) -> int:
    """Return how wide a chip with this text is where there is room."""
    return QFontMetrics(theme.font("chip")).horizontalAdvance(text) + theme.px(18)


def paint_chip(
    theme: Theme, painter: QPainter, area: QRect, text: str, tone: str, *, icon: str | None = None
) -> None:
    """Paint text on the ground of its tone, over the whole `area`.

    Where there is little room the padding shrinks, then the text ends in “…”.
    """
    is_quiet = tone == "quiet"
    ink = "chip_ink" if is_quiet else f"{tone}_ink"
    radius = area.height() / 2
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.color("chip" if is_quiet else f"{tone}_ground"))
    painter.drawRoundedRect(QRectF(area), radius, radius)
    painter.setFont(theme.font("chip"))
    painter.setPen(theme.color(ink))
    metrics = painter.fontMetrics()
    side = theme.px(17) if icon else 0
    spare = area.width() - side - metrics.horizontalAdvance(text)
    padding = max(theme.px(4), min(theme.px(9), spare // 2))
    if icon:
        size = theme.px(13)
        top = area.top() + (area.height() - size) // 2
        theme.icon(icon, ink).paint(painter, QRect(area.left() + padding, top, size, size))
    line = area.adjusted(padding + side, 0, -theme.px(3), 0)
    text = elided_name(metrics, text, line.width())
    painter.drawText(line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)


class Badge(QWidget):
    """Paints its text on the ground of its tone; one that ends in “…” tells it in its tooltip."""

    def __init__(
        self, theme: Theme, text: str = "", tone: str = "quiet", icon: str | None = None
    ) -> None:
        super().__init__()
        self._theme = theme
        self._text = text
        self._tone = tone
        self._icon = icon
        self._explanation = ""
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self._apply_theme)
        self.setAccessibleName(text)

    @property
    def text(self) -> str:
        return self._text

    def set_badge(self, text: str, tone: str = "quiet", icon: str | None = None) -> None:
        if (text, tone, icon) == (self._text, self._tone, self._icon):
            return
        self._text, self._tone, self._icon = text, tone, icon
        self.setAccessibleName(text)
        self._explain()
        self.updateGeometry()
        self.update()

    @override
    def setToolTip(self, text: str) -> None:
        # tell it after the whole text where that is cut
        self._explanation = text
        self._explain()

    @override
    def sizeHint(self) -> QSize:
        px = self._theme.px
        height = QFontMetrics(self._theme.font("chip")).height() + px(7)
        width = chip_width(self._theme, self._text) + px(1) + (px(17) if self._icon else 0)
        return QSize(width, height)

    @override
    def minimumSizeHint(self) -> QSize:
        hint = self.sizeHint()
        around = hint.width() - chip_width(self._theme, self._text)
        least = chip_width(self._theme, self._text[:_LEAST_CHARACTERS] + "…") + around
        return QSize(min(hint.width(), least), hint.height())

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._explain()

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        paint_chip(self._theme, painter, self.rect(), self._text, self._tone, icon=self._icon)

    def _explain(self) -> None:
        fits = self.sizeHint().width() <= self.width()
        super().setToolTip(with_whole_text("" if fits else self._text, self._explanation))

    def _apply_theme(self) -> None:
        self._explain()
        self.updateGeometry()
        self.update()


class Disclosure(QWidget):
    """Folded at first; what is folded is not laid out until it is opened."""

    opened = Signal()

    def __init__(self, theme: Theme, title: str, content: QWidget) -> None:
        super().__init__()
        self._theme = theme
        self._content = content
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.px(4))
        self._button = QToolButton()
        self._button.setProperty("flat", True)
        self._button.setCheckable(True)
        self._button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._button.setCursor(Qt.CursorShape.PointingHandCursor)
        self._button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._button.toggled.connect(self._on_toggled)
        column.addWidget(self._button, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(content)
        content.hide()
        self.set_title(title)
        theme.changed.connect(self._apply_theme)
        self._apply_theme()

    @property
    def is_open(self) -> bool:
        return self._button.isChecked()

    def set_title(self, title: str) -> None:
        self._button.setText(title)
        self._button.setAccessibleName(title)

    def unfold(self) -> None:
        self._button.setChecked(True)

    def fold(self) -> None:
        self._button.setChecked(False)

    def _on_toggled(self, _on: bool) -> None:
        self._content.setVisible(self.is_open)
        self._apply_theme()
        if self.is_open:
            self.opened.emit()

    def _apply_theme(self) -> None:
        icon = "chevron-down" if self.is_open else "chevron-right"
        self._button.setIcon(self._theme.icon(icon, "quiet"))
