"""The table of who uses the computer: each model, this window, and everything else."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from PySide6.QtCore import QSize
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QSizePolicy, QWidget
from typing_extensions import override

from playground.core.runs import MachineLoad
from playground.engines.llama.work_log import WorkKind, WorkSpan
from playground.services.machine.telemetry import GpuShare, Sample
from playground.services.worker_pool import ModelWork
from playground.ui.format import WORDS_PER_TOKEN, rate, size_words
from playground.ui.pages.meters.series import percent_words
from playground.ui.theme.theme import Theme, set_role
from playground.ui.widgets.bars import paint_segments
from playground.ui.widgets.basics import Badge, ElidedLabel, make_label
from playground.ui.widgets.layouts import NO_MARGINS, make_column, make_row

_RATE_AFTER_S = 1.0
"""Before, a speed would be a guess from a few words."""
_NARROW = 1000
"""Width of the window, in units of text, below which there are no bars."""
_NO_COLUMNS = 700
"""Width below which a user's figures stand in a line under the name."""


@dataclass(frozen=True, slots=True)
class User:
    """One row; `None` is unknown."""

    name: str
    cpu_percent: float | None
    ram_bytes: int
    gpu: GpuShare
    doing: str = ""
    tone: str = "quiet"
    """Of `doing`, as a badge has it."""
    is_ours: bool = True
    """False for what other programs take."""


def words_per_s(span: WorkSpan, now_s: float) -> float | None:
    """Return how fast a model writes, estimated from its tokens; `None` is too early to say."""
    spent_s = now_s - span.began_s
    if span.kind is not WorkKind.WRITING or spent_s < _RATE_AFTER_S:
        return None
    return span.tokens / spent_s * WORDS_PER_TOKEN


class UserTable(QFrame):
    """Shows the users of each sample; columns of the graphics card only where there is one."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._rows: list[_Row] = []
        self.setProperty("card", "true")
        self._grid = QGridLayout()
        self._grid.setColumnStretch(0, 1)
        self._grid.setHorizontalSpacing(theme.px(16))
        self._grid.setVerticalSpacing(theme.px(10))
        make_column(self._grid, parent=self)
        words = (
            self.tr("Who uses it"),
            self.tr("Now"),
            self.tr("Processor"),
            self.tr("Memory"),
            self.tr("Graphics card"),
            self.tr("Graphics memory"),
        )
        self._heads = [make_label(word, "caption", "quiet", wrap=True) for word in words]
        for column, label in enumerate(self._heads):
            self._grid.addWidget(label, 0, column)

    def show_sample(self, sample: Sample, work: Sequence[ModelWork], units: float) -> None:
        """Show who uses the computer; `units` is the room there is, in units of text."""
        users = self._users(sample, work)
        has_cards, has_columns = bool(sample.gpus), units >= _NO_COLUMNS
        while len(self._rows) < len(users):
            self._rows.append(_Row(self._theme, self._grid, 2 * len(self._rows) + 1))
        words = [head.text() for head in self._heads[2:]]
        for row, user in zip_longest(self._rows, users):
            if user is not None:
                row.show_user(user, words, self.tr("unknown"), self.tr("none"))
            row.arrange(units, is_shown=user is not None, has_cards=has_cards)
        for column, label in enumerate(self._heads):
            of_card = column > len(self._heads) - 3
            label.setVisible(column == 0 or (has_columns and (has_cards or not of_card)))

    def _users(self, sample: Sample, work: Iterable[ModelWork]) -> list[User]:
        doing = {model.pid: model for model in work if model.pid is not None}
        users = []
        for worker in sample.workers:
            words, tone = self._doing(doing.get(worker.pid), sample.t_s)
            users.append(
                User(worker.name, worker.cpu_percent, worker.rss_bytes, worker.gpu, words, tone)
            )
        own = User(
            self.tr("This window"),
            sample.program_cpu_percent,
            sample.program_rss_bytes,
            sample.program_gpu,
        )
        return [*users, own, self._rest(sample, [*users, own])]

    def _doing(self, model: ModelWork | None, now_s: float) -> tuple[str, str]:
        if model is None:
            return "", "quiet"
        span = model.spans[-1] if model.spans else None
        if span is None or span.ended_s is not None:
            return self.tr("waiting"), "quiet"
        if span.kind is WorkKind.LOADING:
            return self.tr("loading"), "quiet"
        if span.kind is WorkKind.READING:
            return self.tr("reading the prompt"), "caution"
        speed = words_per_s(span, now_s)
        if speed is None:
            return self.tr("writing"), "accent"
        return self.tr("writing, ≈ {0} words/s").format(rate(speed)), "accent"

    def _rest(self, sample: Sample, users: Sequence[User]) -> User:
        """Return what all others take: what is left of the whole."""
        cpu: float | None = None
        is_in_the_way = False
        if sample.cpu_percent is not None:
            known = (user.cpu_percent or 0.0 for user in users)
            cpu = max(0.0, sample.cpu_percent - sum(known))
            others = MachineLoad(cpu / 100 * (os.cpu_count() or 1))
            is_in_the_way = bool(sample.workers) and others.is_busy
        ram = max(0, sample.ram_used_bytes - sum(user.ram_bytes for user in users))
        return User(
            self.tr("Everything else"),
            cpu,
            ram,
            _left_of_cards(sample, [user.gpu for user in users]),
            self.tr("may slow the answers") if is_in_the_way else "",
            "caution",
            is_ours=False,
        )


def _left_of_cards(sample: Sample, shares: Sequence[GpuShare]) -> GpuShare:
    """Return what others take of the graphics cards, where everybody's part is known."""
    used = [gpu.memory_used_bytes for gpu in sample.gpus]
    sizes = [share.memory_bytes for share in shares]
    loads = [share.load_percent for share in shares]
    size: int | None = None
    if used and None not in used and None not in sizes:
        size = max(0, sum(filter(None, used)) - sum(filter(None, sizes)))
    load: float | None = None
    # the shares of several cards do not add up to one
    whole = sample.gpus[0].load_percent if len(sample.gpus) == 1 else None
    if whole is not None and None not in loads:
        load = max(0.0, whole - sum(filter(None, loads)))
    return GpuShare(load, size)


class _Share(QWidget):
    """A bar and the share in words beside it."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.bar = _Bar(theme)
        self.words = make_label()
        make_row(self.bar, self.words, 1, parent=self, margins=NO_MARGINS, spacing=theme.px(8))

    def show_share(self, percent: float | None, unknown: str, tone: str) -> None:
        _show(self.words, None if percent is None else percent_words(percent), unknown)
        self.bar.show_share(percent, tone)


class _Bar(QWidget):
    """A share of a whole."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._share: tuple[float, str] | None = None
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def show_share(self, percent: float | None, tone: str) -> None:
        # an empty bar would read as nothing where it is not known
        self._share = None if percent is None else (min(1.0, percent / 100), tone)
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(110), self._theme.px(8))

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        if self._share is not None:
            paint_segments(self, self._theme, [self._share])


class _Row:
    """The widgets of one user, in two lines of the table: the second where there are no columns."""

    def __init__(self, theme: Theme, grid: QGridLayout, line: int) -> None:
        self._name = ElidedLabel("", "control")
        self._doing = Badge(theme)
        self._cpu, self._load = _Share(theme), _Share(theme)
        self._ram, self._card = make_label(), make_label()
        self._figures = make_label("", "caption", "quiet", wrap=True)
        cells = (self._name, self._doing, self._cpu, self._ram, self._load, self._card)
        for column, widget in enumerate(cells):
            grid.addWidget(widget, line, column)
        grid.addWidget(self._figures, line + 1, 0, 1, len(cells))
        self._told: list[str] = []

    def show_user(self, user: User, heads: Sequence[str], unknown: str, none: str) -> None:
        """Show the figures of a user under their `heads`, or after them in one line."""
        self._name.set_full_text(user.name)
        self._doing.set_badge(user.doing, user.tone)
        tone = "accent" if user.is_ours else "loading"
        self._cpu.show_share(user.cpu_percent, unknown, tone)
        _show(self._ram, size_words(user.ram_bytes), unknown)
        self._load.show_share(user.gpu.load_percent, unknown, tone)
        size = user.gpu.memory_bytes
        words = None if size is None else size_words(size) if size else none
        _show(self._card, words, unknown)
        self._told = [
            f"{head} {label.text()}"
            for head, label in zip(
                heads, (self._cpu.words, self._ram, self._load.words, self._card), strict=True
            )
        ]

    def arrange(self, units: float, *, is_shown: bool, has_cards: bool) -> None:
        """Show what there is room for."""
        has_columns = units >= _NO_COLUMNS
        for share in (self._cpu, self._load):
            share.bar.setVisible(units >= _NARROW)
        self._figures.setText(" · ".join(self._told if has_cards else self._told[:2]))
        for widget, is_wanted in (
            (self._name, True),
            (self._doing, bool(self._doing.text)),
            (self._cpu, has_columns),
            (self._ram, has_columns),
            (self._load, has_columns and has_cards),
            (self._card, has_columns and has_cards),
            (self._figures, not has_columns),
        ):
            widget.setVisible(is_shown and is_wanted)


def _show(label: QLabel, words: str | None, unknown: str) -> None:
    label.setText(unknown if words is None else words)
    set_role(label, "numbers", "quiet" if words is None else None)
