"""The style sheet: what Fusion and a palette cannot say."""

from dataclasses import asdict

from playground.ui.theme.palette import Palette

SIZES: dict[str, tuple[int, int]] = {
    "body": (15, 400),
    "strong": (15, 600),
    "row": (14, 600),
    "title": (20, 700),
    "heading": (16, 600),
    "figure": (19, 600),
    "caption": (12, 400),
    "chip": (12, 600),
    "control": (14, 400),
    "numbers": (14, 400),
    "strip": (12, 400),
    "rail": (11, 400),
}
"""Text role → size in pixels at scale 1, and weight."""

_SHEET = """
QWidget { color: @text; }
QToolTip { color: @text; background: @card; border: 1px solid @line; padding: 6px; }
QMainWindow, QWidget#page { background: @background; }
QDialog { background: @background; border: 1px solid @line; }
QScrollArea, QScrollArea > QWidget > QWidget#scrolled { background: transparent; border: none; }

QScrollArea[ring="true"] { border: 1px solid transparent; border-radius: {6}px; }
QScrollArea[ring="true"]:focus { border: 1px solid @accent; }
QFrame[card="true"] { background: @card; border: 1px solid @line; border-radius: {14}px; }
QFrame[card="popup"] { background: @card; border: 1px solid @line; border-radius: {10}px; }
QFrame[card="quiet"] { background: @background; border: 1px solid @line; border-radius: {10}px; }
QFrame[card="bad"] { background: @bad_ground; border: none; border-radius: {10}px; }
QFrame[card="caution"] { background: @caution_ground; border: none; border-radius: {10}px; }
QFrame[line="h"] { background: @line; max-height: 1px; min-height: 1px; border: none; }

QLabel { background: transparent; }
%ROLES%
QLabel[tone="quiet"] { color: @quiet; }
QLabel[tone="local"] { color: @local; }
QLabel[tone="cloud"] { color: @cloud; }
QLabel[tone="network"] { color: @network; }
QLabel[tone="caution"] { color: @caution; }
QLabel[tone="bad"] { color: @bad; }
QLabel[tone="accent"] { color: @accent; }
QLabel[tone="reading"] { color: @reading; }

QLabel[role="chip"] { background: @chip; color: @chip_ink; border-radius: {11}px;
  padding: {3}px {9}px; }
QLabel[role="chip"][tone="local"] { background: @local_ground; color: @local_ink; }
QLabel[role="chip"][tone="cloud"] { background: @cloud_ground; color: @cloud_ink; }
QLabel[role="chip"][tone="network"] { background: @network_ground; color: @network_ink; }
QLabel[role="chip"][tone="caution"] { background: @caution_ground; color: @caution_ink; }
QLabel[role="chip"][tone="bad"] { background: @bad_ground; color: @bad_ink; }
QLabel[role="chip"][tone="accent"] { background: @accent_ground; color: @accent_ink; }

QLabel[bubble="true"] { background: @hover; border-radius: {10}px; padding: {7}px {11}px; }

QPushButton, QToolButton[button="true"] { background: @card; color: @text;
  border: 1px solid @line; border-radius: {8}px; padding: {7}px {13}px; font-size: {14}px;
  outline: none; }
QPushButton:hover, QToolButton[button="true"]:hover { background: @hover; }
QPushButton:pressed, QToolButton[button="true"]:pressed { background: @track; }
QPushButton:disabled, QToolButton[button="true"]:disabled { color: @quiet;
  background: @background; }
QPushButton:focus, QToolButton[button="true"]:focus { border: 2px solid @accent;
  padding: {6}px {12}px; }
QToolButton[button="true"][tile="true"] { padding: {7}px {3}px; font-size: {13}px; }
QToolButton[button="true"][tile="true"]:focus { padding: {6}px {2}px; }
QPushButton::menu-indicator, QToolButton::menu-indicator { image: none; width: 0; }
QPushButton:checked, QToolButton[button="true"]:checked { background: @accent_ground;
  color: @accent_ink; border-color: @accent_ground; font-weight: 600; }
QPushButton[primary="true"] { background: @accent; color: @on_accent; border: 1px solid @accent;
  font-weight: 600; padding: {10}px {20}px; border-radius: {9}px; }
QPushButton[primary="true"]:hover { background: @accent_hover; }
QPushButton[primary="true"]:pressed { background: @accent_ink; }
QPushButton[primary="true"]:disabled { background: @line; color: @quiet; border-color: @line; }
QPushButton[primary="true"]:focus { border: 2px solid @text; padding: {9}px {19}px; }
QPushButton[danger="true"] { color: @bad; font-weight: 600; }
QPushButton[flat="true"], QToolButton[flat="true"] { background: transparent; border: none;
  border-radius: {7}px; padding: {4}px {7}px; color: @quiet; font-size: {12}px; }
QPushButton[flat="true"]:hover, QToolButton[flat="true"]:hover { background: @hover; color: @text; }
QPushButton[flat="true"]:focus, QToolButton[flat="true"]:focus { border: 2px solid @accent;
  padding: {2}px {5}px; }
QToolButton[thumb="up"]:checked { background: @local_ground; }
QToolButton[thumb="down"]:checked { background: @bad_ground; }
QPushButton[small="true"] { padding: {4}px {11}px; font-size: {13}px; }
QPushButton[small="true"]:focus { padding: {3}px {10}px; }
QPushButton[segment="first"] { border-top-right-radius: 0; border-bottom-right-radius: 0; }
QPushButton[segment="last"] { border-top-left-radius: 0; border-bottom-left-radius: 0;
  border-left: none; }
QPushButton[segment="last"]:focus { border-left: 2px solid @accent; }

QFrame[chip="local"] { background: @local_ground; border: none; border-radius: {12}px; }
QFrame[chip="chip"] { background: @chip; border: none; border-radius: {12}px; }
QFrame[chip="cloud"] { background: @cloud_ground; border: none; border-radius: {12}px; }
QFrame[chip="network"] { background: @network_ground; border: none; border-radius: {12}px; }
QToolButton[chiptext] { background: transparent;
  border: none; padding: {4}px {3}px {4}px {4}px; font-size: {12}px; font-weight: 600;
  border-radius: {10}px; }
QToolButton[chiptext="chip"] { color: @chip_ink; }
QToolButton[chiptext="local"] { color: @local_ink; }
QToolButton[chiptext="cloud"] { color: @cloud_ink; }
QToolButton[chiptext="network"] { color: @network_ink; }
QToolButton[chiptext]:focus {
  border: 2px solid @accent; padding: {2}px {1}px {2}px {2}px; }

QLineEdit, QSpinBox, QDoubleSpinBox, QComboBox, QPlainTextEdit[field="true"] { background: @card;
  color: @text; border: 1px solid @line; border-radius: {8}px; padding: {6}px {10}px;
  selection-background-color: @accent; selection-color: @on_accent; font-size: {14}px; }
QLineEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus, QComboBox:focus,
QPlainTextEdit[field="true"]:focus { border: 1px solid @accent; }
QSpinBox::up-button, QSpinBox::down-button, QDoubleSpinBox::up-button,
QDoubleSpinBox::down-button { width: 0; border: none; }
QComboBox::drop-down { border: none; width: {22}px; }
QComboBoxPrivateContainer { background: @card; border: 1px solid @line; border-radius: {10}px; }
QComboBox QAbstractItemView { background: transparent; border: none; padding: {4}px;
  selection-background-color: @accent_ground; selection-color: @text; }
QPlainTextEdit[prompt="true"] { background: transparent; border: none; font-size: {15}px; }
QTextBrowser { background: transparent; border: none; }
QTextEdit[paper="true"] { background: #ffffff; color: #1a1d23; border: 1px solid @line;
  border-radius: {6}px; selection-background-color: #5b5bd6; selection-color: #ffffff; }
QTextEdit[paper="true"]:focus { border: 1px solid @accent; }

QFrame[chip] QToolButton[flat="true"] { padding: {4}px {4}px; }
QLineEdit[invalid="true"] { border: 1px solid @bad; }
QFrame#drawer { background: @card; border: none; border-left: 1px solid @line; }

QSlider { background: transparent; }
QSlider::groove:horizontal { height: {4}px; border-radius: {2}px; background: @track; }
QSlider::sub-page:horizontal { background: @accent; border-radius: {2}px; }
QSlider::handle:horizontal { width: {14}px; height: {14}px; margin: -{6}px 0; border-radius: {8}px;
  border: 2px solid @accent; background: @card; }
QSlider::handle:horizontal:focus { background: @accent; }

QListView, QTreeView, QTableView { background: @card; border: none; outline: none;
  alternate-background-color: @card; gridline-color: @line; }
QListView::item, QTreeView::item, QTableView::item { padding: {6}px {8}px; border: none; }
QListView::item:selected, QTreeView::item:selected, QTableView::item:selected {
  background: @accent_ground; color: @text; }
QListView::item:hover:!selected, QTreeView::item:hover:!selected { background: @hover; }
QHeaderView::section { background: @card; color: @quiet; border: none;
  border-bottom: 1px solid @line; padding: {8}px; font-size: {12}px; }

QMenu { background: @card; border: 1px solid @line; border-radius: {8}px; padding: {5}px;
  font-size: {14}px; }
QMenu::item { padding: {7}px {18}px {7}px {12}px; border-radius: {6}px; }
QMenu::item:selected { background: @accent_ground; color: @text; }
QMenu::separator { height: 1px; background: @line; margin: {5}px {8}px; }

QProgressBar { background: @track; border: none; border-radius: {3}px; max-height: {6}px;
  min-height: {6}px; text-align: center; color: transparent; }
QProgressBar::chunk { background: @accent; border-radius: {3}px; }
QCheckBox, QRadioButton { spacing: {8}px; font-size: {14}px; }

QScrollBar:vertical { background: transparent; width: {10}px; margin: 2px; }
QScrollBar:horizontal { background: transparent; height: {10}px; margin: 2px; }
QScrollBar::handle { background: @scroll; border-radius: 3px; min-height: {28}px;
  min-width: {28}px; }
QScrollBar::handle:hover { background: @quiet; }
QScrollBar::add-line, QScrollBar::sub-line, QScrollBar::add-page, QScrollBar::sub-page {
  background: transparent; border: none; height: 0; width: 0; }

QSplitter::handle { image: none; background: transparent; }

QWidget#rail { background: @background; border-right: 1px solid @line; }
QToolButton[rail="true"] { background: transparent; border: none; border-radius: {9}px;
  color: @quiet; font-size: {11}px; padding: {8}px {2}px; }
QToolButton[rail="true"][folded="true"] { padding: {5}px {2}px; }
QToolButton[rail="true"]:hover { background: @hover; color: @text; }
QToolButton[rail="true"]:checked { background: @accent_ground; color: @accent_ink;
  font-weight: 600; }
QToolButton[rail="true"]:focus { border: 2px solid @accent; padding: {6}px 0; }
QToolButton[rail="true"][folded="true"]:focus { padding: {3}px 0; }
QWidget#strip { background: @card; border-top: 1px solid @line; }
QWidget#strip:hover { background: @hover; }
QWidget#strip:focus { border-top: 2px solid @accent; }
"""


def style_sheet(palette: Palette, scale: float) -> str:
    """Return the style sheet; `{n}` in the template is n pixels at `scale`."""
    sheet = _SHEET.replace("%ROLES%", _roles())
    for size in range(40, 0, -1):
        sheet = sheet.replace(f"{{{size}}}", str(max(1, round(size * scale))))
    tokens = {name: value for name, value in asdict(palette).items() if isinstance(value, str)}
    tokens["accent_hover"] = "#9b9bf8" if palette.is_dark else "#4f4fc9"
    tokens["scroll"] = "#3d4450" if palette.is_dark else "#cfd4dc"
    for name in sorted(tokens, key=len, reverse=True):
        sheet = sheet.replace(f"@{name}", tokens[name])
    return sheet


def _roles() -> str:
    return "\n".join(
        f'QLabel[role="{role}"] {{ font-size: {{{size}}}px; font-weight: {weight}; }}'
        for role, (size, weight) in SIZES.items()
    )
