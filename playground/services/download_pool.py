"""Connections for downloads: through the right proxy, trusted as the system trusts, breakable."""

import contextlib
import socket
import threading
import urllib.request
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from playground.core.errors import HubFailed
from playground.core.targets import is_loopback_host

if TYPE_CHECKING:
    import urllib3


class ConnectionPool:
    """Keeps connections between requests, and can wake every thread that waits for one."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._pools: dict[str | None, urllib3.PoolManager] = {}
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._is_broken_off = False

    def get(self, url: str, proxy: str | None) -> "urllib3.PoolManager":
        """Return the connections for an address; `proxy` is the one from Settings."""
        proxy = proxy_for(url, proxy)
        with self._lock:
            if proxy not in self._pools:
                self._pools[proxy] = _new_pool(proxy, self._size, self._note)
            return self._pools[proxy]

    def break_off(self) -> None:
        """Wake whatever waits for a server, in any thread; nothing new is opened until `open`."""
        with self._lock:
            self._is_broken_off = True
            sockets = list(self._sockets)
        for sock in sockets:
            with contextlib.suppress(OSError):
                # TLS has a shutdown of its own, which is not for another thread
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def open(self) -> None:
        """Let connections be opened again."""
        with self._lock:
            self._is_broken_off = False

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            for pool in self._pools.values():
                pool.clear()

    def _note(self, sock: socket.socket) -> None:
        with self._lock:
            self._sockets.add(sock)
            is_late = self._is_broken_off
        if is_late:
            raise ConnectionAbortedError("the download has been stopped")


def proxy_for(url: str, chosen: str | None) -> str | None:
    """Return the proxy for an address: the one from Settings, else the system's; none near by."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_loopback_host(host):
        return None
    if chosen:
        return chosen
    if urllib.request.proxy_bypass(host):
        return None
    found = urllib.request.getproxies()
    return found.get(parts.scheme) or found.get("all")


def _new_pool(
    proxy: str | None, size: int, note: Callable[[socket.socket], None]
) -> "urllib3.PoolManager":
    import ssl  # noqa: PLC0415 - start-up time

    import truststore  # noqa: PLC0415 - start-up time
    import urllib3  # noqa: PLC0415 - start-up time

    options: dict[str, Any] = {
        "maxsize": size,
        "block": False,
        "ssl_context": truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
    }
    try:
        made = urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)
    except urllib3.exceptions.HTTPError as error:
        raise HubFailed(
            f"The proxy cannot be used: {error}", "Check the proxy in Settings."
        ) from error

    class Plain(urllib3.connection.HTTPConnection):
        def connect(self) -> None:
            super().connect()
            note(self.sock)

    class Secure(urllib3.connection.HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            note(self.sock)

    class PlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Secure

    made.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
    return made
