"""The rail on the left: one button a page, and one that leads onto the stage."""

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QButtonGroup, QFrame, QToolButton, QVBoxLayout, QWidget
from typing_extensions import override

from playground.ui.theme.theme import Theme, set_properties
from playground.ui.widgets.basics import plain_tooltip
from playground.ui.widgets.layouts import make_column, make_scroll_area

_NARROWEST = 80
_AROUND_WORD = 16
"""Between a word and the button's edges, pixels at scale 1."""
_AROUND_BUTTON = 17
_WORDS_FROM = 700
"""Width of the window, in units of text, that has room for the words."""

_LONG = 12
"""Characters from which a title goes on in a second line."""


def in_two_lines(title: str) -> str:
    """Return a long title broken where its longer line is shortest; a short one as it is."""
    spaces = [place for place, character in enumerate(title) if character == " "]
    if len(title) <= _LONG or not spaces:
        return title
    best = min(spaces, key=lambda place: max(place, len(title) - place - 1))
    return f"{title[:best]}\n{title[best + 1 :]}"


class RailButton(QToolButton):
    """A page's icon and word, with a badge in the corner where the page has something to tell."""

    def __init__(self, theme: Theme, title: str) -> None:
        super().__init__()
        self._theme = theme
        self._title = title
        self.badge: str | None = None
        """What the badge says; `None`: there is none."""
        self.setProperty("rail", True)
        self.setText(in_two_lines(title))
        self.setAccessibleName(title)
        self.setCheckable(True)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def set_badge(self, text: str | None) -> None:
        if text == self.badge:
            return
        self.badge = text
        name = self.tr("{page}: {badge}").format(page=self._title, badge=text)
        self.setAccessibleName(name if text else self._title)
        self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self.badge:
            return
        # over the button's corner
        theme = self._theme
        font = theme.font("chip")
        font.setPixelSize(max(8, theme.px(10)))
        metrics = QFontMetrics(font)
        height = metrics.height() + theme.px(1)
        width = max(height, metrics.horizontalAdvance(self.badge) + theme.px(9))
        left = min(self.width() / 2 + theme.px(3), self.width() - width - theme.px(2))
        pill = QRectF(left, theme.px(3), width, height)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("accent"))
        painter.drawRoundedRect(pill, height / 2, height / 2)
        painter.setFont(font)
        painter.setPen(theme.color("on_accent"))
        painter.drawText(pill, int(Qt.AlignmentFlag.AlignCenter), self.badge)


class NavigationRail(QWidget):
    """Buttons with an icon and a word; the chosen page's is lit."""

    chosen = Signal(str)
    stage_wanted = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._icons: dict[str, str] = {}
        self._buttons: dict[str, RailButton] = {}
        self.setObjectName("rail")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._group = QButtonGroup(self)
        self._top = QVBoxLayout()
        self._bottom = QVBoxLayout()
        inside = QWidget()
        self._column = make_column(self._top, 1, self._bottom, parent=inside)
        # where even icons do not fit they scroll with the wheel and the keyboard
        self._scroll = make_scroll_area(inside)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        for set_policy in (
            self._scroll.setHorizontalScrollBarPolicy,
            self._scroll.setVerticalScrollBarPolicy,
        ):
            set_policy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        make_column(self._scroll, parent=self, margins=(0, 0, 1, 0))
        self._stage = self._added("stage", self.tr("On stage"), "stage", self._bottom)
        self._stage.setCheckable(False)
        self._stage.setToolTip(plain_tooltip(self.tr("Large type for a room to read (F11)")))
        self._stage.clicked.connect(self.stage_wanted)
        theme.changed.connect(self._apply_theme)

    def add(self, key: str, title: str, icon: str, number: int, *, at_bottom: bool) -> None:
        """Add a page's button; `number` is what Ctrl is pressed with."""
        button = self._added(key, title, icon, self._bottom if at_bottom else self._top)
        button.setToolTip(
            plain_tooltip(self.tr("{page} (Ctrl+{number})").format(page=title, number=number))
        )
        button.clicked.connect(self._on_clicked)
        button.toggled.connect(self._apply_theme)
        self._group.addButton(button)
        self.setTabOrder(button, self._stage)
        if self.isVisible():
            self._apply_theme()

    def _added(self, key: str, title: str, icon: str, layout: QVBoxLayout) -> RailButton:
        button = RailButton(self._theme, title)
        button.setProperty("key", key)
        self._buttons[key] = button
        self._icons[key] = icon
        layout.addWidget(button)
        return button

    def select(self, key: str) -> None:
        """Light a page's button; a page without one leaves the one before lit."""
        if key in self._buttons:
            self._buttons[key].setChecked(True)

    def set_badge(self, key: str, text: str | None) -> None:
        self._buttons[key].set_badge(text)

    def _on_clicked(self) -> None:
        button = self.sender()
        if isinstance(button, RailButton):
            self.chosen.emit(button.property("key"))

    def _apply_theme(self) -> None:
        px = self._theme.px
        words = self._has_room_for_words()
        width = max(px(_NARROWEST - _AROUND_BUTTON), self._widest_word() + px(_AROUND_WORD))
        if not words:
            width = px(44)
        self.setFixedWidth(width + px(_AROUND_BUTTON))
        self._column.setContentsMargins(px(8), px(8), px(8), px(8))
        for layout in (self._top, self._bottom):
            layout.setSpacing(px(4 if words else 2))
        style = Qt.ToolButtonStyle.ToolButtonIconOnly
        if words:
            style = Qt.ToolButtonStyle.ToolButtonTextUnderIcon
        for key, button in self._buttons.items():
            token = "accent_ink" if button.isChecked() else "quiet"
            button.setIcon(self._theme.icon(self._icons[key], token))
            button.setIconSize(QSize(px(20), px(20)))
            button.setToolButtonStyle(style)
            button.setFixedWidth(width)
            set_properties(button, (("folded", not words),))

    def _has_room_for_words(self) -> bool:
        """Return whether the window is wide enough for them, and high enough for all of them."""
        line = QFontMetrics(self._theme.font("rail")).height()
        around = len(self._buttons) * self._theme.px(20 + 16 + 4 + 4) + self._theme.px(20)
        needed = around + line * sum(1 + b.text().count("\n") for b in self._buttons.values())
        is_wide = self.window().width() >= self._theme.px(_WORDS_FROM)
        return is_wide and self.height() >= needed

    @override
    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Polish:
            # once for all buttons, before the first layout
            self._apply_theme()
        return super().event(event)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._apply_theme()

    def _widest_word(self) -> int:
        """Return the room of the longest title, as wide as the chosen one is written."""
        font = self._theme.font("rail")
        font.setWeight(QFont.Weight.DemiBold)
        metrics = QFontMetrics(font)
        lines = [line for b in self._buttons.values() for line in b.text().split("\n")]
        return max(map(metrics.horizontalAdvance, lines), default=0)
