"""Asks the Hub and its CDN for ranges of one file, over urllib3.

Redirects are followed here: the token belongs to the Hub's host and never goes along to another.
The address a redirect leads to is signed and expires; it is used until it is refused, then the Hub
is asked for another.
"""

import contextlib
import re
import socket
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from playground.core.errors import DownloadFailed, PlaygroundError, RepositoryNotFound
from playground.core.urls import host_and_port, is_loopback_host, origin
from playground.core.waiting import wait_s
from playground.network.failures import explain
from playground.network.routes import NetworkFailed, Proxy, Route, route_for
from playground.network.traffic import Traffic
from playground.services.hub.exchange import PRIVATE_HINT, refusal_by_status, terms_wanted
from playground.services.hub.service import DownloadSource

if TYPE_CHECKING:
    import urllib3

CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class ConnectionBroke(Exception):
    """The connection failed in a way that may pass; `retry_after_s` is what the server wants."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Version:
    """Which content a server gives out under the file's name; `None` is not said."""

    etag: str | None
    size_bytes: int | None

    @property
    def sha256(self) -> str | None:
        """The checksum, where the ETag is one: it is for every large file on the Hub."""
        return self.etag if self.etag and _SHA256.fullmatch(self.etag) else None


class FileChanged(Exception):
    """The server gives out another file than before."""

    def __init__(self, version: Version) -> None:
        super().__init__("the file has changed")
        self.version = version


def next_url(url: str, response: "urllib3.BaseHTTPResponse") -> str:
    """Return where a redirect leads; raises `DownloadFailed` for an address that is not safe."""
    location = response.headers.get("Location")
    if not location:
        raise ConnectionBroke("The Hub's answer leads nowhere.")
    following = urljoin(url, location)
    parts = urlsplit(following)
    is_near = is_loopback_host(parts.hostname or "")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_near):
        raise DownloadFailed("The Hub sends the download to an address that is not encrypted.")
    return following


def refusal(response: "urllib3.BaseHTTPResponse", *, has_token: bool) -> Exception:
    """Return the error an answer stands for, and close it."""
    status, headers = response.status, response.headers
    code = headers.get("X-Error-Code")
    retry_after = headers.get("Retry-After")
    close_response(response)
    if code == "GatedRepo":
        return terms_wanted(has_token=has_token)
    if code in {"RepoNotFound", "EntryNotFound", "RevisionNotFound"} or status == 404:
        return RepositoryNotFound(
            "The Hub does not have this file any more, or hides it from you.", PRIVATE_HINT
        )
    error: PlaygroundError = refusal_by_status(status, retry_after)
    if status == 429 or status >= 500:
        return ConnectionBroke(error.message, wait_s(retry_after))
    return error


def close_response(response: "urllib3.BaseHTTPResponse") -> None:
    with contextlib.suppress(OSError):
        response.close()
        response.release_conn()


def version_of(response: "urllib3.BaseHTTPResponse") -> Version:
    """Return what the Hub's own answer says of the file, whoever gives out its bytes."""
    headers = response.headers
    etag = headers.get("X-Linked-ETag") or headers.get("ETag")
    size = headers.get("X-Linked-Size")
    if size is None and (total := CONTENT_RANGE.match(headers.get("Content-Range", ""))):
        size = total[3]
    elif size is None and response.status == 200:
        size = headers.get("Content-Length")
    return Version(
        etag=etag.strip().removeprefix("W/").strip('"') if etag else None,
        size_bytes=int(size) if size is not None and size.isdigit() else None,
    )


def broken_sentence(error: Exception) -> str:
    """Return what to say of a connection that failed while it was in use."""
    import urllib3  # noqa: PLC0415 - start-up time

    if isinstance(error, urllib3.exceptions.TimeoutError | TimeoutError):
        return "Nothing has arrived for a while."
    return "The connection broke."


def _failure_sentence(error: Exception, url: str, proxy: Proxy | None) -> str:
    """Return who failed when `url` was asked."""
    import urllib3  # noqa: PLC0415 - start-up time

    known = urllib3.exceptions
    at_proxy = known.ProxyError | known.ConnectTimeoutError | known.NewConnectionError
    is_at_proxy = proxy is not None and isinstance(error, at_proxy)
    found = explain(error, host_and_port(url), proxy, is_at_proxy=is_at_proxy)
    return broken_sentence(error) if found is None else f"{found.message} {found.hint}"


class ConnectionPool:
    """Keeps connections between requests, and can wake every thread that waits for one."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._pools: dict[Route, urllib3.PoolManager] = {}
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._is_aborted = False

    def get(self, route: Route) -> "urllib3.PoolManager":
        """Return the connections of a way.

        Raises `NetworkFailed` where the trusted certificates cannot be read.
        """
        with self._lock:
            if route not in self._pools:
                self._pools[route] = _new_pool(route, self._size, self._register)
            return self._pools[route]

    def abort(self) -> None:
        """Wake whatever waits for a server, in any thread; nothing new is opened until `open`."""
        with self._lock:
            self._is_aborted = True
            sockets = list(self._sockets)
        for sock in sockets:
            with contextlib.suppress(OSError):
                # TLS has a shutdown of its own, which is not for another thread
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def open(self) -> None:
        with self._lock:
            self._is_aborted = False

    def close(self) -> None:
        with self._lock:
            for pool in self._pools.values():
                pool.clear()

    def _register(self, sock: socket.socket) -> None:
        with self._lock:
            self._sockets.add(sock)
            is_late = self._is_aborted
        if is_late:
            raise ConnectionAbortedError("the download has been stopped")


def _new_pool(
    route: Route, size: int, register: Callable[[socket.socket], None]
) -> "urllib3.PoolManager":
    import urllib3  # noqa: PLC0415 - start-up time

    options: dict[str, Any] = {
        "maxsize": size,
        "block": False,
        "ssl_context": route.certificates(),
    }
    proxy = route.proxy
    made: urllib3.PoolManager
    if proxy is None:
        made = urllib3.PoolManager(**options)
    elif proxy.is_socks:
        from urllib3.contrib.socks import SOCKSProxyManager  # noqa: PLC0415 - start-up time

        name, password = proxy.auth or (None, None)
        made = SOCKSProxyManager(proxy.url, name, password, **options)
    else:
        headers = None
        if proxy.auth is not None:
            headers = urllib3.make_headers(proxy_basic_auth=":".join(proxy.auth))
        own = route.certificates() if proxy.url.startswith("https") else None
        made = urllib3.ProxyManager(
            proxy.url, proxy_headers=headers, proxy_ssl_context=own, **options
        )
    is_proxied = proxy is not None
    made.pool_classes_by_scheme = {
        scheme: _registering(pool, register, is_proxied=is_proxied)
        for scheme, pool in made.pool_classes_by_scheme.items()
    }
    return made


def _registering(
    pool: "type[urllib3.HTTPConnectionPool]",
    register: Callable[[socket.socket], None],
    *,
    is_proxied: bool,
) -> "type[urllib3.HTTPConnectionPool]":
    """Return the pool's class with connections that tell of their socket."""
    from urllib3.exceptions import ProxyError  # noqa: PLC0415 - start-up time

    class Connection(pool.ConnectionCls):  # type: ignore[name-defined, misc]
        def connect(self) -> None:
            try:
                super().connect()
            except (HTTPException, TimeoutError) as error:
                if not is_proxied:
                    raise
                # before the connection stands only a proxy speaks HTTP, or is waited for
                raise ProxyError("no answer of a proxy", error) from error
            register(self.sock)

    return type("Pool", (pool,), {"ConnectionCls": Connection})


CONNECT_S = 10.0
_GATHER_S = 0.25
"""How long bytes are gathered before they are given on: a slow line shows its progress."""
_MOST_REDIRECTS = 5
_EXPIRED = frozenset({400, 401, 403, 404, 410})
"""What a CDN says of a signed address whose time has passed."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class OpenRange:
    """An answer whose body is being read."""

    def __init__(self, response: "urllib3.BaseHTTPResponse", start: int, *, is_range: bool) -> None:
        self.start = start
        """Position in the file of the first byte that is read."""
        self.is_range = is_range
        """False where the server sends the whole file instead."""
        self._response = response

    def read(self, length: int) -> bytes:
        """Return up to `length` bytes, what comes within a moment, empty at the end.

        Raises `ConnectionBroke`.
        """
        import urllib3  # noqa: PLC0415 - start-up time

        data = bytearray()
        gathered_at = time.perf_counter() + _GATHER_S
        try:
            while len(data) < length and time.perf_counter() < gathered_at:
                piece = self._response.read1(length - len(data))
                if not piece:
                    break
                if len(piece) == length:
                    return piece
                data += piece
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            if not data:
                raise ConnectionBroke(broken_sentence(error)) from error
        # what came before a fault is kept; the next call meets the fault again
        return bytes(data)

    def close(self) -> None:
        close_response(self._response)


class RangeClient:
    """Opens ranges of one file; its connections are kept between them. Safe in several threads."""

    def __init__(
        self,
        resolve: Callable[[], DownloadSource],
        stall_s: float,
        ranges: int,
        traffic: Traffic,
    ) -> None:
        self._resolve = resolve
        self._stall_s = stall_s
        self._traffic = traffic
        self._lock = threading.Lock()
        self._location: tuple[str, str | None] | None = None
        self.pool = ConnectionPool(ranges)
        self.version: Version | None = None
        """What the Hub said of the file last."""

    def open(self, start: int, stop: int) -> OpenRange:
        """Return the bytes `[start, stop)`, or the whole file where the server knows no ranges.

        Raises `ConnectionBroke`, `FileChanged` and errors of the `PlaygroundError` tree.
        """
        with self._lock:
            location = self._location
        wanted = {"Range": f"bytes={start}-{stop - 1}", "Accept-Encoding": "identity"}
        if location is not None:
            response = self._get(location[0], wanted, location[1])
            if response.status not in _EXPIRED:
                return self._checked(response, start, stop)
            close_response(response)
            with self._lock:
                self._location = None
        return self._checked(self._follow(wanted), start, stop)

    def reset(self) -> None:
        """Ask the Hub as if for the first time."""
        with self._lock:
            self._location = self.version = None
        self.pool.open()

    def _follow(self, wanted: Mapping[str, str]) -> "urllib3.BaseHTTPResponse":
        source = self._resolve()
        url = source.url
        is_the_hub = False
        for _ in range(_MOST_REDIRECTS):
            is_hub = origin(url) == origin(source.url)
            headers = {**source.headers, **wanted} if is_hub else wanted
            response = self._get(url, headers, source.proxy)
            if is_hub and response.status >= 400:
                raise refusal(response, has_token="authorization" in source.headers)
            if is_hub and "X-Repo-Commit" in response.headers:
                is_the_hub = True
                self._note_version(response)
            if response.status in _REDIRECTS:
                url = next_url(url, response)
                close_response(response)
                continue
            if not is_the_hub:
                close_response(response)
                raise ConnectionBroke(
                    "Something else than the Hub answered: perhaps this network wants you to log "
                    "in first."
                )
            if not is_hub and response.status in _EXPIRED:
                close_response(response)
                raise ConnectionBroke("The server that has the file refuses it for now.")
            if not is_hub and response.status < 400:
                with self._lock:
                    self._location = (url, source.proxy)
            return response
        raise DownloadFailed("The Hub sends the download round in circles.", "Try again later.")

    def _note_version(self, response: "urllib3.BaseHTTPResponse") -> None:
        found = version_of(response)
        if found.etag is None and found.size_bytes is None:
            # a repository that was renamed: what follows tells
            return
        with self._lock:
            before, self.version = self.version, found
        if before is not None and before.etag and found.etag and before.etag != found.etag:
            close_response(response)
            raise FileChanged(found)

    def _checked(self, response: "urllib3.BaseHTTPResponse", start: int, stop: int) -> OpenRange:
        if response.headers.get("Content-Encoding", "identity").lower() not in {"", "identity"}:
            close_response(response)
            raise ConnectionBroke("The connection repacks the file on its way: a proxy may do so.")
        known = self.version.size_bytes if self.version else None
        if response.status == 200:
            length = response.headers.get("Content-Length")
            if None not in {length, known} and length != str(known):
                close_response(response)
                raise ConnectionBroke("The server sent a file of another size than the Hub says.")
            return OpenRange(response, 0, is_range=False)
        if response.status != 206:
            error = refusal(response, has_token=True)
            if response.status == 416 or isinstance(error, RepositoryNotFound):
                raise ConnectionBroke("The server does not have this part of the file.")
            raise error
        found = CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if found is None or int(found[1]) != start or int(found[2]) >= stop:
            close_response(response)
            raise ConnectionBroke("The server sent another part of the file than was asked for.")
        total = int(found[3]) if found[3].isdigit() else None
        if total is not None and known not in {None, total}:
            close_response(response)
            with self._lock:
                self._location = None
            raise FileChanged(Version(None, total))
        return OpenRange(response, start, is_range=True)

    def _get(
        self, url: str, headers: Mapping[str, str], proxy: str | None
    ) -> "urllib3.BaseHTTPResponse":
        import urllib3  # noqa: PLC0415 - start-up time

        try:
            route = route_for(url, proxy)
            pool = self.pool.get(route)
        except NetworkFailed as error:
            raise DownloadFailed(error.message, error.hint) from error
        known = urllib3.exceptions
        has_left = True
        try:
            return pool.request(
                "GET",
                url,
                headers=dict(headers),
                preload_content=False,
                decode_content=False,
                redirect=False,
                retries=False,
                timeout=urllib3.Timeout(connect=CONNECT_S, read=self._stall_s),
            )
        except known.LocationValueError as error:
            has_left = False
            raise DownloadFailed("The Hub named an address that is none.") from error
        except (known.HTTPError, OSError) as error:
            unconnected = known.ProxyError | known.ConnectTimeoutError | known.NewConnectionError
            has_left = not isinstance(error, unconnected | known.SSLError)
            raise ConnectionBroke(_failure_sentence(error, url, route.proxy)) from error
        finally:
            if has_left:
                proxy_name = None if route.proxy is None else route.proxy.name
                self._traffic.note("GET", url, headers.items(), 0, proxy_name)
