"""What is said of a download, in words."""

from PySide6.QtCore import QCoreApplication

from playground.core.downloads import Download, DownloadState
from playground.ui.format import size_words

ACTIVE = frozenset(
    {
        DownloadState.QUEUED,
        DownloadState.RUNNING,
        DownloadState.WAITING,
        DownloadState.VERIFYING,
    }
)
"""States in which something happens by itself."""
IN_LINE = frozenset({DownloadState.QUEUED, DownloadState.PAUSED})
"""States in which it has still to be started: there the order of the list counts."""


def _tr(text: str) -> str:
    return QCoreApplication.translate("DownloadsPage", text)


def duration_words(seconds: float) -> str:
    """Return a time to wait, as exactly as it can be known."""
    if seconds < 10:
        return _tr("a few seconds")
    if seconds < 55:
        return _tr("{0} seconds").format(round(seconds / 5) * 5)
    minutes = round(seconds / 60)
    if minutes < 60:
        return _tr("1 minute") if minutes <= 1 else _tr("{0} minutes").format(minutes)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return _tr("{0} days").format(round(hours / 24))
    return _tr("{0} h {1} min").format(hours, minutes) if minutes else _tr("{0} h").format(hours)


def speed_words(bytes_per_s: float) -> str:
    """Return how fast bytes arrive: `12 MB/s`."""
    return _tr("{0}/s").format(size_words(round(bytes_per_s)))


def amount_words(download: Download) -> str:
    """Return how much is here of how much: `1.2 GB of 2.5 GB`."""
    # how much the other process has is not known
    if download.state in {DownloadState.DONE, DownloadState.ELSEWHERE}:
        return size_words(download.total_bytes)
    return _tr("{0} of {1}").format(
        size_words(download.received_bytes), size_words(download.total_bytes)
    )


def progress_words(download: Download) -> str:
    parts = [amount_words(download)]
    if download.state is DownloadState.RUNNING:
        if download.speed_bytes_per_s is not None:
            parts.append(speed_words(download.speed_bytes_per_s))
        if download.left_s is not None:
            parts.append(_tr("{0} left").format(duration_words(download.left_s)))
    return " · ".join(parts)


def state_words(download: Download) -> tuple[str, str]:
    """Return what is going on in a sentence, and its tone."""
    error = download.error
    reason = f"{error.message} {error.hint}".strip() if error is not None else ""
    match download.state:
        case DownloadState.QUEUED:
            return _tr("Waits for its turn."), "quiet"
        case DownloadState.RUNNING:
            return _tr("Downloading…"), "quiet"
        case DownloadState.WAITING:
            tail = _tr("It goes on by itself in a moment.")
            begins = error.message if error is not None else _tr("The connection broke.")
            return f"{begins} {tail}", "caution"
        case DownloadState.PAUSED:
            if reason:
                return reason, "caution"
            return _tr("Paused. What has arrived is kept."), "quiet"
        case DownloadState.VERIFYING:
            return _tr("Checking that every byte is right…"), "quiet"
        case DownloadState.DONE:
            return _tr("Ready to run."), "local"
        case DownloadState.FAILED:
            return reason or _tr("It could not be fetched."), "bad"
        case DownloadState.ELSEWHERE:
            words = _tr("In the hands of another window. It goes on here when that one ends.")
            return words, "caution"


def badge_words(downloads: tuple[Download, ...]) -> str | None:
    """Return what the rail says: how much of what runs is here; `!` where something needs help."""
    active = [download for download in downloads if download.state in ACTIVE]
    if active:
        total = sum(download.total_bytes for download in active)
        here = sum(download.received_bytes for download in active)
        # not 100 % before everything is checked
        return f"{min(99, here * 100 // total) if total else 0} %"
    needs_help = any(
        download.state is DownloadState.FAILED
        or (download.state is DownloadState.PAUSED and download.error is not None)
        for download in downloads
    )
    return "!" if needs_help else None
