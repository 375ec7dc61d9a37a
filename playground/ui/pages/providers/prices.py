"""The dialog with a provider's models, what each costs, and one's own prices."""

from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHeaderView,
    QLineEdit,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from playground.core.targets import CloudModel, ModelPrice, Provider
from playground.ui.format import words_in
from playground.ui.pages.providers.page import price_source, price_words
from playground.ui.theme.theme import Theme
from playground.ui.widgets.basics import (
    ElidedLabel,
    make_button,
    make_card,
    make_label,
    plain_tooltip,
)
from playground.ui.widgets.inputs import NumberField
from playground.ui.widgets.layouts import make_column, make_flow, make_row
from playground.ui.widgets.popup import resize_dialog

_MOST_USD = 100_000.0
_AMOUNTS = (2, 3)
"""Columns of prices."""


class PriceDialog(QDialog):
    """Lists models; the chosen one's price can be set, made unknown, or taken from the list."""

    price_set = Signal(str, object)
    """Model id and the person's `ModelPrice`; `None` goes back to the price list."""
    compare_asked = Signal(str)
    """Model id."""
    named = Signal(str)
    """A model's name as it was typed."""

    def __init__(self, theme: Theme, provider: Provider, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self._is_here = provider.is_loopback
        self._models: tuple[CloudModel, ...] = ()
        self.setModal(True)
        title = self.tr("Models of {0}").format(provider.name)
        self.setWindowTitle(title)
        self._build(title)
        self._connect()

    def show_models(self, models: tuple[CloudModel, ...]) -> None:
        self._models = models
        self._table.setRowCount(len(models))
        for row, model in enumerate(models):
            self._show_model(row, model)
        if models and self._table.currentRow() < 0:
            self._table.selectRow(0)
        self._search_for(self._search.text())
        self._on_row()
        if not models:
            self._name.setFocus()

    def show_named(self, model: CloudModel) -> None:
        """Put a model that was typed on top of the list, and choose it."""
        self._name.clear()
        self.show_problem("")
        self._search.clear()
        self.show_models((model, *(other for other in self._models if other.id != model.id)))
        self._table.selectRow(0)
        self._compare.setFocus()

    def show_problem(self, text: str) -> None:
        """Say why what was typed cannot be a model's name."""
        self._problem.setText(text)
        self._problem.setVisible(bool(text))

    def show_price(self, model_id: str, price: ModelPrice | None) -> None:
        self._models = tuple(
            replace(model, price=price) if model.id == model_id else model for model in self._models
        )
        for row, model in enumerate(self._models):
            if model.id == model_id:
                self._show_model(row, model)
        self._on_row()

    def _show_model(self, row: int, model: CloudModel) -> None:
        price = model.price
        texts = (
            model.id,
            words_in(model.context_length),
            price_words(None if price is None else price.input_usd_per_mtok),
            price_words(None if price is None else price.output_usd_per_mtok),
            self.tr("electricity") if price is None and self._is_here else price_source(price),
        )
        for column, text in enumerate(texts):
            item = QTableWidgetItem(text)
            item.setFont(self._theme.font("numbers"))
            item.setToolTip(plain_tooltip(model.id))
            item.setFlags(Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEnabled)
            if column in _AMOUNTS:
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self._table.setItem(row, column, item)

    def _build(self, title: str) -> None:
        px = self._theme.px
        self._search = QLineEdit()
        self._search.setPlaceholderText(self.tr("Search"))
        self._search.setAccessibleName(self.tr("Search models"))
        self._search.setToolTip(self.tr("Part of a model's name"))
        self._search.setMaximumWidth(px(220))
        explanation = make_label(
            self.tr("Prices are in US dollars for a million tokens, about 750,000 words."),
            "caption",
            "quiet",
            wrap=True,
        )
        self._build_table(title)
        card = make_card()
        make_column(self._table, parent=card, margins=(px(6), px(6), px(6), px(6)))
        price = self._build_price()
        name = self._build_name()
        self._compare = make_button(
            self.tr("Try it"),
            kind="primary",
            tooltip=self.tr("Open the Compare page, where you can ask the chosen model something"),
        )
        self._close = make_button(self.tr("Close"), tooltip=self.tr("Close this list (Esc)"))
        make_column(
            make_row((ElidedLabel(title, "title"), 1), self._search),
            explanation,
            (card, 1),
            name,
            price,
            make_row(1, self._close, self._compare),
            parent=self,
            margins=(px(20), px(18), px(20), px(18)),
            spacing=px(10),
        )
        resize_dialog(self._theme, self, 760, 520)

    def _build_table(self, title: str) -> None:
        self._table = QTableWidget(0, 5)
        self._table.setAccessibleName(title)
        self._table.setHorizontalHeaderLabels(
            [
                self.tr("Model"),
                self.tr("Reads up to"),
                self.tr("You send"),
                self.tr("It writes"),
                self.tr("Price from"),
            ]
        )
        self._table.setShowGrid(False)
        self._table.setWordWrap(False)
        self._table.setTabKeyNavigation(False)
        self._table.verticalHeader().hide()
        self._table.verticalHeader().setDefaultSectionSize(self._theme.px(36))
        self._table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self._table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for place in range(5):
            item = self._table.horizontalHeaderItem(place)
            if item is not None:
                item.setTextAlignment(right if place in _AMOUNTS else left)
        header = self._table.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(self._theme.px(84))
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)

    def _build_name(self) -> QVBoxLayout:
        self._name = QLineEdit()
        self._name.setPlaceholderText(self.tr("As its provider writes it"))
        self._name.setAccessibleName(self.tr("Name of a model"))
        self._name.setToolTip(self.tr("Found in the provider's documentation (the model id)"))
        self._add = make_button(self.tr("Add"), tooltip=self.tr("Keep this name on the list"))
        self._add.setAccessibleName(self.tr("Add the model"))
        self._add.setEnabled(False)
        self._problem = make_label(role="caption", tone="bad", wrap=True)
        self._problem.hide()
        row = make_row(
            make_label(self.tr("Not on the list? Type its name"), "caption", "quiet"),
            (self._name, 1),
            self._add,
            spacing=self._theme.px(8),
        )
        return make_column(row, self._problem, spacing=self._theme.px(3))

    def _build_price(self) -> QVBoxLayout:
        self._chosen = ElidedLabel(role="control")
        self._sent = self._amount(self.tr("Price of what you send"))
        self._written = self._amount(self.tr("Price of what it writes"))
        self._use = make_button(
            self.tr("Use my price"), tooltip=self.tr("Reckon costs with these two figures")
        )
        self._unknown = make_button(
            self.tr("Unknown"), tooltip=self.tr("Show no cost for this model")
        )
        self._listed = make_button(
            self.tr("Price list"), tooltip=self.tr("Go back to the published price, where known")
        )
        row = make_flow(
            make_label(self.tr("you send"), "caption", "quiet"),
            self._sent,
            make_label(self.tr("it writes"), "caption", "quiet"),
            self._written,
            1,
            self._use,
            self._unknown,
            self._listed,
            spacing=self._theme.px(8),
        )
        return make_column(self._chosen, row, spacing=self._theme.px(5))

    def _amount(self, name: str) -> NumberField:
        field = NumberField(self._theme, name, self.tr("US dollars for a million tokens"))
        field.setRange(0.0, _MOST_USD)
        field.setDecimals(4)
        field.setPrefix("$")
        field.setFixedWidth(max(self._theme.px(116), field.minimumSizeHint().width()))
        return field

    def _connect(self) -> None:
        self._search.textChanged.connect(self._search_for)
        self._name.textChanged.connect(self._on_name)
        self._name.returnPressed.connect(self._add.click)
        self._add.clicked.connect(self._on_add)
        self._table.itemSelectionChanged.connect(self._on_row)
        self._close.clicked.connect(self.reject)
        self._compare.clicked.connect(self._on_compare)
        self._use.clicked.connect(self._on_use)
        self._unknown.clicked.connect(self._on_unknown)
        self._listed.clicked.connect(self._on_listed)

    def _search_for(self, text: str) -> None:
        words = text.casefold().split()
        for row, model in enumerate(self._models):
            name = model.id.casefold()
            self._table.setRowHidden(row, not all(word in name for word in words))

    def _model(self) -> CloudModel | None:
        row = self._table.currentRow()
        return self._models[row] if 0 <= row < len(self._models) else None

    def _on_row(self) -> None:
        model = self._model()
        for widget in (self._use, self._unknown, self._listed, self._compare):
            widget.setEnabled(model is not None)
        if model is None:
            return
        self._chosen.set_full_text(self.tr("Price of {0}").format(model.id))
        price = model.price
        self._sent.setValue(0.0 if price is None else price.input_usd_per_mtok or 0.0)
        self._written.setValue(0.0 if price is None else price.output_usd_per_mtok or 0.0)
        self._listed.setEnabled(price is not None and price.source == "yours")

    def _on_name(self, text: str) -> None:
        self.show_problem("")
        self._add.setEnabled(bool(text.strip()))
        # Enter in the field adds; elsewhere it tries the chosen model
        self._add.setDefault(bool(text.strip()))

    def _on_add(self) -> None:
        self.named.emit(self._name.text())

    def _on_use(self) -> None:
        self._tell(ModelPrice(self._sent.value(), self._written.value()))

    def _on_unknown(self) -> None:
        self._tell(ModelPrice(None, None))

    def _on_listed(self) -> None:
        self._tell(None)

    def _tell(self, price: ModelPrice | None) -> None:
        model = self._model()
        if model is not None:
            self.price_set.emit(model.id, price)

    def _on_compare(self) -> None:
        model = self._model()
        if model is not None:
            self.accept()
            self.compare_asked.emit(model.id)
