"""Which proxy and which certificates hold for an address: of Settings, environment and system."""

import ipaddress
import os
import re
import ssl
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, getproxies_environment, proxy_bypass

from playground.core.urls import host_and_port, is_loopback_host, is_private_host

SETTINGS = "Settings"
"""Source of a proxy that a person entered in this program."""
_SYSTEM = "the system's settings"
_DEFAULT_PORTS = {"http": 80, "https": 443, "socks5h": 1080}
_SCHEMES = {
    "http": "http",
    "https": "https",
    # the proxy looks the host's name up: what is asked for is then told to nobody else
    "socks": "socks5h",
    "socks5": "socks5h",
    "socks5h": "socks5h",
}
_CERTIFICATE_FILE = "SSL_CERT_FILE"
_CERTIFICATE_FOLDER = "SSL_CERT_DIR"
_CERTIFICATE_BUNDLE = "REQUESTS_CA_BUNDLE"


class NetworkFailed(Exception):
    """The way to a host failed; says who did, and what to try."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, and where its address comes from."""

    url: str
    """`http`, `https` or `socks5h`, host and port."""
    source: str
    """`Settings`, or the environment variable's name."""
    auth: tuple[str, str] | None = field(default=None, repr=False)
    """Name and password."""

    @property
    def name(self) -> str:
        """Host and port."""
        return host_and_port(self.url)

    @property
    def is_socks(self) -> bool:
        return self.url.startswith("socks")


@dataclass(frozen=True, slots=True)
class Route:
    """How requests get to an address."""

    is_encrypted: bool
    proxy: Proxy | None = None

    def certificates(self) -> ssl.SSLContext:
        """Return a TLS context: `trusted_certificates`, or none where they are not needed."""
        if self.is_encrypted:
            return trusted_certificates()
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def route_for(url: str, chosen: str | None = None) -> Route:
    """Return the way of requests to `url`; `chosen` is the proxy from Settings.

    No proxy for this computer, nor for plain http, which goes to private networks only: it would
    read key and prompt. That from Settings is for what lies outside; the environment has `NO_PROXY`
    to say so. Raises `NetworkFailed` for a proxy that cannot be used.
    """
    parts = urlsplit(url)
    if parts.scheme != "https":
        return Route(is_encrypted=False)
    host = parts.hostname or ""
    proxy = None if is_loopback_host(host) else _proxy_for(host, parts.port or 443, chosen)
    return Route(is_encrypted=True, proxy=proxy)


def parse_proxy(text: str, source: str) -> Proxy:
    """Return a proxy as it is written in variables and settings; raises `NetworkFailed`."""
    text = text.strip().strip("\"'")
    hint = f"Write it as http://host:port or socks5://host:port in {source}."
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        host, port = parts.hostname, parts.port
        # a path is no part of it: http:/host, or the address of a proxy.pac
        is_bare = not (parts.path.strip("/") or parts.query or parts.fragment)
    except ValueError:
        host, port, is_bare = None, None, False
    if not (host and is_bare) or port == 0 or not text.isascii() or re.search(r"[\s\\]", text):
        raise NetworkFailed(f"The proxy in {source} is not an address.", hint)
    scheme = _SCHEMES.get(parts.scheme)
    if scheme is None:
        kind = f"{parts.scheme}://"
        raise NetworkFailed(f"The proxy in {source} is of a kind that is not known: {kind}.", hint)
    netloc = f"[{host}]" if ":" in host else host
    auth = None
    if parts.username is not None:
        auth = (unquote(parts.username), unquote(parts.password or ""))
    return Proxy(f"{scheme}://{netloc}:{port or _DEFAULT_PORTS[scheme]}", source, auth)


def trusted_certificates() -> ssl.SSLContext:
    """Return a TLS context with the certificates that are trusted here.

    `SSL_CERT_FILE` and `SSL_CERT_DIR` stand in for the system's, as in OpenSSL; where neither is
    set `REQUESTS_CA_BUNDLE` does. Raises `NetworkFailed` for one that cannot be read.
    """
    source = certificate_source()
    if source is None:
        return _certificates(None, None, 0)
    bundle = os.environ.get(_CERTIFICATE_BUNDLE, "")
    file, folder = os.environ.get(_CERTIFICATE_FILE), os.environ.get(_CERTIFICATE_FOLDER)
    if source == _CERTIFICATE_BUNDLE:
        file, folder = (None, bundle) if Path(bundle).is_dir() else (bundle, None)
    if folder and not any(Path(part).is_dir() for part in folder.split(os.pathsep)):
        # OpenSSL would not say so, and trust nobody
        name = source if source == _CERTIFICATE_BUNDLE else _CERTIFICATE_FOLDER
        raise _unreadable(name, folder, "is not there")
    name = source if source == _CERTIFICATE_BUNDLE else _CERTIFICATE_FILE
    try:
        changed_ns = Path(file).stat().st_mtime_ns if file else 0
        return _certificates(file or None, folder or None, changed_ns)
    except FileNotFoundError as error:
        raise _unreadable(name, file or "", "is not there") from error
    except ssl.SSLError as error:
        raise _unreadable(name, file or "", "holds no certificates") from error
    except OSError as error:
        raise _unreadable(name, file or "", "cannot be read") from error


@lru_cache(maxsize=4)
def _certificates(file: str | None, folder: str | None, changed_ns: int) -> ssl.SSLContext:
    # one for all: reading them takes 40 ms, in which runs that start together would wait
    del changed_ns
    if file is None and folder is None:
        import httpx2  # noqa: PLC0415 - start-up time

        return httpx2.create_ssl_context(trust_env=False)
    return ssl.create_default_context(cafile=file, capath=folder)


def certificate_source() -> str | None:
    """Return the environment variable that names the trusted certificates; `None`: the system."""
    names = (_CERTIFICATE_FILE, _CERTIFICATE_FOLDER, _CERTIFICATE_BUNDLE)
    return next((name for name in names if os.environ.get(name)), None)


def _proxy_for(host: str, port: int, chosen: str | None) -> Proxy | None:
    if chosen:
        return None if is_private_host(host) else parse_proxy(chosen, SETTINGS)
    found = {name: url for name, url in getproxies_environment().items() if url.strip()}
    if found:
        if _is_listed(host, port, found.get("no", "")):
            return None
    elif proxy_bypass(host):
        return None
    else:
        found = getproxies()
    scheme = next((scheme for scheme in ("https", "all") if found.get(scheme)), None)
    return None if scheme is None else parse_proxy(found[scheme], _variable(scheme))


def _unreadable(variable: str, path: str, what: str) -> NetworkFailed:
    return NetworkFailed(
        f"{variable} names trusted certificates, but {path} {what}.",
        f"Correct the environment variable {variable}, or remove it, and start the program again.",
    )


def _variable(scheme: str) -> str:
    named = [name for name in os.environ if name.lower() == f"{scheme}_proxy" and os.environ[name]]
    # that in small letters counts, as in Python
    return max(named, key=str.islower, default=_SYSTEM)


def _is_listed(host: str, port: int, listed: str) -> bool:
    """Return True where `NO_PROXY` names a host: itself, a domain above it, or its network.

    Rules: https://curl.se/docs/manpage.html#--noproxy, ports as Python and Go know them, and what
    Windows writes: `;`, `10.*`, `<local>`.
    """
    host = host.rstrip(".")
    for entry in re.split(r"[\s,;]+", listed.lower()):
        with_port = re.fullmatch(r"(\[.+\]|[^:]+):(\d+)", entry)
        name = with_port[1] if with_port else entry
        if name == "*" or (name == "<local>" and "." not in host):
            return True
        name = name.strip("[]").removeprefix("*").strip(".")
        if not name or (with_port and int(with_port[2]) != port):
            continue
        is_below = host == name or host.endswith(f".{name}")
        if is_below or _is_in_network(host, name) or fnmatchcase(host, name):
            return True
    return False


def _is_in_network(host: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
