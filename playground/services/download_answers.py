"""What an answer of the Hub or its CDN means: another address, another file, a fault."""

import contextlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from playground.core.errors import (
    DownloadFailed,
    PlaygroundError,
    RepositoryNotFound,
)
from playground.core.targets import is_loopback_host
from playground.services.hub.client import PRIVATE_HINT, refusal_by_status, terms_wanted

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


def refused(response: "urllib3.BaseHTTPResponse", *, has_token: bool) -> Exception:
    """Return the error an answer stands for, and close it."""
    status, headers = response.status, response.headers
    code = headers.get("X-Error-Code")
    retry_after = headers.get("Retry-After")
    drop(response)
    if code == "GatedRepo":
        return terms_wanted(has_token=has_token)
    if code in {"RepoNotFound", "EntryNotFound", "RevisionNotFound"} or status == 404:
        return RepositoryNotFound(
            "The Hub does not have this file any more, or hides it from you.", PRIVATE_HINT
        )
    error: PlaygroundError = refusal_by_status(status, retry_after)
    if status == 429 or status >= 500:
        wait = float(retry_after) if retry_after and retry_after.isdigit() else None
        return ConnectionBroke(error.message, wait)
    return error


def drop(response: "urllib3.BaseHTTPResponse") -> None:
    """Close an answer whose body is not wanted."""
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


def why(error: Exception) -> str:
    """Return a sentence for what a connection died of."""
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
