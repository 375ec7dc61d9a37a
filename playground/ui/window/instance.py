"""One window for each home: finds the one that is open already, and is found by the next."""

import hashlib
import os
from pathlib import Path

from PySide6.QtCore import QLockFile, QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

_PATIENCE_MS = 500
"""How long a window is waited for that may be busy."""


class WindowInstance(QObject):
    """This window among those that use the same home.

    The lock in the home tells that there is another, also on another computer; the local socket
    asks that one to come to the front.
    """

    show_wanted = Signal()
    """The next window asks for this one."""

    def __init__(self, home: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lock = QLockFile(str(home / "window.lock"))
        # the lock of a process that has ended is taken over at once, never by its age
        self._lock.setStaleLockTime(0)
        self._name = _socket_name(home)
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._on_connection)

    def is_first(self) -> bool:
        """Take the home, unless another window has it; one that cannot be locked has no other."""
        if not self._lock.tryLock(0):
            return self._lock.error() is not QLockFile.LockError.LockFailedError
        QLocalServer.removeServer(self._name)
        self._server.listen(self._name)
        return True

    def show_other(self) -> bool:
        """Ask the window that has the home to come to the front; return whether it was reached."""
        socket = QLocalSocket()
        socket.connectToServer(self._name)
        is_reached = socket.waitForConnected(_PATIENCE_MS)
        socket.disconnectFromServer()
        return is_reached

    def close(self) -> None:
        """Leave the home to the next window."""
        self._server.close()
        self._lock.unlock()

    def _on_connection(self) -> None:
        connection = self._server.nextPendingConnection()
        connection.disconnected.connect(connection.deleteLater)
        self.show_wanted.emit()


def _socket_name(home: Path) -> str:
    """Return a name that is short whatever the home's path is, in a folder of this user's own."""
    digest = hashlib.sha256(os.fsencode(os.path.realpath(home))).hexdigest()[:24]
    name = f"inference-playground-{digest}"
    folder = os.environ.get("XDG_RUNTIME_DIR")
    # without it Qt takes the folder for temporary files
    return str(Path(folder) / name) if folder else name
