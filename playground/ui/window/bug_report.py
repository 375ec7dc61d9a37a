"""What is shown of a mistake of the program: a sentence, and a report for who mends it."""

import logging
import platform
import traceback

from PySide6.QtCore import Qt, qVersion
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMessageBox, QWidget

from playground import __version__
from playground.core.redaction import Redactor
from playground.store.log import scrub

log = logging.getLogger(__name__)


def show_bug(parent: QWidget, error: BaseException, redactor: Redactor) -> None:
    """Write `error` to the log and offer its report; one dialog at a time."""
    log.error("bug", exc_info=error)
    if parent.findChild(QMessageBox, "bug") is not None:
        return
    box = QMessageBox(parent)
    box.setObjectName("bug")
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setWindowTitle(parent.tr("Something went wrong inside"))
    box.setText(
        parent.tr("The program made a mistake. Your comparisons are saved; you can go on working.")
    )
    report = bug_report(error, redactor)
    box.setDetailedText(report)
    copy = box.addButton(parent.tr("Copy a report"), QMessageBox.ButtonRole.ActionRole)
    box.addButton(parent.tr("Close"), QMessageBox.ButtonRole.RejectRole)
    copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(report))
    box.finished.connect(box.deleteLater)
    box.open()


def bug_report(error: BaseException, redactor: Redactor) -> str:
    """Return what a developer needs to know: versions and the traceback, no keys."""
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    return scrub(
        f"Inference Playground {__version__} · Python {platform.python_version()} · "
        f"Qt {qVersion()} · {platform.platform()}\n\n{''.join(lines)}",
        redactor,
    )
