"""Asks the Hub and its CDN for ranges of one file, over urllib3.

Redirects are followed here: the token belongs to the Hub's host and never goes along to another.
The address a redirect leads to is signed and expires; it is used until it is refused, then the Hub
is asked for another.
"""

import contextlib
import re
import socket
import threading
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from playground.core.errors import (
    DownloadFailed,
    HubFailed,
    PlaygroundError,
    RepositoryGated,
    RepositoryNotFound,
)
from playground.core.targets import is_loopback_host
from playground.services.hub_connection import DownloadSource, refusal_by_status, same_origin

if TYPE_CHECKING:
    import urllib3

CONNECT_S = 10.0
_MOST_REDIRECTS = 5
_EXPIRED = frozenset({400, 401, 403, 404, 410})
"""What a CDN says of a signed address whose time has passed."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
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


class OpenRange:
    """An answer whose body is being read."""

    def __init__(self, response: "urllib3.BaseHTTPResponse", start: int, *, is_range: bool) -> None:
        self.start = start
        """Position in the file of the first byte that is read."""
        self.is_range = is_range
        """False where the server sends the whole file instead."""
        self._response = response

    def read(self, length: int) -> bytes:
        """Return up to `length` bytes, empty at the end; raises `ConnectionBroke`."""
        import urllib3  # noqa: PLC0415 - start-up time

        try:
            return self._response.read(length)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise ConnectionBroke(_why(error)) from error

    def break_off(self) -> None:
        """Wake a read that waits, from another thread."""
        connection = getattr(self._response, "connection", None)
        sock = getattr(connection, "sock", None)
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection: the rest of the body is not wanted."""
        with contextlib.suppress(OSError):
            self._response.close()
            self._response.release_conn()


class RangeClient:
    """Opens ranges of one file; its connections are kept between them. Safe in several threads."""

    def __init__(self, resolve: Callable[[], DownloadSource], stall_s: float, ranges: int) -> None:
        self._resolve = resolve
        self._stall_s = stall_s
        self._ranges = ranges
        self._lock = threading.Lock()
        self._location: str | None = None
        self._pools: dict[str | None, urllib3.PoolManager] = {}
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
            response = self._get(location, wanted, None)
            if response.status not in _EXPIRED:
                return self._checked(response, start, stop)
            _drop(response)
            with self._lock:
                self._location = None
        return self._checked(self._follow(wanted), start, stop)

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            for pool in self._pools.values():
                pool.clear()

    def _follow(self, wanted: Mapping[str, str]) -> "urllib3.BaseHTTPResponse":
        source = self._resolve()
        url = source.url
        for _ in range(_MOST_REDIRECTS):
            is_hub = same_origin(url, source.url)
            headers = {**source.headers, **wanted} if is_hub else wanted
            response = self._get(url, headers, source.proxy)
            if is_hub and (response.status < 400):
                self._note_version(response)
            if response.status not in _REDIRECTS:
                if not is_hub and response.status < 400:
                    with self._lock:
                        self._location = url
                if is_hub and response.status >= 400:
                    raise _refused(response, has_token="Authorization" in source.headers)
                return response
            url = _next_url(url, response)
            _drop(response)
        raise DownloadFailed("The Hub sends the download round in circles.", "Try again later.")

    def _note_version(self, response: "urllib3.BaseHTTPResponse") -> None:
        headers = response.headers
        etag = headers.get("X-Linked-ETag") or headers.get("ETag")
        size = headers.get("X-Linked-Size")
        if size is None and (total := _CONTENT_RANGE.match(headers.get("Content-Range", ""))):
            size = total[3]
        elif size is None and response.status == 200:
            size = headers.get("Content-Length")
        found = Version(
            etag=_plain_etag(etag) if etag else None,
            size_bytes=int(size) if size is not None and size.isdigit() else None,
        )
        with self._lock:
            before, self.version = self.version, found
        if before is not None and before.etag and found.etag and before.etag != found.etag:
            _drop(response)
            raise FileChanged(found)

    def _checked(self, response: "urllib3.BaseHTTPResponse", start: int, stop: int) -> OpenRange:
        if response.status == 200:
            return OpenRange(response, 0, is_range=False)
        if response.status != 206:
            error = _refused(response, has_token=True)
            if response.status == 416 or isinstance(error, RepositoryNotFound):
                raise ConnectionBroke("The server does not have this part of the file.")
            raise error
        found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if found is None or int(found[1]) != start or int(found[2]) >= stop:
            _drop(response)
            raise ConnectionBroke("The server sent another part of the file than was asked for.")
        version = self.version
        total = int(found[3]) if found[3].isdigit() else None
        if version and total is not None and version.size_bytes not in {None, total}:
            _drop(response)
            with self._lock:
                self._location = None
            raise FileChanged(Version(None, total))
        return OpenRange(response, start, is_range=True)

    def _get(
        self, url: str, headers: Mapping[str, str], proxy: str | None
    ) -> "urllib3.BaseHTTPResponse":
        import urllib3  # noqa: PLC0415 - start-up time

        try:
            return self._pool(url, proxy).request(
                "GET",
                url,
                headers=dict(headers),
                preload_content=False,
                decode_content=False,
                redirect=False,
                retries=False,
                timeout=urllib3.Timeout(connect=CONNECT_S, read=self._stall_s),
            )
        except urllib3.exceptions.LocationValueError as error:
            raise DownloadFailed("The Hub named an address that is none.") from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ConnectionBroke(_why(error)) from error

    def _pool(self, url: str, proxy: str | None) -> "urllib3.PoolManager":
        proxy = proxy_for(url, proxy)
        with self._lock:
            if proxy not in self._pools:
                self._pools[proxy] = _new_pool(proxy, self._ranges)
            return self._pools[proxy]


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


def _new_pool(proxy: str | None, ranges: int) -> "urllib3.PoolManager":
    import ssl  # noqa: PLC0415 - start-up time

    import truststore  # noqa: PLC0415 - start-up time
    import urllib3  # noqa: PLC0415 - start-up time

    options: dict[str, Any] = {
        "maxsize": ranges,
        "block": False,
        "ssl_context": truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
    }
    if proxy is None:
        return urllib3.PoolManager(**options)
    try:
        return urllib3.ProxyManager(proxy, **options)
    except urllib3.exceptions.HTTPError as error:
        raise HubFailed(
            f"The proxy cannot be used: {error}", "Check the proxy in Settings."
        ) from error


def _next_url(url: str, response: "urllib3.BaseHTTPResponse") -> str:
    location = response.headers.get("Location")
    if not location:
        raise ConnectionBroke("The Hub's answer leads nowhere.")
    following = urljoin(url, location)
    parts = urlsplit(following)
    is_near = is_loopback_host(parts.hostname or "")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_near):
        raise DownloadFailed("The Hub sends the download to an address that is not encrypted.")
    return following


def _refused(response: "urllib3.BaseHTTPResponse", *, has_token: bool) -> Exception:
    status, headers = response.status, response.headers
    code = headers.get("X-Error-Code")
    retry_after = headers.get("Retry-After")
    _drop(response)
    if code == "GatedRepo":
        return RepositoryGated(
            "Your account has not been let in yet: the publisher wants terms accepted."
            if has_token
            else "Its publisher wants you to accept terms before it can be downloaded."
        )
    if code in {"RepoNotFound", "EntryNotFound", "RevisionNotFound"} or status == 404:
        return RepositoryNotFound("The Hub does not have this file any more, or hides it from you.")
    error: PlaygroundError = refusal_by_status(status, retry_after)
    if status == 429 or status >= 500:
        wait = float(retry_after) if retry_after and retry_after.isdigit() else None
        return ConnectionBroke(error.message, wait)
    return error


def _drop(response: "urllib3.BaseHTTPResponse") -> None:
    with contextlib.suppress(OSError):
        response.close()
        response.release_conn()


def _plain_etag(etag: str) -> str:
    return etag.strip().removeprefix("W/").strip('"')


def _why(error: Exception) -> str:
    import urllib3  # noqa: PLC0415 - start-up time

    exceptions = urllib3.exceptions
    if isinstance(error, exceptions.NameResolutionError | exceptions.NewConnectionError):
        return "The server cannot be reached: the connection to the internet may be gone."
    if isinstance(error, exceptions.SSLError):
        return "The server's certificate is not trusted on this computer."
    if isinstance(error, exceptions.ProxyError):
        return "The proxy does not let the connection through."
    if isinstance(error, exceptions.TimeoutError | TimeoutError):
        return "Nothing has arrived for a while."
    return "The connection broke."
