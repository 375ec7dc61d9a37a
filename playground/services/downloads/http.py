"""Asks the Hub and its CDN for ranges of one file, over urllib3.

Redirects are followed here: the token belongs to the Hub's host and never goes along to another.
The address a redirect leads to is signed and expires; it is used until it is refused, then the Hub
is asked for another.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from playground.core.errors import DownloadFailed, RepositoryNotFound
from playground.services.download_answers import (
    CONTENT_RANGE,
    ConnectionBroke,
    FileChanged,
    Version,
    drop,
    next_url,
    refused,
    version_of,
    why,
)
from playground.services.download_pool import ConnectionPool
from playground.services.hub.client import DownloadSource, same_origin

if TYPE_CHECKING:
    import urllib3

CONNECT_S = 10.0
_GIVE_S = 0.25
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
        give_at = time.perf_counter() + _GIVE_S
        try:
            while len(data) < length and time.perf_counter() < give_at:
                piece = self._response.read1(length - len(data))
                if not piece:
                    break
                if len(piece) == length:
                    return piece
                data += piece
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            if not data:
                raise ConnectionBroke(why(error)) from error
        # what came before a fault is kept; the next call meets the fault again
        return bytes(data)

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
        self._lock = threading.Lock()
        self._location: tuple[str, str | None] | None = None
        self._pool = ConnectionPool(ranges)
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
            drop(response)
            with self._lock:
                self._location = None
        return self._checked(self._follow(wanted), start, stop)

    def begin_anew(self) -> None:
        """Ask the Hub as if for the first time."""
        with self._lock:
            self._location = self.version = None
        self._pool.open()

    def break_off(self) -> None:
        """Wake whatever waits for a server, in every thread."""
        self._pool.break_off()

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()

    def _follow(self, wanted: Mapping[str, str]) -> "urllib3.BaseHTTPResponse":
        source = self._resolve()
        url = source.url
        is_the_hub = False
        for _ in range(_MOST_REDIRECTS):
            is_hub = same_origin(url, source.url)
            headers = {**source.headers, **wanted} if is_hub else wanted
            response = self._get(url, headers, source.proxy)
            if is_hub and response.status >= 400:
                raise refused(response, has_token="Authorization" in source.headers)
            if is_hub and "X-Repo-Commit" in response.headers:
                is_the_hub = True
                self._note_version(response)
            if response.status in _REDIRECTS:
                url = next_url(url, response)
                drop(response)
                continue
            if not is_the_hub:
                drop(response)
                raise ConnectionBroke(
                    "Something else than the Hub answered: perhaps this network wants you to log "
                    "in first."
                )
            if not is_hub and response.status in _EXPIRED:
                drop(response)
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
            drop(response)
            raise FileChanged(found)

    def _checked(self, response: "urllib3.BaseHTTPResponse", start: int, stop: int) -> OpenRange:
        if response.headers.get("Content-Encoding", "identity").lower() not in {"", "identity"}:
            drop(response)
            raise ConnectionBroke("The connection repacks the file on its way: a proxy may do so.")
        if response.status == 200:
            length = response.headers.get("Content-Length")
            known = self.version.size_bytes if self.version else None
            if None not in {length, known} and length != str(known):
                drop(response)
                raise ConnectionBroke("The server sent a file of another size than the Hub says.")
            return OpenRange(response, 0, is_range=False)
        if response.status != 206:
            error = refused(response, has_token=True)
            if response.status == 416 or isinstance(error, RepositoryNotFound):
                raise ConnectionBroke("The server does not have this part of the file.")
            raise error
        found = CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if found is None or int(found[1]) != start or int(found[2]) >= stop:
            drop(response)
            raise ConnectionBroke("The server sent another part of the file than was asked for.")
        version = self.version
        total = int(found[3]) if found[3].isdigit() else None
        if version and total is not None and version.size_bytes not in {None, total}:
            drop(response)
            with self._lock:
                self._location = None
            raise FileChanged(Version(None, total))
        return OpenRange(response, start, is_range=True)

    def _get(
        self, url: str, headers: Mapping[str, str], proxy: str | None
    ) -> "urllib3.BaseHTTPResponse":
        import urllib3  # noqa: PLC0415 - start-up time

        try:
            return self._pool.get(url, proxy).request(
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
            raise ConnectionBroke(why(error)) from error
