"""The table of who uses the computer: each model, this window, and everything else."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

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
_LOWEST = 700
"""Width below which what a model does stands under its name."""


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
        self._has_cards = False
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
        self._has_cards = bool(sample.gpus)
        while len(self._rows) < len(users):
            self._rows.append(_Row(self._theme))
        for number, row in enumerate(self._rows):
            if number < len(users):
                row.show_user(users[number], self.tr("unknown"), self.tr("none"))
            row.arrange(
                self._grid,
                2 * number + 1,
                units,
                is_shown=number < len(users),
                has_cards=self._has_cards,
            )
        for column, label in enumerate(self._heads):
            is_now = column == 1
            of_card = column > len(self._heads) - 3
            label.setVisible((self._has_cards or not of_card) and not (is_now and units < _LOWEST))

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
        self.bar.show_share(percent or 0.0, tone)


class _Bar(QWidget):
    """A share of a whole."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._share = (0.0, "accent")
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def show_share(self, percent: float, tone: str) -> None:
        self._share = (min(1.0, percent / 100), tone)
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(self._theme.px(110), self._theme.px(8))

    @override
    def paintEvent(self, _event: QPaintEvent) -> None:
        paint_segments(self, self._theme, [self._share])


class _Row:
    """The widgets of one user."""

    def __init__(self, theme: Theme) -> None:
        self._name = ElidedLabel("", "control")
        self._doing = Badge(theme)
        self._cpu, self._load = _Share(theme), _Share(theme)
        self._ram, self._card = make_label(), make_label()
        self._is_stacked: bool | None = None

    def show_user(self, user: User, unknown: str, none: str) -> None:
        self._name.set_full_text(user.name)
        self._doing.set_badge(user.doing, user.tone)
        tone = "accent" if user.is_ours else "loading"
        self._cpu.show_share(user.cpu_percent, unknown, tone)
        self._load.show_share(user.gpu.load_percent, unknown, tone)
        _show(self._ram, size_words(user.ram_bytes), unknown)
        size = user.gpu.memory_bytes
        words = None if size is None else size_words(size) if size else none
        _show(self._card, words, unknown)

    def arrange(
        self, grid: QGridLayout, line: int, units: float, *, is_shown: bool, has_cards: bool
    ) -> None:
        """Stand in two lines of `grid`, the second for what a model does where there is no room."""
        is_stacked = units < _LOWEST
        if is_stacked is not self._is_stacked:
            self._is_stacked = is_stacked
            grid.addWidget(self._name, line, 0)
            grid.addWidget(self._doing, *((line + 1, 0) if is_stacked else (line, 1)))
            for column, widget in enumerate((self._cpu, self._ram, self._load, self._card), 2):
                grid.addWidget(widget, line, column)
        for share in (self._cpu, self._load):
            share.bar.setVisible(units >= _NARROW)
        for widget in (self._name, self._cpu, self._ram):
            widget.setVisible(is_shown)
        for widget in (self._load, self._card):
            widget.setVisible(is_shown and has_cards)
        self._doing.setVisible(is_shown and bool(self._doing.text))


def _show(label: QLabel, words: str | None, unknown: str) -> None:
    label.setText(unknown if words is None else words)
    set_role(label, "numbers", "quiet" if words is None else None)
