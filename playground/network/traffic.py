"""What has left this computer since the program was started: to which hosts, and how many bytes.

Counted where requests are sent, whoever sends them: one account for the whole program. Servers on
this computer are not in it.
"""

import threading
from collections.abc import Iterable
from urllib.parse import urlsplit

from playground.core.runs import HostContact
from playground.core.urls import host_and_port, host_of, is_loopback_host


class Traffic:
    """The account of one run of the program; safe in several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sent: dict[tuple[str, str | None], int] = {}

    def note(
        self,
        method: str,
        url: str,
        headers: Iterable[tuple[str, str]],
        body_bytes: int,
        proxy: str | None,
    ) -> None:
        """Count a request that leaves: its head as HTTP/1.1 writes it, and its body.

        https://www.rfc-editor.org/rfc/rfc9112#name-message-format
        """
        if is_loopback_host(host_of(url)):
            return
        parts = urlsplit(url)
        target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        head = len(f"{method} {target} HTTP/1.1\r\n\r\n")
        head += sum(len(f"{name}: {value}\r\n") for name, value in headers)
        key = (host_and_port(url), proxy)
        with self._lock:
            self._sent[key] = self._sent.get(key, 0) + head + body_bytes

    def sent(self) -> tuple[HostContact, ...]:
        """Return the hosts in the order in which they were first asked, with bytes and proxy."""
        with self._lock:
            sent = tuple(self._sent.items())
        return tuple(HostContact(host, count, proxy) for (host, proxy), count in sent)
