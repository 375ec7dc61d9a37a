"""Which addresses a key may be sent to."""

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import SplitResult, urlsplit

_PRIVATE_SUFFIXES = (".local", ".home.arpa", ".internal")
_ENDPOINT = "/chat/completions"


class AddressLevel(StrEnum):
    """Whether an address can be used."""

    OK = "ok"
    WARNING = "warning"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class AddressCheck:
    """What is to be said about a provider's address."""

    level: AddressLevel
    message: str
    """The reason for a warning or a refusal, or a hint; empty where there is none."""
    url: str
    """The address as it would be stored."""


def check_url(url: str) -> AddressCheck:
    """Return whether requests, and with them a key, may go to `url`.

    `https` everywhere; `http` on this computer, and with a warning in a private network.
    """
    url = url.strip()
    # browsers and libraries disagree on what these mean in an address
    if re.search(r"[\s\\\x00-\x1f\x7f]", url) or not url.isascii():
        return _refused(url, "The address contains characters that do not belong in one.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return _refused(url, "This is not an address.")
    if parts.scheme not in {"http", "https"} or not host:
        return _refused(url, "An address starts with https:// and names a host.")
    if port == 0:
        return _refused(url, "Port 0 does not exist.")
    if parts.username is not None or parts.password is not None:
        return _refused(url, "An address must not contain a name or password: use the key field.")
    if parts.query or parts.fragment or "?" in url or "#" in url:
        return _refused(url, "An address must not contain “?” or “#”: use the key field for keys.")
    return _checked_host(parts, host)


def is_loopback_host(host: str) -> bool:
    """Return True for `localhost` and the loopback addresses."""
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = _address(host)
    return address is not None and address.is_loopback


def is_private_host(host: str) -> bool:
    """Return True for addresses and names that only exist in a private network."""
    if host.lower().endswith(_PRIVATE_SUFFIXES):
        return True
    address = _address(host)
    if address is None or address.is_loopback or address.is_unspecified:
        return False
    return address.is_private or address.is_link_local


def origin(url: str) -> str:
    """Return scheme, host and port of an address, which a key is bound to."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"{parts.scheme}://{(parts.hostname or '').lower()}:{port}"


def host_and_port(url: str) -> str:
    """Return `host:port` of an address, with the port its scheme implies."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    host = parts.hostname or ""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _checked_host(parts: SplitResult, host: str) -> AddressCheck:
    address = _address(host)
    if address is not None and address.is_unspecified:
        return _refused(parts.geturl(), f"{host} is no address to connect to: use 127.0.0.1.")
    path = parts.path.rstrip("/")
    hint = ""
    if path.endswith(_ENDPOINT):
        path = path.removesuffix(_ENDPOINT)
        hint = f"“{_ENDPOINT}” was taken off the end: it is added to every request."
    elif not path:
        hint = "Most addresses end in /v1. Add it if the test finds no models."
    clean = f"{parts.scheme}://{parts.netloc}{path}"
    if parts.scheme == "https" or is_loopback_host(host):
        return AddressCheck(AddressLevel.OK, hint, clean)
    if is_private_host(host):
        message = (
            f"{host} is in your own network, and the connection is not encrypted: "
            "others in this network could read your key and your prompts."
        )
        return AddressCheck(AddressLevel.WARNING, message, clean)
    return _refused(clean, f"Without https:// everybody on the way to {host} could read your key.")


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _refused(url: str, message: str) -> AddressCheck:
    return AddressCheck(AddressLevel.REFUSED, message, url)
