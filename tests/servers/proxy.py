"""A proxy and an encrypting front on loopback: whatever host is asked for, one server answers.

    with ProxyServer(server.port) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url())
        ... requests to https://api.example.com arrive at `server` ...
        assert proxy.asked_for == ["api.example.com:443"]

Speaks CONNECT and SOCKS5 at one port, and plays the encrypted host behind itself with the
certificate of `tls/server.pem`, which is signed by `AUTHORITY`.
"""

import socket
import socketserver
import ssl
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

AUTHORITY = Path(__file__).parent / "tls" / "authority.pem"
"""Signed the certificate for localhost, 127.0.0.1, api.example.com, hub.example, one at Azure."""
_SERVER = Path(__file__).parent / "tls" / "server.pem"
_SOCKS5 = 5
_DOMAIN = 3


class ProxyServer:
    """The proxy; `answer` is sent instead of a tunnel, `login` is the name and password wanted.

    `refusal` is what SOCKS answers: https://www.rfc-editor.org/rfc/rfc1928#section-6.
    """

    def __init__(
        self,
        leads_to: int,
        *,
        answer: bytes | None = None,
        login: str | None = None,
        refusal: int = 0,
        is_proxy: bool = True,
    ) -> None:
        self.leads_to = leads_to
        self.answer = answer
        self.login = login
        self.refusal = refusal
        self.is_proxy = is_proxy
        self.hangs = False
        """Take a request for a tunnel, and never answer it."""
        self.closing = threading.Event()
        self.asked_for: list[str] = []
        """Host and port of every tunnel."""
        self.logins: list[str] = []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(_SERVER)
        self._server = _Server(("127.0.0.1", 0), _handler_for(self))
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def name(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, scheme: str = "http", login: str = "") -> str:
        return f"{scheme}://{login}{'@' if login else ''}{self.name}"


class TlsServer(ProxyServer):
    """The encrypting front alone, for addresses such as `https://localhost:PORT`."""

    def __init__(self, leads_to: int) -> None:
        super().__init__(leads_to, is_proxy=False)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that do not trust the certificate are part of the test."""


def _handler_for(owner: ProxyServer) -> type[socketserver.BaseRequestHandler]:
    class Handler(socketserver.BaseRequestHandler):
        request: socket.socket

        def handle(self) -> None:
            if not owner.is_proxy:
                self._lead_through()
                return
            first = self.request.recv(1)
            if owner.hangs:
                owner.closing.wait(60)
                return
            is_led = self._socks() if first == bytes([_SOCKS5]) else self._connect(first)
            if is_led:
                self._lead_through()

        def _connect(self, first: bytes) -> bool:
            head = first
            while b"\r\n\r\n" not in head:
                if not (piece := self.request.recv(4096)):
                    return False
                head += piece
            owner.asked_for.append(head.split()[1].decode())
            if owner.answer is not None:
                self.request.sendall(owner.answer)
                return False
            found = [line[27:] for line in head.split(b"\r\n") if line.lower().startswith(_BASIC)]
            owner.logins += [value.decode() for value in found]
            if owner.login is not None and owner.login not in owner.logins:
                self.request.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
                return False
            self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            return True

        def _socks(self) -> bool:
            methods = self._read(self._read(1)[0])
            if owner.answer is not None:
                self.request.sendall(owner.answer)
                return False
            wanted = 2 if owner.login is not None else 0
            if wanted not in methods:
                self.request.sendall(b"\x05\xff")
                return False
            self.request.sendall(bytes([_SOCKS5, wanted]))
            if wanted:
                self._read(1)
                name, password = (self._read(self._read(1)[0]).decode() for _ in range(2))
                owner.logins.append(f"{name}:{password}")
                self.request.sendall(b"\x01\x00")
            kind = self._read(4)[3]
            host = self._read(self._read(1)[0]).decode() if kind == _DOMAIN else "an address"
            owner.asked_for.append(f"{host}:{int.from_bytes(self._read(2), 'big')}")
            self.request.sendall(bytes([_SOCKS5, owner.refusal, 0, 1, 127, 0, 0, 1, 0, 0]))
            return owner.refusal == 0

        def _read(self, count: int) -> bytes:
            data = b""
            while len(data) < count:
                if not (piece := self.request.recv(count - len(data))):
                    raise ConnectionError
                data += piece
            return data

        def _lead_through(self) -> None:
            with (
                owner.context.wrap_socket(self.request, server_side=True) as outer,
                socket.create_connection(("127.0.0.1", owner.leads_to)) as inner,
            ):
                threading.Thread(target=_copy, args=(inner, outer), daemon=True).start()
                _copy(outer, inner)

    return Handler


_BASIC = b"proxy-authorization: basic "


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(1 << 16):
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
