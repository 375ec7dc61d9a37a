"""Which addresses a key may be sent to."""

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import SplitResult, parse_qsl, urlsplit

_PRIVATE_SUFFIXES = (".local", ".home.arpa", ".internal")
_ENDPOINTS = ("/chat/completions", "/completions", "/responses", "/models")
_QUERY = "api-version"
"""The one parameter an address may hold: Azure's. Others could be keys."""
_AROUND = "\"'`<>“”‘’„«»,;\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff" + "".join(
    map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A)))
)
"""What comes along when an address or a key is copied out of a text."""
_ASSIGNMENT = re.compile(
    r"(?:(?:export\s+|set\s+|\$env:)?(?:[A-Za-z_]\w*|[\w.]+(?:key|token|url))\s*=\s*|setx\s+\w+\s+)"
    r"([^=\s].*)"
)
"""A line of a shell, of PowerShell or of an .env file."""
_WITHIN = re.compile(
    r"(?:curl|GET|POST|[\w-]+:)\s+[\"'<]?(https?://[^\s\"'>]+)[\"'>,]*|\((https?://\S+)\)"
)
"""An address in a command, or behind its name."""
_BARE = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d+)?([/?].*)?")
"""An address without its scheme."""


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
    """The reason for a warning or a refusal, or what was changed; empty where there is none."""
    url: str
    """The address as it would be stored."""
    hint: str = ""
    """What to do about a refusal."""


def check_url(url: str) -> AddressCheck:
    """Return whether requests, and with them a key, may go to `url`.

    `https` everywhere; `http` on this computer, and with a warning in a private network.
    """
    url, notes = _tidied(url)
    # browsers and libraries disagree on what these mean in an address
    if re.search(r"[\s\x00-\x1f\x7f]", url):
        return _refused(url, "There is a space or a line break in the address.", "Take it out.")
    if "\\" in url or not url.isascii():
        return _refused(
            url,
            "The address contains characters that do not belong in one.",
            "Copy it from the provider's own page.",
        )
    if refusal := _misspelt(url):
        return refusal
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        return _refused(
            url,
            "An address must not contain a name or password.",
            "Take out what stands before the “@”; a key belongs in the key field.",
        )
    extra = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)} - {_QUERY}
    if extra or parts.fragment or url.endswith(("?", "#")):
        return _refused(
            url,
            f"An address must not contain “#”, nor “?” except for {_QUERY}.",
            "Take it out; a key belongs in the key field.",
        )
    return _checked_host(parts, notes)


def tidied(url: str) -> str:
    """Return an address as `check_url` would store it, one that is refused as it is."""
    check = check_url(url)
    return url.strip() if check.level is AddressLevel.REFUSED else check.url


def without_wrapping(text: str) -> tuple[str, str]:
    """Return an address or a key without what was copied along with it, and a word about that."""
    text = text.strip()
    bare, said = text.strip(_AROUND).strip(), ""
    if assigned := _ASSIGNMENT.fullmatch(bare):
        is_set = "=" in bare[: assigned.start(1)]
        bare = assigned[1].strip().strip(_AROUND).strip()
        said = f"What stood {'before the “=”' if is_set else 'in front of it'} was left out."
    elif bare != text:
        said = "The signs around it were left out."
    return bare, said


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


def host_of(url: str) -> str:
    """Return the host of an address, in small letters."""
    return (urlsplit(url).hostname or "").lower()


def host_and_port(url: str) -> str:
    """Return `host:port` of an address, with the port its scheme implies."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    host = parts.hostname or ""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _tidied(text: str) -> tuple[str, list[str]]:
    """Return an address as it was pasted with its scheme and without its endpoint, and the notes.

    The parameters of an address contain “=” as well: only before its host is that an assignment.
    """
    notes = []
    url, said = text.strip(), ""
    if (within := _WITHIN.fullmatch(url)) is not None:
        url, said = within[1] or within[2], "What stood around it was left out."
    elif not re.match(r"\w+:/|[^=]*\?", url):
        url, said = without_wrapping(url)
    elif (plain := url.strip(_AROUND).rstrip(".")) != url:
        url, said = plain, "The signs around it were left out."
    if said:
        notes.append(said)
    bare = _BARE.fullmatch(url)
    if bare is not None and (bare[2] or "." in bare[1] or bare[1].lower() == "localhost"):
        host = bare[1].strip("[]")
        scheme = "http" if is_loopback_host(host) or is_private_host(host) else "https"
        url = f"{scheme}://{url}"
        notes.append(f"{scheme}:// was put in front.")
    return url, notes


def _misspelt(url: str) -> AddressCheck | None:
    """Return what is to be said of text that is no address at all."""
    example = "Write it as https://host/v1, or http://localhost:PORT/v1 for a server here."
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return _refused(url, "This is not an address: its host cannot be read.", example)
    if parts.scheme not in {"http", "https"} or not host:
        return _refused(url, "An address starts with https:// and names a host.", example)
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        return _refused(
            url, "The port in the address does not exist.", "Ports are numbers from 1 to 65535."
        )
    return None


def _checked_host(parts: SplitResult, notes: list[str]) -> AddressCheck:
    host = parts.hostname or ""
    address = _address(host)
    if address is not None and address.is_unspecified:
        return _refused(
            parts.geturl(), f"{host} is not an address to connect to.", "Use 127.0.0.1 instead."
        )
    path = parts.path.rstrip("/")
    endpoint = next((end for end in _ENDPOINTS if path.endswith(end)), None)
    if endpoint is not None:
        path = path.removesuffix(endpoint)
        notes.append(f"“{endpoint}” was taken off the end: every request adds its own.")
    elif not path:
        notes.append("Most addresses end in /v1: that is tried if this one does not answer.")
    query = f"?{parts.query}" if parts.query else ""
    clean = f"{parts.scheme}://{parts.netloc}{path}{query}"
    said = " ".join(notes)
    if parts.scheme == "https" or is_loopback_host(host):
        return AddressCheck(AddressLevel.OK, said, clean)
    if is_private_host(host):
        message = (
            f"{host} is in your own network, and the connection is not encrypted: "
            "others in this network could read your key and your prompts."
        )
        return AddressCheck(AddressLevel.WARNING, f"{said} {message}".strip(), clean)
    return _refused(
        clean,
        f"Without https:// everybody on the way to {host} could read your key.",
        "Write it with https:// in front.",
    )


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _refused(url: str, message: str, hint: str) -> AddressCheck:
    return AddressCheck(AddressLevel.REFUSED, message, url, hint)
