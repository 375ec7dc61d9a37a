"""The window's theme: palette, fonts, icons and sizes, which can change while it is open.

Views take a `Theme` in their constructor. Text styles are dynamic properties the style sheet knows
(`set_role(label, "caption")`); widgets that paint themselves ask `theme.palette` in `paintEvent`
and `theme.px` for sizes, and connect `theme.changed` to what they must lay out again.
"""

import sys
from collections.abc import Iterable

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QIcon, QPalette
from PySide6.QtWidgets import QApplication, QGridLayout, QLayout, QWidget

from playground.ui.theme.icons import make_icon
from playground.ui.theme.palette import DARK, LIGHT, Palette
from playground.ui.theme.stylesheet import SIZES, style_sheet

_PLAIN_FAMILIES = ("Inter", "Cantarell", "Ubuntu", "Noto Sans", "DejaVu Sans")
_NO_REAL_FONT = {"", "Sans", "Sans Serif", "Sans-serif", "MS Shell Dlg 2", "DejaVu Sans"}

_STAGE_FIGURE = 36
"""Size of a figure while a room looks at it, in pixels at scale 1."""
_PLAIN_SIZES = "plain_sizes"
"""Property of a layout: its margins and gaps at scale 1."""


class Theme(QObject):
    """The theme in force; `changed` is emitted once the application has it."""

    changed = Signal()

    def __init__(
        self,
        app: QApplication,
        *,
        mode: str = "system",
        scale: float = 1.0,
        presentation_scale: float = 1.6,
    ) -> None:
        super().__init__(app)
        self._app = app
        self._mode = mode
        self._scale = scale
        self._presentation_scale = presentation_scale
        self.in_presentation_mode = False
        """True while the window is made for a room to read."""
        self._family = _system_families()
        self._icons: dict[tuple[str, str], QIcon] = {}
        self._laid_out_scale = self.scale
        app.styleHints().colorSchemeChanged.connect(self._on_scheme)
        self._apply_theme()

    @property
    def palette(self) -> Palette:
        if self._mode == "system":
            scheme = self._app.styleHints().colorScheme()
            return DARK if scheme is Qt.ColorScheme.Dark else LIGHT
        return DARK if self._mode == "dark" else LIGHT

    @property
    def scale(self) -> float:
        """Factor on every size that goes with text."""
        return self._presentation_scale if self.in_presentation_mode else self._scale

    def set_appearance(
        self,
        *,
        mode: str | None = None,
        scale: float | None = None,
        presentation_scale: float | None = None,
        presentation_mode: bool | None = None,
    ) -> None:
        """Change what is given, at once. `mode` is `system`, `light` or `dark`."""
        before = (self.palette, self.scale, self.in_presentation_mode)
        self._mode = mode or self._mode
        self._scale = scale or self._scale
        self._presentation_scale = presentation_scale or self._presentation_scale
        self.in_presentation_mode = (
            self.in_presentation_mode if presentation_mode is None else presentation_mode
        )
        if before != (self.palette, self.scale, self.in_presentation_mode):
            self._apply_theme()

    def px(self, size: float) -> int:
        """Return `size` at the current text scale, in pixels."""
        return round(size * self.scale)

    def color(self, token: str) -> QColor:
        """Return the colour a token of `Palette` names."""
        return QColor(getattr(self.palette, token))

    def icon(self, name: str, tone: str = "text") -> QIcon:
        """Return an icon of `resources/icons` in the colour of a `Palette` token."""
        key = (name, getattr(self.palette, tone))
        if key not in self._icons:
            self._icons[key] = make_icon(*key)
        return self._icons[key]

    def font(self, role: str = "body") -> QFont:
        """Return the font of a text role, for widgets that paint themselves."""
        size, weight = SIZES[role]
        font = QFont()
        font.setFamilies(self._family)
        if role == "figure" and self.in_presentation_mode:
            size = _STAGE_FIGURE
        font.setPixelSize(max(8, self.px(size)))
        font.setWeight(QFont.Weight(weight))
        if role in {"figure", "numbers", "strip"}:
            font.setFeature(QFont.Tag("tnum"), 1)
        return font

    def mono_font(self) -> QFont:
        font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        font.setPixelSize(max(8, self.px(13)))
        return font

    def _on_scheme(self, _scheme: Qt.ColorScheme) -> None:
        if self._mode == "system":
            self._apply_theme()

    def _apply_theme(self) -> None:
        palette = self.palette
        # over another sheet Qt applies one to each widget as many times as it has widgets around it
        self._app.setStyleSheet("")
        self._app.setFont(self.font())
        self._app.setPalette(_qt_palette(palette))
        self._app.setStyleSheet(style_sheet(palette, self.scale))
        self._scale_layouts()
        self.changed.emit()

    def _scale_layouts(self) -> None:
        """Let the margins and gaps of every layout that is there go with the text."""
        before, self._laid_out_scale = self._laid_out_scale, self.scale
        if before == self.scale:
            return
        for widget in self._app.allWidgets():
            for layout in widget.findChildren(
                QLayout, options=Qt.FindChildOption.FindDirectChildrenOnly
            ):
                _scale_layout(layout, before, self.scale)


def _scale_layout(layout: QLayout, before: float, now: float) -> None:
    for inner in layout.findChildren(QLayout, options=Qt.FindChildOption.FindDirectChildrenOnly):
        _scale_layout(inner, before, now)
    margins = layout.contentsMargins()
    sizes = [margins.left(), margins.top(), margins.right(), margins.bottom()]
    if isinstance(layout, QGridLayout):
        sizes += [layout.horizontalSpacing(), layout.verticalSpacing()]
    else:
        sizes.append(layout.spacing())
    plain = layout.property(_PLAIN_SIZES)
    if plain is None or [round(size * before) for size in plain] != sizes:
        # set since, or never seen: rounded sizes of one scale are not those of the next
        plain = [size / before for size in sizes]
    layout.setProperty(_PLAIN_SIZES, plain)
    left, top, right, bottom, *gaps = (round(size * now) for size in plain)
    layout.setContentsMargins(left, top, right, bottom)
    if isinstance(layout, QGridLayout):
        layout.setHorizontalSpacing(gaps[0])
        layout.setVerticalSpacing(gaps[1])
    else:
        layout.setSpacing(gaps[0])


def set_role(widget: QWidget, role: str, tone: str | None = None) -> None:
    """Give a widget a text role and a tone of the style sheet; may be changed at any time.

    Roles: see `stylesheet.SIZES`. Tones: quiet, local, cloud, caution, bad, accent.
    """
    set_properties(widget, (("role", role), ("tone", tone)))


def set_properties(widget: QWidget, properties: Iterable[tuple[str, object]]) -> None:
    """Set properties the style sheet selects by, and apply it again where one has changed."""
    has_changed = False
    for name, value in properties:
        if widget.property(name) != value:
            widget.setProperty(name, value)
            has_changed = True
    if has_changed and widget.testAttribute(Qt.WidgetAttribute.WA_WState_Polished):
        widget.style().unpolish(widget)
        widget.style().polish(widget)


def _system_families() -> list[str]:
    family = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont).family()
    if sys.platform.startswith("linux") and family in _NO_REAL_FONT:
        # no desktop has named a font: what fontconfig falls back to is rarely the best one there
        return [*_PLAIN_FAMILIES]
    return [family]


def _qt_palette(colors: Palette) -> QPalette:
    role = QPalette.ColorRole
    palette = QPalette()
    for which, value in (
        (role.Window, colors.background),
        (role.WindowText, colors.text),
        (role.Base, colors.card),
        (role.AlternateBase, colors.hover),
        (role.Text, colors.text),
        (role.Button, colors.card),
        (role.ButtonText, colors.text),
        (role.BrightText, colors.on_accent),
        (role.ToolTipBase, colors.card),
        (role.ToolTipText, colors.text),
        (role.PlaceholderText, colors.quiet),
        (role.Highlight, colors.accent),
        (role.HighlightedText, colors.on_accent),
        (role.Accent, colors.accent),
        (role.Link, colors.accent),
        (role.LinkVisited, colors.accent),
        (role.Light, colors.card),
        (role.Midlight, colors.hover),
        (role.Mid, colors.line),
        (role.Dark, colors.line),
        (role.Shadow, colors.line),
    ):
        palette.setColor(which, QColor(value))
    for which in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, which, QColor(colors.quiet))
    return palette
