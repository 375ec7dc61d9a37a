"""Figures into words: the same number reads the same on every page."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from playground.core.amounts import UNKNOWN, moment_words, seconds, whole
from playground.core.runs import HostContact, Provenance, Recorded, Run, RunStatus
from playground.core.targets import LocalTarget, Place, Target

if TYPE_CHECKING:
    from playground.core.requirements.model import Compatibility, Speed

WORDS_PER_TOKEN = 0.75
"""A rule of thumb for English text; other languages take more tokens for a word."""

_LONGEST_FILE_NAME = 60


def _tr(text: str) -> str:
    return QCoreApplication.translate("format", text)


def size_words(size_bytes: int | None) -> str:
    """Return bytes as files are usually shown, in powers of 1,000: `1.4 KB`, `98 MB`, `2.5 GB`."""
    if size_bytes is None:
        return UNKNOWN
    if size_bytes < 999.5:
        return _tr("{0} bytes").format(size_bytes)
    for unit, words in ((10**3, _tr("{0} KB")), (10**6, _tr("{0} MB"))):
        value = size_bytes / unit
        if value < 999.5:
            return words.format(f"{value:.1f}" if value < 9.95 else f"{value:.0f}")
    return _tr("{0} GB").format(f"{size_bytes / 10**9:,.1f}")


def exact_bytes(size_bytes: int) -> str:
    """Return every digit: `94,371,840 bytes`."""
    return _tr("{0} bytes").format(f"{size_bytes:,}")


def count_words(count: int, *, digits: int = 1) -> str:
    """Return a large number as one says it: `1.2 million`; `digits` are those of a million."""
    if count >= 10**9:
        return _tr("{0} billion").format(f"{count / 10**9:,.1f}")
    if count >= 10**6:
        return _tr("{0} million").format(f"{count / 10**6:,.{digits}f}")
    return f"{count:,}"


def parameters_words(count: int | None) -> str:
    """Return a number of parameters: `135 million`, `4.0 billion`."""
    return UNKNOWN if count is None else count_words(count, digits=0)


def words_in(tokens: int | None) -> str:
    """Return roughly how many words `tokens` are, rounded down: `6,000 words`."""
    if tokens is None:
        return UNKNOWN
    words = int(tokens * WORDS_PER_TOKEN)
    step = 1000 if words >= 1000 else 50
    return _tr("{0} words").format(f"{max(words // step * step, min(words, step)):,}")


def provenance_words(kind: Provenance | None) -> str:
    return {
        Provenance.MEASURED: _tr("measured here"),
        Provenance.REPORTED: _tr("reported by the provider"),
        Provenance.ESTIMATED: _tr("estimated"),
        None: _tr("unknown"),
    }[kind]


PLACE_LOOKS = {
    Place.LOCAL: ("local", "home"),
    Place.NETWORK: ("network", "server"),
    Place.CLOUD: ("cloud", "cloud"),
}
"""Place → tone and icon, the same on every page."""


def place_words(target: Target, *, in_presentation_mode: bool = False) -> str:
    if isinstance(target, LocalTarget):
        return _tr("Another computer") if target.model.is_recorded else _tr("On this computer")
    if target.provider.is_recorded and target.provider.is_practice:
        return _tr("Practice cloud")
    if target.provider.is_loopback and in_presentation_mode:
        # nobody can hover over it there to read the rest
        return _tr("Practice cloud, here") if target.provider.is_practice else _tr("Server, here")
    if target.provider.is_practice:
        return _tr("Practice cloud, on this computer")
    if target.provider.is_loopback:
        return _tr("Your server, on this computer")
    if target.place is Place.NETWORK:
        return _tr("In your network")
    return _tr("In the cloud")


def as_file_name(title: str, otherwise: str) -> str:
    """Return a name that a file of any system may have; `otherwise` where nothing is left."""
    words = re.sub(r"[^\w .,-]+", " ", title)[:_LONGEST_FILE_NAME]
    return " ".join(words.split()).strip(" .") or otherwise


def one_line(text: str, limit: int) -> str:
    """Return the beginning of `text` in one line of at most `limit` characters.

    No more of it is looked at than can be shown: a prompt may be a megabyte.
    """
    stripped = text.strip()
    line = " ".join(stripped[: 2 * limit].split())
    if len(line) <= limit and len(stripped) <= 2 * limit:
        return line
    return f"{line[: limit - 1].rstrip()}…"


@dataclass(frozen=True, slots=True)
class PaneHead:
    """What stands above an answer."""

    label: str
    place: str
    """Where it comes from, in words."""
    tone: str
    """One of `PLACE_LOOKS`, or `quiet` where it must not be told."""
    icon: str | None
    detail: str = ""
    detail_explanation: str = ""


def head(target: Target, *, in_presentation_mode: bool = False) -> PaneHead:
    detail, explanation = "", ""
    if isinstance(target, LocalTarget):
        detail = size_words(target.model.size_bytes)
        explanation = _tr("{size} on disk, quantization {kind}").format(
            size=detail, kind=target.detail or UNKNOWN
        )
    elif not target.provider.is_practice:
        detail = target.detail
        explanation = target.provider.base_url
    tone, icon = PLACE_LOOKS[target.place]
    return PaneHead(
        label=target.label,
        place=place_words(target, in_presentation_mode=in_presentation_mode),
        tone=tone,
        icon=icon,
        detail="" if in_presentation_mode else detail,
        detail_explanation=explanation,
    )


def footer(run: Run, *, in_presentation_mode: bool = False) -> tuple[str, str | None]:
    """Return where the words went and what else a person should know, and its icon."""
    parts = [_where(run, in_presentation_mode=in_presentation_mode)]
    if run.timings.load_s is not None and run.timings.load_s > 0.005 and not in_presentation_mode:
        parts.append(
            _tr("model loaded in {time}, not counted").format(time=seconds(run.timings.load_s))
        )
    usage = run.usage
    if usage.cached_tokens and usage.prompt_tokens and not in_presentation_mode:
        parts.append(
            _tr("{percent} % of the prompt was still known from before").format(
                percent=whole(100 * usage.cached_tokens / usage.prompt_tokens)
            )
        )
    if run.shared_machine:
        parts.append(_tr("shared this computer with other answers"))
    _tone, icon = PLACE_LOOKS[run.target.place]
    line = " · ".join(part for part in parts if part)
    return line[:1].upper() + line[1:], icon


def _where(run: Run, *, in_presentation_mode: bool) -> str:
    if isinstance(run.target, LocalTarget):
        return "" if run.target.model.is_recorded else _tr("Nothing left this computer")
    is_loopback = run.target.provider.is_loopback
    if not run.hosts:
        if run.sent_t_s is None:
            return ""
        if run.status is RunStatus.FAILED:
            return _tr("Nothing was sent: there was no connection")
        return (
            _tr("Nothing left this computer")
            if is_loopback
            else _tr("The words went to {host}").format(host=run.target.provider.name)
        )
    if is_loopback and in_presentation_mode:
        return _tr("To a program on this computer")
    sent = ", ".join(_sent_to(contact) for contact in run.hosts)
    if is_loopback:
        return _tr("{sent}, which is this computer").format(sent=sent)
    return sent


def recorded_words(recorded: Recorded | None) -> str:
    """Return “Recorded on …” and the kind of machine; empty for what was run here."""
    if recorded is None:
        return ""
    words = _tr("Recorded on another computer")
    if recorded.at is not None:
        words = _tr("Recorded on {0}").format(moment_words(recorded.at))
    return f"{words} ({recorded.machine})" if recorded.machine else words


def host_words(contact: HostContact) -> str:
    """Return a host, and the proxy that is between it and this computer."""
    if contact.proxy is None:
        return contact.host
    return _tr("{host} through the proxy {proxy}").format(host=contact.host, proxy=contact.proxy)


def sent_words(contacts: Sequence[HostContact]) -> str:
    """Return what has left this computer since the program was started, in a sentence."""
    if not contacts:
        return _tr("Nothing has left this computer since the program was started.")
    hosts = ", ".join(f"{host_words(each)} ({size_words(each.bytes_sent)})" for each in contacts)
    total = size_words(sum(each.bytes_sent or 0 for each in contacts))
    return _tr("{size} left this computer since the program was started: {hosts}.").format(
        size=total, hosts=hosts
    )


def _sent_to(contact: HostContact) -> str:
    host = host_words(contact)
    if contact.bytes_sent is None:
        return _tr("The words went to {host}").format(host=host)
    return _tr("{size} went to {host}").format(size=size_words(contact.bytes_sent), host=host)


def compatibility_words(compatibility: "Compatibility") -> tuple[str, str]:
    from playground.core.requirements.model import Compatibility  # noqa: PLC0415 - start-up time

    return {
        Compatibility.RUNS_GREAT: (_tr("Runs great"), "local"),
        Compatibility.RUNS: (_tr("Runs"), "local"),
        Compatibility.SLOW: (_tr("Slow"), "caution"),
        Compatibility.WONT_FIT: (_tr("Won't fit"), "bad"),
    }[compatibility]


def speed_words(speed: "Speed | None") -> str:
    """Return a speed in words per second; marked where it is an estimate."""
    if speed is None:
        return UNKNOWN
    is_one = round(speed.high_tokens_per_s * WORDS_PER_TOKEN) <= 1
    return (_tr("{0} word/s") if is_one else _tr("{0} words/s")).format(speed_figure(speed))


def speed_figure(speed: "Speed | None") -> str:
    """Return the same without its unit: `24`, `≈ 30–90`, `≈ under 1`."""
    if speed is None:
        return UNKNOWN
    sign = "" if speed.provenance is Provenance.MEASURED else "≈ "
    low, high = (
        round(rate * WORDS_PER_TOKEN) for rate in (speed.low_tokens_per_s, speed.high_tokens_per_s)
    )
    if high < 1:
        return _tr("{0}under 1").format(sign)
    if low < 1:
        return _tr("{0}up to {1}").format(sign, high)
    return sign + (f"{low}" if low == high else f"{low}–{high}")


def exact_speed(speed: "Speed | None") -> str:
    """Return a speed to the letter, in tokens per second, and where the figure is from."""
    if speed is None:
        return _tr("Not known yet: run it once.")
    low, high = f"{speed.low_tokens_per_s:.1f}", f"{speed.high_tokens_per_s:.1f}"
    figure = low if low == high else f"{low}–{high}"
    if speed.provenance is Provenance.MEASURED:
        words = _tr("{0} tokens a second").format(figure)
    else:
        words = _tr("≈ {0} tokens a second, estimated").format(figure)
    return f"{words}. {speed_source(speed)}"


def speed_source(speed: "Speed") -> str:
    """Return what a speed, and so a verdict, rests on, in a sentence."""
    if speed.provenance is Provenance.MEASURED:
        if speed.run_count == 1:
            return _tr("Measured here in 1 answer, with nothing else at work.")
        words = _tr("Measured here in {0} answers, with nothing else at work.")
        return words.format(speed.run_count)
    if speed.learnt_from:
        return _tr("Reckoned from what ran here: {0}.").format(", ".join(speed.learnt_from))
    return _tr("Reckoned from how fast this computer reads its memory.")
